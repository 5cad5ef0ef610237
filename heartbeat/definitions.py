"""The SQL of the configuration: what the database holds as a `Configuration`, and the rows beside the checks.

Checks have their own room (`store`), people, policies and notifiers theirs downstairs (`alerting.desk`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, select, text

from alerting import desk
from alerting.rows import insert_many
from heartbeat import store
from heartbeat.check import Check
from heartbeat.config import GROUP_BY, ORIGIN, CheckDefinition, Component, Configuration, StatusPage
from heartbeat.tables import ping_keys, status_pages


def load(db: Connection, checks: Iterable[Check]) -> Configuration:
    """What the database holds of the configuration. `checks` are all that there are."""
    return Configuration(
        group_by=group_by(db),
        gathering=store.gathering(db),
        acknowledge_for=store.acknowledge_for(db),
        policy=store.recall(db, "policy"),
        ping_keys={row.name: row.hash for row in db.execute(select(ping_keys))},
        ping_key_references=store.recall(db, "ping_key_references") or {},
        checks={one.slug: CheckDefinition.of(one) for one in checks if one.origin == ORIGIN},
        people=desk.people(db),
        policies=desk.policies(db),
        notifiers=desk.notifiers(db),
        status_pages={row.slug: _status_page(row) for row in db.execute(select(status_pages))},
    )


def group_by(db: Connection) -> tuple[str, ...]:
    """The labels by which checks share an incident."""
    kept = store.recall(db, "group_by")
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
        store.remember(db, key, value)


def replace_ping_keys(db: Connection, hashes: Mapping[str, str]) -> None:
    """Make these, and no others, the ping keys: by name the SHA-256 of each."""
    db.execute(delete(ping_keys))
    insert_many(db, ping_keys, [{"name": name, "hash": hash_} for name, hash_ in hashes.items()])


def replace_status_pages(db: Connection, pages: Iterable[StatusPage]) -> None:
    """Make these, and no others, the status pages."""
    db.execute(delete(status_pages))
    rows = [
        {"slug": page.slug, "title": page.title, "components": [asdict(one) for one in page.components]}
        for page in pages
    ]
    insert_many(db, status_pages, rows)


def _status_page(row: Any) -> StatusPage:
    return StatusPage(row.slug, row.title, tuple(Component(**component) for component in row.components))
