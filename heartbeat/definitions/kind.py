"""Definitions of every kind outside of the file, edited by the same rules: defined, changed, deleted.

A `Kind` says how its definitions are read, kept and written down. `define` and `delete` do the rest. They work inside
the caller's transaction, refuse definitions that the file owns, and record each change in the audit log.
"""

import operator
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection

from alerting.origin import Origin
from heartbeat import audit
from heartbeat.actor import Actor
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.single import Faulty
from heartbeat.vault import Vault


class OwnedByFile(Exception):
    """The configuration file owns the definition, so only the file can change it."""


class InUse(Exception):
    """Another definition uses this one, so it cannot be deleted."""


class Owned(Protocol):
    """A definition that knows its owner."""

    @property
    def origin(self) -> Origin:
        """The owner."""


D = TypeVar("D", bound=Owned)


@dataclass(frozen=True, slots=True)
class Edit:
    """The circumstances of an edit: its transaction, author and time, and the keys that encrypt secrets."""

    db: Connection
    actor: Actor
    now: datetime
    vault: Vault


@dataclass(frozen=True, slots=True)
class Defined(Generic[D]):
    """A definition as it is now, and as it was: None if it is new."""

    current: D
    previous: D | None

    @property
    def is_new(self) -> bool:
        """True if the definition was added."""
        return self.previous is None

    @property
    def changed(self) -> bool:
        """True if the edit changed anything."""
        return self.current is not self.previous


@dataclass(frozen=True, slots=True)
class Kind(Generic[D]):
    """A kind of definition. `name` and `plural` stand in sentences; actions in the audit log start with `name`.

    The only definition of its kind has an empty name.
    """

    name: str
    plural: str
    read: Callable[[Edit, str, Mapping[str, object]], D]
    """The definition of this name from its fields, those of the file as JSON. Raises `Faulty`."""
    load: Callable[[Connection], Mapping[str, D]]
    """All definitions of this kind by name."""
    put: Callable[[Connection, str, D], None]
    remove: Callable[[Connection, str], None]
    written: Callable[[str, D], dict[str, Any]]
    """The definition as `read` takes it, without secrets."""
    limit: int = sys.maxsize
    used_by: Callable[[Connection, str], str | None] = lambda _db, _name: None
    """The sentence that refuses a deletion, or None if nothing uses the definition."""
    same: Callable[[D, D], bool] = operator.eq
    deletion: str = "delete"
    """The word for a deletion in the audit log."""

    def title(self, name: str) -> str:
        """The definition of this name in a sentence and in the audit log, such as "person anna"."""
        return f"{self.name} {name}".rstrip()


def define(
    edit: Edit,
    kind: Kind[D],
    name: str,
    fields: Mapping[str, object],
    require: Callable[[D | None], None] = lambda _previous: None,
) -> Defined[D]:
    """Add the definition, or replace the one of this name. Equal fields change nothing.

    `require` sees the previous definition first, and raises if the edit must not happen.
    Raises `Faulty`, and `OwnedByFile` if the file owns the previous definition.
    """
    definition_store.wait_for_turn(edit.db)
    definitions = kind.load(edit.db)
    previous = definitions.get(name)
    require(previous)
    current = kind.read(edit, name, fields)
    refuse_if_declared(previous, kind.title(name), "change")
    if previous is None and len(definitions) >= kind.limit:
        raise Faulty(
            [f"{kind.name} {name}: there are {kind.limit:,} {kind.plural} already, the most there can be."]
        )
    if previous is not None and kind.same(previous, current):
        return Defined(previous, previous)
    kind.put(edit.db, name, current)
    _record(edit, kind, name, "make" if previous is None else "change", previous, current)
    return Defined(current, previous)


def delete(edit: Edit, kind: Kind[D], name: str) -> D | None:
    """Delete a definition and return it, or None if there is none.

    Raises `OwnedByFile`, and `InUse` if another definition uses it.
    """
    definition_store.wait_for_turn(edit.db)
    previous = kind.load(edit.db).get(name)
    if previous is None:
        return None
    refuse_if_declared(previous, kind.title(name), "delete")
    if sentence := kind.used_by(edit.db, name):
        raise InUse(sentence)
    kind.remove(edit.db, name)
    _record(edit, kind, name, kind.deletion, previous)
    return previous


def refuse_if_declared(definition: Owned | None, title: str, verb: str) -> None:
    """Raise `OwnedByFile` if the file owns the definition. `title` names it, such as "person anna"."""
    if definition is not None and definition.origin == Origin.FILE:
        raise OwnedByFile(f"The configuration file declares {title}: {verb} it there.")


def _record(
    edit: Edit, kind: Kind[D], name: str, verb: str, previous: D | None = None, current: D | None = None
) -> None:
    action, target = f"{kind.name.replace(' ', '_')}.{verb}", kind.title(name)
    old, new = (
        None if definition is None else kind.written(name, definition) for definition in (previous, current)
    )
    audit.record(edit.db, edit.actor, action, target, edit.now, before=old, after=new)
