"""The replacement of encryption keys: every secret is sealed again, in batches, and unreadable ones are named."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.calendar_layer import Booking, CalendarLayer
from alerting.notifiers import push, registry
from alerting.notifiers.registry import Setup
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.rotation import Rotation
from heartbeat import audit, push_key, rekey, vault
from heartbeat.access import store as users
from heartbeat.access.account import User
from heartbeat.actor import Actor, Role
from heartbeat.database import Database
from heartbeat.rekey import RekeyResult
from heartbeat.vault import Vault
from tests.unit.conftest import NOW
from tests.unit.definitions.edit.conftest import OPS

OLD, NEW = "an old key that is long and random", "a new key that is long and random"
ANNA = Actor("anna", Role.ADMIN, "command line")


def keys(*texts: str) -> Vault:
    return vault.with_keys(texts, secrets.token_bytes)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database in which seven people and a notifier were entered under the old key."""
    opened = Database(database_url)
    yield opened
    opened.close()


def fill(db: Connection) -> None:
    desk.install(db, [Person("first", "First", (Contact("slack", "${SLACK}"),))], [OPS], {"webhook": {}})
    for number in range(7):
        person = Person(
            f"p{number}",
            "Somebody",
            (Contact("slack", ""), Contact("console", "terminal")),
            "Europe/London",
            Origin.API,
        )
        contacts = (
            replace(c, address=sealed(person, c)) if c.kind == "slack" else c for c in person.contacts
        )
        desk.define_person(db, replace(person, contacts=tuple(contacts)))
    token = keys(OLD).seal("tk_token", registry.about("ntfy", "token"))
    desk.notifier_settings.put(db, "ntfy", Setup({"token": token}, Origin.API, NOW, "anna"))


def sealed(person: Person, contact: Contact) -> str:
    return keys(OLD).seal(f"https://hooks.example.com/{person.id}", person.about(contact))


def clear(db: Connection, with_: Vault) -> dict[str, str]:
    """Everything that was entered, opened."""
    clear_texts = {
        person.id: with_.open(contact.address, person.about(contact))
        for person in desk.people(db, Origin.API).values()
        for contact in person.contacts
        if contact.kind == "slack"
    }
    token = desk.notifier_settings.load(db)["ntfy"].settings["token"]
    return clear_texts | {"ntfy": with_.open(token, registry.about("ntfy", "token"))}


async def test_every_secret_is_sealed_again_and_nothing_else_changes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rekey, "BATCH", 3)
    await database.write(fill)
    previous = await database.read(lambda db: clear(db, keys(OLD)))
    assert await database.read(lambda db: rekey.stale(db, keys(NEW, OLD))) == RekeyResult(anew=8)
    assert await rekey.rotate(database, keys(NEW, OLD), ANNA, NOW) == RekeyResult(anew=8)
    assert await database.read(lambda db: clear(db, keys(NEW))) == previous
    setup = (await database.read(desk.notifier_settings.load))["ntfy"]
    assert (setup.origin, setup.changed_at, setup.changed_by) == ("api", NOW, "anna")
    people = await database.read(desk.people)
    assert people["first"].contacts == (Contact("slack", "${SLACK}"),)
    assert (people["p3"].timezone, people["p3"].contacts[1]) == (
        "Europe/London",
        Contact("console", "terminal"),
    )
    assert (people["first"].origin, people["p3"].origin) == (Origin.FILE, Origin.API)


async def test_second_factors_are_sealed_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rekey, "BATCH", 2)

    def add(db: Connection) -> None:
        for name in ("anna", "ben", "cleo", "dora"):
            user = users.add_user(db, User(0, name, Role.ADMIN, NOW, "anna"))
            if name != "dora":
                users.change_user(db, user.id, code_secret=keys(OLD).seal(f"code of {name}", user.about_code))

    await database.write(add)
    assert await database.read(lambda db: rekey.stale(db, keys(NEW, OLD))) == RekeyResult(anew=3)
    assert await rekey.rotate(database, keys(NEW, OLD), ANNA, NOW) == RekeyResult(anew=3)
    accounts = await database.read(users.every_user)
    opened = {
        account.name: account.code_secret and keys(NEW).open(account.code_secret, account.about_code)
        for account in accounts
    }
    assert opened == {"anna": "code of anna", "ben": "code of ben", "cleo": "code of cleo", "dora": None}


async def test_the_push_key_and_devices_are_sealed_again_and_stay_the_same(database: Database) -> None:
    phone = Person("first", "First", ())
    clear = '{"endpoint": "https://push.example.com/x"}'

    def add(db: Connection) -> str:
        desk.install(db, [phone], [OPS], {})
        sealed = keys(OLD).seal(clear, phone.about(Contact("push", "")))
        desk.add_device(db, "first", "Chrome on Android", sealed, "hash", NOW)
        return push.public_key(push_key.take(db, keys(OLD)))

    public_key = await database.write(add)
    assert await database.read(lambda db: rekey.stale(db, keys(NEW, OLD))) == RekeyResult(anew=2)
    assert await rekey.rotate(database, keys(NEW, OLD), ANNA, NOW) == RekeyResult(anew=2)
    person = (await database.read(desk.people))["first"]
    assert keys(NEW).open(person.contacts[0].address, person.about(person.contacts[0])) == clear
    assert push.public_key(await database.write(lambda db: push_key.take(db, keys(NEW)))) == public_key


async def test_the_address_of_a_calendar_is_sealed_again_and_its_copy_stays(database: Database) -> None:
    infra = Rotation("infra", "UTC", (), Origin.API)
    booking = Booking(NOW, NOW + timedelta(days=1), ("first",))

    def add(db: Connection) -> None:
        layer = CalendarLayer(keys(OLD).seal("https://calendar.example.com/x", infra.about_calendar))
        desk.define_rotation(db, replace(infra, layers=(layer,)))
        desk.imported_calendars.begin(db, "infra", layer.mark, None, NOW)
        desk.imported_calendars.book(db, "infra", layer.mark, [booking], ())

    await database.write(add)
    assert await database.read(lambda db: rekey.stale(db, keys(NEW, OLD))) == RekeyResult(anew=1)
    assert await rekey.rotate(database, keys(NEW, OLD), ANNA, NOW) == RekeyResult(anew=1)
    (layer,) = (await database.read(desk.rotations))["infra"].calendars
    assert keys(NEW).open(layer.address, infra.about_calendar) == "https://calendar.example.com/x"
    assert layer.bookings == (booking,)


async def test_a_repetition_changes_and_records_nothing(database: Database) -> None:
    await database.write(fill)
    await rekey.rotate(database, keys(NEW, OLD), ANNA, NOW)
    assert await rekey.rotate(database, keys(NEW, OLD), ANNA, NOW) == RekeyResult(already=8)
    (deed,) = await database.read(lambda db: audit.listed(db, limit=5))
    assert (deed.action, deed.actor) == ("encryption.rotate", "anna")
    assert deed.after == {"key": keys(NEW).keys[0], "secrets encrypted anew": 8}


async def test_a_secret_that_no_key_opens_is_named_and_left_alone(database: Database) -> None:
    await database.write(fill)
    result = await rekey.rotate(database, keys(NEW), ANNA, NOW)
    assert (result.anew, result.already, len(result.unreadable)) == (0, 0, 8)
    assert result.unreadable[0].startswith("person p0 slack: This secret was encrypted with the key ")
    assert len(await database.read(lambda db: clear(db, keys(OLD)))) == 8
