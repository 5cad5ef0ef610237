"""From a configuration to the database: what would change, making it so, and the configuration back again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID, uuid4

from sqlalchemy import Connection

from alerting import desk
from alerting.origin import Origin
from heartbeat import audit
from heartbeat.actor import Actor, Role
from heartbeat.checks import definition, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, State
from heartbeat.definitions import changes
from heartbeat.definitions import export as exporting
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.model import Configuration
from heartbeat.pings import keys as ping_keys

BATCH = 500
"""Checks that one statement names, at most: databases limit the parameters of a statement."""
ALL = 2**31 - 1
WRITTEN_DOWN = 1_000
"""Changes that the audit log keeps of one configuration, at most."""
THE_FILE = Actor("configuration file", Role.ADMIN, "file")
"""Who acts where the configuration is applied at a start or by the command line."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """What lies between the database and a configuration, in words."""

    changes: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether everything is so already."""
        return not self.changes


def difference(db: Connection, wanted: Configuration) -> Plan:
    """What `apply` would change. Only reads."""
    known = {one.slug: one for one in check_store.listed(db, limit=ALL)}
    return _difference(db, definition_store.load(db, known.values()), wanted, known)


def apply(
    db: Connection,
    wanted: Configuration,
    now: datetime,
    new_uuid: Callable[[], UUID] = uuid4,
    actor: Actor = THE_FILE,
) -> Plan:
    """Make it so in the caller's transaction, write down who wanted it, and say what was changed.

    Where it is so already, this only reads and holds nobody up. Of several at a time each waits for its turn.
    """
    if (plan := difference(db, wanted)).empty:
        return plan
    definition_store.wait_for_turn(db)
    known = check_store.lock_all(db)
    kept = definition_store.load(db, known.values())
    plan = _difference(db, kept, wanted, known)
    if not plan.empty:
        _put_rows(db, kept, wanted)
        _put_checks(db, known, wanted, now, new_uuid)
        _write_down(db, actor, plan, now)
    return plan


def export(db: Connection) -> str:
    """The configuration in force, as the text of a heartbeat.yaml that would change nothing.

    What is defined by the API, and checks that their first pings made, are none of it.
    """
    return exporting.written_out(definition_store.load(db, check_store.listed(db, limit=ALL)))


def regroup(db: Connection, moved: Sequence[Check], now: datetime) -> None:
    """Checks that are down and now belong to another group take their symptom to that group's incident."""
    for batch in _batches(moved):
        symptoms.raise_(db, [symptoms.of_down_check(one) for one in batch], now)


def _write_down(db: Connection, actor: Actor, plan: Plan, now: datetime) -> None:
    left_out = len(plan.changes) - WRITTEN_DOWN
    more = [f"and {left_out:,} more"] if left_out > 0 else []
    after = {"changes": [*plan.changes[:WRITTEN_DOWN], *more]}
    audit.record(db, actor, "configuration.apply", "configuration", now, after=after)


def _difference(
    db: Connection, kept: Configuration, wanted: Configuration, known: Mapping[str, Check]
) -> Plan:
    made = definition_store.load(db, known.values(), Origin.API)
    return Plan(tuple(changes.in_words(kept, wanted, known, made)))


def _put_rows(db: Connection, kept: Configuration, wanted: Configuration) -> None:
    """Everything but the checks."""
    definition_store.remember_facts(db, wanted)
    if kept.ping_keys != wanted.ping_keys:
        ping_keys.replace(db, wanted.ping_keys, Origin.FILE)
    if kept.status_pages != wanted.status_pages:
        definition_store.replace_status_pages(db, wanted.status_pages.values())
    if (kept.people, kept.policies, kept.notifiers) != (wanted.people, wanted.policies, wanted.notifiers):
        desk.install(db, wanted.people.values(), wanted.policies.values(), wanted.notifiers)


def _put_checks(
    db: Connection,
    known: Mapping[str, Check],
    wanted: Configuration,
    now: datetime,
    new_uuid: Callable[[], UUID],
) -> None:
    gone = [one for one in known.values() if one.origin == Origin.FILE and one.slug not in wanted.checks]
    _forget(db, gone, now, wanted)
    staying = [one for slug, one in known.items() if one.origin != Origin.FILE or slug in wanted.checks]
    redefined = [
        (before, definition.redefined(before, wanted.checks.get(before.slug), wanted.group_by, now))
        for before in staying
    ]
    check_store.save_definitions(db, [after for before, after in redefined if after is not before])
    moved = [after for before, after in redefined if after.group_key != before.group_key]
    regroup(db, [one for one in moved if one.state is State.DOWN], now)
    missing = [one for slug, one in wanted.checks.items() if slug not in known]
    fresh = [definition.new_check(one, wanted.group_by, now, new_uuid()) for one in missing]
    if len(check_store.insert(db, fresh)) < len(fresh):
        # A first ping has made one of them since we looked. It is there now, and is taken over.
        _put_checks(db, check_store.lock_all(db), wanted, now, new_uuid)


def _forget(db: Connection, gone: Sequence[Check], now: datetime, wanted: Configuration) -> None:
    """Delete checks; an incident that was about them ends or goes on without them."""
    down = [symptoms.key_of(one) for one in gone if one.state is State.DOWN]
    for keys in _batches(down):
        desk.clear(db, dict.fromkeys(keys, "deleted from the configuration"), now, wanted.gathering)
    for batch in _batches(gone):
        check_store.remove(db, [one.id for one in batch])


def _batches(every: Sequence[T]) -> Iterator[Sequence[T]]:
    return (every[start : start + BATCH] for start in range(0, len(every), BATCH))
