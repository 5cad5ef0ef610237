"""Alertmanager: an alert to every peer of a cluster by the API v2, told again and again while it lasts."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self

import httpx

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.settings import is_secret, refuse_unknown, web_address
from alerting.notifiers.transport.http import BOUND, Reply, post
from alerting.notifiers.wording import fitted, quoted
from alerting.times import count

FIRES_FOR = timedelta(minutes=15)
"""The time after which an alert that is not told again ends there: an upgrade of heartbeat must not end any."""
DESCRIPTION_LIMIT = 4000
"""The most characters of the lines. Alertmanager has no limit, but what it sends them to does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alertmanager:
    """Posts to the Alertmanagers of one cluster, whose URLs are the address. Each of them must hear of every alert."""

    kind: ClassVar[str] = "alertmanager"
    digests: ClassVar[bool] = False
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = False
    shared: ClassVar[bool] = True

    http: httpx.AsyncClient
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier. Raises ValueError for any setting."""
        refuse_unknown(settings, ())
        return cls(http=http)

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        peers = address.split()
        if is_secret(address) or (peers and all(map(web_address, peers))):
            return None
        return "the address must be the URL of each peer, such as http://alertmanager-0:9093 http://alertmanager-1:9093"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Post the alert to every peer. Accepted if one took it: the others are told again within a minute."""
        return await self.send_again([notice], contact)

    async def send_again(self, notices: Sequence[Notice], contact: Contact) -> Outcome:
        """Post the alerts to every peer, as they are now."""
        body = json.dumps([_alert(notice) for notice in notices]).encode()
        peers = contact.address.split()
        outcomes = await asyncio.gather(*(self._posted(peer, body) for peer in peers))
        if taken := sum(isinstance(outcome, Accepted) for outcome in outcomes):
            return Accepted(f"{taken} of {count(len(peers), 'peer')}")
        # A peer that can be reached later decides: a refusal would end all tries.
        return next((outcome for outcome in outcomes if isinstance(outcome, Unreachable)), outcomes[0])

    async def _posted(self, peer: str, body: bytes) -> Outcome:
        url = peer.rstrip("/") + "/api/v2/alerts"
        match await post(self.http, url, body, {}, self.bound):
            case Reply(status=200) as reply if not reply.text.strip():
                return Accepted(reply.line)
            case Reply() as reply:
                return reply.failure(quoted(str(reply.fields().get("message", "")), httpx.URL(peer).password))
            case Refused() | Unreachable() as failure:
                return failure


def _alert(notice: Notice) -> dict[str, object]:
    """Return the alert. Its labels are its identity: nothing in them changes while it lasts, except its severity."""
    ends_at = notice.at if notice.kind is NoticeKind.RECOVERED else notice.at + FIRES_FOR
    links = {label.lower().replace(" ", "_"): url for label, url in notice.buttons}
    return {
        "labels": {"alertname": "heartbeat", "incident": notice.dedup_key, "severity": notice.severity.value},
        "annotations": {
            "summary": notice.title,
            "description": "\n".join(fitted(notice.lines, DESCRIPTION_LIMIT)),
            **links,
        },
        "startsAt": min(notice.opened_at, notice.at).isoformat(),
        "endsAt": ends_at.isoformat(),
        "generatorURL": notice.open_url or "",
    }
