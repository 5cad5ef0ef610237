"""Rotations and teams that are defined outside of the file, and the names that all of the crew share."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from alerting import desk
from alerting.crew import Team
from alerting.person import OPERATOR
from alerting.rotation import Rotation
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import rotations as definition_rotations
from heartbeat.definitions import single as single_definition
from heartbeat.definitions.kind import Edit, Kind
from heartbeat.definitions.single import Faulty, Scope
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
    for rotation in crew.rotations.values():
        if name in rotation.people:
            yield f"Rotation {rotation.name} has {name}: take {name} out of it first."
    for team in crew.teams.values():
        if name in team.people:
            yield f"Team {team.name} has {name}: take {name} out of it first."


def _read_rotation(edit: Edit, name: str, fields: Mapping[str, object]) -> Rotation:
    """Return the rotation that these fields define, which are those of the file. Raises `Faulty`."""
    rotation = single_definition.read_rotation(name, fields, scope(edit.db))
    refuse_shared_name(edit.db, name, "rotation")
    return rotation


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
    written=lambda _name, rotation: definition_rotations.written(rotation),
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
