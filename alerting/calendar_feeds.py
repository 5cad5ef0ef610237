"""The SQL of calendars that have a secret address: of the shifts of a person, or of a rotation.

The address itself is not stored. It names the row by its number and its random text, and is signed.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from alerting.crew_tables import calendar_feeds, people, rotations


class Noun(StrEnum):
    """What a calendar shows."""

    PERSON = "person"
    ROTATION = "rotation"


@dataclass(frozen=True, slots=True)
class Feed:
    """A calendar with an address: of a person or a rotation, by its name."""

    id: int
    noun: Noun
    name: str
    nonce: str
    made_by: str
    made_at: datetime


def feed_of(db: Connection, noun: Noun, name: str) -> Feed | None:
    """Return the feed of a person or a rotation, None if it has no address."""
    query = select(calendar_feeds).where(calendar_feeds.c.noun == noun.value, calendar_feeds.c.name == name)
    return _feed(db.execute(query).first())


def feed_by_id(db: Connection, number: int) -> Feed | None:
    """Return the feed of this number, None if it was revoked."""
    return _feed(db.execute(select(calendar_feeds).where(calendar_feeds.c.id == number)).first())


def make_feed(db: Connection, noun: Noun, name: str, nonce: str, by: str, now: datetime) -> Feed:
    """Write a feed that has no address yet, and return it with its number."""
    row = {"noun": noun.value, "name": name, "nonce": nonce, "made_by": by, "made_at": now}
    (number,) = db.execute(insert(calendar_feeds).values(row)).inserted_primary_key or (0,)
    return Feed(number, noun, name, nonce, by, now)


def revoke_feed(db: Connection, number: int) -> None:
    """Delete a feed: its address leads nowhere from now on."""
    db.execute(delete(calendar_feeds).where(calendar_feeds.c.id == number))


def forget_strangers(db: Connection) -> None:
    """Delete the feeds of people and rotations that do not exist."""
    for noun, table in ((Noun.PERSON, people), (Noun.ROTATION, rotations)):
        gone = calendar_feeds.c.name.not_in(select(table.c.id))
        db.execute(delete(calendar_feeds).where(calendar_feeds.c.noun == noun.value, gone))


def _feed(row: Row[Any] | None) -> Feed | None:
    return (
        None if row is None else Feed(row.id, Noun(row.noun), row.name, row.nonce, row.made_by, row.made_at)
    )
