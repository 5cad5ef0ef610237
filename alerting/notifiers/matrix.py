"""Matrix: a message to a room by the client-server API. Its transaction is our own id, so no retry posts it twice."""

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Self
from urllib.parse import quote

import httpx

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.settings import is_secret, refuse_unknown, stand_in, web_address
from alerting.notifiers.transport.http import BOUND, Reply, call
from alerting.notifiers.wording import fitted, quoted

CONTENT_LIMIT = 60_000
"""The most bytes of a message. An event has 65,536 in all (Matrix, client-server API, size limits)."""

_THREADED = (NoticeKind.UPDATE, NoticeKind.ACKNOWLEDGED, NoticeKind.RECOVERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Posts to the room whose id is the address, as the user of `token` at the homeserver `url`."""

    kind: ClassVar[str] = "matrix"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset({"token"})
    secret_address: ClassVar[bool] = False
    shared: ClassVar[bool] = True
    server_in_settings: ClassVar[bool] = True

    http: httpx.AsyncClient
    url: str
    token: str = field(repr=False)
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier. `url`: the homeserver. `token`: an access token of the user that posts.

        Raises ValueError if one is missing or has the wrong form.
        """
        refuse_unknown(settings, ["token", "url"])
        url, token = settings.get("url", ""), settings.get("token", "")
        if not web_address(url):
            raise ValueError("url must be the homeserver's URL, such as https://matrix.example.com")
        if not re.fullmatch(r"[!-~]+", token):
            raise ValueError("token must be an access token, without spaces")
        return cls(http=http, url=url.rstrip("/"), token=token)

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if is_secret(address) or re.fullmatch(r"![!-~]{1,254}", stand_in(address)):
            return None
        return "the address must be a room's internal id, such as !AbCdEf:example.com"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Send the notice. The homeserver knows a transaction again, and answers with the event that it has."""
        room, transaction = quote(contact.address, safe=""), quote(notice.id, safe="")
        url = f"{self.url}/_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}"
        headers = {"Authorization": f"Bearer {self.token}"}
        match await call(self.http, "PUT", url, _message(notice), headers, self.bound):
            case Reply() as reply:
                return self._outcome(reply)
            case Refused() | Unreachable() as failure:
                return failure

    def _outcome(self, reply: Reply) -> Outcome:
        match reply.fields():
            case {"event_id": str(event)} if reply.status == 200:
                return Accepted(reply.line, provider_id=quoted(event, self.token))
            case {"errcode": str(code), **rest}:
                wait = rest.get("retry_after_ms")
                message = quoted(f"{code} {rest.get('error', '')}", self.token)
                return reply.failure(message, wait / 1000 if isinstance(wait, int) else None)
        return reply.failure()


def _message(notice: Notice) -> bytes:
    def dumped(lines: Sequence[str]) -> bytes:
        return json.dumps(_content(notice, lines), separators=(",", ":")).encode()

    def size(line: str) -> int:
        return len(json.dumps(line)) + len(json.dumps(html.escape(line))) + len("<br>")

    return dumped(fitted(notice.lines, CONTENT_LIMIT - len(dumped([])), size))


def _content(notice: Notice, lines: Sequence[str]) -> dict[str, object]:
    """Return the content of the event, with an empty list of mentions: no word in it calls anybody."""
    links = [f'<a href="{html.escape(url)}">{html.escape(label)}</a>' for label, url in notice.buttons]
    text = [f"<strong>{html.escape(notice.title)}</strong>", *map(html.escape, lines), " · ".join(links)]
    plain = [notice.title, *lines, *(f"{label}: {url}" for label, url in notice.buttons)]
    content: dict[str, object] = {
        # A notice rings nobody.
        "msgtype": "m.notice" if notice.kind is NoticeKind.ACKNOWLEDGED else "m.text",
        "body": "\n".join(plain),
        "format": "org.matrix.custom.html",
        "formatted_body": "<br>".join(filter(None, text)),
        "m.mentions": {},
    }
    if notice.thread and notice.kind in _THREADED:
        content["m.relates_to"] = {
            "rel_type": "m.thread",
            "event_id": notice.thread,
            "is_falling_back": True,
            "m.in_reply_to": {"event_id": notice.thread},
        }
    return content
