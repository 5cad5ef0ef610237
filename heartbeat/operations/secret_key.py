"""The secret key that a database was last served with: whether it is the one that is here, and going on without it.

The database keeps a fingerprint of it, by which it is known again, and which tells nothing of the key.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from heartbeat import audit, installation
from heartbeat.actor import Actor
from heartbeat.definitions import store as definition_store

IF_LOST = (
    "Where it is lost for good, heartbeat lost-key says what is lost with it, and goes on with a new one."
)
OTHER = (
    "HEARTBEAT_SECRET_KEY differs from the one that this database was last served with: give every replica the same "
    "HEARTBEAT_SECRET_KEY (or the same file secret-key in its data directory). To change it, name the old one in "
    f"HEARTBEAT_SECRET_KEY_PREVIOUS. {IF_LOST}"
)
MISSING = (
    "This database was served with a secret key that is not here: put the file secret-key back into the data "
    f"directory, or set HEARTBEAT_SECRET_KEY. {IF_LOST}"
)
LOST = (
    "links in pages and mails that were sent so far: acknowledge on the console or by the API; who wants to end a "
    "subscription uses the link of a later mail",
    "sign-ins by the admin key, sign-ins that wait for a code, and open forms: sign in, or load the page, again",
)
"""What is worth nothing any more without the key, whatever the database holds."""
_FACT = "secret_key_hash"


class NotTheSame(Exception):
    """The database was last served with another secret key: one sentence that says what to do."""


def is_known(db: Connection, key: str, before: Sequence[str] = ()) -> bool | None:
    """Whether the database was last served with this key, or with one before it; None where with none yet."""
    known = installation.recall(db, _FACT)
    return None if known is None else known in map(_fingerprint, (key, *before))


def require(db: Connection, key: str, before: Sequence[str] = ()) -> None:
    """Raise `NotTheSame` unless this key may serve the database. `key` is empty where there is none here."""
    if is_known(db, key, before) is False:
        raise NotTheSame(OTHER if key else MISSING)


def take(db: Connection, key: str, before: Sequence[str] = ()) -> None:
    """Serve with this key from now on. Raises `NotTheSame`.

    Replicas must share one, or a link that one has signed would be refused by another at 3 a.m. Another key is taken
    where the one that the database knows is still named, so that its links are taken too.
    """
    if is_known(db, key):
        return
    # Several that are the first at the same time ask one after the other.
    definition_store.wait_for_turn(db)
    require(db, key, before)
    if not is_known(db, key):
        installation.remember(db, _FACT, _fingerprint(key))


def replace_lost(db: Connection, key: str, actor: Actor, now: datetime) -> None:
    """Serve with this key from now on, whichever it was before."""
    installation.remember(db, _FACT, _fingerprint(key))
    audit.record(db, actor, "secret_key.replace_lost", "secret key", now)


def _fingerprint(key: str) -> str:
    return sha256(b"heartbeat secret key\n" + key.encode()).hexdigest()
