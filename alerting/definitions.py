"""People, policies and notifiers: read, defined and forgotten, with the proof that contacts get their pages."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection

from alerting import (
    attempts,
    calendar_feeds,
    contact_code_store,
    devices,
    imported_calendars,
    notifier_settings,
    outbox,
    proofs,
    roster,
    rotation_store,
    round_robin_store,
    store,
)
from alerting.crew import CatchAll, Crew, Team
from alerting.devices import Device
from alerting.escalation import Policy
from alerting.notifiers.registry import Setup
from alerting.origin import Origin
from alerting.person import DEVICE, OPERATOR, Contact, Person
from alerting.proof import Proof
from alerting.rotation import Rotation
from alerting.rotation_store import Kept


def people(db: Connection, origin: Origin | None = None) -> dict[str, Person]:
    """Return everybody who can be paged, by name, with their devices; or those of one origin."""
    return roster.load_people(db, origin=origin)


def crew(db: Connection) -> Crew:
    """Return everybody whom a policy can page."""
    return roster.load_crew(db)


def crew_of_rotations(db: Connection) -> Crew:
    """Return all rotations, with the people who may be on call by one: an installation may have thousands of others."""
    return roster.load_crew(db, rotations(db))


def defined_people(db: Connection, origin: Origin | None = None) -> dict[str, Person]:
    """Return people as they are defined, without the devices that they have added themselves."""
    return roster.load_defined(db, origin=origin)


def person_of_user(db: Connection, user: str) -> Person | None:
    """Return the person who signs in as this user."""
    return roster.person_of_user(db, user)


def policies(db: Connection, origin: Origin | None = None) -> dict[str, Policy]:
    """Return every policy, by name; or those of one origin."""
    return roster.load_policies(db, origin)


def notifiers(db: Connection, origin: Origin | None = None) -> dict[str, dict[str, str]]:
    """Return each notifier's settings as stored, by kind; or those of one origin."""
    return {kind: dict(setup.settings) for kind, setup in notifier_settings.load(db, origin).items()}


def notifier_setups(db: Connection) -> dict[str, Setup]:
    """Return each notifier's settings and owner, by kind."""
    return notifier_settings.load(db)


def install(
    db: Connection,
    people: Iterable[Person],
    policies: Iterable[Policy],
    settings: Mapping[str, Mapping[str, str]],
    rotations: Iterable[Rotation] = (),
    teams: Iterable[Team] = (),
    catch_all: Iterable[str] = (),
) -> None:
    """Make these the definitions of the configuration file, and no others. `settings` are those of notifiers.

    Definitions of other origins stay, unless the file now uses their name.
    """
    before = roster.load_policies(db)
    rotation_store.remove_rotations(db, origin=Origin.FILE)
    rotation_store.put_rotations(db, rotations)
    rotation_store.forget_strangers(db)
    rotation_store.remove_teams(db, origin=Origin.FILE)
    rotation_store.put_teams(db, teams)
    roster.remove_people(db, origin=Origin.FILE)
    defined = list(people)
    roster.put_people(db, defined)
    outbox.look_again(db, [person.id for person in defined])
    roster.remove_policies(db, origin=Origin.FILE)
    roster.put_policies(db, policies)
    round_robin_store.forget_strangers(db)
    _renew_hours(db, before)
    _install_catch_all(db, tuple(catch_all))
    notifier_settings.replace(db, settings, Origin.FILE)
    store.look_again(db)
    _forget_strangers(db)


def _install_catch_all(db: Connection, names: tuple[str, ...]) -> None:
    roster.remove_catch_all(db, Origin.FILE)
    if names:
        roster.put_catch_all(db, CatchAll(names))


def catch_all(db: Connection) -> CatchAll | None:
    """Return those who are paged where nobody of a policy can be reached; None if the terminal of the service is."""
    return roster.load_catch_all(db)


def define_catch_all(db: Connection, defined: CatchAll) -> None:
    """Write the catch-all in place of another one. It also holds for what is open."""
    roster.put_catch_all(db, defined)
    store.look_again(db)


def forget_catch_all(db: Connection) -> None:
    """Let the terminal of the service be the catch-all again."""
    roster.remove_catch_all(db)
    store.look_again(db)


def rotations(db: Connection, origin: Origin | None = None) -> dict[str, Rotation]:
    """Return every rotation, by name; or those of one origin."""
    return rotation_store.load_rotations(db, origin=origin)


def teams(db: Connection, origin: Origin | None = None) -> dict[str, Team]:
    """Return every team, by name; or those of one origin."""
    return rotation_store.load_teams(db, origin=origin)


def define_rotation(db: Connection, rotation: Rotation) -> None:
    """Write a rotation, replacing one of the same name. Its overrides stay."""
    rotation_store.put_rotations(db, [rotation])


def forget_rotation(db: Connection, name: str) -> None:
    """Delete a rotation, with its overrides and proposed swaps."""
    rotation_store.remove_rotations(db, [name])
    rotation_store.forget_changes(db, name)
    calendar_feeds.forget_strangers(db)


