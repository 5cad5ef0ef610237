"""Pushover: a message of emergency priority, which rings until somebody acknowledges it in the app.

Source: the Message API, "Emergency Priority" and "Receipt and Callback API".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Self
from urllib.parse import quote, urlencode

import httpx

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import (
    Accepted,
    Acknowledgement,
    Contact,
    Outcome,
    Polled,
    Refused,
    Undelivered,
    Unreachable,
)
from alerting.notifiers.settings import is_secret, refuse_unknown, stand_in, web_address
from alerting.notifiers.transport.http import BOUND, Reply, call, post
from alerting.notifiers.wording import one_line, quoted

URL = "https://api.pushover.net"
TITLE_LIMIT, MESSAGE_LIMIT, URL_LIMIT = 250, 1024, 512
"""The most characters of a title, a message and a link."""
RINGS_EVERY = 60
LONGEST = 10_800
"""Seconds between two rings, and until a message gives up: the longest that Pushover takes. It is then issued again."""
TEST_LONGEST = 600

_KEY = r"[A-Za-z0-9]{30}"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_QUIETER = {NoticeKind.UPDATE: 1, NoticeKind.ACKNOWLEDGED: -1, NoticeKind.RECOVERED: 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushover:
    """Sends to the user or the group whose key is the address."""

    kind: ClassVar[str] = "pushover"
    digests: ClassVar[bool] = True
    server_in_settings: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset({"token"})
    secret_address: ClassVar[bool] = False
    poll_every: ClassVar[timedelta] = timedelta(seconds=10)

    http: httpx.AsyncClient
    token: str = field(repr=False)
    url: str = URL
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier. `token`: the API token of an application at Pushover. `url`: another address of the API.

        Raises ValueError if one of them is missing or wrong.
        """
        refuse_unknown(settings, ["token", "url"])
        token, url = settings.get("token", ""), settings.get("url", URL)
        if not re.fullmatch(_KEY, token):
            raise ValueError("token must be the API token of an application: 30 letters and digits")
        if not web_address(url):
            raise ValueError("url must be that of the API, such as https://api.pushover.net")
        return cls(http=http, token=token, url=url.rstrip("/"))

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if is_secret(address) or re.fullmatch(_KEY, stand_in(address)):
            return None
        return "the address must be the key of a user or a group: 30 letters and digits"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Send a message. What needs an answer rings each minute, and has a receipt that can be asked about."""
        form = {"token": self.token, "user": contact.address, **_message(notice)}
        reply = await post(
            self.http, f"{self.url}/1/messages.json", urlencode(form).encode(), _FORM, self.bound
        )
        match reply:
            case Reply(status=200) if reply.fields().get("status") == 1:
                receipt = reply.fields().get("receipt")
                known = isinstance(receipt, str) and re.fullmatch(_KEY, receipt)
                return Accepted(reply.line, provider_id=str(receipt) if known else None)
            case Reply():
                return self._failure(reply, contact.address)
            case Refused() | Unreachable() as failure:
                return failure

    async def poll(self, provider_id: str) -> Polled | Refused | Unreachable:
        """Return whether somebody has acknowledged, or the message has rung for as long as it may."""
        url = f"{self.url}/1/receipts/{quote(provider_id, safe='')}.json?{urlencode({'token': self.token})}"
        reply = await call(self.http, "GET", url, b"", {}, self.bound)
        if not isinstance(reply, Reply):
            return reply
        match reply.fields():
            case {"status": 1, "acknowledged": 1} as fields:
                device = quoted(str(fields.get("acknowledged_by_device") or "a device"))
                user = str(fields.get("acknowledged_by") or "")
                return Polled(
                    [Acknowledgement(provider_id, f"{device} (on Pushover)", address=user)], over=True
                )
            case {"status": 1, "expired": 1}:
                why = f"nobody acknowledged within {LONGEST // 3600} h"
                return Polled([Undelivered(provider_id, why)], over=True)
            case {"status": 1}:
                return Polled()
        failure = self._failure(reply)
        return failure if reply.status == 404 else Unreachable(failure.reason, reply.retry_after)

    async def cancel(self, provider_id: str) -> Outcome:
        """Let a message ring no more."""
        url = f"{self.url}/1/receipts/{quote(provider_id, safe='')}/cancel.json"
        reply = await post(self.http, url, urlencode({"token": self.token}).encode(), _FORM, self.bound)
        match reply:
            case Reply(status=200) if reply.fields().get("status") == 1:
                return Accepted(reply.line)
            case Reply():
                return self._failure(reply)
            case Refused() | Unreachable() as failure:
                return failure

    def _failure(self, reply: Reply, address: str = "") -> Refused | Unreachable:
        errors = reply.fields().get("errors")
        said = "; ".join(map(str, errors)) if isinstance(errors, list) else ""
        failure = reply.failure(quoted(said, self.token, address))
        if isinstance(failure, Refused) and said.startswith("user "):
            return Refused(failure.reason, address=True)
        return failure


def _message(notice: Notice) -> dict[str, str]:
    form = {
        "title": one_line(notice.title)[:TITLE_LIMIT],
        "message": "\n".join(map(one_line, notice.lines))[:MESSAGE_LIMIT] or notice.short,
        "timestamp": str(int(notice.at.timestamp())),
        "priority": str(_QUIETER.get(notice.kind, 2)),
    }
    if form["priority"] == "2":
        longest = TEST_LONGEST if notice.kind is NoticeKind.TEST else LONGEST
        form |= {"retry": str(RINGS_EVERY), "expire": str(longest)}
    link, label = (
        (notice.ack_url, notice.ack_label) if notice.kind is NoticeKind.TEST else (notice.open_url, "Open")
    )
    if link and len(link) <= URL_LIMIT:
        form |= {"url": link, "url_title": label}
    return form
