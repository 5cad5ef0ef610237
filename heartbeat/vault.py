"""Secrets at rest: an entered secret is encrypted before it is written to the database.

AES-256-GCM (NIST SP 800-38D) with keys that HKDF-SHA256 (RFC 5869) derives from the installation's own. A sealed
secret is the text `v1:KEY:DATA`: KEY names the key, DATA is nonce and ciphertext in URL-safe base64. It is bound to
its subject ("user anna second factor"), so a secret is worthless in another row.

Pure: the keys and the source of randomness are arguments.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12
"""Bytes of a nonce (SP 800-38D, 8.2)."""

_SEALED = re.compile(r"v1:([0-9a-f]{16}):([A-Za-z0-9_-]+)")


class Unreadable(ValueError):
    """A sealed secret cannot be opened. The message says why and what to do, and never the secret."""


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals with the first of its keys and opens with any of them, so that keys can be replaced without a gap."""

    _ciphers: Mapping[str, AESGCM] = field(repr=False)
    _chance: Callable[[int], bytes] = field(repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the keys, beginning with the one that seals. They reveal nothing of the keys."""
        return tuple(self._ciphers)

    def seal(self, clear: str, about: str) -> str:
        """Return the sealed secret. `about` is its subject, which opening it needs.

        Raises ValueError if there is no key.
        """
        if not self._ciphers:
            raise ValueError("there is no key to encrypt a secret with: set HEARTBEAT_SECRET_KEY")
        key, cipher = next(iter(self._ciphers.items()))
        nonce = self._chance(NONCE)
        data = nonce + cipher.encrypt(nonce, clear.encode(), _bound_to(key, about))
        return f"v1:{key}:{urlsafe_b64encode(data).rstrip(b'=').decode()}"

    def open(self, sealed: str, about: str) -> str:
        """Return the secret in clear. Raises `Unreadable`."""
        key, data = _parts(sealed)
        cipher = self._ciphers.get(key)
        if cipher is None:
            raise Unreadable(
                f"This secret was encrypted with the key {key}, which is not known here: put that key back "
                "(HEARTBEAT_ENCRYPTION_KEYS or HEARTBEAT_SECRET_KEY_PREVIOUS), or enter the secret again."
            )
        try:
            raw = urlsafe_b64decode(data + "=" * (-len(data) % 4))
            return cipher.decrypt(raw[:NONCE], raw[NONCE:], _bound_to(key, about)).decode()
        except (InvalidTag, ValueError):
            raise Unreadable(
                "This encrypted secret is damaged or belongs elsewhere: enter the secret again."
            ) from None

    def is_stale(self, sealed: str) -> bool:
        """Return True if another key than the first has sealed this secret."""
        return _parts(sealed)[0] != next(iter(self._ciphers), None)


def with_keys(keys: Sequence[str], chance: Callable[[int], bytes]) -> Vault:
    """Return a vault with these keys, each a long random text. The first one seals.

    `chance` returns so many unpredictable bytes.
    """
    return Vault({_derived(key, b"name", 8).hex(): AESGCM(_derived(key, b"key", 32)) for key in keys}, chance)


def is_sealed(text: str) -> bool:
    """Return True if the whole text is a sealed secret."""
    return _SEALED.fullmatch(text) is not None


def _parts(sealed: str) -> tuple[str, str]:
    match = _SEALED.fullmatch(sealed)
    if match is None:
        raise Unreadable("This is no encrypted secret: enter the secret again.")
    return match[1], match[2]


def _derived(key: str, use: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=b"heartbeat vault v1 " + use).derive(key.encode())


def _bound_to(key: str, about: str) -> bytes:
    return f"v1:{key}:{about}".encode()
