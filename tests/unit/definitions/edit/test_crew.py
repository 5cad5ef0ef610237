"""Rotations, teams and channels outside of the file: one space of names, and nobody goes who is needed."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.calendar_layer import Booking
from alerting.crew import Team
from heartbeat import audit, vault
from heartbeat.definitions import file as configuration_file
from heartbeat.definitions import kind as kinds
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions.edit.crew import ROTATION, TEAM
from heartbeat.definitions.edit.people import CHANNEL, PERSON
from heartbeat.definitions.edit.policies import POLICY
from heartbeat.definitions.kind import InUse
from heartbeat.definitions.single import Faulty
from tests.unit.conftest import NOW
from tests.unit.definitions.declared import parse
from tests.unit.definitions.edit.conftest import KEYS, edit_by_anna

LAYER = {"people": "first", "shift": "1w", "from": "2026-11-02 09:00"}
CONTACTS = {"contacts": [{"console": "terminal"}]}


def test_each_kind_is_defined_and_written_down(db: Connection) -> None:
    edit = edit_by_anna(db)
    kinds.define(edit, ROTATION, "infra", {"layers": [LAYER]})
    kinds.define(edit, TEAM, "all", {"people": ["first"]})
    kinds.define(edit, CHANNEL, "room", CONTACTS)
    assert not kinds.define(edit, ROTATION, "infra", {"layers": [LAYER]}).changed
    assert desk.rotations(db)["infra"].people == ["first"]
    assert desk.teams(db)["all"] == Team("all", ("first",))
    assert (list(CHANNEL.load(db)), list(PERSON.load(db))) == (["room"], ["first"])
    assert [(entry.action, entry.after) for entry in audit.listed(db, limit=10)] == [
        ("channel.make", {"contacts": [{"console": "terminal"}]}),
        ("team.make", {"people": "first"}),
        ("rotation.make", {"layers": [LAYER]}),
    ]
    kinds.define(edit, POLICY, "all-of-them", {"steps": [{"page": ["infra", "all", "room"], "wait": "5m"}]})


def test_a_name_is_taken_once(db: Connection) -> None:
    edit = edit_by_anna(db)
    with pytest.raises(Faulty, match=r"^team first: there is a person of this name; choose another name"):
        kinds.define(edit, TEAM, "first", {"people": "first"})
    with pytest.raises(Faulty, match=r"^channel first: there is a person of this name; choose another name"):
        kinds.define(edit, CHANNEL, "first", CONTACTS)
    kinds.define(edit, TEAM, "infra", {"people": "first"})
    with pytest.raises(Faulty, match=r"^rotation infra: there is a team of this name; choose another name"):
        kinds.define(edit, ROTATION, "infra", {"layers": [LAYER]})
    with pytest.raises(
        configuration_file.Wrong, match="person infra: there is a team of this name, made by the API"
    ):
        definition_plan.difference(db, parse("people: {infra: {contacts: [{console: x}]}}"))


def test_whoever_is_needed_is_not_deleted(db: Connection) -> None:
    edit = edit_by_anna(db)
    kinds.define(edit, PERSON, "second", CONTACTS)
    kinds.define(edit, TEAM, "all", {"people": "second"})
    with pytest.raises(InUse, match=r"^Team all has second: take second out of it first"):
        kinds.delete(edit, PERSON, "second")
    kinds.delete(edit, TEAM, "all")
    kinds.define(edit, ROTATION, "infra", {"layers": [LAYER | {"people": "second"}]})
    with pytest.raises(InUse, match=r"^Rotation infra has second: take second out of it first"):
        kinds.delete(edit, PERSON, "second")
    kinds.define(edit, POLICY, "office", {"steps": [{"page": "infra", "wait": "5m"}]})
    with pytest.raises(InUse, match=r"^Policy office pages infra: take infra out of it first"):
        kinds.delete(edit, ROTATION, "infra")


def test_the_plan_says_who_misses_somebody_who_goes(db: Connection) -> None:
    definition_plan.apply(db, parse("people: {anna: {contacts: [{console: x}]}}"), NOW)
    kinds.define(edit_by_anna(db), ROTATION, "infra", {"layers": [LAYER | {"people": "anna"}]})
    changes = definition_plan.difference(db, parse("checks: {}")).changes
    assert "- person anna (rotation infra, made by the API, has anna)" in changes


FEED = "https://calendar.example.com/hush/basic.ics"


def test_the_address_of_a_calendar_is_encrypted_and_never_shown_again(db: Connection) -> None:
    edit = edit_by_anna(db)
    kinds.define(edit, ROTATION, "infra", {"layers": [{"ical": FEED}, LAYER]})
    infra = desk.rotations(db)["infra"]
    (calendar,) = infra.calendars
    assert vault.is_sealed(calendar.address)
    assert KEYS.open(calendar.address, infra.about_calendar) == FEED
    assert ROTATION.written("infra", infra) == {"layers": [{"ical": "(secret)"}, LAYER]}
    assert "hush" not in str(audit.listed(db, limit=9))
    assert not kinds.define(edit, ROTATION, "infra", {"layers": [{"ical": FEED}, LAYER]}).changed


def test_null_keeps_the_stored_address_of_a_calendar(db: Connection) -> None:
    edit = edit_by_anna(db)
    kinds.define(edit, ROTATION, "infra", {"layers": [{"ical": FEED}, {"ical": f"{FEED}?b"}]})
    before = desk.rotations(db)["infra"].calendars
    kinds.define(edit, ROTATION, "infra", {"timezone": "Europe/London", "layers": [{"ical": None}, LAYER]})
    assert desk.rotations(db)["infra"].calendars == before[:1]
    with pytest.raises(Faulty, match=r"layers\[1\]\.ical: there is no address to keep; write one"):
        kinds.define(edit, ROTATION, "infra", {"layers": [{"ical": None}, {"ical": None}]})


@pytest.mark.parametrize("address", ["(secret)", "calendar", "${NAME}", "ftp://example.com/x", 5])
def test_what_is_no_address_of_a_calendar_is_refused(db: Connection, address: object) -> None:
    with pytest.raises(Faulty, match=r"layers\[0\]\.ical: "):
        kinds.define(edit_by_anna(db), ROTATION, "infra", {"layers": [{"ical": address}]})


def test_whoever_only_a_calendar_names_can_be_deleted(db: Connection) -> None:
    edit = edit_by_anna(db)
    kinds.define(edit, PERSON, "second", CONTACTS)
    kinds.define(edit, ROTATION, "infra", {"layers": [{"ical": FEED}]})
    mark = desk.rotations(db)["infra"].calendars[0].mark
    desk.imported_calendars.begin(db, "infra", mark, None, NOW)
    desk.imported_calendars.book(db, "infra", mark, [Booking(NOW, NOW + timedelta(days=1), ("second",))], ())
    assert desk.rotations(db)["infra"].members == ["second"]
    assert kinds.delete(edit, PERSON, "second") is not None
