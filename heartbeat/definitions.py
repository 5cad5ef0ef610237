"""The SQL of the configuration: what the database holds as a `Configuration`, and the rows beside the checks.

Checks have their own room (`store`), people, policies and notifiers theirs downstairs (`alerting.desk`).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, text, update

from alerting import desk
from alerting.rows import insert_many
from heartbeat import installation
from heartbeat.check import Check
from heartbeat.config import (
    GROUP_BY,
    ORIGIN,
    CheckDefinition,
    Component,
    Configuration,
    Group,
    Regions,
    StatusPage,
)
from heartbeat.tables import ping_keys, status_pages

MADE_HERE = "api"
"""The origin of what is defined outside of the file, whichever face it came through."""


@dataclass(frozen=True, slots=True)
class PingKey:
    """A key by which jobs may ping: the SHA-256 of it, in hex. When and by whom it was made is known of those
    that the file does not declare. When it was last used is known to about a minute."""

    name: str
    hash: str
    origin: str
    made_at: datetime | None = None
    made_by: str | None = None
    last_used_at: datetime | None = None


def load(db: Connection, checks: Iterable[Check], origin: str = ORIGIN) -> Configuration:
    """What the database holds of the configuration file; or what another origin has made. `checks` are all
    that there are."""
    return Configuration(
        group_by=group_by(db),
        gathering=installation.gathering(db),
        acknowledge_for=installation.acknowledge_for(db),
        policy=installation.recall(db, "policy"),
        ping_keys={one.name: one.hash for one in ping_keys_of(db, origin)},
        ping_key_references=installation.recall(db, "ping_key_references") or {},
        checks={one.slug: CheckDefinition.of(one) for one in checks if one.origin == origin},
        people=desk.people(db, origin),
        policies=desk.policies(db, origin),
        notifiers=desk.notifiers(db, origin),
        status_pages=status_pages_of(db, origin),
    )


def group_by(db: Connection) -> tuple[str, ...]:
    """The labels by which checks share an incident."""
    kept = installation.recall(db, "group_by")
    return GROUP_BY if kept is None else tuple(kept)


def wait_for_turn(db: Connection) -> None:
    """Until the transaction ends, nobody else defines anything. SQLite has one writer anyway."""
    if db.dialect.name == "postgresql":
        db.execute(text("LOCK TABLE ping_keys, status_pages IN SHARE ROW EXCLUSIVE MODE"))


def remember_facts(db: Connection, wanted: Configuration) -> None:
    """Keep what stands at the top of the configuration; lengths of time in seconds."""
    facts: dict[str, Any] = {
        "group_by": list(wanted.group_by),
        "gathering": wanted.gathering.total_seconds(),
        "acknowledge_for": wanted.acknowledge_for.total_seconds(),
        "policy": wanted.policy,
        "ping_key_references": wanted.ping_key_references,
    }
    for key, value in facts.items():
        installation.remember(db, key, value)


def ping_keys_of(db: Connection, origin: str | None = None) -> list[PingKey]:
    """The ping keys by name, or those of one origin."""
    query = select(ping_keys).order_by(ping_keys.c.name)
    if origin is not None:
        query = query.where(ping_keys.c.origin == origin)
    return [PingKey(**row) for row in db.execute(query).mappings()]


def add_ping_key(db: Connection, key: PingKey) -> None:
    """Let jobs ping by this key."""
    db.execute(ping_keys.insert().values(**asdict(key)))


def remove_ping_key(db: Connection, name: str) -> None:
    """Pings by this key are refused from now on."""
    db.execute(delete(ping_keys).where(ping_keys.c.name == name))


def touch_ping_keys(db: Connection, used: Mapping[str, datetime]) -> None:
    """Note by their hashes when keys were used; a time only moves forward."""
    for hash_, at in sorted(used.items()):
        seen = ping_keys.c.last_used_at
        earlier = (ping_keys.c.hash == hash_) & (seen.is_(None) | (seen < at))
        db.execute(update(ping_keys).where(earlier).values(last_used_at=at))


def replace_ping_keys(db: Connection, hashes: Mapping[str, str]) -> None:
    """Make these, and no others, the ping keys of the file: by name the SHA-256 of each.

    Keys made elsewhere stay, but for those that have the same name, or are the same key.
    """
    used = {one.hash: one.last_used_at for one in ping_keys_of(db)}
    taken = ping_keys.c.name.in_(list(hashes)) | ping_keys.c.hash.in_(list(hashes.values()))
    db.execute(delete(ping_keys).where(taken | (ping_keys.c.origin == ORIGIN)))
    rows = [{"name": name, "hash": hash_, "last_used_at": used.get(hash_)} for name, hash_ in hashes.items()]
    insert_many(db, ping_keys, rows)


def status_pages_of(db: Connection, origin: str | None = None) -> dict[str, StatusPage]:
    """The status pages by slug, or those of one origin."""
    query = select(status_pages).order_by(status_pages.c.slug)
    if origin is not None:
        query = query.where(status_pages.c.origin == origin)
    return {row.slug: _status_page(row) for row in db.execute(query)}


def status_page_origins(db: Connection) -> dict[str, str]:
    """The origin of each status page."""
    return {row.slug: row.origin for row in db.execute(select(status_pages.c.slug, status_pages.c.origin))}


def put_status_pages(db: Connection, pages: Iterable[StatusPage], origin: str) -> None:
    """Write these status pages, over those of the same slugs."""
    rows = [_row_of(page) | {"origin": origin} for page in pages]
    remove_status_pages(db, [row["slug"] for row in rows])
    insert_many(db, status_pages, rows)


def remove_status_pages(db: Connection, slugs: Collection[str] = (), origin: str | None = None) -> None:
    """Forget status pages: those of these slugs, and all of this origin."""
    db.execute(delete(status_pages).where(status_pages.c.slug.in_(slugs) | (status_pages.c.origin == origin)))


def replace_status_pages(db: Connection, pages: Iterable[StatusPage]) -> None:
    """Make these, and no others, the status pages of the file. Those made elsewhere stay, but for these slugs."""
    remove_status_pages(db, origin=ORIGIN)
    put_status_pages(db, pages, ORIGIN)


def _row_of(page: StatusPage) -> dict[str, Any]:
    """`components` is what the release before this one reads; the whole is in `details`."""
    plain = [
        {"name": one.name, "match": one.match, "description": one.description} for one in page.components
    ]
    details = asdict(page)
    return {
        "slug": details.pop("slug"),
        "title": details.pop("title"),
        "components": plain,
        "details": details,
    }


def _status_page(row: Any) -> StatusPage:
    if row.details is None:
        return StatusPage(row.slug, row.title, tuple(Component(**one) for one in row.components))
    details = dict(row.details)
    regions = details.pop("regions")
    return StatusPage(
        row.slug,
        row.title,
        components=tuple(Component(**one) for one in details.pop("components")),
        groups=tuple(Group(**one) for one in details.pop("groups")),
        regions=Regions(**regions) if regions else None,
        **details,
    )
