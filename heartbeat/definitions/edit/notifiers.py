"""Notifiers that are set up outside of the file. Their secrets are encrypted before they are written."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import httpx
from sqlalchemy import Connection

from alerting import desk
from alerting.notifiers import registry
from alerting.notifiers.registry import Setup
from alerting.origin import Origin
from heartbeat import audit, vault
from heartbeat.actor import Actor
from heartbeat.definitions import single as single_definition
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.changes import CONCEALED
from heartbeat.definitions.edit.ownership import InUse, refuse_if_declared
from heartbeat.definitions.single import Around, Faulty
from heartbeat.vault import Vault


def read(
    db: Connection, keys: Vault, actor: Actor, kind: str, given: Mapping[str, object], now: datetime
) -> Setup:
    """How the notifier is to be set up by these fields, which are those that the file has for it.

    Secrets are given in clear and never shown again. Null in their place keeps the one that there is. Raises `Faulty`.
    """
    kept = desk.notifier_settings.load(db).get(kind)
    filled = {name: _kept(kind, name, kept, keys) if text is None else text for name, text in given.items()}
    found = single_definition.read_notifier(kind, filled, Around(kinds=registry.installed().kinds))
    sealed = {name: _sealed(kind, name, text, kept, keys) for name, text in found.items()}
    return Setup(sealed, Origin.API, now, actor.name)


def define(db: Connection, actor: Actor, kind: str, wanted: Setup, now: datetime) -> Setup:
    """Set the notifier up. The same once more changes nothing. Raises `OwnedByFile`. Gives back what there is now."""
    definition_store.wait_for_turn(db)
    before = desk.notifier_settings.load(db).get(kind)
    refuse_if_declared(before, f"notifier {kind}", "change")
    if before is not None and before.settings == wanted.settings:
        return before
    desk.notifier_settings.put(db, kind, wanted)
    deed, was = ("make", None) if before is None else ("change", written(kind, before))
    audit.record(
        db, actor, f"notifier.{deed}", f"notifier {kind}", now, before=was, after=written(kind, wanted)
    )
    return wanted


def delete(db: Connection, actor: Actor, kind: str, now: datetime) -> Setup | None:
    """Forget how a notifier is set up; None where it is not. Raises `OwnedByFile`, and `InUse` where a person is
    reached by it and it cannot do without."""
    definition_store.wait_for_turn(db)
    before = desk.notifier_settings.load(db).get(kind)
    if before is not None:
        refuse_if_declared(before, f"notifier {kind}", "delete")
        reached = [one.id for one in desk.people(db).values() if any(c.kind == kind for c in one.contacts)]
        if reached and _needs_settings(kind):
            raise InUse(f"Person {reached[0]} is reached by {kind}: take that contact away first.")
        desk.notifier_settings.remove(db, kind)
        audit.record(db, actor, "notifier.delete", f"notifier {kind}", now, before=written(kind, before))
    return before


def written(kind: str, setup: Setup) -> dict[str, Any]:
    """The settings as `read` takes them, without secrets."""
    return {name: CONCEALED if is_secret(kind, name) else text for name, text in setup.settings.items()}


def is_secret(kind: str, name: str) -> bool:
    """Whether a setting is one that nobody may read. Of a kind that is not installed nothing is known."""
    notifier = registry.installed().kinds.get(kind)
    return notifier is None or name in notifier.secret_settings


def _kept(kind: str, name: str, kept: Setup | None, keys: Vault) -> str:
    if kept is None or kept.origin != Origin.API or name not in kept.settings:
        raise Faulty([f"notifier {kind}.{name}: there is no value to keep; write one."])
    return _clear(kind, name, kept, keys)


def _clear(kind: str, name: str, kept: Setup, keys: Vault) -> str:
    text = kept.settings[name]
    try:
        return keys.open(text, registry.about(kind, name)) if vault.is_sealed(text) else text
    except vault.Unreadable as error:
        raise Faulty([f"notifier {kind}.{name}: {error}"]) from None


def _sealed(kind: str, name: str, text: str, kept: Setup | None, keys: Vault) -> str:
    """The setting as it is written down; the same secret once more is not encrypted anew."""
    if not is_secret(kind, name):
        return text
    if kept is not None and vault.is_sealed(kept.settings.get(name, "")):
        # One that no key opens any more is not the same: whoever enters it again must be able to.
        with suppress(Faulty):
            if _clear(kind, name, kept, keys) == text:
                return kept.settings[name]
    return keys.seal(text, registry.about(kind, name))


def _needs_settings(kind: str) -> bool:
    nowhere = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503)))
    return kind not in registry.assemble({}, nowhere)
