"""Rotations, teams and channels in the file: how they are read, what is refused, and the plan of their changes."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.calendar_layer import CalendarLayer
from alerting.rotation import Layer, shifts
from heartbeat.definitions import export, single
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions.file import Wrong
from tests.unit.conftest import NOW
from tests.unit.definitions.declared import parse

PEOPLE = "people: {anna: {contacts: [{console: x}]}, ben: {contacts: [{console: y}]}}\n"
LAYER = "people: [anna, ben], shift: weekly, from: 2026-11-02 09:00"
INFRA = f"rotations: {{infra: {{timezone: Europe/Berlin, layers: [{{{LAYER}}}]}}}}\n"
REST = "teams: {all: [anna, ben]}\nchannels: {room: {contacts: [{console: z}]}}\n"


def problems(text: str) -> list[str]:
    with pytest.raises(Wrong) as wrong:
        parse(PEOPLE + text)
    return [problem.partition(": ")[2] for problem in wrong.value.problems]


def layer(fields: str) -> str:
    return f"rotations: {{infra: {{layers: [{{{fields}}}]}}}}"


def test_a_rotation_is_read_with_its_layers() -> None:
    (infra,) = parse(PEOPLE + INFRA).rotations.values()
    start, end = (datetime(2026, 11, day, 12, tzinfo=UTC) for day in (2, 16))
    assert [(f"{part.start:%d %H:%M}", part.people) for part in shifts(infra, start, end)] == [
        ("02 12:00", ("anna",)),
        ("09 08:00", ("ben",)),
        ("16 08:00", ("anna",)),
    ]


def test_steps_name_people_rotations_teams_and_channels() -> None:
    policy = "policies: {ops: [{page: [anna, infra, all, room], wait: 5m}]}"
    configuration = parse(PEOPLE + INFRA + REST + policy)
    assert configuration.policies["ops"].targets == ["anna", "infra", "all", "room"]
    assert configuration.channels["room"].channel
    assert configuration.nouns == {
        "anna": "person",
        "ben": "person",
        "room": "channel",
        "infra": "rotation",
        "all": "team",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            layer("people: carl, shift: 1w, from: 2026-11-02"),
            "rotations.infra.layers[0].people: there is no person 'carl'; there are anna, ben.",
        ),
        (
            layer("people: anna, shift: 1y, from: 2026-11-02"),
            "rotations.infra.layers[0].shift: '1y' is no length of a shift; write for example 12h, 1d, 1w or 1mo.",
        ),
        (
            layer("people: anna, shift: 1w, from: 2026-02-30"),
            "rotations.infra.layers[0].from: '2026-02-30' is no time; write for example 2026-11-02 09:00.",
        ),
        (
            layer("people: anna, shift: 1w, from: 1999-12-31"),
            "rotations.infra.layers[0].from: '1999-12-31' is out of range; write a year from 2000 to 2100.",
        ),
        (
            layer("people: anna, shift: 1w, from: 2026-11-02, only: {days: workdays}"),
            "rotations.infra.layers[0].only.days: 'workdays' is no weekday; write for example mon-fri or [sat, sun].",
        ),
        (
            layer("people: anna, shift: 1w, from: 2026-11-02, only: {hours: 9-17}"),
            "rotations.infra.layers[0].only.hours: '9-17' are no hours; "
            "write two different times of day, such as 09:00-17:00.",
        ),
        (
            layer("people: anna, shift: 1w, from: 2026-11-02, until: 2027-01-01"),
            "rotations.infra.layers[0].until: a layer has no such field; "
            "there are from, only, people, shift.",
        ),
        (
            "rotations: {infra: {layers: []}}",
            "rotations.infra.layers: needs at least one, such as "
            "{people: [anna, ben], shift: 1w, from: 2026-11-02 09:00}.",
        ),
        ("teams: {all: [anna, carl]}", "teams.all[1]: there is no person 'carl'; there are anna, ben."),
        ("teams: {all: [anna, anna]}", "teams.all: names somebody twice."),
        (
            "teams: {anna: [ben]}",
            "teams.anna: is a name in `people` as well; a step could mean either, so choose another.",
        ),
        (
            "teams: {operator: [ben]}",
            "teams.operator: is the service's own name for its terminal; choose another.",
        ),
        (
            "channels: {room: {contacts: [{console: x}], user: anna}}",
            "channels.room.user: a channel has no such field; ",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, problem: str) -> None:
    (told,) = problems(text)
    assert told.startswith(problem)


def test_the_plan_tells_of_rotations_teams_and_channels(db: Connection) -> None:
    definition_plan.apply(db, parse(PEOPLE + INFRA + REST), NOW)
    moved = INFRA.replace("weekly", "1d").replace("09:00", "09:00, only: {days: mon-fri, hours: 09:00-17:00}")
    changed = definition_plan.difference(db, parse(PEOPLE + moved + "teams: {all: anna}"))
    assert changed.changes == (
        "- channel room",
        "~ rotation infra: layers anna, ben, 1w each from 2026-11-02 09:00 -> "
        "anna, ben, 1d each from 2026-11-02 09:00, only mon-fri 09:00-17:00",
        "~ team all: people anna, ben -> anna",
    )
    assert definition_plan.difference(db, parse(PEOPLE + INFRA + REST)).empty


def test_a_definition_of_its_own_reads_as_in_the_file() -> None:
    scope = single.Scope(people=("anna", "ben"))
    fields = {
        "layers": [{"people": ["anna"], "shift": "1w", "from": "2026-11-02 09:00", "only": {"days": ["sat"]}}]
    }
    rotation = single.read_rotation("infra", fields, scope)
    (layer,) = rotation.layers
    assert isinstance(layer, Layer)
    assert layer.only[0].days == (5,)
    assert single.read_team("all", {"people": "anna"}, scope).people == ("anna",)


CALENDAR = layer("ical: ADDRESS")


@pytest.mark.parametrize(
    "address",
    [
        "https://calendar.example.com/infra.ics",
        "webcal://calendar.example.com/infra.ics",
        "https://calendar.example.com/${OTHER_KEY}/infra.ics",
        "${SLACK_URL}",
    ],
)
def test_a_layer_may_follow_a_calendar(address: str) -> None:
    text = CALENDAR.replace("ADDRESS", f'"{address}"')
    (infra,) = parse(PEOPLE + text).rotations.values()
    assert infra.layers == (CalendarLayer(address),)
    exported = export.written_out(parse(PEOPLE + text))
    assert parse(exported).rotations["infra"].layers == infra.layers
    assert "another-key" not in exported


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            layer("ical: ftp://calendar.example.com"),
            "rotations.infra.layers[0].ical: must be the address of a calendar, such as "
            "https://calendar.example.com/infra.ics.",
        ),
        (
            layer('ical: "${NO_URL}"'),
            "rotations.infra.layers[0].ical: must be the address of a calendar, such as "
            "https://calendar.example.com/infra.ics.",
        ),
        (
            layer('ical: "https://example.com/x", shift: 1w'),
            "rotations.infra.layers[0].shift: a layer with `ical` has no such field; there are ical.",
        ),
    ],
)
def test_a_calendar_that_cannot_be_followed_is_refused(text: str, problem: str) -> None:
    (sentence,) = problems(text)
    assert sentence.startswith(problem)
    assert "hunter4" not in sentence


def test_a_plan_names_the_calendar_of_a_layer(db: Connection) -> None:
    text = PEOPLE + CALENDAR.replace("ADDRESS", '"https://calendar.example.com/${OTHER_KEY}"')
    (line,) = [line for line in definition_plan.difference(db, parse(text)).changes if "infra" in line]
    assert line.startswith("+ rotation infra")
    desk.install(db, [], [], {}, parse(text).rotations.values())
    other = text.replace("calendar.example.com", "other.example.com")
    (line,) = [line for line in definition_plan.difference(db, parse(other)).changes if "rotation" in line]
    assert "other.example.com/${OTHER_KEY}" in line
