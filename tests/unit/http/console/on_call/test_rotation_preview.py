"""What a rotation would mean in the coming days, told before it is saved."""

from datetime import UTC, datetime, timedelta

from alerting import rotation
from alerting.calendar_layer import Booking, CalendarLayer
from alerting.crew import Crew
from alerting.person import Contact, Person
from alerting.rotation import Change, Layer, Length, Override, Rotation, Window
from heartbeat.http.console.on_call import rotation_preview
from heartbeat.http.console.on_call.rotation_preview import ShiftWords

HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 30, 10, tzinfo=UTC)  # a Monday
NINE = datetime.fromisoformat("2026-11-23T09:00")
PEOPLE = {
    "anna": Person("anna", "Anna", (Contact("ntfy", "https://ntfy.example.com/anna"),)),
    "ben": Person("ben", "Ben", ()),
}
CREW = Crew(PEOPLE)
WEEKLY = Rotation("infra", "Europe/Berlin", (Layer(("anna", "ben"), Length.parse("1w"), NINE),))
OFFICE = Layer(("anna",), Length.parse("1w"), NINE, (Window((0, 1, 2, 3, 4), 9 * HOUR, 17 * HOUR),))


def test_the_shifts_are_those_of_the_one_function_that_knows() -> None:
    shown = rotation_preview.of(WEEKLY, CREW, NOW)
    assert list(shown.shifts) == [
        ShiftWords("now until Mon 07 Dec 09:00 CET", "Ben"),
        ShiftWords("Mon 07 Dec 09:00 to Mon 14 Dec 09:00 CET", "Anna"),
        ShiftWords("from Mon 14 Dec 09:00 CET on", "Ben"),
    ]
    assert (shown.more, shown.gaps) == (0, "")
    assert shown.unreached == "Ben has no contact, so no page reaches them."
    real = rotation.shifts(WEEKLY, NOW, NOW + rotation_preview.AHEAD)
    assert [shift.people for shift in real] == [("ben",), ("anna",), ("ben",)]


def test_overrides_count() -> None:
    leave = Override(Change.REMOVE, NOW, NOW + 2 * HOUR, off="ben")
    shown = rotation_preview.of(
        Rotation("infra", "Europe/Berlin", WEEKLY.layers, overrides=(leave,)), CREW, NOW
    )
    assert shown.shifts[0] == ShiftWords("now until Mon 30 Nov 13:00 CET", "Anna")


def test_gaps_are_told_in_a_sentence() -> None:
    shown = rotation_preview.of(Rotation("infra", "Europe/Berlin", (OFFICE,)), CREW, NOW)
    assert shown.gaps == (
        "Nobody is on call at 10 times, 10 days in all. "
        "The first is Mon 30 Nov 17:00 to Tue 01 Dec 09:00 CET."
    )
    assert shown.shifts[1] == ShiftWords("Mon 30 Nov 17:00 to Tue 01 Dec 09:00 CET", "")
    assert shown.unreached == ""
    later = Layer(("anna",), Length.parse("1w"), NINE + timedelta(weeks=2))
    once = rotation_preview.of(Rotation("infra", "Europe/Berlin", (later,)), CREW, NOW)
    assert once.gaps == "Nobody is on call now until Mon 07 Dec 09:00 CET."
    never = Layer(("anna",), Length.parse("1w"), NINE + timedelta(weeks=9))
    assert rotation_preview.of(Rotation("infra", "Europe/Berlin", (never,)), CREW, NOW).gaps == (
        "Nobody is on call from now on."
    )


def test_a_long_list_ends_with_the_number_of_the_others() -> None:
    hourly = Layer(("anna", "ben"), Length.parse("1h"), NINE)
    shown = rotation_preview.of(Rotation("infra", "Europe/Berlin", (hourly,)), CREW, NOW)
    assert len(shown.shifts) == rotation_preview.SHOWN
    assert shown.more == 14 * 24 - rotation_preview.SHOWN


def test_a_calendar_that_was_not_read_counts_as_empty() -> None:
    booking = Booking(NOW, NOW + 2 * HOUR, ("anna",))
    layers = (CalendarLayer("enc:1", (booking,)), OFFICE)
    read = rotation_preview.of(Rotation("infra", "Europe/Berlin", layers), CREW, NOW)
    assert (read.shifts[0], read.unread) == (ShiftWords("now until Mon 30 Nov 17:00 CET", "Anna"), False)
    unread = rotation_preview.of(Rotation("infra", "Europe/Berlin", (CalendarLayer("enc:1"),)), CREW, NOW)
    assert (unread.gaps, unread.unread) == ("Nobody is on call from now on.", True)
