"""The minutes since the days of a page were last counted, so that its days do not contradict how it stands.

Costs little, for it is done at each publication: only the checks that have changed since are looked at one by one.
Nothing of it is kept; the next count counts it anew.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from heartbeat.check import State
from heartbeat.config.public import StatusPage
from heartbeat.status import health, history, ledger, uptime
from heartbeat.status.announcement import Announcement
from heartbeat.status.health import Bearing
from heartbeat.status.uptime import Day, Life, Part, Place, Span

LONGEST = timedelta(minutes=15)
"""Where the last count is older than this, the days are left as they are: the count itself must catch up."""
MOST = 5_000
"""Checks that are looked at, at the most; where more have changed the next count tells."""

Days = Mapping[Place, Sequence[Day]]


def added(
    db: Connection,
    page: StatusPage,
    days: Days,
    bearings: Sequence[Bearing],
    told: Sequence[Announcement],
    now: datetime,
) -> dict[Place, list[Day]]:
    """The days of each component and region, up to now instead of to when they were counted."""
    zone, longer = ZoneInfo(page.timezone), {place: list(some) for place, some in days.items()}
    since = {place: at for place, some in days.items() if (at := _counted_until(some, zone, now))}
    if not since:
        return longer
    first = min(since.values())
    moved = ledger.moved(db, first, MOST)
    changes = ledger.changes(db, [one.id for one in moved], first)
    before = ledger.states_before(db, [one.id for one in moved], first)
    for part in uptime.parts(page):
        if len(moved) < MOST and (start := since.get(part.place)):
            mine = [one for one in moved if part.match.items() <= one.labels.items()]
            lives = [Life(before.get(one.id), changes.get(one.id, [])) for one in mine]
            lives += _still(part, bearings, mine)
            spans = history.spans(told, part, now)
            longer[part.place] = _lengthened(longer[part.place], (start, now), zone, lives, spans)
    return longer


def _counted_until(days: Sequence[Day], zone: ZoneInfo, now: datetime) -> datetime | None:
    """When they were counted; None where that is too long ago."""
    last = next((day for day in reversed(days) if day.total), None)
    if last is None:
        return None
    at = uptime.bounds(last.day, zone)[0].astimezone(UTC) + timedelta(seconds=last.total)
    return at if timedelta() < now - at <= LONGEST else None


def _still(part: Part, bearings: Sequence[Bearing], moved: Sequence[ledger.Watched]) -> list[Life]:
    """Those that have not changed since: that some are up, and that some are down."""
    standing = health.standing(bearings, part.match)
    count: dict[str, int] = {State.UP: standing.up, State.DOWN: standing.down}
    for one in moved:
        if one.state in count:
            count[one.state] -= 1
    return [Life(state, []) for state, number in count.items() if number > 0]


def _lengthened(
    days: Sequence[Day], within: Span, zone: ZoneInfo, lives: Sequence[Life], maintenance: Sequence[Span]
) -> list[Day]:
    return [uptime.sum_of(day, _part(day.day, within, zone, lives, maintenance)) for day in days]


def _part(day: date, within: Span, zone: ZoneInfo, lives: Sequence[Life], maintenance: Sequence[Span]) -> Day:
    start, end = (at.astimezone(UTC) for at in uptime.bounds(day, zone))
    start, end = max(start, within[0]), min(end, within[1])
    return uptime.count(day, (start, end), lives, maintenance) if start < end else Day(day)
