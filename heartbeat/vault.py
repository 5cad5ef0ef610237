"""Secrets at rest: what somebody has entered in clear is encrypted before it is written to the database.

AES-256-GCM (NIST SP 800-38D) under keys that HKDF-SHA256 (RFC 5869) derives from the installation's own. A
sealed secret is the text `v1:KEY:DATA`: KEY names the key, DATA is nonce and ciphertext in URL-safe base64. It
is bound to what it is about ("user anna second factor"), so that one row's secret is worthless in another row.

Pure: the keys are arguments, and so is the chance that nonces are made of.
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
    """A sealed secret cannot be opened: one sentence that says why and what to do, and never the secret."""


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals with the first of its keys and opens with any of them, so that keys can be changed without a gap."""

    _ciphers: Mapping[str, AESGCM] = field(repr=False)
    _chance: Callable[[int], bytes] = field(repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the keys, the one that seals first. They tell nothing of the keys themselves."""
        return tuple(self._ciphers)

    def seal(self, clear: str, about: str) -> str:
        """The secret as it may be written down. `about` says what it belongs to, and is needed to open it.

        Raises ValueError where there is no key.
        """
        if not self._ciphers:
            raise ValueError("there is no key to encrypt a secret with: set HEARTBEAT_SECRET_KEY")
        key, cipher = next(iter(self._ciphers.items()))
        nonce = self._chance(NONCE)
        data = nonce + cipher.encrypt(nonce, clear.encode(), _bound_to(key, about))
        return f"v1:{key}:{urlsafe_b64encode(data).rstrip(b'=').decode()}"

    def open(self, sealed: str, about: str) -> str:
        """The secret in clear. Raises `Unreadable`."""
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
        """Whether another key than the first has sealed this."""
        return _parts(sealed)[0] != next(iter(self._ciphers), None)


def with_keys(keys: Sequence[str], chance: Callable[[int], bytes]) -> Vault:
    """A vault with these keys, each a long random text, the one that seals first.

    `chance` gives so many random bytes that nobody can foresee.
    """
    return Vault({_derived(key, b"name", 8).hex(): AESGCM(_derived(key, b"key", 32)) for key in keys}, chance)


def is_sealed(text: str) -> bool:
    """Whether the whole text is a sealed secret."""
    return _SEALED.fullmatch(text) is not None


def _parts(sealed: str) -> tuple[str, str]:
    found = _SEALED.fullmatch(sealed)
    if found is None:
        raise Unreadable("This is no encrypted secret: enter the secret again.")
    return found[1], found[2]


def _derived(key: str, use: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=b"heartbeat vault v1 " + use).derive(key.encode())


def _bound_to(key: str, about: str) -> bytes:
    return f"v1:{key}:{about}".encode()
