"""Events name people by address or name. The shifts that they are have no overlaps, and unknown names are kept."""

from datetime import timedelta

import pytest

from alerting.calendar_layer import Booking
from heartbeat.on_call import calendar_people
from heartbeat.on_call.calendar_people import MOST_STRANGERS, Directory, Somebody
from heartbeat.on_call.event import Event
from tests.unit.conftest import NOW

HOUR = timedelta(hours=1)
PEOPLE = (
    Somebody("anna", "Anna Berg", ("Anna@example.com",)),
    Somebody("ben", "Ben"),
    Somebody("ben-2", "Ben Lee"),
    Somebody("cleo", "Cleo"),
    Somebody("cleo-b", "Cleo"),
)


def an_event(title: str = "", *attendees: tuple[str, str], start: int = 0, hours: int = 8) -> Event:
    return Event(NOW + start * HOUR, NOW + (start + hours) * HOUR, title, attendees)


def named(event: Event) -> tuple[list[str], list[str]]:
    return Directory(PEOPLE).of(event)


@pytest.mark.parametrize(
    ("title", "people"),
    [
        ("Anna Berg", ["anna"]),
        ("  anna  BERG ", ["anna"]),
        ("anna", ["anna"]),
        ("anna@example.COM", ["anna"]),
        ("Ben, Anna Berg", ["ben", "anna"]),
        ("Anna Berg and Ben", ["anna", "ben"]),
        ("On call: Anna Berg", ["anna"]),
        ("Anna Berg on call (infra)", ["anna"]),
        # The longer name counts, and none that is only a part of a word.
        ("Pager of Ben Lee", ["ben-2"]),
        ("Bench", []),
        ("the annal", []),
        # Two people have this name.
        ("Cleo", []),
        ("", []),
    ],
)
def test_a_title_names_people(title: str, people: list[str]) -> None:
    assert named(an_event(title)) == (people, [] if people else [title])


def test_attendees_count_before_the_title() -> None:
    assert named(an_event("Ben", ("anna@example.com", ""))) == (["anna"], [])
    assert named(an_event("Duty", ("x@example.com", "Anna Berg"))) == (["anna"], [])
    assert named(an_event("Ben", ("x@example.com", ""))) == (["ben"], [])
    assert named(an_event("Duty", ("x@example.com", "Max"), ("y@example.com", ""))) == (
        [],
        ["Max", "y@example.com"],
    )
    both = an_event("Duty", ("anna@example.com", ""), ("y@example.com", ""))
    assert named(both) == (["anna"], ["y@example.com"])


def test_without_people_nobody_is_named() -> None:
    assert Directory(()).of(an_event("Anna Berg")) == ([], ["Anna Berg"])


def test_bookings_have_no_overlaps_and_neighbours_are_one() -> None:
    events = [
        an_event("anna", start=0, hours=8),
        an_event("ben", start=4, hours=8),
        an_event("ben", start=12, hours=4),
        an_event("Max", start=0, hours=40),
    ]
    bookings, strangers = calendar_people.bookings(events, Directory(PEOPLE), NOW)
    assert bookings == (
        Booking(NOW, NOW + 4 * HOUR, ("anna",)),
        Booking(NOW + 4 * HOUR, NOW + 8 * HOUR, ("anna", "ben")),
        Booking(NOW + 8 * HOUR, NOW + 16 * HOUR, ("ben",)),
    )
    assert strangers == ("Max",)


def test_only_the_names_of_coming_events_are_kept_and_only_some() -> None:
    events = [an_event("Old", start=-9), *(an_event(f"Max {number}") for number in range(99))]
    _, strangers = calendar_people.bookings(events, Directory(PEOPLE), NOW)
    assert strangers == tuple(f"Max {number}" for number in range(MOST_STRANGERS))
