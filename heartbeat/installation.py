"""The SQL of facts about the whole installation, such as the time for which an incident gathers symptoms."""

from collections.abc import Mapping
from datetime import timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from alerting import desk, escalation
from alerting.answer import ACKNOWLEDGED_FOR
from alerting.incident import GATHERING, SETTLING, Pace
from heartbeat.tables import installation

NAME = "name"
"""The fact that holds the installation's name. A migration draws the first one."""


PEERS = "peers"
"""The fact that holds the peers."""
_RECALL = select(installation.c.value).where(installation.c.key == bindparam("key"))


def recall(db: Connection, key: str) -> Any:
    """Return a fact about this installation, or None."""
    return db.execute(_RECALL, {"key": key}).scalar()


def remember(db: Connection, key: str, value: Any) -> None:
    """Store a fact about this installation."""
    db.execute(delete(installation).where(installation.c.key == key))
    db.execute(installation.insert().values(key=key, value=value))


def forget(db: Connection, key: str) -> None:
    """Delete a fact about this installation."""
    db.execute(delete(installation).where(installation.c.key == key))


def name(db: Connection) -> str | None:
    """Return the random name of this installation. Ids outside contain it, so that no two installations share one."""
    drawn: str | None = recall(db, NAME)
    return drawn


def rename(db: Connection) -> None:
    """Draw a new name. A restored copy needs one: the installation that it comes from has gone on under the old one."""
    remember(db, NAME, new_name())


def new_name() -> str:
    """Return a random name."""
    return token_hex(6)


def pace(db: Connection) -> Pace:
    """Return the times for which an incident gathers symptoms, and lets its recovery settle."""
    return Pace(_length(db, "gathering", GATHERING), _length(db, "settling", SETTLING))


def timezone(db: Connection) -> str:
    """Return the time zone of definitions that name none, as the configuration file has it."""
    return recall(db, "timezone") or "UTC"


def peers(db: Connection) -> dict[str, str]:
    """Return the addresses of peers by name, as the configuration file has them."""
    return recall(db, PEERS) or {}


def acknowledge_for(db: Connection) -> timedelta:
    """Return the time for which an acknowledgement keeps an incident quiet."""
    return _length(db, "acknowledge_for", ACKNOWLEDGED_FOR)


def group_failures_by(db: Connection) -> tuple[str, ...]:
    """Return the labels by which failures share incidents; none if each stands alone."""
    return tuple(recall(db, "group_failures_by") or ())


def chosen_policy(db: Connection) -> str | None:
    """Return the default policy that somebody chose: in the configuration file, else outside of it."""
    return _chosen(db, desk.policies(db))


def default_policy(db: Connection) -> str | None:
    """Return the policy of checks that name none: the chosen one, else the first by name."""
    policies = desk.policies(db)
    return escalation.in_force(policies, _chosen(db, policies)).name if policies else None


def _chosen(db: Connection, policies: Mapping[str, escalation.Policy]) -> str | None:
    choices = (recall(db, "policy"), recall(db, "policy_outside"))
    return next((name for name in choices if name in policies), None)


def _length(db: Connection, key: str, default: timedelta) -> timedelta:
    seconds = recall(db, key)
    return default if seconds is None else timedelta(seconds=float(seconds))
