"""Webhook: one signed POST to a machine, exactly as the Standard Webhooks specification 1.0.0 says."""

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

from alerting.notice import Kind, Notice
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.notifiers.settings import is_secret, refuse_unknown, web_address
from alerting.notifiers.transport.http import BOUND, Reply, post


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Posts `{type, timestamp, data}` to the URL that is the address.

    `keys` sign each attempt, one signature a key, so that a secret can be changed without a gap; without a
    key the webhook goes unsigned. `clock` gives seconds since 1970: the signature covers the moment of the
    attempt, which differs between retries of one notice.
    """

    kind: ClassVar[str] = "webhook"
    digests: ClassVar[bool] = False
    secret_settings: ClassVar[frozenset[str]] = frozenset({"secret"})
    secret_address: ClassVar[bool] = True

    http: httpx.AsyncClient
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    clock: Callable[[], float] = time.time
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """`secret`: `whsec_…`, or two with a space between them while one replaces the other.

        Raises ValueError where a secret is not of that form.
        """
        refuse_unknown(settings, ["secret"])
        return cls(http=http, keys=tuple(map(_key, settings.get("secret", "").split())))

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        """The address is a URL."""
        if is_secret(address) or web_address(address):
            return None
        return "the address must be a URL that begins with https:// or http://"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Only a 2xx is success; a redirect is a failure, and 410 says that the endpoint is gone."""
        body = json.dumps(_event(notice), separators=(",", ":")).encode()
        headers = self._headers(_webhook_id(notice), body)
        match await post(self.http, contact.address, body, headers, self.bound):
            case Reply(status=status) as answer if 200 <= status < 300:
                return Accepted(answer.line)
            case Reply() as answer:
                return answer.failure()
            case Refused() | Unreachable() as lost:
                return lost

    def _headers(self, webhook_id: str, body: bytes) -> dict[str, str]:
        timestamp = str(int(self.clock()))
        headers = {"webhook-id": webhook_id, "webhook-timestamp": timestamp}
        if self.keys:
            signed = f"{webhook_id}.{timestamp}.".encode() + body
            headers["webhook-signature"] = " ".join(_signature(key, signed) for key in self.keys)
        return headers


def _webhook_id(notice: Notice) -> str:
    """The notice's id without dots, which divide what is signed, and fit for a header."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", notice.id)


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    right = "secret must be whsec_ and then 24 to 64 random bytes in base64"
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise ValueError(right) from None
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError(right)
    return key


def _event(notice: Notice) -> dict[str, object]:
    return {
        "type": "page.test" if notice.kind is Kind.TEST else f"incident.{notice.kind}",
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
            "details": dict(notice.details),
        },
    }
