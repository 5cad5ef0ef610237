"""The SQL of the configuration: what the database holds as a `Configuration`, and its rows of status pages.

Checks, ping keys, and people, policies and notifiers have stores of their own.
"""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, select, text

from alerting import desk
from alerting.origin import Origin
from alerting.sql import insert_many
from heartbeat import audit, installation
from heartbeat.checks import definition as check_definition
from heartbeat.checks import level, level_store
from heartbeat.checks.check import Check
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.rule import LabelRule
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.sources import Sources
from heartbeat.definitions.status_page import DELAYED, UNDER_WAY, Component, Group, Regions, StatusPage
from heartbeat.definitions.tables import status_pages
from heartbeat.pings import keys as ping_keys

TARGET = "configuration"
"""The name of the whole configuration in the audit log."""
_NEW_FIELDS = {"silent_means": DELAYED, "progress": "", "progress_says": UNDER_WAY}
"""The fields of a component that the previous release does not know, with their defaults."""
_SOURCES = "configuration_sources"


def load(db: Connection, checks: Iterable[Check], origin: Origin = Origin.FILE) -> Configuration:
    """Return the stored configuration of the file, or the definitions of another origin. `checks` are all checks."""
    pace, everybody = installation.pace(db), desk.defined_people(db, origin)
    return Configuration(
        timezone=installation.timezone(db),
        group_by=level_store.group_by(db),
        group_failures_by=installation.group_failures_by(db),
        gathering=pace.gathering,
        settling=pace.settling,
        acknowledge_for=installation.acknowledge_for(db),
        rules=label_rules(db),
        policy=installation.recall(db, "policy"),
        catch_all=_catch_all(db, origin),
        ping_keys={key.name: key.hash for key in ping_keys.listed(db, origin)},
        ping_key_references=installation.recall(db, "ping_key_references") or {},
        peers=installation.peers(db) if origin == Origin.FILE else {},
        checks={check.slug: CheckDefinition.of(check) for check in checks if check.origin == origin},
        people={name: person for name, person in everybody.items() if not person.channel},
        channels={name: person for name, person in everybody.items() if person.channel},
        rotations=desk.rotations(db, origin),
        teams=desk.teams(db, origin),
        policies=desk.policies(db, origin),
        notifiers=desk.notifiers(db, origin),
        status_pages=status_pages_of(db, origin),
    )


def _catch_all(db: Connection, origin: Origin) -> tuple[str, ...]:
    stored = desk.catch_all(db)
    return stored.names if stored and stored.origin == origin else ()


def label_rules(db: Connection) -> tuple[LabelRule, ...]:
    """Return the rules for checks with certain labels."""
    return check_definition.label_rules_of(installation.recall(db, check_definition.LABEL_RULES))


def last_change(db: Connection) -> int | None:
    """Return the number of the last change of the configuration in the audit log."""
    return audit.newest(db, TARGET)


def remember_sources(db: Connection, sources: Sources, change: int | None) -> None:
    """Store the sources of the configuration that is in force since this change."""
    fact = {"names": sources.names, "mark": sources.mark, "change": change}
    if installation.recall(db, _SOURCES) != fact:
        installation.remember(db, _SOURCES, fact)


def sources(db: Connection) -> Sources | None:
    """Return the sources of the configuration in force. None if another release applied it, which stores none."""
    fact = installation.recall(db, _SOURCES)
    if fact is None or fact["change"] != last_change(db):
        return None
    return Sources(fact["names"], fact["mark"])


def wait_for_turn(db: Connection) -> None:
    """Keep others from defining anything until the transaction ends. SQLite has one writer anyway."""
    if db.dialect.name == "postgresql":
        db.execute(text("LOCK TABLE ping_keys, status_pages IN SHARE ROW EXCLUSIVE MODE"))


def remember_facts(db: Connection, configuration: Configuration) -> None:
    """Store the settings at the top of the configuration. Lengths of time are in seconds."""
    facts: dict[str, Any] = {
        "timezone": configuration.timezone,
        "group_by": level.to_json(configuration.group_by),
        "group_failures_by": list(configuration.group_failures_by),
        "gathering": configuration.gathering.total_seconds(),
        "settling": configuration.settling.total_seconds(),
        "acknowledge_for": configuration.acknowledge_for.total_seconds(),
        "policy": configuration.policy,
        check_definition.LABEL_RULES: check_definition.label_rules_json(configuration.rules),
        "ping_key_references": configuration.ping_key_references,
        installation.PEERS: configuration.peers,
    }
    for key, value in facts.items():
        installation.remember(db, key, value)


def status_pages_of(db: Connection, origin: str | None = None) -> dict[str, StatusPage]:
    """Return the status pages by slug: all, or those of one origin."""
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
    """Delete status pages: those of these slugs, and all of this origin."""
    db.execute(delete(status_pages).where(status_pages.c.slug.in_(slugs) | (status_pages.c.origin == origin)))


def replace_status_pages(db: Connection, pages: Iterable[StatusPage]) -> None:
    """Make these the only status pages of the file. Others stay, unless they have one of these slugs."""
    remove_status_pages(db, origin=Origin.FILE)
    put_status_pages(db, pages)


def _row_of(page: StatusPage) -> dict[str, Any]:
    """Return the row of a page. The previous release reads `components`; `details` has the whole definition."""
    plain = [
        {"name": component.name, "match": component.match, "description": component.description}
        for component in page.components
    ]
    details = asdict(page)
    for component in details["components"]:
        for name, default in _NEW_FIELDS.items():
            if component[name] == default:
                del component[name]
    return {
        "slug": details.pop("slug"),
        "title": details.pop("title"),
        "origin": details.pop("origin").value,
        "components": plain,
        "details": details,
    }


def _status_page(row: Any) -> StatusPage:
    if row.details is None:
        components = tuple(Component(**item) for item in row.components)
        return StatusPage(row.slug, row.title, components, origin=Origin(row.origin))
    details = dict(row.details)
    regions = details.pop("regions")
    return StatusPage(
        row.slug,
        row.title,
        components=tuple(Component(**item) for item in details.pop("components")),
        groups=tuple(Group(**item) for item in details.pop("groups")),
        regions=Regions(**regions) if regions else None,
        **details,
        origin=Origin(row.origin),
    )
