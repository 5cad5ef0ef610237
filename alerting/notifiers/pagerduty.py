"""PagerDuty: an event to the Events API v2, which opens, acknowledges and resolves an incident there."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self

import httpx

from alerting.notice import Kind, Notice
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.settings import is_secret, refuse_unknown, web_address
from alerting.notifiers.transport.http import BOUND, Reply, post
from alerting.notifiers.wording import quoted

URL = "https://events.pagerduty.com/v2/enqueue"
SUMMARY_LIMIT = 1024
DEDUP_LIMIT = 255
EVENT_LIMIT = 512_000
"""Characters of a summary and of a dedup key, and bytes of a whole event, that the Events API v2 takes."""

_ACTIONS = {Kind.ACKNOWLEDGED: "acknowledge", Kind.RECOVERED: "resolve"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDuty:
    """Sends to the service whose routing key is the address. `url` is where events are taken."""

    kind: ClassVar[str] = "pagerduty"
    digests: ClassVar[bool] = False
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = True

    http: httpx.AsyncClient
    url: str = URL
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """`url`: where events are taken, for the EU region or a proxy.

        Raises ValueError where it is not a URL.
        """
        refuse_unknown(settings, ["url"])
        url = settings.get("url", URL)
        if not web_address(url):
            raise ValueError(
                "url must be where events are taken, such as https://events.eu.pagerduty.com/v2/enqueue"
            )
        return cls(http=http, url=url)

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        """The address is an integration's routing key."""
        if is_secret(address) or re.fullmatch(r"[A-Za-z0-9]{32}", address):
            return None
        return "the address must be the routing key of an Events API v2 integration: 32 letters and digits"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Accepted means queued there (202). The dedup key makes a second sending harmless.

        A trigger under the key of an incident that is acknowledged there notifies nobody. What pages again
        therefore first resolves the incident there, and then opens it afresh.
        """
        if notice.reopens:
            ended = await self._post(_closing(notice, contact.address), notice, contact)
            if not isinstance(ended, Accepted):
                return ended
        return await self._post(_event(notice, contact.address), notice, contact)

    async def _post(self, body: bytes, notice: Notice, contact: Contact) -> Outcome:
        match await post(self.http, self.url, body, {}, self.bound / 2 if notice.reopens else self.bound):
            case Reply(status=202) as answer:
                return Accepted(answer.line, provider_id=_dedup_key(notice))
            case Reply() as answer:
                return answer.failure(quoted("; ".join(_complaints(answer)), contact.address))
            case Refused() | Unreachable() as lost:
                return lost


def _complaints(answer: Reply) -> Iterator[str]:
    fields = answer.fields()
    if isinstance(message := fields.get("message"), str):
        yield message
    if isinstance(errors := fields.get("errors"), list):
        yield from map(str, errors)


def _closing(notice: Notice, routing_key: str) -> bytes:
    event = {"routing_key": routing_key, "event_action": "resolve", "dedup_key": _dedup_key(notice)}
    return json.dumps(event).encode()


def _event(notice: Notice, routing_key: str) -> bytes:
    event: dict[str, object] = {
        "routing_key": routing_key,
        "event_action": _ACTIONS.get(notice.kind, "trigger"),
        "dedup_key": _dedup_key(notice),
    }
    if notice.kind in _ACTIONS:
        return json.dumps(event).encode()
    payload = _payload(notice)
    event |= {"payload": payload, "client": "heartbeat", "links": list(_links(notice))}
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
        **_whence(notice.details),
        "severity": notice.severity,
        "timestamp": notice.opened_at.isoformat(),
        "custom_details": {"facts": notice.text, **notice.details},
    }


def _whence(details: Mapping[str, object]) -> dict[str, str]:
    """What is affected, in the fields of the PagerDuty Common Event Format: by these, events are grouped and routed."""
    title, symptoms = details.get("title"), details.get("symptoms")
    found = {"source": str(title or "heartbeat")}
    if isinstance(symptoms, list) and len(symptoms) == 1:
        found["component"] = str(symptoms[0].get("title", ""))
    if title and isinstance(total := details.get("total"), int) and total > 1:
        found["group"] = str(title)
    return {name: text[:SUMMARY_LIMIT] for name, text in found.items()}


def _links(notice: Notice) -> Iterator[dict[str, str]]:
    if notice.ack_url:
        yield {"href": notice.ack_url, "text": "Acknowledge"}
    if notice.open_url:
        yield {"href": notice.open_url, "text": "Open"}


def _dedup_key(notice: Notice) -> str:
    """The notice's own key. One that is too long is hashed: cut, two incidents could become one."""
    key = notice.dedup_key
    return key if len(key) <= DEDUP_LIMIT else hashlib.sha256(key.encode()).hexdigest()
