"""The SQL of people and policies, and of everybody whom a policy can page."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from alerting import devices, escalation, rotation_store, working_hours
from alerting.crew import CatchAll, Crew
from alerting.crew_tables import catch_all, people, policies
from alerting.escalation import Policy
from alerting.origin import Origin
from alerting.person import Person
from alerting.quiet_hours import QuietHours
from alerting.sql import among, insert_many


def load_people(
    db: Connection, names: Collection[str] | None = None, origin: Origin | None = None
) -> dict[str, Person]:
    """Return people by name, with their devices: those of these names and of this origin, or everybody."""
    found = load_defined(db, names, origin)
    own = devices.contacts(db, names)
    return {
        name: replace(person, contacts=(*own[name], *person.contacts)) if name in own else person
        for name, person in found.items()
    }


def load_defined(
    db: Connection, names: Collection[str] | None = None, origin: Origin | None = None
) -> dict[str, Person]:
    """Return people as `load_people` does, as they are defined: without devices."""
    query = select(people)
    if names is not None:
        query = query.where(people.c.id.in_(names))
    if origin is not None:
        query = query.where(people.c.origin == origin)
    return {row.id: _person(row) for row in db.execute(query)}


def load_crew(db: Connection, names: Collection[str] | None = None) -> Crew:
    """Return everybody whom these targets may mean, or everybody. Who no longer exists is away from each rotation."""
    stored = load_catch_all(db)
    last = stored.names if stored else ()
    names = None if names is None else {*names, *last}
    rotations, teams = rotation_store.load_rotations(db, names), rotation_store.load_teams(db, names)
    if names is not None:
        in_teams = {member for team in teams.values() for member in team.people}
        in_rotations = {member for rotation in rotations.values() for member in rotation.members}
        names = {*names, *in_teams, *in_rotations}
    everybody = {} if names is not None and not names else load_people(db, names)
    present = {name: rotation.without_strangers(everybody) for name, rotation in rotations.items()}
    leaves = tuple(kept.override for kept in rotation_store.kept(db, []))
    return Crew(everybody, present, teams, leaves, last)


def load_catch_all(db: Connection) -> CatchAll | None:
    """Return the catch-all; None if it is the terminal of the service."""
    rows = db.execute(select(catch_all).order_by(catch_all.c.place)).all()
    return CatchAll(tuple(row.name for row in rows), Origin(rows[0].origin)) if rows else None


def put_catch_all(db: Connection, defined: CatchAll) -> None:
    """Write the catch-all in place of another one."""
    remove_catch_all(db)
    origin = defined.origin.value
    rows = [{"place": place, "name": name, "origin": origin} for place, name in enumerate(defined.names)]
    insert_many(db, catch_all, rows)


def remove_catch_all(db: Connection, origin: Origin | None = None) -> None:
    """Let the terminal of the service be the catch-all; or only if the one that there is has this origin."""
    statement = delete(catch_all)
    db.execute(statement if origin is None else statement.where(catch_all.c.origin == origin))


def person_of_user(db: Connection, user: str) -> Person | None:
    """Return the person who signs in as this user: the one that names the user, else the one with the same name."""
    same_name = people.c.user_name.is_(None) & (people.c.id == user)
    query = select(people).where((people.c.user_name == user) | same_name, ~people.c.channel)
    rows = db.execute(query.order_by(people.c.user_name.is_(None), people.c.id).limit(1))
    return next((_person(row) for row in rows), None)


def load_policies(db: Connection, origin: Origin | None = None) -> dict[str, Policy]:
    """Return all policies by name, or those of one origin."""
    query = select(policies).order_by(policies.c.id)
    if origin is not None:
        query = query.where(policies.c.origin == origin)
    return {row.id: _policy(row) for row in db.execute(query)}


def put_people(db: Connection, defined: Iterable[Person]) -> None:
    """Write people, replacing those of the same names. Their devices stay as they are."""
    rows = [
        {
            "id": person.id,
            "name": person.name,
            "timezone": person.timezone,
            "contacts": person.defined.contacts,
            "warnings": person.warnings,
            "quiet_hours": str(person.quiet_hours) if person.quiet_hours else None,
            "origin": person.origin.value,
            "user_name": person.user or None,
            "channel": person.channel,
        }
        for person in defined
    ]
    remove_people(db, [str(row["id"]) for row in rows])
    insert_many(db, people, rows)


def remove_people(db: Connection, names: Collection[str] = (), origin: Origin | None = None) -> None:
    """Delete the people of these names, and all of this origin."""
    db.execute(delete(people).where(among(db, people.c.id, names) | (people.c.origin == origin)))


def put_policies(db: Connection, defined: Iterable[Policy]) -> None:
    """Write policies, replacing those of the same names. Open incidents keep the policy they opened with."""
    rows = [
        {
            "id": policy.name,
            "steps": escalation.steps_to_json(policy.steps),
            "warnings_wait_for": working_hours.to_json(policy.warnings_wait_for),
            "origin": policy.origin.value,
        }
        for policy in defined
    ]
    remove_policies(db, [str(row["id"]) for row in rows])
    insert_many(db, policies, rows)


def remove_policies(db: Connection, names: Collection[str] = (), origin: Origin | None = None) -> None:
    """Delete the policies of these names, and all of this origin."""
    db.execute(delete(policies).where(among(db, policies.c.id, names) | (policies.c.origin == origin)))


def _person(row: Row[Any]) -> Person:
    timezone, user = row.timezone or "UTC", row.user_name or ""
    return Person(
        row.id,
        row.name,
        row.contacts,
        timezone,
        Origin(row.origin),
        user,
        row.warnings or (),
        row.channel,
        QuietHours.parse(row.quiet_hours) if row.quiet_hours else None,
    )


def _policy(row: Row[Any]) -> Policy:
    hours = working_hours.from_json(row.warnings_wait_for)
    return Policy(row.id, escalation.steps_from_json(row.steps), Origin(row.origin), hours)
