"""Policies that are defined outside of the file, and the choice of the default one."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from alerting import desk
from alerting.escalation import Policy
from heartbeat import audit, installation
from heartbeat.checks import store as check_store
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import export as configuration_export
from heartbeat.definitions import single as single_definition
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import crew
from heartbeat.definitions.kind import Edit, Kind, OwnedByFile


def read(edit: Edit, name: str, fields: Mapping[str, object]) -> Policy:
    """Return the policy that these fields define, as in the file. Raises `Faulty`."""
    return single_definition.read_policy(name, fields, crew.scope(edit.db))


def make_default(edit: Edit, name: str) -> Policy | None:
    """Let a policy page for checks that name none, and return it; None if there is none. Raises `OwnedByFile`."""
    definition_store.wait_for_turn(edit.db)
    policy = desk.policies(edit.db).get(name)
    default = installation.chosen_policy(edit.db)
    if policy is not None and default != name:
        if installation.recall(edit.db, "policy") is not None:
            raise OwnedByFile(
                f"The configuration file names {default} as the default policy: change it there."
            )
        installation.remember(edit.db, "policy_outside", name)
        old, new = {"default": default}, {"default": name}
        audit.record(edit.db, edit.actor, "policy.default", f"policy {name}", edit.now, before=old, after=new)
    return policy


def written(_name: str, policy: Policy) -> dict[str, Any]:
    """Return the policy as `read` takes it."""
    return configuration_export.policy_fields(policy)


def _put(db: Connection, name: str, policy: Policy) -> None:
    if installation.chosen_policy(db) is None:
        # The policy that pages by default keeps doing so: a second one takes no pages away.
        installation.remember(db, "policy_outside", next(iter(desk.policies(db)), name))
    desk.define_policy(db, policy)


def _remove(db: Connection, name: str) -> None:
    desk.forget_policy(db, name)
    if not desk.policies(db):
        installation.forget(db, "policy_outside")


def _used_by(db: Connection, name: str) -> str | None:
    if check := check_store.naming_policy(db, name):
        return f"Check {check} names policy {name}: give it another one first."
    if installation.default_policy(db) != name:
        return None
    if len(desk.policies(db)) > 1:
        return f"Policy {name} is the default: make another one the default first."
    if check := check_store.naming_policy(db, None):
        return f"Policy {name} is the only one, and pages for check {check}: make another one first."
    return None


POLICY = Kind(
    name="policy",
    plural="policies",
    read=read,
    load=desk.policies,
    put=_put,
    remove=_remove,
    written=written,
    limit=definition_entry.MAX_POLICIES,
    used_by=_used_by,
)
