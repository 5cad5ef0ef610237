"""A rotation as a form has it: what is typed, what is meant, what is wrong, in the form's words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.datastructures import FormData

from alerting.rotation import Layer, Length, Rotation, Window
from heartbeat.definitions import single
from heartbeat.definitions.entry import MAX_LAYERS, MAX_WINDOWS
from heartbeat.definitions.single import Faulty, Scope
from heartbeat.http.console.on_call.rotation_fields import LayerFields, RotationFields
from heartbeat.http.console.on_call.time_fields import TimeFields

HOUR = timedelta(hours=1)
SCOPE = Scope(people=["anna", "ben", "cleo"])
NINE = datetime.fromisoformat("2026-11-02T09:00")
OFFICE = Layer(("cleo",), Length.parse("1w"), NINE, (Window((0, 1, 2, 3, 4), 9 * HOUR, 17 * HOUR),))
NIGHTS = Layer(
    ("ben", "anna", "ben"),
    Length.parse("12h"),
    NINE.replace(hour=0),
    (Window((5, 6)), Window(opens=22 * HOUR, closes=30 * HOUR), Window((4,), 17 * HOUR, 24 * HOUR)),
)
ALWAYS = Layer(("anna", "ben"), Length.parse("1mo"), NINE.replace(minute=30))
INFRA = Rotation("infra", "Europe/London", (OFFICE, NIGHTS, ALWAYS))


def typed(**fields: Any) -> RotationFields:
    pairs = [
        (name.replace("_", "-"), one)
        for name, some in fields.items()
        for one in (some if isinstance(some, list) else [some])
    ]
    return RotationFields.typed(FormData(pairs))


def test_a_rotation_goes_into_the_form_and_comes_out_as_it_was() -> None:
    fields = RotationFields.of(INFRA)
    office, nights, always = fields.layers
    assert office == LayerFields(
        ("cleo",),
        "weekly",
        "2026-11-02",
        "09:00",
        (TimeFields(("mon", "tue", "wed", "thu", "fri"), "09:00-17:00"),),
    )
    assert nights.times == (
        TimeFields(("sat", "sun")),
        TimeFields((), "22:00-06:00"),
        TimeFields(("fri",), "17:00-24:00"),
    )
    assert (nights.shift, nights.limited) == ("12h", True)
    assert (always.shift, always.at, always.times, always.limited) == (
        "monthly",
        "09:30",
        (TimeFields(),),
        False,
    )
    assert single.read_rotation("infra", fields.entered(INFRA), SCOPE) == INFRA


def test_typed_fields_are_read_by_the_layer() -> None:
    fields = typed(
        slug=" web ",
        timezone=" Europe/London",
        layers="2",
        people_0=["ben", "", "anna"],
        shift_0="daily",
        day_0="2026-11-02",
        at_0="08:00",
        times_0="2",
        days_0_0=["fri", "mon", "someday"],
        hours_0_1=" 09:00-17:00 ",
        people_1="anna, ben,,anna",
        shift_1="2w",
        day_1="2026-11-02",
    )
    assert (fields.slug, fields.timezone) == ("web", "Europe/London")
    first, second = fields.layers
    assert first == LayerFields(
        ("ben", "", "anna"),
        "daily",
        "2026-11-02",
        "08:00",
        (TimeFields(("mon", "fri")), TimeFields((), "09:00-17:00")),
    )
    assert first.people == ("ben", "anna")
    assert second.people == ("anna", "ben", "anna"), "somebody may have two turns"
    assert second.entered(None) == {
        "people": ["anna", "ben", "anna"],
        "shift": "2w",
        "from": "2026-11-02",
    }
    assert RotationFields.typed(FormData([("slug", "other")]), "web").slug == "web"


def test_the_form_is_as_large_as_a_rotation_may_be() -> None:
    assert len(typed(layers="99").layers) == MAX_LAYERS
    assert len(typed(times_0="99").layers[0].times) == MAX_WINDOWS
    full = RotationFields(layers=(LayerFields(times=(TimeFields(),) * MAX_WINDOWS),) * MAX_LAYERS)
    assert len(full.pressed("add").layers) == MAX_LAYERS
    assert len(full.pressed("add:time:0").layers[0].times) == MAX_WINDOWS


def test_the_first_shift_of_a_new_rotation_has_begun() -> None:
    for now, day in ((29, 23), (30, 23), (31, 30)):
        at = datetime(2026, 11, 1, 4, 30, tzinfo=UTC) + timedelta(days=now - 1)
        (layer,) = RotationFields.blank("UTC", at).layers
        assert (layer.day, layer.at) == (f"2026-11-{day}", "09:00"), (
            "on a Monday at 04:30, this one is to come"
        )
    assert layer.places == ("", ""), "two take turns at least"
    assert replace(layer, turns=("anna", "ben")).places == ("anna", "ben", "")


def test_layers_are_added_moved_and_taken_away() -> None:
    fields = RotationFields.of(INFRA)
    more = fields.pressed("add")
    assert more.layers[:3] == fields.layers
    assert more.layers[3] == LayerFields(day="2026-11-02", at="09:30"), "layers hand over together"
    assert fields.pressed("up:1").layers == (fields.layers[1], fields.layers[0], fields.layers[2])
    assert fields.pressed("drop:0").layers == fields.layers[1:]
    assert fields.pressed("up:nonsense:x") == fields


@pytest.mark.parametrize(
    ("button", "people"),
    [
        ("up:turn:1:2", ("ben", "ben", "anna")),
        ("drop:turn:1:0", ("anna", "ben")),
        ("add:turn:1", ("ben", "anna", "ben")),
        ("drop:turn:7:0", ("ben", "anna", "ben")),
    ],
)
def test_turns_are_moved_and_taken_away_inside_of_a_layer(button: str, people: tuple[str, ...]) -> None:
    fields = RotationFields.of(INFRA)
    changed = fields.pressed(button)
    assert changed.layers[1].people == people
    assert (changed.layers[0], changed.layers[2]) == (fields.layers[0], fields.layers[2])


def test_a_turn_that_was_just_chosen_is_moved_past_one_that_was_not() -> None:
    fields = RotationFields(layers=(LayerFields(("anna", "", "ben")),))
    assert fields.pressed("up:turn:0:2").layers[0].people == ("anna", "ben")
    assert fields.pressed("up:turn:0:2").pressed("up:turn:0:1").layers[0].people == ("ben", "anna")


def test_times_are_added_and_taken_away_inside_of_a_layer() -> None:
    fields = RotationFields.of(INFRA)
    assert fields.pressed("add:time:0").layers[0].times == (*fields.layers[0].times, TimeFields())
    assert fields.pressed("drop:time:1:0").layers[1].times == fields.layers[1].times[1:]
    assert fields.pressed("drop:time:0:0").layers[0].times == (TimeFields(),)


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"turns": ("anna", "frank")}, "people-1", "Layer 2, people: there is no person 'frank'"),
        ({"turns": ()}, "people-1", "Layer 2, people: needs at least one, such as anna."),
        ({"shift": "often"}, "shift-1", "Layer 2, length of a shift: 'often' is no length of a shift;"),
        ({"day": ""}, "day-1", "Layer 2, first shift: '09:00' is no time;"),
        ({"day": "1926-11-02"}, "day-1", "Layer 2, first shift: '1926-11-02 09:00' is out of range;"),
        (
            {"times": (TimeFields(), TimeFields(("mon",), "9 to 5"))},
            "hours-1-1",
            "Layer 2, times 2, hours: '9 to 5' are no hours;",
        ),
    ],
)
def test_a_problem_is_told_at_its_field(change: dict[str, Any], field: str, sentence: str) -> None:
    good = LayerFields(("anna",), day="2026-11-02")
    fields = RotationFields("infra", "UTC", (good, replace(good, **change)))
    with pytest.raises(Faulty) as faulty:
        single.read_rotation("infra", fields.entered(None), SCOPE)
    ((place, words),) = fields.located(faulty.value.problems)
    assert place == field
    assert words.startswith(sentence)


def test_other_problems_are_told_at_their_fields_too() -> None:
    assert RotationFields().located(
        ["timezone: is none.", "slug: is taken.", "layers[0]: is odd.", "layers[9].people: is odd.", "else"]
    ) == [
        ("timezone", "Time zone: is none."),
        ("slug", "Slug: is taken."),
        ("layer-0", "Layer 1: is odd."),
        ("", "layers[9].people: is odd."),
        ("", "else"),
    ]
