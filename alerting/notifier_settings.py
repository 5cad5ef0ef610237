"""The SQL of the settings of notifiers, from the configuration file or entered by people."""

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select

from alerting.crew_tables import notifiers
from alerting.notifiers.registry import Setup
from alerting.origin import Origin
from alerting.sql import among


def load(db: Connection, origin: Origin | None = None) -> dict[str, Setup]:
    """Return the setup of each notifier by kind, secrets not filled in; all, or those of one origin."""
    query = select(notifiers).order_by(notifiers.c.kind)
    if origin is not None:
        query = query.where(notifiers.c.origin == origin)
    return {
        row.kind: Setup(row.settings, Origin(row.origin), row.changed_at, row.changed_by)
        for row in db.execute(query)
    }


def replace(db: Connection, settings: Mapping[str, Mapping[str, str]], origin: Origin) -> None:
    """Make these, and no others, the setups of this origin. Others stay, unless their kind is among these."""
    taken = among(db, notifiers.c.kind, list(settings))
    db.execute(delete(notifiers).where(taken | (notifiers.c.origin == origin)))
    rows = [
        {"kind": kind, "settings": dict(values), "origin": origin.value} for kind, values in settings.items()
    ]
    if rows:
        db.execute(insert(notifiers), rows)


def put(db: Connection, kind: str, setup: Setup) -> None:
    """Write a setup, replacing the one of this kind."""
    remove(db, kind)
    db.execute(insert(notifiers).values(kind=kind, **asdict(setup)))


def remove(db: Connection, kind: str) -> None:
    """Delete the setup of a notifier."""
    db.execute(delete(notifiers).where(notifiers.c.kind == kind))
