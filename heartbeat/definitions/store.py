"""The SQL of the configuration: what the database holds as a `Configuration`, and the rows beside the checks.

Checks have their own room (`store`), ping keys theirs (`pings.keys`), people, policies and notifiers theirs
downstairs (`alerting.desk`).
"""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, select, text

from alerting import desk
from alerting.origin import Origin
from alerting.sql import insert_many
from heartbeat import installation
from heartbeat.checks.cause import GROUP_BY
from heartbeat.checks.check import Check
from heartbeat.checks.definition import CheckDefinition
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.status_page import Component, Group, Regions, StatusPage
from heartbeat.definitions.tables import status_pages
from heartbeat.pings import keys as ping_keys


def load(db: Connection, checks: Iterable[Check], origin: Origin = Origin.FILE) -> Configuration:
    """What the database holds of the configuration file; or what another origin has made. `checks` are all
    that there are."""
    return Configuration(
        group_by=group_by(db),
        gathering=installation.gathering(db),
        acknowledge_for=installation.acknowledge_for(db),
        policy=installation.recall(db, "policy"),
        ping_keys={key.name: key.hash for key in ping_keys.listed(db, origin)},
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


def status_pages_of(db: Connection, origin: str | None = None) -> dict[str, StatusPage]:
    """The status pages by slug, or those of one origin."""
    query = select(status_pages).order_by(status_pages.c.slug)
    if origin is not None:
        query = query.where(status_pages.c.origin == origin)
    return {row.slug: _status_page(row) for row in db.execute(query)}


def put_status_pages(db: Connection, pages: Iterable[StatusPage]) -> None:
    """Write these status pages, over those of the same slugs."""
    rows = [_row_of(page) for page in pages]
    remove_status_pages(db, [row["slug"] for row in rows])
    insert_many(db, status_pages, rows)


def remove_status_pages(db: Connection, slugs: Collection[str] = (), origin: Origin | None = None) -> None:
    """Forget status pages: those of these slugs, and all of this origin."""
    db.execute(delete(status_pages).where(status_pages.c.slug.in_(slugs) | (status_pages.c.origin == origin)))


def replace_status_pages(db: Connection, pages: Iterable[StatusPage]) -> None:
    """Make these, and no others, the status pages of the file. Those made elsewhere stay, but for these slugs."""
    remove_status_pages(db, origin=Origin.FILE)
    put_status_pages(db, pages)


def _row_of(page: StatusPage) -> dict[str, Any]:
    """`components` is what the release before this one reads; the whole is in `details`."""
    plain = [
        {"name": one.name, "match": one.match, "description": one.description} for one in page.components
    ]
    details = asdict(page)
    return {
        "slug": details.pop("slug"),
        "title": details.pop("title"),
        "origin": details.pop("origin").value,
        "components": plain,
        "details": details,
    }


def _status_page(row: Any) -> StatusPage:
    if row.details is None:
        components = tuple(Component(**one) for one in row.components)
        return StatusPage(row.slug, row.title, components, origin=Origin(row.origin))
    details = dict(row.details)
    regions = details.pop("regions")
    return StatusPage(
        row.slug,
        row.title,
        components=tuple(Component(**one) for one in details.pop("components")),
        groups=tuple(Group(**one) for one in details.pop("groups")),
        regions=Regions(**regions) if regions else None,
        **details,
        origin=Origin(row.origin),
    )
