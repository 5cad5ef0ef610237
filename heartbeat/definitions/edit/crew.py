"""Rotations and teams that are defined outside of the file, and the names that all of the crew share."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeGuard

from sqlalchemy import Connection

from alerting import desk
from alerting.calendar_layer import CalendarLayer
from alerting.crew import Team
from alerting.person import OPERATOR
from alerting.rotation import Layer, Rotation
from heartbeat import secret, vault
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import rotations as definition_rotations
from heartbeat.definitions import single as single_definition
from heartbeat.definitions.kind import Edit, Kind
from heartbeat.definitions.single import Faulty, Scope
from heartbeat.vault import Vault
from heartbeat.written import one_or_more


def scope(db: Connection) -> Scope:
    """Return the names that a step can have."""
    crew = desk.crew(db)
    channels = [name for name, person in crew.people.items() if person.channel]
    people = [name for name in crew.people if name not in channels]
    return Scope(people=people, others=[*channels, *crew.rotations, *crew.teams])


def refuse_shared_name(db: Connection, name: str, noun: str) -> None:
    """Raise `Faulty` if something else has this name: a step could mean either."""
    if name == OPERATOR.id:
        raise Faulty([f"{noun} {name}: {definition_rotations.OWN_NAME}"])
    other = desk.crew(db).noun_of(name)
    if other not in ("", noun):
        raise Faulty([f"{noun} {name}: there is a {other} of this name; choose another name."])


def used_by(db: Connection, name: str) -> str | None:
    """Return the sentence that refuses to delete this part of the crew, None if nothing uses it."""
    return next(_uses(db, name), None)


def _uses(db: Connection, name: str) -> Iterator[str]:
    for policy in desk.policies(db).values():
        if name in policy.targets:
            yield f"Policy {policy.name} pages {name}: take {name} out of it first."
    crew = desk.crew(db)
    if name in crew.catch_all:
        yield f"The catch-all pages {name}: take {name} out of it first."
    for rotation in crew.rotations.values():
        if name in rotation.named:
            yield f"Rotation {rotation.name} has {name}: take {name} out of it first."
    for team in crew.teams.values():
        if name in team.people:
            yield f"Team {team.name} has {name}: take {name} out of it first."


def _read_rotation(edit: Edit, name: str, fields: Mapping[str, object]) -> Rotation:
    """Return the rotation that these fields define, which are those of the file. Raises `Faulty`.

    The address of a calendar is given in clear and is never shown again. Null in its place keeps the stored one: the
    first that is not kept already. So does the address as it is stored, which is encrypted.
    """
    stored = desk.rotations(edit.db).get(name)
    known = _addresses(stored, edit.vault) if stored else {}
    rotation = single_definition.read_rotation(name, _filled(fields, known), scope(edit.db))
    refuse_shared_name(edit.db, name, "rotation")
    sealed = {clear: address for address, clear in known.items()}
    return replace(
        rotation, layers=tuple(_sealed(rotation, layer, sealed, edit.vault) for layer in rotation.layers)
    )


def _addresses(stored: Rotation, keys: Vault) -> dict[str, str]:
    """Return the addresses of calendars in clear, by those that are stored. One that no key opens is left out."""
    clear = {}
    for layer in stored.calendars:
        with suppress(vault.Unreadable):
            is_sealed = vault.is_sealed(layer.address)
            clear[layer.address] = (
                keys.open(layer.address, stored.about_calendar) if is_sealed else layer.address
            )
    return clear


def _filled(fields: Mapping[str, object], known: Mapping[str, str]) -> Mapping[str, object]:
    """Return the fields with the addresses that are kept, in clear."""
    layers, left = fields.get("layers"), list(known.values())
    if not isinstance(layers, list):
        return fields
    filled = list[object]()
    for place, layer in enumerate(layers):
        if isinstance(layer, dict) and "ical" in layer and layer["ical"] is None:
            if not left:
                raise Faulty([f"layers[{place}].ical: there is no address to keep; write one."])
            layer = {**layer, "ical": left.pop(0)}
        elif isinstance(layer, dict) and isinstance(stored := layer.get("ical"), str) and stored in known:
            layer = {**layer, "ical": known[stored]}
        filled.append(layer)
    return {**fields, "layers": filled}


def _sealed(
    rotation: Rotation, layer: Layer | CalendarLayer, sealed: Mapping[str, str], keys: Vault
) -> Layer | CalendarLayer:
    """Return the layer with the address of its calendar encrypted. An equal address is not encrypted again."""
    if isinstance(layer, Layer):
        return layer
    return CalendarLayer(
        sealed.get(layer.address) or keys.seal(layer.address, rotation.about_calendar), layer.bookings
    )


def _written_rotation(_name: str, rotation: Rotation) -> dict[str, Any]:
    """Return the rotation as `_read_rotation` takes it, without the addresses of calendars."""
    return definition_rotations.written(without_secrets(rotation))


def without_secrets(rotation: Rotation) -> Rotation:
    """Return the rotation as anybody may see it: without the addresses of its calendars, unless they are references."""
    layers = tuple(
        replace(layer, address=definition_entry.CONCEALED) if _is_secret(layer) else layer
        for layer in rotation.layers
    )
    return replace(rotation, layers=layers)


def _is_secret(layer: Layer | CalendarLayer) -> TypeGuard[CalendarLayer]:
    return isinstance(layer, CalendarLayer) and not secret.is_reference(layer.address)


def _read_team(edit: Edit, name: str, fields: Mapping[str, object]) -> Team:
    """Return the team that these fields define: `people`, as in the file. Raises `Faulty`."""
    team = single_definition.read_team(name, fields, scope(edit.db))
    refuse_shared_name(edit.db, name, "team")
    return team


def _written_team(_name: str, team: Team) -> dict[str, Any]:
    return {"people": one_or_more(team.people)}


ROTATION = Kind(
    name="rotation",
    plural="rotations",
    read=_read_rotation,
    load=desk.rotations,
    put=lambda db, _name, rotation: desk.define_rotation(db, rotation),
    remove=desk.forget_rotation,
    written=_written_rotation,
    limit=definition_entry.MAX_ROTATIONS,
    used_by=used_by,
)
TEAM = Kind(
    name="team",
    plural="teams",
    read=_read_team,
    load=desk.teams,
    put=lambda db, _name, team: desk.define_team(db, team),
    remove=desk.forget_team,
    written=_written_team,
    limit=definition_entry.MAX_TEAMS,
    used_by=used_by,
)
