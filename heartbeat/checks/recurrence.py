"""Recurring maintenance: the occurrences of a rule on the clock on the wall of a zone. Pure.

An occurrence begins at the first instant at which the clock shows its start. Where the clock skips that time, it begins
at the skip. It ends once the clock has shown its end for the last time, and never before its whole duration is over. So
it is longer in the night in which clocks go back, and covers each job at a local time within it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from alerting import times, wall_clock
from heartbeat.checks import recurrence_rule

LONGEST = timedelta(days=7)
"""The longest occurrence."""
AHEAD: Final = timedelta(days=9 * 366)
"""How far ahead occurrences are looked for: 29 February may be eight years away."""
FOLLOWING: Final = 5
"""Occurrences that are shown ahead."""
_COMPARED: Final = 60
"""Occurrences of which each must end before the next one begins."""
_MOST_BEFORE: Final = LONGEST + timedelta(days=2)
"""How long before its end an occurrence may begin on the wall, at most: a clock may go back meanwhile."""
_EARLIEST: Final = datetime(1, 1, 3, tzinfo=UTC)
_LATEST: Final = datetime(9999, 12, 29, tzinfo=UTC)
_NEAR: Final = 12
"""Occurrences that are kept for a day: more than can begin in it."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule, the first start on the wall (naive), the zone, and the duration of each occurrence.

    What began before `since` is over: somebody has ended it.
    """

    rule: str
    starts: datetime
    timezone: str
    duration: timedelta
    since: datetime | None = None

    @property
    def words(self) -> str:
        """The recurrence in words: "every week on Sunday at 01:00 for 4 h, Europe/London"."""
        days = recurrence_rule.read(self.rule).words(self.starts.date())
        return f"{days} at {self.starts:%H:%M} for {times.duration(self.duration)}, {self.timezone}"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence, in UTC."""

    starts_at: datetime
    ends_at: datetime


def fault(recurrence: Recurrence, now: datetime) -> str | None:
    """Return the fault in a recurrence, in one sentence."""
    if not timedelta() < recurrence.duration <= LONGEST:
        return f"duration: must be more than nothing and at most {LONGEST.days} days."
    ahead = following(recurrence, now, _COMPARED)
    if not ahead:
        return "rrule: has no occurrence from now on, within nine years."
    if any(later.starts_at <= earlier.ends_at for earlier, later in pairwise(ahead)):
        return "duration: each window must end before the next one begins."
    return None


def current(recurrence: Recurrence, now: datetime) -> Occurrence | None:
    """Return the occurrence that is under way at `now`, or else the next one. None if there is none any more."""
    return next(iter(following(recurrence, now, 1)), None)


def following(recurrence: Recurrence, now: datetime, count: int) -> list[Occurrence]:
    """Return the next occurrences from `now` on, with the one that is under way, at most `count`."""
    day = now.astimezone(UTC).date()
    near = _near(recurrence, day) if count < _NEAR // 2 else tuple(islice(_from(recurrence, day), count + 3))
    return [occurrence for occurrence in near if occurrence.ends_at > now][:count]


@lru_cache(maxsize=4096)
def _near(recurrence: Recurrence, day: date) -> tuple[Occurrence, ...]:
    """Return the first occurrences that end on a day in UTC, or later. All of a day are looked for once."""
    return tuple(islice(_from(recurrence, day), _NEAR))


def _from(recurrence: Recurrence, day: date) -> Iterator[Occurrence]:
    begin = datetime.combine(day, time(), UTC)
    zone, since = ZoneInfo(recurrence.timezone), recurrence.since
    wall_begin = wall_clock.shown(begin, zone)
    for wall in _walls(recurrence, wall_begin - _MOST_BEFORE, wall_begin + AHEAD):
        starts_at = wall_clock.first(wall, zone)
        end = max(starts_at + recurrence.duration, wall_clock.last(wall + recurrence.duration, zone))
        if end > begin and (since is None or starts_at >= since):
            yield Occurrence(starts_at, end)


def _walls(recurrence: Recurrence, since: datetime, horizon: datetime) -> Iterator[datetime]:
    """Return the starts on the wall, in their order, from the day of `since` until the horizon."""
    rule, latest = recurrence_rule.read(recurrence.rule), horizon
    if rule.until is not None:
        latest = min(horizon, _on_the_wall(rule.until, ZoneInfo(recurrence.timezone)))
    for day in rule.days(recurrence.starts.date(), since.date(), latest.date()):
        wall = datetime.combine(day, recurrence.starts.time())
        if wall <= latest:
            yield wall


def _on_the_wall(until: datetime, zone: ZoneInfo) -> datetime:
    if until.tzinfo is None:
        return until
    # A zone may be a day ahead or behind, and no clock shows a time before the year 1 or after 9999.
    return wall_clock.shown(min(max(until, _EARLIEST), _LATEST), zone)


def to_json(recurrence: Recurrence | None) -> dict[str, object] | None:
    """Return a recurrence as JSON for a row."""
    if recurrence is None:
        return None
    since = {"since": recurrence.since.isoformat()} if recurrence.since is not None else {}
    return {
        "rrule": recurrence.rule,
        "starts": recurrence.starts.isoformat(),
        "timezone": recurrence.timezone,
        "duration": recurrence.duration.total_seconds(),
        **since,
    }


def from_json(stored: Mapping[str, Any]) -> Recurrence:
    """Return the recurrence of a row."""
    since = stored.get("since")
    return Recurrence(
        rule=stored["rrule"],
        starts=datetime.fromisoformat(stored["starts"]),
        timezone=stored["timezone"],
        duration=timedelta(seconds=stored["duration"]),
        since=None if since is None else datetime.fromisoformat(since),
    )