def define_team(db: Connection, team: Team) -> None:
    """Write a team, replacing one of the same name."""
    rotation_store.put_teams(db, [team])


def forget_team(db: Connection, name: str) -> None:
    """Delete a team."""
    rotation_store.remove_teams(db, [name])


def define_person(db: Connection, person: Person) -> None:
    """Write a person, replacing one of the same name. Waiting pages go to the new contacts, by the new quiet hours."""
    roster.put_people(db, [person])
    outbox.look_again(db, [person.id])
    store.look_again(db)


def forget_person(db: Connection, name: str) -> None:
    """Delete a person."""
    roster.remove_people(db, [name])
    _forget_strangers(db)


def reseal_person(db: Connection, previous: Person, person: Person) -> None:
    """Write a person whose addresses are encrypted anew. They lead where they led before."""
    roster.put_people(db, [person])
    devices.readdress(db, previous, person)
    proofs.renamed(db, previous, person)


def reseal_rotation(db: Connection, previous: Rotation, rotation: Rotation) -> None:
    """Write a rotation whose addresses are encrypted anew. Its calendars stay as they were read."""
    rotation_store.put_rotations(db, [rotation])
    for old, new in zip(previous.calendars, rotation.calendars, strict=True):
        imported_calendars.readdress(db, rotation.name, old.mark, new.mark)


def devices_of(db: Connection, person: str | None = None) -> list[Device]:
    """Return the devices that a person has added, or those of everybody, the first one first."""
    return devices.of(db, person)


def add_device(
    db: Connection, person: str, name: str, address: str, endpoint_hash: str, now: datetime
) -> bool:
    """Add a device of a person, whose `address` is encrypted. Return False if they have it already.

    `endpoint_hash` tells the devices of a person apart.
    """
    return devices.add(db, person, name, address, endpoint_hash, now)


def devices_at(db: Connection, endpoint_hash: str) -> list[Device]:
    """Return the devices that this hash tells apart from others, one of each person who has added it."""
    return devices.at(db, endpoint_hash)


def renew_device(db: Connection, device: Device, address: str, endpoint_hash: str) -> bool:
    """Give a device the new, encrypted address of its browser. It stays the contact that it is, with its proof.

    Return False if its person has added that address too: then the device is removed.
    """
    if not devices.renew(db, device, address, endpoint_hash):
        return False
    renewed = Contact(DEVICE, address)
    proofs.moved(db, device.person, device.contact, renewed)
    attempts.moved(db, device.person, device.contact, renewed)
    return True


def remove_device(db: Connection, person: str, number: int) -> str | None:
    """Remove a device of a person. Return its name, or None if they have no such device."""
    return devices.remove(db, person, number)


def contact_proofs(db: Connection, names: Collection[str] | None = None) -> dict[tuple[str, str], Proof]:
    """Return the last test page and proof of contacts, by person and `Contact.mark`: of these people, or of all."""
    return proofs.load(db, names)


def record_test_page(
    db: Connection, person: Person, results: Iterable[tuple[Contact, str, str]], now: datetime
) -> None:
    """Record a test page to contacts of a person, each with the word of its outcome and the provider's answer."""
    proofs.sent(db, person, results, now)


def refute(db: Connection, person: Person, contact: Contact) -> None:
    """Forget the proof of a contact whose provider says that its address takes nothing."""
    proofs.refuted(db, person, contact)


def prove(db: Connection, name: str, mark: str, now: datetime) -> tuple[Person, Contact] | None:
    """Record that a test page arrived. Return its contact, or None if the person no longer has it."""
    person = ({OPERATOR.id: OPERATOR} | roster.load_people(db, [name])).get(name)
    contact = (
        next((contact for contact in person.all_contacts if contact.mark == mark), None) if person else None
    )
    if person is None or contact is None:
        return None
    proofs.proven(db, person, contact, now)
    return person, contact


def _forget_strangers(db: Connection) -> None:
    proofs.forget_strangers(db)
    contact_code_store.forget_strangers(db)
    devices.forget_strangers(db)
    calendar_feeds.forget_strangers(db)


def define_policy(db: Connection, policy: Policy) -> None:
    """Write a policy, replacing one of the same name. Open incidents keep its steps, and follow its working hours."""
    before = roster.load_policies(db)
    roster.put_policies(db, [policy])
    _renew_hours(db, before)
    store.look_again(db)


def _renew_hours(db: Connection, before: Mapping[str, Policy]) -> None:
    """Let open incidents follow the working hours of policies that were other ones `before`."""
    for name, policy in roster.load_policies(db).items():
        if name in before and before[name].warnings_wait_for != policy.warnings_wait_for:
            store.renew_hours(db, policy)


def forget_policy(db: Connection, name: str) -> None:
    """Delete a policy. Open incidents keep it."""
    roster.remove_policies(db, [name])
    round_robin_store.forget_strangers(db)


def overrides(
    db: Connection, rotations: Collection[str] | None = None, since: datetime | None = None
) -> list[Kept]:
    """Return overrides with every leave, oldest first: of these rotations, or of all; that end after `since`."""
    return rotation_store.kept(db, rotations, since)
