"""Checks that are defined outside of the file: made, changed, deleted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection

from alerting import desk
from heartbeat import audit, installation
from heartbeat.actor import Actor
from heartbeat.checks import actions, definition, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check, State
from heartbeat.checks.definition import CheckDefinition
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit.ownership import refuse_if_declared
from heartbeat.definitions.single import Around, Faulty, read_check


@dataclass(frozen=True, slots=True)
class Defined:
    """The check as it is now, and as it was: None where it was made just now."""

    check: Check
    before: Check | None

    @property
    def changed(self) -> bool:
        """Whether anything is different."""
        return self.check is not self.before


def read(db: Connection, slug: str, given: Mapping[str, object]) -> CheckDefinition:
    """What these fields define, which are those that the file has under `checks`. Raises `Faulty`."""
    around = Around(policies=desk.policies(db), policy=installation.chosen_policy(db))
    return read_check(slug, given, around)


def define(
    db: Connection,
    actor: Actor,
    slug: str,
    wanted: CheckDefinition,
    now: datetime,
    new_uuid: Callable[[], UUID] = uuid4,
) -> Defined:
    """Make the check so, or make it. The same once more changes nothing.

    A new schedule is expected from `now` on; a check that is down takes its symptom to the incident of its new
    group. What its first ping had made is taken over. Raises `OwnedByFile`, and `Faulty` where there is no such
    policy.
    """
    definition_store.wait_for_turn(db)
    _require_policy(db, wanted)
    before = locked(db, slug)
    if before is None:
        fresh = definition.new_check(wanted, definition_store.group_by(db), now, new_uuid())
        if check_store.insert(db, [fresh]):
            audit.record(db, actor, "check.make", f"check {slug}", now, after=written(wanted))
            return Defined(_there(db, slug), None)
        before = _there(db, slug)  # Its first ping has made it since we looked.
    refuse_if_declared(before, f"check {slug}", "change")
    after = definition.redefined(before, wanted, definition_store.group_by(db), now)
    if after is not before:
        _save(db, actor, before, after, now)
    return Defined(after, before)


def delete(db: Connection, actor: Actor, name: str | UUID, now: datetime) -> Check | None:
    """End the watch over a check and forget it. Its incident says so; None where there is no such check.

    Raises `OwnedByFile`.
    """
    there = locked(db, name)
    if there is None:
        return None
    refuse_if_declared(there, f"check {there.slug}", "delete")
    return actions.delete(db, there.slug, actor, now)


def locked(db: Connection, name: str | UUID) -> Check | None:
    """The check of this slug or uuid, locked until the transaction ends."""
    found = check_store.load(db, name)
    held = check_store.lock(db, [found.id]) if found else []
    return held[0] if held else None


def written(one: CheckDefinition) -> dict[str, Any]:
    """The definition as `read` takes it, and as the file would have it."""
    return definition.written(one)


def _save(db: Connection, actor: Actor, before: Check, after: Check, now: datetime) -> None:
    check_store.save_definitions(db, [after])
    if after.state is State.DOWN and after.group_key != before.group_key:
        symptoms.raise_(db, [symptoms.of_down_check(after)], now)
    was, now_is = written(CheckDefinition.of(before)), written(CheckDefinition.of(after))
    audit.record(db, actor, "check.change", f"check {after.slug}", now, before=was, after=now_is)


def _require_policy(db: Connection, wanted: CheckDefinition) -> None:
    """Once more in its turn: the policy may have gone since the definition was read."""
    if wanted.policy is not None:
        try:
            definition_entry.named(desk.policies(db), "policy")(wanted.policy)
        except ValueError as error:
            raise Faulty([f"policy: {error}"]) from None


def _there(db: Connection, slug: str) -> Check:
    found = locked(db, slug)
    if found is None:
        raise LookupError(f"check {slug} has gone within its own transaction.")
    return found
