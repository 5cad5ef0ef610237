"""A notifier whose provider calls back, as a plugin would be: it signs its calls with a shared secret."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar, Self

import httpx

from alerting.notice import Notice
from alerting.notifiers.contract import (
    Accepted,
    Acknowledgement,
    Arrived,
    Call,
    Contact,
    Malformed,
    Outcome,
    Receipt,
    Received,
    Undelivered,
    Unreachable,
    Unsigned,
)

SIGNATURE = "X-Pager-Signature"


@dataclass(frozen=True, slots=True)
class Pager:
    """Sends the title to a number by the provider's API."""

    kind: ClassVar[str] = "pager"
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset({"secret"})
    secret_address: ClassVar[bool] = False

    http: httpx.AsyncClient
    secret: str

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """`secret` is what the provider signs with. Raises ValueError where it is missing."""
        if not settings.get("secret"):
            raise ValueError("secret must be what the provider signs with")
        return cls(http, settings["secret"])

    @classmethod
    def wrong_address(cls, address: str) -> str | None:
        """The address is a number."""
        return None if address.isdigit() else "the address must be a number"

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """The provider answers with the id of the message."""
        message = {"to": contact.address, "text": notice.title}
        try:
            answer = await self.http.post("https://pager.example.com/messages", json=message)
        except httpx.HTTPError:
            return Unreachable("the pager company does not answer")
        return Accepted("queued", answer.json()["id"])

    def received(self, call: Call) -> Received:
        """A list of events, signed as a whole."""
        theirs = call.headers.get(SIGNATURE.lower(), "")
        if not hmac.compare_digest(theirs, signature(self.secret, call.body)):
            return Unsigned(f"{SIGNATURE} does not fit the body.")
        try:
            return [_receipt(event) for event in json.loads(call.body)]
        except (ValueError, TypeError, KeyError):
            return Malformed("The body must be a list of events.")


def signature(secret: str, body: bytes) -> str:
    """What the provider sends along with this body."""
    return hmac.new(secret.encode(), body, sha256).hexdigest()


def _receipt(event: Mapping[str, Any]) -> Receipt:
    match event["status"]:
        case "delivered":
            return Arrived(event["id"])
        case "failed":
            return Undelivered(event["id"], event["reason"])
        case "pressed":
            return Acknowledgement(event["id"], event.get("by", ""))
    raise ValueError(event["status"])
