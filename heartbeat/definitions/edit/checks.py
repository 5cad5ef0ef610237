"""Checks that are defined outside of the file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection

from alerting import desk, times
from heartbeat import audit, installation
from heartbeat.actor import Actor
from heartbeat.checks import actions, definition, former_slugs, level_store, parents
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Check
from heartbeat.checks.definition import CheckDefinition
from heartbeat.definitions import dependencies
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

    A check that does not exist, and whose `formerly` names one that does, is that check under a new name. A new
    schedule counts from `now`. A check that is down takes its symptom to the incident of its new group. A check that
    its first ping made is taken over. Raises `OwnedByFile`, and `Faulty` if its policy is missing or a name is taken.
    """
    definition_store.wait_for_turn(db)
    _require_policy(db, target)
    previous = locked(db, slug) or _renamed(db, target)
    _require_names(db, target, previous)
    _require_parents(db, target, previous)
    group_by, label_rules = level_store.group_by(db), definition_store.label_rules(db)
    if previous is None:
        new_check = definition.new_check(target, group_by, label_rules, now, new_uuid())
        if check_store.insert(db, [new_check]):
            audit.record(db, actor, "check.make", f"check {slug}", now, after=written(target))
            return DefinedCheck(_existing(db, slug), None)
        previous = _existing(db, slug)  # Its first ping has made it since we looked.
    refuse_if_declared(previous, f"check {slug}", "change")
    current = definition.redefined(previous, target, group_by, label_rules, now)
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
    old, new = written(CheckDefinition.of(previous)), written(CheckDefinition.of(current))
    audit.record(db, actor, "check.change", f"check {current.slug}", now, before=old, after=new)


def _require_policy(db: Connection, target: CheckDefinition) -> None:
    """Check the policy again in our turn: it may have been deleted since the definition was read."""
    if target.policy is not None:
        try:
            definition_entry.named(desk.policies(db), "policy")(target.policy)
        except ValueError as error:
            raise Faulty([f"policy: {error}"]) from None


def _renamed(db: Connection, target: CheckDefinition) -> Check | None:
    """Return the check that gets this definition's name, locked; None if none of its former names exists."""
    checks = check_store.lock_slugs(db, target.formerly) if target.formerly else []
    if len(checks) > 1:
        names = times.names([check.slug for check in checks])
        raise Faulty([f"formerly: {names} all exist; only one check can become {target.slug}."])
    return checks[0] if checks else None


def _require_names(db: Connection, target: CheckDefinition, previous: Check | None) -> None:
    """Raise `Faulty` if the name or a former name belongs to another check."""
    slug, own = target.slug, () if previous is None else (previous.slug, *previous.formerly)
    if slug in target.formerly:
        raise Faulty(["formerly: names the check itself; leave that out."])
    for former, owner in former_slugs.owners(db, [slug, *target.formerly]).items():
        if previous is None or owner != previous.slug:
            place = "slug" if former == slug else "formerly"
            raise Faulty(
                [
                    f"{place}: {former} is a former name of {owner}, and its pings go there; remove it there first."
                ]
            )
    for other in check_store.lock_slugs(db, target.formerly) if target.formerly else []:
        if other.slug not in own:
            raise Faulty(
                [f"formerly: there is still a check {other.slug}, whose pings are its own; delete it first."]
            )


def _require_parents(db: Connection, target: CheckDefinition, previous: Check | None) -> None:
    """Raise `Faulty` if the check runs after one that does not exist, or that waits for it."""
    if not target.after:
        return
    own = () if previous is None else (previous.slug, *previous.formerly)
    names = {*parents.ids_by_name(db, target.after.names), *target.formerly} - set(own)
    others = [check for check in parents.children(db) if check.slug not in own]
    for _, fault in dependencies.faults([target], others, names):
        raise Faulty([f"after: {fault}"])


def _existing(db: Connection, slug: str) -> Check:
    check = locked(db, slug)
    if check is None:
        raise LookupError(f"check {slug} has gone within its own transaction.")
    return check
