"""Policies that are defined outside of the file."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from alerting import desk
from alerting.escalation import Policy
from heartbeat import audit, installation
from heartbeat.actor import Actor
from heartbeat.checks import store as check_store
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import export as configuration_export
from heartbeat.definitions import single as single_definition
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit.ownership import InUse, OwnedByFile, refuse_if_declared
from heartbeat.definitions.single import Around, Faulty


def read(db: Connection, name: str, given: Mapping[str, object]) -> Policy:
    """What these fields define: `steps`, as the file has them. Raises `Faulty`."""
    return single_definition.read_policy(name, given, Around(people=desk.people(db)))


def define(db: Connection, actor: Actor, wanted: Policy, now: datetime) -> Policy | None:
    """Make the policy so, or add it. The same once more changes nothing. Open incidents keep their steps.

    The first policy of an installation becomes the default, so that a second one takes nobody's pages away.
    Gives back the policy as it was, None where it is new. Raises `OwnedByFile`, and `Faulty` where somebody whom
    it pages has gone.
    """
    definition_store.wait_for_turn(db)
    _require_people(db, wanted)
    every = desk.policies(db)
    before = every.get(wanted.name)
    refuse_if_declared(before, f"policy {wanted.name}", "change")
    if before is None and len(every) >= definition_entry.MAX_POLICIES:
        raise Faulty(
            [f"policy {wanted.name}: there are {definition_entry.MAX_POLICIES:,}, and can be no more."]
        )
    if before != wanted:
        desk.define_policy(db, wanted)
        deed, was = ("make", None) if before is None else ("change", written(before))
        target = f"policy {wanted.name}"
        audit.record(db, actor, f"policy.{deed}", target, now, before=was, after=written(wanted))
    if installation.chosen_policy(db) is None:
        installation.remember(db, "policy_outside", next(iter(every), wanted.name))
    return before


def make_default(db: Connection, actor: Actor, name: str, now: datetime) -> Policy | None:
    """Let it page for checks that name no policy; None where there is none. Raises `OwnedByFile`."""
    definition_store.wait_for_turn(db)
    found = desk.policies(db).get(name)
    before = installation.chosen_policy(db)
    if found is not None and before != name:
        if installation.recall(db, "policy") is not None:
            raise OwnedByFile(
                f"The configuration file names {before} as the default policy: change it there."
            )
        installation.remember(db, "policy_outside", name)
        was, is_now = {"default": before}, {"default": name}
        audit.record(db, actor, "policy.default", f"policy {name}", now, before=was, after=is_now)
    return found


def delete(db: Connection, actor: Actor, name: str, now: datetime) -> Policy | None:
    """Forget a policy; None where there is none.

    Raises `OwnedByFile`, and `InUse` where a check names it, or needs it as the default.
    """
    definition_store.wait_for_turn(db)
    before = desk.policies(db).get(name)
    if before is None:
        return None
    refuse_if_declared(before, f"policy {name}", "delete")
    if check := check_store.naming_policy(db, name):
        raise InUse(f"Check {check} names policy {name}: give it another one first.")
    _leave_default(db, name)
    desk.forget_policy(db, name)
    audit.record(db, actor, "policy.delete", f"policy {name}", now, before=written(before))
    return before


def written(one: Policy) -> dict[str, Any]:
    """The policy as `read` takes it."""
    return {"steps": configuration_export.steps(one)}


def _leave_default(db: Connection, name: str) -> None:
    """The default policy goes only as the last one, and where no check needs it."""
    if installation.default_policy(db) != name:
        return
    if len(desk.policies(db)) > 1:
        raise InUse(f"Policy {name} is the default: make another one the default first.")
    if check := check_store.naming_policy(db, None):
        raise InUse(f"Policy {name} is the only one, and pages for check {check}: make another one first.")
    installation.forget(db, "policy_outside")


def _require_people(db: Connection, wanted: Policy) -> None:
    """Once more in its turn: somebody may have gone since the definition was read."""
    known = desk.people(db)
    for place, step in enumerate(wanted.steps):
        for name in step.targets:
            try:
                definition_entry.named(known, "person")(name)
            except ValueError as error:
                raise Faulty([f"steps[{place}].page: {error}"]) from None
