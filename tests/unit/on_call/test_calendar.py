"""The calendars that other programs read: their events are the shifts that `on_call` says, also where clocks change."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar, Event
from icalendar import Timezone as ParsedZone

from alerting import times
from alerting.calendar_layer import CalendarLayer
from alerting.rotation import Change, Layer, Length, Override, Rotation, Window, on_call
from heartbeat.on_call import calendar, calendar_events, calendar_people
from heartbeat.on_call.calendar_people import Directory, Somebody
from tests.unit.alerting import rotation_oracle

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MONDAY = datetime.fromisoformat("2026-03-02T09:00")
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
WEEKLY = Layer(("anna", "ben"), Length.parse("1w"), MONDAY)
INFRA = Rotation("infra", "Europe/Berlin", (WEEKLY,))
NAMES = {"anna": "Anna Berg", "ben": "Ben; the 2nd, \\o/"}
MADE = NOW - DAY


def written(events: Sequence[calendar.Event]) -> str:
    return calendar.written("On call", events, MADE, home="https://hb.example.com", installation="k3")


def read(text: str) -> list[Event]:
    """Return the events that the reference library finds."""
    parsed = Calendar.from_ical(text)
    assert not parsed.errors
    return parsed.events


def spans(events: Iterable[Event]) -> list[tuple[datetime, datetime, str]]:
    return [(instant(event.start), instant(event.end), str(event["SUMMARY"])) for event in events]


def instant(at: date) -> datetime:
    assert isinstance(at, datetime)
    assert at.tzinfo
    return at.astimezone(UTC)


def shown_at(events: Sequence[tuple[datetime, datetime, str]], at: datetime) -> list[str]:
    return [title for start, end, title in events if start <= at < end]


def feed_of(one: Rotation, now: datetime = NOW) -> list[tuple[datetime, datetime, str]]:
    return spans(read(written(calendar.of_rotation(one, {}, now))))


@pytest.mark.parametrize("seed", range(12))
def test_a_feed_shows_minute_by_minute_who_is_on_call(seed: int) -> None:
    random_ = random.Random(seed)
    zone = random_.choice(rotation_oracle.ZONES)
    changes = rotation_oracle.changes(zone)
    around = random_.choice(changes) if changes else datetime(2026, 3, 29, 1, tzinfo=UTC)
    one = rotation_oracle.some_rotation(random_, zone, around)
    events = feed_of(one, around)
    mine = spans(read(written(calendar.of_person("anna", [one], around))))
    for minute in range(-15 * 60, 15 * 60):
        at = around + minute * MINUTE
        people = on_call(one, at)
        said = [f"{times.names(people)} on call (infra)"] if people else []
        assert shown_at(events, at) == said, (zone, at)
        assert shown_at(mine, at) == (["On call: infra"] if "anna" in people else []), (zone, at)


@pytest.mark.parametrize("seed", range(6))
def test_a_rotation_that_follows_the_feed_of_another_one_has_the_same_people_on_call(seed: int) -> None:
    random_ = random.Random(seed)
    zone = random_.choice(rotation_oracle.ZONES)
    changes = rotation_oracle.changes(zone)
    around = random_.choice(changes) if changes else datetime(2026, 3, 29, 1, tzinfo=UTC)
    source = rotation_oracle.some_rotation(random_, zone, around)
    text = written(calendar.of_rotation(source, {}, around))
    events = calendar_events.read(text, ZoneInfo("Asia/Tokyo"), around - 9 * DAY, around + 9 * DAY)
    directory = Directory(Somebody(name, name) for name in rotation_oracle.PEOPLE)
    bookings, strangers = calendar_people.bookings(events, directory, around)
    follower = Rotation("other", "Asia/Tokyo", (CalendarLayer("", bookings),))
    assert strangers == ()
    for minute in range(-15 * 60, 15 * 60):
        at = around + minute * MINUTE
        assert sorted(on_call(follower, at)) == sorted(on_call(source, at)), (zone, at)


@pytest.mark.parametrize(("night", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_the_nights_of_23_and_25_hours_are_whole(night: str, hours: int) -> None:
    midnight = datetime.fromisoformat(night).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    turns = Layer(("anna", "ben"), Length.parse("1d"), datetime(2026, 1, 1))  # noqa: DTZ001 - on the wall
    events = feed_of(replace(INFRA, layers=(turns,)), midnight.astimezone(UTC))
    (shift,) = [event for event in events if event[0] == midnight]
    assert shift[1] - shift[0] == hours * HOUR


def test_a_time_that_the_clock_shows_twice_is_written_in_utc() -> None:
    turns = Layer(("anna", "ben"), Length.parse("1h"), datetime(2026, 10, 25))  # noqa: DTZ001 - on the wall
    one = replace(INFRA, layers=(turns,))
    cover = Override(
        Change.ADD, datetime(2026, 10, 25, 1, 30, tzinfo=UTC), datetime(2026, 10, 25, 5, tzinfo=UTC), on="ben"
    )
    text = written(
        calendar.of_rotation(replace(one, overrides=(cover,)), {}, datetime(2026, 10, 24, tzinfo=UTC))
    )
    assert "DTSTART:20261025T013000Z\r\n" in text, "02:30 the second time"
    assert "DTSTART;TZID=Europe/Berlin:20261025T010000\r\n" in text
    assert "20261025T023000\r\n" not in text


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca"]
)
def test_the_zone_in_a_feed_is_the_zone_of_the_rotation(zone: str) -> None:
    events = calendar.of_rotation(replace(INFRA, timezone=zone), {}, NOW)
    (parsed,) = Calendar.from_ical(written(events)).timezones
    assert isinstance(parsed, ParsedZone)
    assert parsed["TZID"] == zone
    own, real = parsed.to_tz(lookup_tzid=False), ZoneInfo(zone)
    at = events[0].start
    while at < events[-1].end:
        wall = at.astimezone(real).replace(tzinfo=None)
        folded = wall.replace(tzinfo=real).utcoffset() != wall.replace(tzinfo=real, fold=1).utcoffset()
        if not folded:
            assert wall.replace(tzinfo=own).utcoffset() == wall.replace(tzinfo=real).utcoffset(), wall
        at += 10 * MINUTE


def test_a_feed_reaches_from_the_last_month_to_three_months_ahead() -> None:
    events = feed_of(INFRA)
    assert events[0][0] == MONDAY.replace(tzinfo=ZoneInfo("Europe/Berlin")), "before, nobody was on call"
    assert events[-1][1] == datetime.fromisoformat("2026-07-01T00:00+02:00")
    late = datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert feed_of(INFRA, late)[0][0] == datetime.fromisoformat("2026-12-01T00:00+01:00")
    assert feed_of(INFRA, late)[-1][1] == datetime.fromisoformat("2027-05-01T00:00+02:00")
    for month in range(1, 13):
        now = datetime(2026, month, 28, tzinfo=UTC) + 3 * DAY
        assert feed_of(replace(INFRA, timezone="UTC"), now)[-1][1] >= now + 89 * DAY


def test_a_feed_does_not_change_as_time_goes_by() -> None:
    forever = replace(INFRA, layers=(replace(WEEKLY, people=("anna",)),))
    assert written(calendar.of_rotation(forever, NAMES, NOW)) == written(
        calendar.of_rotation(forever, NAMES, NOW + 9 * DAY)
    )


def test_the_same_shift_keeps_its_uid_and_no_two_share_one() -> None:
    cover = Override(Change.REPLACE, NOW + 82 * DAY, NOW + 83 * DAY, on="ben", off="anna")
    plain, covered = (
        {str(event["UID"]): event.start for event in read(written(calendar.of_rotation(one, NAMES, NOW)))}
        for one in (INFRA, replace(INFRA, overrides=(cover,)))
    )
    assert len(covered) > len(plain) > 10
    assert plain.items() <= covered.items()
    assert all(uid.endswith("@k3") for uid in plain)
    other = replace(INFRA, name="web")
    uids = [str(event["UID"]) for event in read(written(calendar.of_person("anna", [INFRA, other], NOW)))]
    assert len(uids) == len(set(uids))


def test_times_without_anybody_on_call_have_no_event() -> None:
    office = Window((0, 1, 2, 3, 4), 9 * HOUR, 17 * HOUR)
    events = feed_of(replace(INFRA, layers=(replace(WEEKLY, only=(office,)),)))
    assert all(end - start == 8 * HOUR for start, end, _ in events)


def test_names_are_written_so_that_they_are_read_as_they_are() -> None:
    long = NAMES | {"anna": "Änne " * 30}
    text = written(calendar.of_rotation(INFRA, long, NOW))
    titles = {str(event["SUMMARY"]) for event in read(text)}
    assert titles == {f"{'Änne ' * 30}on call (infra)", "Ben; the 2nd, \\o/ on call (infra)"}
    assert all(len(line) <= calendar.LINE for line in text.encode().split(b"\r\n"))
    assert "\n" not in text.replace("\r\n", "")
    hostile = {"anna": "A\r\nEND:VCALENDAR\x00\u2028"}
    harmless = written(calendar.of_rotation(INFRA, hostile, NOW))
    assert len(read(harmless)) == len(read(text))
    assert "\x00" not in harmless


def test_a_feed_has_at_most_a_thousand_shifts_the_first_ones() -> None:
    turns = Layer(("anna", "ben"), Length.parse("1h"), MONDAY)
    events = feed_of(replace(INFRA, layers=(turns,)))
    assert len(events) == calendar.MOST
    assert events[0][0] == MONDAY.replace(tzinfo=ZoneInfo("Europe/Berlin"))


def test_nobody_on_call_is_a_calendar_without_events() -> None:
    assert read(written(calendar.of_person("cleo", [INFRA], NOW))) == []
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H" in written([])
