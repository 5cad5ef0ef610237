"""Notifiers that are set up outside of the file. Their secrets are encrypted before they are stored."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx
from sqlalchemy import Connection

from alerting import desk
from alerting.notifiers import registry
from alerting.notifiers.registry import Setup
from alerting.origin import Origin
from heartbeat import vault
from heartbeat.definitions import single as single_definition
from heartbeat.definitions.changes import CONCEALED
from heartbeat.definitions.kind import Edit, Kind
from heartbeat.definitions.single import Faulty, Scope
from heartbeat.vault import Vault


def read(edit: Edit, kind: str, fields: Mapping[str, object]) -> Setup:
    """Return the setup of a notifier from its settings, which are those of the file. Raises `Faulty`.

    Secrets are given in clear and never shown again. Null in their place keeps the stored one.
    """
    stored, keys = desk.notifier_settings.load(edit.db).get(kind), edit.vault
    filled = {
        name: _stored(kind, name, stored, keys) if text is None else text for name, text in fields.items()
    }
    settings = single_definition.read_notifier(kind, filled, Scope(kinds=registry.installed().kinds))
    sealed = {name: _sealed(kind, name, text, stored, keys) for name, text in settings.items()}
    return Setup(sealed, Origin.API, edit.now, edit.actor.name)


def written(kind: str, setup: Setup) -> dict[str, Any]:
    """Return the settings as `read` takes them, without secrets."""
    return {name: CONCEALED if is_secret(kind, name) else text for name, text in setup.settings.items()}


def is_secret(kind: str, name: str) -> bool:
    """True if nobody may read the setting. Settings of kinds that are not installed count as secret."""
    notifier = registry.installed().kinds.get(kind)
    return notifier is None or name in notifier.secret_settings


def _stored(kind: str, name: str, stored: Setup | None, keys: Vault) -> str:
    if stored is None or stored.origin != Origin.API or name not in stored.settings:
        raise Faulty([f"notifier {kind}.{name}: there is no value to keep; write one."])
    return _clear(kind, name, stored, keys)


def _clear(kind: str, name: str, stored: Setup, keys: Vault) -> str:
    text = stored.settings[name]
    try:
        return keys.open(text, registry.about(kind, name)) if vault.is_sealed(text) else text
    except vault.Unreadable as error:
        raise Faulty([f"notifier {kind}.{name}: {error}"]) from None


def _sealed(kind: str, name: str, text: str, stored: Setup | None, keys: Vault) -> str:
    """Return the setting, encrypted if it is secret. An equal stored secret is not encrypted again."""
    if not is_secret(kind, name):
        return text
    if stored is not None and vault.is_sealed(stored.settings.get(name, "")):
        # One that no key opens any more is not the same: whoever enters it again must be able to.
        with suppress(Faulty):
            if _clear(kind, name, stored, keys) == text:
                return stored.settings[name]
    return keys.seal(text, registry.about(kind, name))


def _used_by(db: Connection, kind: str) -> str | None:
    people = desk.people(db).values()
    reached = (person.id for person in people if any(contact.kind == kind for contact in person.all_contacts))
    person = next(reached, None)
    if person is None or not _needs_settings(kind):
        return None
    return f"Person {person} is reached by {kind}: take that contact away first."


def _needs_settings(kind: str) -> bool:
    nowhere = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503)))
    return kind not in registry.assemble({}, nowhere)


NOTIFIER = Kind(
    name="notifier",
    plural="notifiers",
    read=read,
    load=desk.notifier_settings.load,
    put=desk.notifier_settings.put,
    remove=desk.notifier_settings.remove,
    written=written,
    used_by=_used_by,
    same=lambda previous, current: previous.settings == current.settings,
)
