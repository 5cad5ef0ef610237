"""Daily uptime: every second counts once, and unknown time never counts as up."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.incident import Pace
from heartbeat.status.uptime import days as uptime_days
from heartbeat.status.uptime.days import CheckHistory, Day, Past

START = datetime(2024, 5, 3, tzinfo=UTC)
DAY, END = START.date(), START + timedelta(days=1)
STATES = st.sampled_from(["new", "up", "down", "paused"])
OFFSETS = st.integers(min_value=-3_600, max_value=90_000)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def counted(*lives: CheckHistory, **more: object) -> dict[str, float]:
    """The hours of each kind that there are any of."""
    day = uptime_days.count(DAY, (START, END), lives, **{"stops": True, **more})  # type: ignore[arg-type]
    kinds = ("up", "degraded", "down", "maintenance", "unknown")
    return {kind: getattr(day, kind) / 3_600 for kind in kinds if getattr(day, kind)}


@pytest.mark.parametrize(
    ("lives", "expected"),
    [
        ([], {"unknown": 24}),
        ([CheckHistory("up", [])], {"up": 24}),
        ([CheckHistory(None, [(at(6), "up")])], {"unknown": 6, "up": 18}),
        ([CheckHistory("up", [(at(6), "down"), (at(7), "up")])], {"up": 23, "down": 1}),
        ([CheckHistory("up", [(at(6), "paused"), (at(7), "new"), (at(8), "up")])], {"up": 22, "unknown": 2}),
        ([CheckHistory("up", []), CheckHistory("up", [(at(6), "down")])], {"up": 6, "degraded": 18}),
        ([CheckHistory("down", []), CheckHistory("up", [(at(6), "down")])], {"degraded": 6, "down": 18}),
        ([CheckHistory("down", []), CheckHistory(None, [])], {"down": 24}),
        ([CheckHistory("up", [(at(6), "down"), (at(6), "up")])], {"up": 24}),
    ],
)
def test_every_hour_counts_as_its_state(lives: list[CheckHistory], expected: dict[str, float]) -> None:
    assert counted(*lives) == expected


def test_maintenance_and_unheard_time_do_not_count() -> None:
    life = CheckHistory("up", [(at(6), "down")])
    assert counted(life, maintenance=[(at(6), at(8))]) == {"up": 6, "maintenance": 2, "down": 16}
    assert counted(life, unheard=[(at(5), at(8))]) == {"up": 5, "unknown": 3, "down": 16}


def test_time_in_which_all_are_down_is_degraded_unless_the_component_stops_then() -> None:
    assert counted(CheckHistory("up", [(at(6), "down")]), stops=False) == {"up": 6, "degraded": 18}


@pytest.mark.parametrize(
    ("lives", "expected"),
    [
        ([], None),
        ([CheckHistory("up", [])], None),
        ([CheckHistory("up", [(at(6), "down")])], None),
        ([CheckHistory("down", [(at(6), "up")])], at(6)),
        ([CheckHistory("down", [(at(6), "up"), (at(7), "down")])], at(6)),
        ([CheckHistory("down", [(at(6), "up"), (at(7), "down"), (at(8), "up")])], at(8)),
        ([CheckHistory("down", [(at(6), "paused")])], None),
        ([CheckHistory("down", [(at(6), "paused"), (at(7), "up")])], at(7)),
        ([CheckHistory("down", [(at(6), "paused")]), CheckHistory("up", [])], at(6)),
        ([CheckHistory("down", [(at(6), "up")]), CheckHistory("down", [])], None),
        ([CheckHistory("down", [(at(6), "up")]), CheckHistory("up", [(at(6), "down")])], None),
        ([CheckHistory("down", [(at(6), "up")]), CheckHistory("down", [(at(7), "up")])], at(7)),
        ([CheckHistory(None, [(at(6), "up")])], None),
    ],
)
def test_a_recovery_is_the_time_at_which_none_is_down_any_more(
    lives: list[CheckHistory], expected: datetime | None
) -> None:
    assert uptime_days.settled_recovery(lives, at(23), Pace()) == expected


def test_a_recovery_counts_once_it_has_settled_and_returns_make_that_longer() -> None:
    def settled(*minutes: int, now: int, settling: int = 2) -> datetime | None:
        """Down at first, then up and down in turn."""
        changes = [
            (at(6) + timedelta(minutes=minute), ("up", "down")[n % 2]) for n, minute in enumerate(minutes)
        ]
        pace = Pace(settling=timedelta(minutes=settling))
        life = CheckHistory("down", changes)
        return uptime_days.settled_recovery([life], at(6) + timedelta(minutes=now), pace)

    six = at(6)
    assert [settled(0, now=now) for now in (0, 1, 2)] == [None, None, six]
    assert settled(0, now=0, settling=0) == six
    # What returns before that has not recovered, and then needs twice as long.
    later = six + timedelta(minutes=5)
    assert [settled(0, 1, 5, now=now) for now in (6, 8, 9)] == [None, None, later]
    # What returns after it is new trouble.
    assert settled(0, 3, now=9) == six
    assert [settled(0, 3, 5, now=now) for now in (6, 7)] == [six, later]
    paused = CheckHistory("down", [(six, "up"), (six + timedelta(minutes=1), "paused")])
    assert uptime_days.settled_recovery([paused], at(7), Pace()) is None


@given(st.lists(st.tuples(st.none() | STATES, st.lists(st.tuples(OFFSETS, STATES), max_size=6)), max_size=4))
def test_every_second_is_counted_once(drawn: list[tuple[str | None, list[tuple[int, str]]]]) -> None:
    lives = [
        CheckHistory(initial, sorted((START + timedelta(seconds=offset), state) for offset, state in changes))
        for initial, changes in drawn
    ]
    day = uptime_days.count(DAY, (START, END), lives)
    assert day.measured + day.maintenance + day.unknown == 86_400
    if not any(
        state in ("up", "down")
        for history in lives
        for state in (history.state_at_start, *(s for _, s in history.changes))
    ):
        assert day.unknown == 86_400


def test_a_day_has_the_length_of_its_zone() -> None:
    london = ZoneInfo("Europe/London")
    for day, hours in ((date(2024, 3, 31), 23), (date(2024, 10, 27), 25), (date(2024, 5, 3), 24)):
        start, end = (edge.astimezone(UTC) for edge in uptime_days.bounds(day, london))
        assert end - start == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (86_399, 86_400, "99.99 %"),
        (86_400, 86_400, "100 %"),
        (0, 10, "0.00 %"),
        (999_999, 1_000_000, "99.99 %"),
    ],
)
def test_a_share_is_never_rounded_up(part: float, whole: float, text: str) -> None:
    assert uptime_days.percent(part, whole) == text


def test_the_measured_time_is_named() -> None:
    days = [
        *[Day(DAY, up=86_400)] * 6,
        Day(DAY, up=86_400 - 3_600, down=3_600),
        Day(DAY, up=72_000, unknown=14_400),
        Day(DAY, unknown=86_400),
    ]
    assert uptime_days.in_words(days) == "99.46 % uptime over 7 days 20 h"
    assert uptime_days.share(days) == "99.46 %"


@pytest.mark.parametrize("last", [Day(DAY, unknown=86_400), Day(DAY, up=80_000, down=6_399)])
def test_less_than_seven_known_days_make_no_percentage(last: Day) -> None:
    days = [*[Day(DAY, up=86_400)] * 6, last]
    assert uptime_days.in_words(days) == "Not enough data yet"
    assert uptime_days.share(days) == ""


def test_days_that_were_never_counted_are_unknown() -> None:
    filled = uptime_days.filled({DAY: Day(DAY, up=86_400)}, DAY + timedelta(days=1))
    assert len(filled) == 90
    assert [day.kind for day in filled[-3:]] == ["unknown", "up", "unknown"]


def test_bars_and_their_words_are_runs_of_days() -> None:
    kinds = [Day(DAY), Day(DAY, up=1), Day(DAY, up=1), Day(DAY, down=1_560, up=5), Day(DAY, up=1)]
    days = [
        Day(DAY + timedelta(days=n), counted.up, counted.degraded, counted.down)
        for n, counted in enumerate(kinds)
    ]
    assert uptime_days.paths(days) == [
        ("unknown", "M0 12H5"),
        ("up", "M6 12H17M24 12H29"),
        ("down", "M18 12H23"),
    ]
    assert uptime_days.runs(days) == [
        (days[4].day, days[4].day, "Worked normally"),
        (days[3].day, days[3].day, "Not working for 26 min"),
        (days[1].day, days[2].day, "Worked normally"),
        (days[0].day, days[0].day, "No information"),
    ]


INSTANTS = st.integers(0, 47).map(lambda hours: START + timedelta(hours=hours))
CHANGES = st.lists(st.tuples(INSTANTS, st.sampled_from(["up", "down", "paused"])), max_size=4)
PASTS = st.builds(
    lambda known, state, changes: Past(
        min([known, *(at for at, _ in changes)]), state, tuple(sorted(changes))
    ),
    INSTANTS,
    st.sampled_from(["up", "down", "new"]),
    CHANGES,
)


@given(st.lists(PASTS, max_size=6), st.booleans())
def test_checks_that_did_the_same_count_as_one(pasts: list[Past], stops: bool) -> None:
    """A hundred thousand checks that were all well are one history, on every day."""
    start, end = START + timedelta(hours=12), START + timedelta(hours=36)

    def of_day(past: Past) -> CheckHistory:
        before = [state for at, state in past.changes if at <= start]
        state = before[-1] if before else past.state if past.known_from <= start else None
        return CheckHistory(state, [change for change in past.changes if change[0] > start])

    every = [of_day(past) for past in pasts]
    ordered = sorted(pasts * 3, key=lambda past: past.known_from)
    known = uptime_days.histories(ordered, start, end)
    both = [uptime_days.count(DAY, (start, end), lives, stops=stops) for lives in (known, every)]
    assert both[0] == both[1]
    assert len(known) <= len({(past.known_from, past.state, past.changes) for past in pasts})
