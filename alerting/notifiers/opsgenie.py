"""Opsgenie: an alert by the Alert API v2, which is opened, acknowledged and closed there. It ends on 5 April 2027."""

import asyncio
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import ClassVar, Self
from urllib.parse import quote

import httpx

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import (
    Accepted,
    Acknowledgement,
    Call,
    Contact,
    Malformed,
    Outcome,
    Received,
    Refused,
    Unreachable,
    Unsigned,
)
from alerting.notifiers.settings import is_secret, refuse_unknown, web_address
from alerting.notifiers.transport.http import BOUND, Reply, call, post
from alerting.notifiers.wording import fitted, quoted, short_key
from alerting.severity import Severity

URL = "https://api.opsgenie.com"
MESSAGE_LIMIT, ALIAS_LIMIT, DESCRIPTION_LIMIT, NOTE_LIMIT = 130, 512, 15_000, 25_000
"""The most characters of these fields (Opsgenie, Alert API)."""
HEADER = "x-heartbeat-token"
OURSELVES = "heartbeat"
"""The user as whom we answer there. What Opsgenie reports of it is our own doing."""

_PRIORITIES = {Severity.CRITICAL: "P1", Severity.ERROR: "P2", Severity.WARNING: "P3", Severity.INFO: "P4"}
_PATHS = {NoticeKind.UPDATE: "notes", NoticeKind.ACKNOWLEDGED: "acknowledge", NoticeKind.RECOVERED: "close"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opsgenie:
    """Opens alerts with the API key that is the address. `callback_token` is in the calls of its webhook.

    `pause` is the time between two questions whether a request has been processed.
    """

    kind: ClassVar[str] = "opsgenie"
    digests: ClassVar[bool] = False
    secret_settings: ClassVar[frozenset[str]] = frozenset({"callback_token"})
    secret_address: ClassVar[bool] = True
    shared: ClassVar[bool] = True

    http: httpx.AsyncClient
    url: str = URL
    callback_token: str = field(default="", repr=False)
    bound: timedelta = BOUND
    pause: timedelta = timedelta(seconds=0.5)

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier. `url`: the API, another one for the EU. `callback_token`: a secret of your choice.

        Raises ValueError if one has the wrong form.
        """
        refuse_unknown(settings, ["callback_token", "url"])
        url, token = settings.get("url", URL), settings.get("callback_token", "")
        if not web_address(url):
            raise ValueError("url must be the URL of the API, such as https://api.eu.opsgenie.com")
        if token and not re.fullmatch(r"[!-~]{16,}", token):
            raise ValueError("callback_token must be at least 16 characters, without spaces")
        return cls(http=http, url=url.rstrip("/"), callback_token=token)

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if is_secret(address) or re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", address):
            return None
        return "the address must be the key of an API integration, such as 0f1e2d3c-…"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Ask for what the notice says, and wait for what came of it.

        An alert that is acknowledged there notifies nobody again. The first page after a quiet therefore closes the
        alert, and opens another one.
        """
        if not notice.reopens:
            return await self._asked(notice, notice.kind, contact.address, self.bound)
        closed = await self._asked(notice, NoticeKind.RECOVERED, contact.address, self.bound / 2)
        if isinstance(closed, Unreachable):
            # Only the end of the old alert may have arrived, not the page.
            return replace(closed, may_have_arrived=False)
        if isinstance(closed, Refused):
            return closed
        return await self._asked(notice, notice.kind, contact.address, self.bound / 2)

    def received(self, call: Call) -> Received:
        """Read what the webhook of Opsgenie reports: an acknowledgement there."""
        token = call.headers.get(HEADER, "").encode()
        if not self.callback_token or not hmac.compare_digest(token, self.callback_token.encode()):
            return Unsigned(f"the header {HEADER} does not hold the callback_token")
        try:
            report = json.loads(call.body)
        except (ValueError, RecursionError):
            return Malformed("the body is not JSON")
        match report:
            case {"action": "Acknowledge", "alert": {"alertId": str(alert_id), **alert}}:
                by = str(alert.get("username", ""))
                return [] if by == OURSELVES else [Acknowledgement(alert_id, by)]
            case {"action": str()}:
                return []
        return Malformed("the body is not a report of Opsgenie")

    async def _asked(self, notice: Notice, kind: NoticeKind, key: str, bound: timedelta) -> Outcome:
        """Send a request and wait until it is processed: 202 says only that it is queued."""
        loop = asyncio.get_running_loop()
        until, headers = loop.time() + bound.total_seconds(), {"Authorization": f"GenieKey {key}"}
        path, document = _request(notice, kind)
        reply = await post(self.http, self.url + path, json.dumps(document).encode(), headers, bound)
        match reply:
            case Refused() | Unreachable():
                return reply
            case Reply(status=202) if isinstance(request := reply.fields().get("requestId"), str):
                where = f"{self.url}/v2/alerts/requests/{quote(request, safe='')}"
            case _:
                return reply.failure(quoted(str(reply.fields().get("message", "")), key))
        while (left := until - loop.time()) > 0:
            truth = await call(self.http, "GET", where, b"", headers, timedelta(seconds=left))
            if isinstance(truth, Reply) and isinstance(data := truth.fields().get("data"), dict):
                return _outcome(data, kind, key)
            # Until it is processed, nobody knows the request: 404.
            await asyncio.sleep(min(self.pause.total_seconds(), left))
        reason = f"{reply.where} has queued the request, but not processed it in time"
        return Unreachable(reason, may_have_arrived=True)


def _outcome(data: Mapping[str, object], kind: NoticeKind, key: str) -> Outcome:
    """Return the outcome of a request that was processed. An alert that is gone needs no news and no end."""
    status = quoted(str(data.get("status", "")), key)
    if data.get("isSuccess") is True:
        return Accepted(status, provider_id=quoted(str(data.get("alertId", "")), key))
    return Accepted(status) if kind in _PATHS else Refused(f"Opsgenie: {status}")


def _request(notice: Notice, kind: NoticeKind) -> tuple[str, dict[str, object]]:
    """Return the path and the document of a request."""
    alias = quote(short_key(notice.dedup_key, ALIAS_LIMIT), safe="")
    text = "\n".join(fitted([notice.title, *notice.lines], NOTE_LIMIT))
    if path := _PATHS.get(kind):
        document: dict[str, object] = {"user": OURSELVES, "source": OURSELVES, "note": text}
        return f"/v2/alerts/{alias}/{path}?identifierType=alias", document
    return "/v2/alerts", {
        "message": notice.title[:MESSAGE_LIMIT],
        "alias": short_key(notice.dedup_key, ALIAS_LIMIT),
        "description": "\n".join(fitted(notice.lines, DESCRIPTION_LIMIT)),
        "priority": _PRIORITIES[notice.severity],
        "details": dict(notice.buttons),
        "source": OURSELVES,
        "user": OURSELVES,
    }
