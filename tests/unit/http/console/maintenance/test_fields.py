"""A maintenance window as a form has it: when and about what it is meant, and what is wrong, in the form's words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.datastructures import FormData

from heartbeat.checks.maintenance import WindowDefinition
from heartbeat.definitions import single as single_definition
from heartbeat.definitions.single import Faulty
from heartbeat.http.console.maintenance import fields as maintenance_fields
from heartbeat.http.console.maintenance.fields import Arrangement
from tests.unit.conftest import NOW

BEGAN = WindowDefinition("Move", "", {"host": "a"}, NOW - timedelta(hours=1), NOW + timedelta(hours=1))
COMING = WindowDefinition("Move", "", {"host": "a"}, NOW + timedelta(hours=1), NOW + timedelta(hours=2))


def typed(**fields: Any) -> Arrangement:
    labels = fields.pop("labels", ["host=a"])
    pairs = [*fields.items(), *(("label", line) for line in labels)]
    return Arrangement.typed(FormData([("length", "own"), ("timezone", "UTC"), *pairs]))


def at(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year, month and so on


@pytest.mark.parametrize(
    ("length", "timezone", "until"),
    [
        ("30m", "UTC", NOW + timedelta(minutes=30)),
        ("4h", "Europe/London", NOW + timedelta(hours=4)),
        ("morning", "UTC", at(2024, 5, 3, 9)),
        ("morning", "Asia/Tokyo", at(2024, 5, 4, 0)),
        ("morning", "America/New_York", at(2024, 5, 3, 13)),
    ],
)
def test_a_length_counts_from_now(length: str, timezone: str, until: datetime) -> None:
    assert typed(length=length, timezone=timezone).times(NOW, None) == (NOW, until)


def test_what_has_begun_stays_begun_and_what_has_not_begins_now() -> None:
    until = NOW + timedelta(hours=2)
    assert typed(length="2h").times(NOW, BEGAN) == (BEGAN.starts_at, until)
    assert typed(length="2h").times(NOW, COMING) == (NOW, until)


def test_times_are_those_of_the_zone() -> None:
    own = typed(timezone="Europe/Berlin", starts="2024-05-04T02:00", ends="2024-05-04T06:30")
    assert own.times(NOW, None) == (at(2024, 5, 4, 0), at(2024, 5, 4, 4, 30))
    assert typed(ends="2024-05-04 06:30").times(NOW, None) == (NOW, at(2024, 5, 4, 6, 30)), "empty is now"
    assert typed(ends="2024-05-04T06:30Z", timezone="Asia/Tokyo").times(NOW, None)[1] == at(2024, 5, 4, 6, 30)


def test_what_was_not_touched_stays_to_the_second_and_in_its_hour() -> None:
    """Clocks show 02:30 twice that night; the window ends at the second one."""
    ends = at(2024, 10, 27, 1, 30)
    window = WindowDefinition("Move", "", {"host": "a"}, at(2024, 10, 26, 20, 0, 17), ends)
    form = typed(timezone="Europe/Berlin", starts="2024-10-26T22:00", ends="2024-10-27T02:30")
    assert form.times(at(2024, 10, 26), window) == (window.starts_at, window.ends_at)
    assert Arrangement.of(window).times(at(2024, 10, 26), window) == (window.starts_at, window.ends_at)
    assert form.times(at(2024, 10, 26), None) == (at(2024, 10, 26, 20), at(2024, 10, 27, 0, 30))


@pytest.mark.parametrize(
    ("fields", "about", "text"),
    [
        ({"ends": ""}, "ends", "Until: is empty; enter a time, or choose a length."),
        ({"ends": "soon"}, "ends", "Until: 'soon' is not a time; write it as 2026-05-02 05:00."),
        ({"ends": "9999-12-31T23:59", "timezone": "America/Lima"}, "ends", "is not a time"),
        ({"starts": "2024-05-04T02:00", "ends": "2024-05-04T01:00"}, "ends", "Until: must be after From."),
        ({"ends": "2024-05-03T02:00"}, "ends", "Until: must be after From."),
        ({"starts": "2024-05-01T02:00", "ends": "2024-05-02T02:00"}, "ends", "Until: must be after now."),
        ({"ends": "2024-07-04T01:00"}, "ends", "Until: must be at most 30 days after From."),
        ({"length": "1h", "timezone": "Europe/Londn"}, "timezone", "did you mean 'Europe/London'"),
        ({"length": "1h", "labels": []}, "labels", "Labels: needs at least one label"),
        ({"length": "1h", "labels": ["vault"]}, "labels", "'vault' is not a label; write it as name=value."),
        ({"length": "1h", "labels": ["a=1", "a=2"]}, "labels", "Labels: 'a' is listed twice"),
        ({"length": "1h", "labels": ["9 a=1"]}, "labels", "Labels: '9 a' cannot be a label"),
        ({"length": "1h", "title": ""}, "title", "Title: must be one line of text."),
        ({"length": "1h", "title": "x" * 201}, "title", "Title: has 201 characters"),
    ],
)
def test_a_problem_names_its_field_as_the_form_does(fields: dict[str, Any], about: str, text: str) -> None:
    form = typed(**({"title": "Move"} | fields))
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # The words are what this test is about.
        single_definition.read_window(form.as_in_api(NOW, None), NOW)
    problems = raised.value.problems if isinstance(raised.value, Faulty) else [str(raised.value)]
    located = maintenance_fields.by_field(problems)
    assert about in [name for name, _ in located]
    assert text in " ".join(problem for _, problem in located)


def test_the_form_of_several_checks_has_their_common_labels() -> None:
    web, mail = {"host": "a", "region": "eu", "part": "web"}, {"region": "eu", "part": "mail", "host": "a"}
    assert maintenance_fields.for_checks([web], ["Web"]).labels == ("host=a", "region=eu", "part=web")
    assert maintenance_fields.for_checks([web], ["Web"]).title == "Maintenance of Web"
    both = maintenance_fields.for_checks([web, mail], ["Web", "Mail"])
    assert (both.labels, both.title) == (("host=a", "region=eu"), "Maintenance of a, eu")
    none = maintenance_fields.for_checks([web, {}], ["Web", "Bare"])
    assert (none.labels, none.title) == ((), "")
    assert len(maintenance_fields.for_checks([web], ["x" * 300]).title) == 200


def test_a_window_like_another_is_about_the_same_and_begins_now() -> None:
    repeated = maintenance_fields.like(BEGAN)
    assert (repeated.title, repeated.labels, repeated.times(NOW, None)[0]) == ("Move", ("host=a",), NOW)
