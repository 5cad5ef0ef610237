"""ntfy: a push message to everybody who subscribed to a topic, by publishing JSON to the server's root."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Self

import httpx

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.settings import is_secret, refuse_unknown, stand_in, web_address
from alerting.notifiers.transport.http import BOUND, Reply, post
from alerting.notifiers.wording import one_line, quoted
from alerting.severity import Severity

MESSAGE_LIMIT = 4095
"""The most bytes of a message. From 4096 on the server makes an attachment of it (ntfy, util/peek.go)."""

DOCUMENT_LIMIT = 8192
"""The most bytes of the whole JSON: the server reads twice its message limit (ntfy, server/server.go)."""

_TOPIC = r"[-_A-Za-z0-9]{1,64}"
_PAGE_PRIORITY = {Severity.CRITICAL: 5, Severity.ERROR: 4, Severity.WARNING: 3, Severity.INFO: 2}
_QUIETER = {NoticeKind.UPDATE: 3, NoticeKind.ACKNOWLEDGED: 2, NoticeKind.RECOVERED: 3}
_MARKS = {
    NoticeKind.PAGE: "red_circle",
    NoticeKind.UPDATE: "red_circle",
    NoticeKind.DIGEST: "red_circle",
    NoticeKind.ACKNOWLEDGED: "large_blue_circle",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ntfy:
    """Publishes to the topic that is the last part of the address, such as https://ntfy.sh/ops-pages."""

    kind: ClassVar[str] = "ntfy"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset({"token"})
    secret_address: ClassVar[bool] = False

    http: httpx.AsyncClient
    token: str = field(default="", repr=False)
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier. `token`: an access token of the server, if its topics are protected.

        Raises ValueError if the token has the wrong form.
        """
        refuse_unknown(settings, ["token"])
        token = settings.get("token", "")
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise ValueError("token must be an access token, such as tk_…, without spaces")
        return cls(http=http, token=token)

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if is_secret(address) or _server_and_topic(stand_in(address)):
            return None
        return "the address must be a topic's URL, such as https://ntfy.sh/ops-pages"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Publish the notice. Accepted if the server gave the message an id."""
        target = _server_and_topic(contact.address)
        if target is None:
            return Refused("the address is not a topic's URL")
        server, topic = target
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        match await post(self.http, server, _document(notice, topic), headers, self.bound):
            case Reply() as reply:
                return self._outcome(reply)
            case Refused() | Unreachable() as failure:
                return failure

    def _outcome(self, reply: Reply) -> Outcome:
        match reply.fields():
            case {"id": str(message_id)} if reply.status == 200:
                return Accepted(reply.line, provider_id=quoted(message_id, self.token))
            case {"error": str(message)}:
                return reply.failure(quoted(message, self.token))
            case _:
                return reply.failure()


def _server_and_topic(address: str) -> tuple[str, str] | None:
    url = web_address(address)
    topic = url.path.removeprefix("/") if url else ""
    if url is None or url.query or not re.fullmatch(_TOPIC, topic):
        return None
    return str(url.copy_with(raw_path=b"/")), topic


def _document(notice: Notice, topic: str) -> bytes:
    """Return the JSON to publish, its message cut from the end until the server takes it."""
    message = _cut("\n".join(map(one_line, notice.lines)) or notice.short, MESSAGE_LIMIT)
    body = _dumped(notice, topic, message)
    if too_long := max(0, len(body) - DOCUMENT_LIMIT):
        # A byte of the message is at least a byte of the JSON, more if it is escaped.
        body = _dumped(notice, topic, _cut(message, len(message.encode()) - too_long))
    return body


def _dumped(notice: Notice, topic: str, message: str) -> bytes:
    document: dict[str, object] = {
        "topic": topic,
        "title": notice.title,
        "message": message,
        "priority": _QUIETER.get(notice.kind, _PAGE_PRIORITY[notice.severity]),
        "actions": list(_actions(notice)),
    }
    if mark := "green_circle" if notice.fine else _MARKS.get(notice.kind):
        document["tags"] = [mark]
    if notice.open_url:
        document["click"] = notice.open_url
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _actions(notice: Notice) -> Iterator[dict[str, object]]:
    if notice.ack_url:
        yield {
            "action": "http",
            "label": notice.ack_label,
            "url": notice.ack_url,
            "method": "POST",
            "clear": True,
        }
    if notice.open_url:
        yield {"action": "view", "label": "Open", "url": notice.open_url}
    if notice.runbook_url:
        yield {"action": "view", "label": "Runbook", "url": notice.runbook_url}


def _cut(text: str, limit: int) -> str:
    """Return the beginning of a text in at most `limit` bytes of UTF-8, without half a character."""
    return text.encode("utf-8", "replace")[: max(0, limit)].decode("utf-8", "ignore")
