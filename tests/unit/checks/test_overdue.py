"""The instant that tells overdue checks apart agrees with the due time of each check."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from heartbeat.checks import schedule
from heartbeat.checks.overdue import overdue_before
from heartbeat.checks.schedule import Cron, Every, OnCalendar, Schedule

NOW = datetime(2026, 10, 25, 1, 20, 7, 400_000, tzinfo=UTC)
"""Within the hour that London's clocks show twice."""
SCHEDULES = (
    Every(timedelta(minutes=5)),
    Cron("* * * * *", "UTC"),
    Cron("*/10 * * * *", "Europe/London"),
    Cron("30 1 * * *", "Europe/London"),
    Cron("* 0-1 * * *", "UTC"),
    Cron("*/20 * * * * *", "UTC"),
    Cron("15 3 * * 1", "America/New_York"),
    OnCalendar("*-*-* 01:00/7", "Europe/London"),
    OnCalendar("2026-10-20 04:00", "UTC"),
)


@pytest.mark.parametrize("planned", SCHEDULES, ids=str)
@pytest.mark.parametrize("heard", [True, False])
def test_exactly_the_checks_that_count_from_before_it_are_overdue(planned: Schedule, heard: bool) -> None:
    chance = Random(3)
    spreads = (timedelta(seconds=70), timedelta(hours=3), timedelta(days=9))
    bases = sorted(NOW - chance.choice(spreads) * chance.random() for _ in range(300))
    # Shortly before, at and after slots, where a ping counts for the slot that follows.
    slots = [due for base in bases[:40] if (due := schedule.due_from(planned, base)) and due < NOW]
    near = (timedelta(0), timedelta(microseconds=1), timedelta(seconds=6), timedelta(seconds=30))
    bases = sorted([*bases, *(slot - by for slot in slots for by in near)])
    limit = overdue_before(planned, bases[0], NOW, heard=heard)
    due_time = schedule.due_after if heard else schedule.due_from
    for base in bases:
        due = due_time(planned, base)
        assert (base < limit) == (due is not None and due < NOW), (base, due, limit)


def test_a_dense_schedule_is_walked_in_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    real = schedule.next_slot

    def counted(planned: Cron | OnCalendar, start: datetime) -> datetime | None:
        steps.append(start)
        return real(planned, start)

    monkeypatch.setattr(schedule, "next_slot", counted)
    month_ago = NOW - timedelta(days=30)
    limit = overdue_before(Cron("* * * * *", "UTC"), month_ago, NOW, heard=False)
    assert limit == NOW.replace(second=0, microsecond=0)
    assert len(steps) < 40
