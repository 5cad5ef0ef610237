"""Web Push: an encrypted message to a browser, by way of the push service of its maker.

RFC 8030 (the request), RFC 8291 (the encryption) and RFC 8292 (VAPID, by which the push service knows who sends).
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import ClassVar, Self
from urllib.parse import urlsplit

import http_ece
import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from alerting.notice import Notice, NoticeKind
from alerting.notifiers.contract import (
    Accepted,
    Arrived,
    Call,
    Contact,
    Malformed,
    Outcome,
    Received,
    Refused,
)
from alerting.notifiers.settings import refuse_unknown
from alerting.notifiers.transport.http import BOUND, Reply, post
from alerting.notifiers.wording import one_line
from alerting.person import DEVICE

LONGEST_ENDPOINT = 2_000
"""Characters of a subscription's address."""
LASTS = timedelta(hours=24)
"""The time for which a push service keeps a message for a device that is away."""
TOKEN_LASTS = timedelta(hours=12)
"""The time for which a VAPID token is valid: half of what is allowed, since clocks differ (RFC 8292, 2)."""
SIZE = 3_072
"""Bytes of a message before its encryption. All have the same, so that the length reveals nothing.

Push services take 4,096 bytes with what the encryption adds (RFC 8291, 4).
"""
LONGEST_LINE = 500
"""Characters of the line below the title."""

_STAYING = frozenset({NoticeKind.PAGE, NoticeKind.DIGEST, NoticeKind.TEST})
_ONLY_BY_DEVICE = (
    "a device adds itself: sign in on it, open your own page under On call, and press “Ring me here”"
)

Identity = Callable[[], Awaitable[Vapid02]]
"""Returns the key pair of the installation."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """The way to one browser: the address at its push service, and the keys that encrypt for it (RFC 8291, 3)."""

    endpoint: str
    p256dh: str
    auth: str

    @property
    def address(self) -> str:
        """The subscription as a contact's address."""
        keys = {"p256dh": self.p256dh, "auth": self.auth}
        return json.dumps({"endpoint": self.endpoint, "keys": keys}, separators=(",", ":"))

    def encrypted(self, message: bytes) -> bytes:
        """Return a message that only this browser can read."""
        body: bytes = http_ece.encrypt(
            message,
            private_key=ec.generate_private_key(ec.SECP256R1()),
            dh=_bytes(self.p256dh),
            auth_secret=_bytes(self.auth),
            version="aes128gcm",
        )
        return body


def subscription(text: str) -> Subscription:
    """Read a subscription, the JSON of a browser's PushSubscription. Raises ValueError with one sentence."""
    try:
        fields = json.loads(text)
        read = Subscription(fields["endpoint"], fields["keys"]["p256dh"], fields["keys"]["auth"])
        url = urlsplit(read.endpoint)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _bytes(read.p256dh))
        complete = len(_bytes(read.auth)) == 16 and len(read.endpoint) <= LONGEST_ENDPOINT
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        complete = False
    if not (complete and read.endpoint.isascii() and re.fullmatch(r"[^@:]+(:\d+)?", url.netloc)):
        raise ValueError("this is not a subscription of a browser")
    if url.scheme != "https":
        raise ValueError("the push service of this browser does not use https")
    return read


def public_key(identity: Vapid02) -> str:
    """Return the key that a browser needs to subscribe (`applicationServerKey`)."""
    return _text(identity.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


async def _nobody() -> Vapid02:
    raise ValueError("this process has no key for push messages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Sends to the browser whose subscription is the address. `home` is the public address of the service."""

    kind: ClassVar[str] = DEVICE
    digests: ClassVar[bool] = True
    secret_settings: ClassVar[frozenset[str]] = frozenset()
    secret_address: ClassVar[bool] = True
    replaces: ClassVar[bool] = True
    by_device: ClassVar[bool] = True
    receipt_within: ClassVar[timedelta] = timedelta(minutes=1)

    http: httpx.AsyncClient
    home: str = ""
    identity: Identity = field(default=_nobody, repr=False)
    bound: timedelta = BOUND

    @classmethod
    def configured(cls, settings: Mapping[str, str], http: httpx.AsyncClient) -> Self:
        """Return a notifier that cannot send yet: its key is the installation's own, not a setting."""
        refuse_unknown(settings, [])
        return cls(http=http)

    @classmethod
    def wrong_address(cls, _address: str) -> str | None:
        return _ONLY_BY_DEVICE

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        """Hand an encrypted message to the push service. Accepted means queued there (201)."""
        try:
            to, identity = subscription(contact.address), await self.identity()
        except ValueError as error:
            return Refused(str(error))
        message_id = token_urlsafe(16)
        headers = self._headers(notice, to, identity)
        body = to.encrypted(self._message(notice, message_id))
        match await post(self.http, to.endpoint, body, headers, self.bound):
            case Reply(status=200 | 201 | 202) as reply:
                return Accepted(reply.line, provider_id=message_id)
            case Reply(status=404 | 410) as reply:
                reason = f"{reply.where} answered {reply.line}: this device takes no more pages"
                return Refused(reason, address=True)
            case Reply() as reply:
                return reply.failure()
            case failure:
                return failure

    def received(self, call: Call) -> Received:
        """Return the receipt of a device. It proves itself by the message's id, which nobody else has read."""
        try:
            match json.loads(call.body):
                case {"arrived": str(message_id)}:
                    return [Arrived(message_id)]
        except (ValueError, RecursionError):
            pass
        return Malformed('the body must be {"arrived": ID}')

    def _headers(self, notice: Notice, to: Subscription, identity: Vapid02) -> dict[str, str]:
        endpoint, home = urlsplit(to.endpoint), urlsplit(self.home)
        claims = {
            "aud": f"{endpoint.scheme}://{endpoint.netloc}",
            "exp": int((notice.at + TOKEN_LASTS).timestamp()),
            # Whom the operators of the push service can turn to. Some take neither a port nor a path here.
            "sub": f"https://{home.hostname or 'localhost'}",
        }
        return {
            **identity.sign(claims),
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(int(LASTS.total_seconds())),
            "Urgency": "high" if notice.kind in _STAYING else "normal",
            # What waits for a device that is away gives way to the next notice of the same incident.
            "Topic": _text(sha256(notice.dedup_key.encode()).digest())[:32],
        }

    def _message(self, notice: Notice, message_id: str) -> bytes:
        """Return what the service worker shows (static/worker.js), padded with spaces."""
        message = {
            "id": message_id,
            "title": one_line(notice.title),
            "line": one_line(notice.lines[0])[:LONGEST_LINE] if notice.lines else "",
            "tag": notice.dedup_key,
            "at": notice.at.isoformat(),
            "answer": self._path(notice.ack_url),
            "label": notice.ack_label,
            "open": self._path(notice.open_url),
            # A device that is told of an answer stops ringing, and does not ring for it.
            "stays": notice.kind in _STAYING or bool(notice.ack_url),
            "rings": notice.kind is not NoticeKind.ACKNOWLEDGED,
        }
        return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode().ljust(SIZE)

    def _path(self, url: str | None) -> str:
        """Return an address of ours without its beginning, which the device knows by itself. Empty if there is none."""
        return (url or "").removeprefix(f"{self.home}/")


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
