"""The key pair with which this installation signs push messages (VAPID, RFC 8292): made once, kept encrypted.

Browsers subscribe with its public half. With another key, every device would have to be added again.
"""

from py_vapid import Vapid02
from sqlalchemy import Connection

from alerting.sql import insert_many
from heartbeat import installation
from heartbeat.tables import installation as facts
from heartbeat.vault import Vault

ABOUT = "push key"
"""The text that the encryption of the private key is bound to."""
_FACT = "push_key"


def take(db: Connection, vault: Vault) -> Vapid02:
    """Return the key pair, made at the first call. Raises `Unreadable` if no key of the vault opens it."""
    sealed = stored(db)
    if sealed is None:
        # Another process may do the same at the same moment: the first one counts.
        row = {"key": _FACT, "value": vault.seal(_made(), ABOUT)}
        insert_many(db, facts, [row], on_conflict="ON CONFLICT DO NOTHING")
        sealed = stored(db) or ""
    pair = Vapid02.from_pem(vault.open(sealed, ABOUT).encode())
    # The library takes no host without a dot in `sub`, but an installation may have such a name.
    pair.conf = {"no-strict": True}
    return pair


def stored(db: Connection) -> str | None:
    """Return the encrypted private key, None if there is none yet."""
    sealed: str | None = installation.recall(db, _FACT)
    return sealed


def put(db: Connection, sealed: str) -> None:
    """Store the private key, encrypted anew."""
    installation.remember(db, _FACT, sealed)


def forget(db: Connection) -> None:
    """Delete the key. The next one is made when it is needed."""
    installation.forget(db, _FACT)


def _made() -> str:
    pair = Vapid02()
    pair.generate_keys()
    pem: bytes = pair.private_pem()
    return pem.decode()
