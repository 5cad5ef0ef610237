"""Who gets the address of a calendar, and what an address leads to. Each change is in the audit log."""

from datetime import datetime
from secrets import token_hex

from sqlalchemy import Connection

from alerting import desk
from alerting.desk import Feed, Noun
from heartbeat import audit
from heartbeat.access import store as users_store
from heartbeat.actor import Actor, Role
from heartbeat.definitions import store as definition_store
from heartbeat.on_call import calendar_link
from heartbeat.on_call.calendar_link import Ticket


def may(actor: Actor, noun: Noun, name: str) -> bool:
    """Return whether somebody may see and change the address of a calendar.

    That of a rotation is for responders, and that of a person for themselves and for admins.
    """
    if noun is Noun.ROTATION:
        return actor.role.may(Role.RESPONDER)
    return actor.person == name or actor.role.may(Role.ADMIN)


def address_of(db: Connection, noun: Noun, name: str, *, home: str, secret: str) -> str:
    """Return the address of a calendar, empty if it has none. `home` is the public address, `secret` signs."""
    feed = desk.feed_of(db, noun, name)
    return address(feed, home=home, secret=secret) if feed else ""


def address(feed: Feed, *, home: str, secret: str) -> str:
    """Return the address of a feed."""
    return calendar_link.address(home, secret, Ticket(feed.id, feed.nonce))


def make(db: Connection, actor: Actor, noun: Noun, name: str, now: datetime) -> tuple[Feed, bool]:
    """Return the feed of a person or a rotation, which exists, and whether it is new."""
    definition_store.wait_for_turn(db)
    if feed := desk.feed_of(db, noun, name):
        return feed, False
    return _made(db, actor, noun, name, now), True


def renew(db: Connection, actor: Actor, noun: Noun, name: str, now: datetime) -> Feed | None:
    """Give a feed another address: the former one leads nowhere from now on. None if there is no such subject."""
    revoke(db, actor, noun, name, now)
    return _made(db, actor, noun, name, now) if exists(db, noun, name) else None


def revoke(db: Connection, actor: Actor, noun: Noun, name: str, now: datetime) -> Feed | None:
    """Take the address of a calendar away and return its feed; None if it has none."""
    definition_store.wait_for_turn(db)
    feed = desk.feed_of(db, noun, name)
    if feed is not None:
        desk.revoke_feed(db, feed.id)
        audit.record(db, actor, "calendar.revoke", f"{noun} {name}", now, before=_facts(feed))
    return feed


def behind(db: Connection, ticket: Ticket) -> Feed | None:
    """Return the feed that an address leads to.

    None if it was revoked, or is that of a person whose user is disabled.
    """
    feed = desk.feed_by_id(db, ticket.feed)
    if feed is None or feed.nonce != ticket.nonce:
        return None
    if feed.noun is Noun.PERSON and not _lets_in(db, feed.name):
        return None
    return feed


def _made(db: Connection, actor: Actor, noun: Noun, name: str, now: datetime) -> Feed:
    feed = desk.make_feed(db, noun, name, token_hex(calendar_link.NONCE), actor.name, now)
    audit.record(db, actor, "calendar.make", f"{noun} {name}", now, after=_facts(feed))
    return feed


def exists(db: Connection, noun: Noun, name: str) -> bool:
    """Return whether there is a person or a rotation of this name. A channel has no shifts."""
    if noun is Noun.ROTATION:
        return name in desk.rotations(db)
    person = desk.defined_people(db).get(name)
    return person is not None and not person.channel


def _lets_in(db: Connection, name: str) -> bool:
    person = desk.defined_people(db).get(name)
    user = users_store.user(db, person.user or name) if person else None
    return user is None or user.enabled


def _facts(feed: Feed) -> dict[str, object]:
    return {"number": feed.id, "made_by": feed.made_by, "made_at": feed.made_at.isoformat()}
