"""The events of foreign calendars: repeated ones as the times they have, and whatever asks for too much is refused."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from heartbeat.on_call import calendar_events
from heartbeat.on_call.calendar_events import MOST_EVENTS
from heartbeat.on_call.event import Event, Unreadable

BERLIN = ZoneInfo("Europe/Berlin")
START, END = datetime(2026, 9, 1, tzinfo=UTC), datetime(2027, 9, 1, tzinfo=UTC)
CUSTOM = """BEGIN:VTIMEZONE
TZID:Our office
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
"""


def calendar(*parts: str) -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *"\n".join(parts).split("\n"), "END:VCALENDAR", ""]
    return "\r\n".join(line for line in lines[:-1] if line) + "\r\n"


def event(*lines: str, uid: str = "1") -> str:
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", "SUMMARY:Anna", *lines, "END:VEVENT"])


def read(*parts: str) -> list[Event]:
    return calendar_events.read(calendar(*parts), BERLIN, START, END)


def spans(*parts: str) -> list[str]:
    """The spans in UTC: "11-02 08:00/16:00"."""
    return [f"{each.start:%m-%d %H:%M}/{each.end:%H:%M}" for each in read(*parts)]


@pytest.mark.parametrize(
    ("lines", "span"),
    [
        (("DTSTART:20261102T080000Z", "DTEND:20261102T160000Z"), "11-02 08:00/16:00"),
        (("DTSTART;TZID=America/New_York:20261102T080000", "DURATION:PT8H"), "11-02 13:00/21:00"),
        (("DTSTART;TZID=Our office:20261102T080000", "DURATION:PT8H"), "11-02 07:00/15:00"),
        (("DTSTART;TZID=W. Europe Standard Time:20261102T080000", "DURATION:PT8H"), "11-02 07:00/15:00"),
        # On the clock of the rotation.
        (("DTSTART:20261102T080000", "DTEND:20261102T160000"), "11-02 07:00/15:00"),
        (("DTSTART;VALUE=DATE:20261102",), "11-01 23:00/23:00"),
        (("DTSTART;VALUE=DATE:20261102", "DTEND;VALUE=DATE:20261104"), "11-01 23:00/23:00"),
        # Its end is in another zone.
        (("DTSTART:20261102T080000Z", "DTEND;TZID=Europe/Berlin:20261102T170000"), "11-02 08:00/16:00"),
    ],
)
def test_a_time_is_read_in_its_zone(lines: tuple[str, ...], span: str) -> None:
    assert spans(CUSTOM, event(*lines)) == [span]


def test_an_all_day_event_lasts_until_the_midnight_of_the_rotation() -> None:
    (short,) = read(event("DTSTART;VALUE=DATE:20261025"))
    assert short.end - short.start == timedelta(hours=25)


def test_a_repeated_event_keeps_to_the_clock_on_the_wall() -> None:
    night = ("DTSTART;TZID=Europe/Berlin:20261023T220000", "DTEND;TZID=Europe/Berlin:20261024T060000")
    assert spans(event(*night, "RRULE:FREQ=DAILY;COUNT=3")) == [
        "10-23 20:00/04:00",
        "10-24 20:00/05:00",
        "10-25 21:00/05:00",
    ]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=WEEKLY;BYDAY=MO,TH;COUNT=3", ["11-02", "11-05", "11-09"]),
        ("FREQ=WEEKLY;INTERVAL=2;UNTIL=20261201T000000Z", ["11-02", "11-16", "11-30"]),
        ("FREQ=MONTHLY;BYDAY=1MO;COUNT=2", ["11-02", "12-07"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;UNTIL=20261231", ["11-02", "11-30", "12-31"]),
        ("FREQ=DAILY;BYDAY=MO,TU;BYSETPOS=1;UNTIL=20261110", ["11-02", "11-03", "11-09", "11-10"]),
        ("FREQ=YEARLY;BYWEEKNO=46;BYDAY=WE;COUNT=1", ["11-02", "11-11"]),
    ],
)
def test_an_event_repeats_by_its_rule(rule: str, days: list[str]) -> None:
    found = read(event("DTSTART:20261102T080000Z", "DTEND:20261102T160000Z", f"RRULE:{rule}"))
    assert [f"{each.start:%m-%d}" for each in found] == days


def test_excluded_and_added_times_count() -> None:
    lines = ("DTSTART;TZID=Europe/Berlin:20261102T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=5")
    excluded = ("EXDATE;TZID=Europe/Berlin:20261103T090000", "EXDATE:20261104T080000Z")
    added = ("EXDATE;VALUE=DATE:20261105", "RDATE;TZID=Europe/Berlin:20261110T090000")
    assert [span[:5] for span in spans(event(*lines, *excluded, *added))] == ["11-02", "11-06", "11-10"]


def test_one_time_of_a_repeated_event_is_moved_given_away_or_cancelled() -> None:
    weekly = event("DTSTART:20261102T080000Z", "DURATION:P7D", "RRULE:FREQ=WEEKLY;COUNT=4")
    given = event("RECURRENCE-ID:20261109T080000Z", "DTSTART:20261109T080000Z", "DURATION:P7D")
    moved = event("RECURRENCE-ID:20261116T080000Z", "DTSTART:20261117T080000Z", "DURATION:P1D")
    gone = event("RECURRENCE-ID:20261123T080000Z", "DTSTART:20261123T080000Z", "STATUS:CANCELLED")
    found = read(weekly, given.replace("SUMMARY:Anna", "SUMMARY:Ben"), moved, gone)
    assert [(f"{each.start:%m-%d}", each.title) for each in found] == [
        ("11-02", "Anna"),
        ("11-09", "Ben"),
        ("11-17", "Anna"),
    ]


def test_the_newest_of_two_versions_counts() -> None:
    old = event("DTSTART:20261102T080000Z", "DURATION:PT1H", "SEQUENCE:2")
    new = event("DTSTART:20261103T080000Z", "DURATION:PT1H", "SEQUENCE:3")
    assert spans(new, old) == ["11-03 08:00/09:00"]


def test_attendees_are_people_who_come() -> None:
    (found,) = read(
        event(
            "DTSTART:20261102T080000Z",
            "DURATION:PT1H",
            "ATTENDEE;CN=Anna Berg:mailto:anna@example.com",
            "ATTENDEE;PARTSTAT=DECLINED:mailto:ben@example.com",
            "ATTENDEE;CUTYPE=ROOM:mailto:room@example.com",
        )
    )
    assert found.attendees == (("anna@example.com", "Anna Berg"),)


def test_events_outside_of_the_span_and_without_a_length_are_left_out() -> None:
    assert read(event("DTSTART:20250101T000000Z", "DURATION:PT1H"), event("DTSTART:20261102T080000Z")) == []
    assert read() == []


LATER = ("DTSTART:20261102T080000Z", "DURATION:PT1H")
EVERY_SECOND = ";".join(
    f"BY{name}={','.join(map(str, range(count)))}"
    for name, count in (("HOUR", 24), ("MINUTE", 60), ("SECOND", 60))
)


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (event(*LATER, "RRULE:FREQ=SECONDLY"), "repeats an event each hour, minute or second"),
        (event(*LATER, "RRULE:FREQ=MINUTELY;COUNT=2"), "repeats an event each hour, minute or second"),
        (event(*LATER, "RRULE:freq=hourly"), "repeats an event each hour, minute or second"),
        (event(*LATER, "RRULE:FREQ=HOU\n RLY"), "repeats an event each hour, minute or second"),
        (
            event(*LATER, f"RRULE:FREQ=DAILY;{EVERY_SECOND}"),
            "more than 100,000 times",
        ),
        (
            event(*LATER, "RRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5,6,7,8,9"),
            "has more than 2,000 events in the span",
        ),
        (event(*LATER, "RRULE:COUNT=3"), "RRULE cannot be read|a rule without FREQ"),
        (event(*LATER, "RRULE:FREQ=DAILY;BYHOUR=99"), "by a rule that cannot be read"),
        (event(*LATER, "RRULE:FREQ=MONTHLY;BYDAY=0MO"), "on a day that cannot be read"),
        (event(*LATER, "RRULE:FREQ=YEARLY;RSCALE=HEBREW"), "by RSCALE, which is not read"),
        (event(*LATER, "EXRULE:FREQ=DAILY"), "with EXRULE, which is not read"),
        (
            event("RECURRENCE-ID;RANGE=THISANDFUTURE:20261102T080000Z", *LATER),
            "end the event there, and add another",
        ),
        (event("DTSTART:tomorrow"), "whose DTSTART cannot be read"),
        (event("DURATION:PT1H"), "without DTSTART"),
        (
            event("DTSTART;TZID=Nowhere/Here:20261102T080000", "DURATION:PT1H"),
            "in a time zone that is not known",
        ),
        (event("DTSTART;VALUE=DATE:99991231"), "beyond the year 9999|that cannot be read"),
        (event(*LATER, "DTSTART:20261103T080000Z"), "that cannot be read"),
        ("BEGIN:VEVENT\nUID:1\nDTSTART:20261102T080000Z", "is no calendar"),
    ],
)
def test_what_cannot_be_read_rightly_is_refused(part: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read(part)


@pytest.mark.parametrize("text", ["", "<html>Sign in</html>", "BEGIN:VCALENDAR", "\x00\xff"])
def test_what_is_no_calendar_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="is no calendar"):
        calendar_events.read(text, BERLIN, START, END)


def test_a_calendar_has_a_bounded_number_of_events() -> None:
    one = event(*LATER, uid="")
    assert len(read(*[one] * MOST_EVENTS)) == MOST_EVENTS
    with pytest.raises(Unreadable, match="has more than 2,000 events in the span that is read"):
        read(*[one] * (MOST_EVENTS + 1))
