"""Rules of recurrence: which ones a window can have, and the days on which they apply."""

import datetime as datetime_module
from datetime import date, datetime, time, timedelta
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
from dateutil import rrule
from hypothesis import given
from hypothesis import strategies as st

from heartbeat.checks import recurrence_rule

FIRST = date(2026, 3, 1)
"""A Sunday."""


def days(rule: str, first: date = FIRST, since: date = FIRST, last: date = date(2030, 1, 1)) -> list[str]:
    """Return the first days of a rule."""
    read = recurrence_rule.read(recurrence_rule.checked(rule))
    return [day.isoformat() for day in islice(read.days(first, since, last), 4)]


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("", "is no rule"),
        ("every sunday", "cannot stand in a rule here"),
        ("FREQ=HOURLY", "needs FREQ, one of DAILY, WEEKLY, MONTHLY, YEARLY."),
        ("FREQ=MINUTELY;INTERVAL=5", "needs FREQ"),
        ("FREQ=SECONDLY", "needs FREQ"),
        ("INTERVAL=2", "needs FREQ"),
        ("FREQ=DAILY;BYHOUR=1,2", "'BYHOUR=1,2' cannot stand in a rule here"),
        ("FREQ=DAILY;FREQ=DAILY", "has FREQ twice."),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL must have numbers from 1 to 999"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20270101", "has COUNT and UNTIL"),
        ("FREQ=DAILY;UNTIL=soon", "UNTIL must be written as 20261231"),
        ("FREQ=WEEKLY;BYDAY=1SU", "is no day here; write MO, TU"),
        ("FREQ=MONTHLY;BYDAY=XX", "is no day here"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY must have numbers from -31 to 31"),
        ("FREQ=DAILY;COUNT=²", "COUNT must have numbers"),
        ("FREQ=DAILY;" + "X" * 300, "is no rule"),
    ],
)
def test_a_rule_that_a_window_cannot_have_is_refused_in_a_sentence(rule: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        recurrence_rule.checked(rule)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=MONTHLY;BYDAY=MO,1SU;COUNT=3", ["2026-03-01", "2026-03-02", "2026-03-09"]),
        ("FREQ=MONTHLY;BYDAY=5FR", ["2026-05-29", "2026-07-31", "2026-10-30", "2027-01-29"]),
        (
            "FREQ=MONTHLY;BYMONTHDAY=31,-1;INTERVAL=11",
            ["2026-03-31", "2027-02-28", "2028-01-31", "2028-12-31"],
        ),
        ("FREQ=YEARLY;BYDAY=-1SU", ["2026-12-27", "2027-12-26", "2028-12-31", "2029-12-30"]),
        ("FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU", ["2026-03-29", "2026-10-25", "2027-03-28", "2027-10-31"]),
        ("FREQ=YEARLY;BYMONTH=5,6", ["2026-05-01", "2026-06-01", "2027-05-01", "2027-06-01"]),
        (
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,SA",
            ["2026-03-01", "2026-03-07", "2026-03-15", "2026-03-21"],
        ),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", []),
        ("FREQ=DAILY;BYSETPOS=2", []),
    ],
)
def test_a_rule_applies_on_its_days(rule: str, expected: list[str]) -> None:
    assert days(rule) == expected


def test_a_series_may_be_entered_anywhere() -> None:
    assert days("FREQ=DAILY;INTERVAL=3", since=date(2029, 1, 1))[0] == "2029-01-02"
    assert (date(2029, 1, 2) - FIRST).days % 3 == 0
    assert days("FREQ=DAILY;COUNT=4", since=date(2026, 3, 3)) == ["2026-03-03", "2026-03-04"]
    assert days("FREQ=DAILY", since=date(2000, 1, 1), last=date(2026, 3, 2)) == ["2026-03-01", "2026-03-02"]
    assert days("FREQ=DAILY", first=date(2031, 1, 1)) == []


def _lists(low: int, high: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(low, high).filter(bool), max_size=4)


NAMES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@st.composite
def rules(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Draw a rule, and what the library wants to know of it.

    Each and the nth of a weekday are not mixed: the library wants both at once then, where RFC 5545 wants one of them.
    """
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    wanted: dict[str, Any] = {"freq": getattr(rrule, frequency)}
    parts = [f"FREQ={frequency}"]
    for name, numbers in (
        ("INTERVAL", st.integers(1, 40)),
        ("BYMONTH", _lists(1, 12)),
        ("BYMONTHDAY", _lists(-31, 31)),
        ("BYSETPOS", _lists(-5, 5) | _lists(-366, 366)),
    ):
        if chosen := draw(st.none() | numbers):
            parts.append(f"{name}={','.join(map(str, chosen)) if isinstance(chosen, list) else chosen}")
            wanted[name.lower()] = chosen
    weekdays = draw(st.lists(st.integers(0, 6), max_size=4))
    nth = draw(st.sampled_from([0, 0, 1, 2, 5, -1, -5])) if frequency in ("MONTHLY", "YEARLY") else 0
    if weekdays:
        parts.append("BYDAY=" + ",".join(f"{nth or ''}{NAMES[day]}" for day in weekdays))
        wanted["byweekday"] = [rrule.weekday(day, nth or None) for day in weekdays]
    if draw(st.booleans()):
        wanted["wkst"] = draw(st.integers(0, 6))
        parts.append(f"WKST={NAMES[wanted['wkst']]}")
    if draw(st.booleans()):
        wanted["count"] = draw(st.integers(1, 30))
        parts.append(f"COUNT={wanted['count']}")
    return ";".join(parts), wanted


@given(
    rules(),
    st.dates(date(2000, 1, 1), date(2040, 12, 31)),
    st.timedeltas(timedelta(), timedelta(days=3000)),
    st.timedeltas(timedelta(), timedelta(days=3000)),
)
def test_the_days_are_those_of_another_calculator(
    drawn: tuple[str, dict[str, Any]], first: date, later: timedelta, long: timedelta
) -> None:
    text, wanted = drawn
    since, last = first + later, first + later + long
    by_the_library = rrule.rrule(dtstart=datetime.combine(first, time()), **wanted)
    # The library tries a rule that never applies until the last year that there is.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rrule, "datetime", SimpleNamespace(**vars(datetime_module) | {"MAXYEAR": last.year}))
        expected = [at.date() for at in by_the_library if since <= at.date() <= last]
    assert list(recurrence_rule.read(text).days(first, since, last)) == expected
