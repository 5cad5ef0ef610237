"""PagerDuty: an event to the Events API v2, which opens, acknowledges and resolves an incident there."""

import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import ClassVar, Self

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
from alerting.notifiers.transport.http import BOUND, Reply, post
from alerting.notifiers.wording import quoted, short_key

URL = "https://events.pagerduty.com/v2/enqueue"
SUMMARY_LIMIT = 1024
DEDUP_LIMIT = 255
EVENT_LIMIT = 512_000
"""The most characters of a summary and of a dedup key, and bytes of an event, that the Events API v2 takes."""

SIGNATURE = "x-pagerduty-signature"

_ACTIONS = {NoticeKind.ACKNOWLEDGED: "acknowledge", NoticeKind.RECOVERED: "resolve"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDuty:
    """Sends to the service whose routing key is the address. `url` takes the events."""

    kind: ClassVar[str] = "pagerduty"
    digests: ClassVar[bool] = False
    secret_settings: ClassVar[frozenset[str]] = frozenset({"webhook_secret"})
    secret_address: ClassVar[bool] = True
    shared: ClassVar[bool] = True

    http: httpx.AsyncClient
    url: str = URL
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier. `url` takes the events: another one for the EU region or a proxy. `webhook_secret`: the
        secret of a webhook subscription there, or several with spaces between.

        Raises ValueError if `url` is not a URL.
        """
        refuse_unknown(settings, ["url", "webhook_secret"])
        url = settings.get("url", URL)
        if not web_address(url):
            raise ValueError(
                "url must be a URL that takes events, such as https://events.eu.pagerduty.com/v2/enqueue"
            )
        return cls(http=http, url=url, webhook_secrets=tuple(settings.get("webhook_secret", "").split()))

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if is_secret(address) or re.fullmatch(r"[A-Za-z0-9]{32}", address):
            return None
        return "the address must be the routing key of an Events API v2 integration: 32 letters and digits"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Send an event. Accepted means queued there (202). The dedup key makes a second sending harmless.

        A trigger under the key of an incident that is acknowledged there notifies nobody. The first page after a quiet
        therefore resolves the incident there, and then opens it again.
        """
        if notice.reopens:
            resolved = await self._post(_closing(notice, contact.address), notice, contact)
            if isinstance(resolved, Unreachable):
                # Only the end of the old incident may have arrived, not the page.
                return replace(resolved, may_have_arrived=False)
            if isinstance(resolved, Refused):
                return resolved
        return await self._post(_event(notice, contact.address), notice, contact)

    def received(self, call: Call) -> Received:
        """Read an event of a webhook subscription (v3): somebody acknowledged or resolved an incident there.

        What is resolved there is acknowledged here: only the job itself says that it is well.
        """
        theirs = [part.strip().encode() for part in call.headers.get(SIGNATURE, "").split(",")]
        ours = [signature(secret, call.body).encode() for secret in self.webhook_secrets]
        if not any(hmac.compare_digest(one, other) for one in ours for other in theirs):
            return Unsigned("X-PagerDuty-Signature does not fit the body.")
        try:
            event = json.loads(call.body)["event"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return Malformed("The body must be an event of PagerDuty's.")
        match event:
            # What we do there ourselves is done by an integration, and not by a user.
            case {
                "event_type": "incident.acknowledged" | "incident.resolved",
                "agent": {"type": "user_reference", "summary": str(name)},
                "data": {"incident_key": str(key)},
            }:
                at = _moment(event.get("occurred_at"))
                return [Acknowledgement(key, f"{name} (on PagerDuty)", before=at)]
            case _:
                return []

    async def _post(self, body: bytes, notice: Notice, contact: Contact) -> Outcome:
        match await post(self.http, self.url, body, {}, self.bound / 2 if notice.reopens else self.bound):
            case Reply(status=202) as reply:
                return Accepted(reply.line, provider_id=short_key(notice.dedup_key, DEDUP_LIMIT))
            case Reply() as reply:
                return reply.failure(quoted("; ".join(_complaints(reply)), contact.address))
            case Refused() | Unreachable() as failure:
                return failure


def signature(secret: str, body: bytes) -> str:
    """Return the signature of a call: v1= and the hexadecimal HMAC-SHA256 of the body."""
    return "v1=" + hmac.new(secret.encode(), body, sha256).hexdigest()


def _moment(text: object) -> datetime | None:
    """Return an instant of PagerDuty's, None if it is none."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else None


def _complaints(reply: Reply) -> Iterator[str]:
    fields = reply.fields()
    if isinstance(message := fields.get("message"), str):
        yield message
    if isinstance(errors := fields.get("errors"), list):
        yield from map(str, errors)


def _closing(notice: Notice, routing_key: str) -> bytes:
    event = {
        "routing_key": routing_key,
        "event_action": "resolve",
        "dedup_key": short_key(notice.dedup_key, DEDUP_LIMIT),
    }
    return json.dumps(event).encode()


def _event(notice: Notice, routing_key: str) -> bytes:
    event: dict[str, object] = {
        "routing_key": routing_key,
        "event_action": _ACTIONS.get(notice.kind, "trigger"),
        "dedup_key": short_key(notice.dedup_key, DEDUP_LIMIT),
    }
    if notice.kind in _ACTIONS:
        return json.dumps(event).encode()
    payload = _payload(notice)
    event |= {
        "payload": payload,
        "client": "heartbeat",
        "links": [{"href": url, "text": label} for label, url in notice.buttons],
    }
    if notice.open_url:
        event["client_url"] = notice.open_url
    body = json.dumps(event).encode()
    if len(body) > EVENT_LIMIT:
        del payload["custom_details"]
        body = json.dumps(event).encode()
    return body


def _payload(notice: Notice) -> dict[str, object]:
    return {
        "summary": notice.title[:SUMMARY_LIMIT],
        **_affected(notice.details),
        "severity": notice.severity,
        "timestamp": notice.opened_at.isoformat(),
        "custom_details": {"facts": notice.text, **notice.details},
    }


def _affected(details: Mapping[str, object]) -> dict[str, str]:
    """Return the fields of the PagerDuty Common Event Format by which events are grouped and routed."""
    title, symptoms = details.get("title"), details.get("symptoms")
    fields = {"source": str(title or "heartbeat")}
    if isinstance(symptoms, list) and len(symptoms) == 1:
        fields["component"] = str(symptoms[0].get("title", ""))
    if title and isinstance(total := details.get("total"), int) and total > 1:
        fields["group"] = str(title)
    return {name: text[:SUMMARY_LIMIT] for name, text in fields.items()}
