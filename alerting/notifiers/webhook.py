"""Webhook: one signed POST to a machine, by the Standard Webhooks specification 1.0.0."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Self

import httpx

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.settings import is_secret, refuse_unknown, web_address
from alerting.notifiers.transport.http import BOUND, Reply, post


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Posts `{type, timestamp, data}` to the URL that is the address.

    `keys` sign each attempt, one signature a key, so that a secret can be changed without a gap. Without a key the
    webhook is unsigned. `clock` returns seconds since 1970: the signature covers the time of the attempt, which differs
    between retries of a notice.
    """

    kind: ClassVar[str] = "webhook"
    digests: ClassVar[bool] = False
    secret_settings: ClassVar[frozenset[str]] = frozenset({"secret"})
    secret_address: ClassVar[bool] = True
    shared: ClassVar[bool] = True

    http: httpx.AsyncClient
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    clock: Callable[[], float] = time.time
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier. `secret`: `whsec_…`, or two with a space between them while one replaces the other.

        Raises ValueError if a secret is not of that form.
        """
        refuse_unknown(settings, ["secret"])
        return cls(http=http, keys=tuple(map(_key, settings.get("secret", "").split())))

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        if is_secret(address) or web_address(address):
            return None
        return "the address must be a URL that begins with https:// or http://"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Post the notice. Only a 2xx is success: a redirect is a failure, and 410 means that the endpoint is gone."""
        body = json.dumps(_event(notice), separators=(",", ":")).encode()
        headers = self._headers(_webhook_id(notice), body)
        match await post(self.http, contact.address, body, headers, self.bound):
            case Reply(status=status) as reply if 200 <= status < 300:
                return Accepted(reply.line)
            case Reply() as reply:
                return reply.failure()
            case Refused() | Unreachable() as failure:
                return failure

    def _headers(self, webhook_id: str, body: bytes) -> dict[str, str]:
        timestamp = str(int(self.clock()))
        headers = {"webhook-id": webhook_id, "webhook-timestamp": timestamp}
        if self.keys:
            signed = f"{webhook_id}.{timestamp}.".encode() + body
            headers["webhook-signature"] = " ".join(_signature(key, signed) for key in self.keys)
        return headers


def _webhook_id(notice: Notice) -> str:
    """Return the notice's id for a header, without dots: they separate the parts of the signed text."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", notice.id)


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    message = "secret must be whsec_ and then 24 to 64 random bytes in base64"
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise ValueError(message) from None
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError(message)
    return key


def _event(notice: Notice) -> dict[str, object]:
    return {
        "type": "page.test" if notice.kind is NoticeKind.TEST else f"incident.{notice.kind}",
        "timestamp": notice.at.isoformat(),
        "data": {
            "incident": notice.incident,
            "dedup_key": notice.dedup_key,
            "sequence": notice.sequence,
            "severity": notice.severity,
            "title": notice.title,
            "lines": notice.lines,
            "opened_at": notice.opened_at.isoformat(),
            "open_url": notice.open_url,
            "ack_url": notice.ack_url,
            "runbook_url": notice.runbook_url,
            "details": dict(notice.details),
        },
    }
