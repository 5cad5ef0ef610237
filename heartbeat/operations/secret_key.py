"""The secret key that a database was last served with: comparison with the key here, and replacement of a lost key.

The database stores a fingerprint, which identifies the key and does not reveal it.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from heartbeat import audit, installation
from heartbeat.actor import Actor
from heartbeat.definitions import store as definition_store

IF_LOST = "If the key is lost for good, heartbeat lost-key lists what is lost with it and replaces it."
OTHER = (
    "This database was last served with another HEARTBEAT_SECRET_KEY. Give every replica the same "
    "HEARTBEAT_SECRET_KEY, or the same file secret-key in its data directory. To change the key, set "
    f"HEARTBEAT_SECRET_KEY_PREVIOUS to the old one. {IF_LOST}"
)
MISSING = (
    "This database was served with a secret key that is missing here. Put the file secret-key back into the data "
    f"directory, or set HEARTBEAT_SECRET_KEY. {IF_LOST}"
)
LOST = (
    "links in pages and mails sent so far: acknowledge on the console or through the API; subscribers unsubscribe with "
    "the link in a later mail",
    "sign-ins with the admin key, sign-ins waiting for a code, and open forms: sign in, or load the form, again",
)
"""Losses that do not depend on the contents of the database, each with its remedy."""
_FACT = "secret_key_hash"


class NotTheSame(Exception):
    """The database was last served with another secret key; the message says what to do."""


def is_known(db: Connection, key: str, previous: Sequence[str] = ()) -> bool | None:
    """Return True if the database was last served with this key or a previous one, None if never served."""
    fingerprint = installation.recall(db, _FACT)
    return None if fingerprint is None else fingerprint in map(_fingerprint, (key, *previous))


def require(db: Connection, key: str, previous: Sequence[str] = ()) -> None:
    """Raise `NotTheSame` unless this key may serve the database. `key` is empty if there is none here."""
    if is_known(db, key, previous) is False:
        raise NotTheSame(OTHER if key else MISSING)


def take(db: Connection, key: str, previous: Sequence[str] = ()) -> None:
    """Serve with this key from now on. Raises `NotTheSame`.

    Replicas must share one, or one replica would refuse a link that another has signed. The key may change while
    the last one is among `previous`, so that its links stay valid.
    """
    if is_known(db, key):
        return
    # Processes that start at the same time take turns.
    definition_store.wait_for_turn(db)
    require(db, key, previous)
    if not is_known(db, key):
        installation.remember(db, _FACT, _fingerprint(key))


def replace_lost(db: Connection, key: str, actor: Actor, now: datetime) -> None:
    """Serve with this key from now on, whatever the last one was."""
    installation.remember(db, _FACT, _fingerprint(key))
    audit.record(db, actor, "secret_key.replace_lost", "secret key", now)


def _fingerprint(key: str) -> str:
    return sha256(b"heartbeat secret key\n" + key.encode()).hexdigest()
