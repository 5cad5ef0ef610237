"""Checks that are defined outside of the file."""

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
from heartbeat.definitions.kind import refuse_if_declared
from heartbeat.definitions.single import Faulty, Scope, read_check


@dataclass(frozen=True, slots=True)
class DefinedCheck:
    """A check as it is now, and as it was: None if it was made just now."""

    check: Check
    before: Check | None

    @property
    def changed(self) -> bool:
        """True if anything is different."""
        return self.check is not self.before


def read(db: Connection, slug: str, fields: Mapping[str, object]) -> CheckDefinition:
    """Return the definition from its fields, which are those of the file under `checks`. Raises `Faulty`."""
    scope = Scope(policies=desk.policies(db), policy=installation.chosen_policy(db))
    return read_check(slug, fields, scope)


def define(
    db: Connection,
    actor: Actor,
    slug: str,
    target: CheckDefinition,
    now: datetime,
    new_uuid: Callable[[], UUID] = uuid4,
) -> DefinedCheck:
    """Add the check, or change it. Equal fields change nothing.

    A new schedule counts from `now`. A check that is down takes its symptom to the incident of its new group. A check
    that its first ping made is taken over. Raises `OwnedByFile`, and `Faulty` if its policy is missing.
    """
    definition_store.wait_for_turn(db)
    _require_policy(db, target)
    previous = locked(db, slug)
    if previous is None:
        new_check = definition.new_check(target, definition_store.group_by(db), now, new_uuid())
        if check_store.insert(db, [new_check]):
            audit.record(db, actor, "check.make", f"check {slug}", now, after=written(target))
            return DefinedCheck(_existing(db, slug), None)
        previous = _existing(db, slug)  # Its first ping has made it since we looked.
    refuse_if_declared(previous, f"check {slug}", "change")
    current = definition.redefined(previous, target, definition_store.group_by(db), now)
    if current is not previous:
        _save(db, actor, previous, current, now)
    return DefinedCheck(current, previous)


def delete(db: Connection, actor: Actor, name: str | UUID, now: datetime) -> Check | None:
    """Stop watching a check and delete it. Its incident says so. Return None if there is no such check.

    Raises `OwnedByFile`.
    """
    check = locked(db, name)
    if check is None:
        return None
    refuse_if_declared(check, f"check {check.slug}", "delete")
    return actions.delete(db, check.slug, actor, now)


def locked(db: Connection, name: str | UUID) -> Check | None:
    """Return the check of this slug or uuid, locked until the transaction ends."""
    check = check_store.load(db, name)
    checks = check_store.lock(db, [check.id]) if check else []
    return checks[0] if checks else None


def written(check: CheckDefinition) -> dict[str, Any]:
    """Return the definition as `read` takes it, and as the file has it."""
    return definition.written(check)


def _save(db: Connection, actor: Actor, previous: Check, current: Check, now: datetime) -> None:
    check_store.save_definitions(db, [current])
    if current.state is State.DOWN and current.group_key != previous.group_key:
        symptoms.raise_(db, [symptoms.of_down_check(current)], now)
    old, new = written(CheckDefinition.of(previous)), written(CheckDefinition.of(current))
    audit.record(db, actor, "check.change", f"check {current.slug}", now, before=old, after=new)


def _require_policy(db: Connection, target: CheckDefinition) -> None:
    """Check the policy again in our turn: it may have been deleted since the definition was read."""
    if target.policy is not None:
        try:
            definition_entry.named(desk.policies(db), "policy")(target.policy)
        except ValueError as error:
            raise Faulty([f"policy: {error}"]) from None


def _existing(db: Connection, slug: str) -> Check:
    check = locked(db, slug)
    if check is None:
        raise LookupError(f"check {slug} has gone within its own transaction.")
    return check
