"""The SQL of what is known of this installation as a whole, such as how long an incident gathers symptoms."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, delete, select

from alerting import desk, escalation
from alerting.incident import ACKNOWLEDGED_FOR, GATHERING
from heartbeat.tables import installation


def recall(db: Connection, key: str) -> Any:
    """A fact about this installation, or None."""
    return db.execute(select(installation.c.value).where(installation.c.key == key)).scalar()


def remember(db: Connection, key: str, value: Any) -> None:
    """Keep a fact about this installation."""
    db.execute(delete(installation).where(installation.c.key == key))
    db.execute(installation.insert().values(key=key, value=value))


def forget(db: Connection, key: str) -> None:
    """Keep a fact about this installation no longer."""
    db.execute(delete(installation).where(installation.c.key == key))


def gathering(db: Connection) -> timedelta:
    """How long an incident gathers symptoms before its first page."""
    kept = recall(db, "gathering")
    return GATHERING if kept is None else timedelta(seconds=float(kept))


def acknowledge_for(db: Connection) -> timedelta:
    """How long an acknowledgement keeps an incident quiet."""
    kept = recall(db, "acknowledge_for")
    return ACKNOWLEDGED_FOR if kept is None else timedelta(seconds=float(kept))


def chosen_policy(db: Connection) -> str | None:
    """Return the default policy that was chosen: in the configuration file, else outside of it."""
    policies = desk.policies(db)
    choices = (recall(db, "policy"), recall(db, "policy_outside"))
    return next((name for name in choices if name in policies), None)


def default_policy(db: Connection) -> str | None:
    """Return the policy of checks that name none: the chosen one, else the first by name."""
    policies = desk.policies(db)
    return escalation.in_force(policies, chosen_policy(db)).name if policies else None
