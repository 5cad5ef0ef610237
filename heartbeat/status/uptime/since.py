"""The minutes since the last count of a page's days, so that the days agree with the present health.

This is cheap, since each publication does it: it loads only the checks that have changed since. It saves nothing; the
next count includes these minutes.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from heartbeat.definitions.status_page import StatusPage
from heartbeat.status import health
from heartbeat.status.announcement import Announcement
from heartbeat.status.health import CheckCount, UpAndDown
from heartbeat.status.uptime import count, store
from heartbeat.status.uptime import days as uptime_days
from heartbeat.status.uptime.days import CheckHistory, ComponentRegion, CountedComponent, Day, Span

LONGEST = timedelta(minutes=15)
"""The age of the last count from which the days stay as they are, until the count itself catches up."""
MOST = 5_000
"""The largest number of changed checks. With more, the days stay as they are until the next count."""

Days = Mapping[ComponentRegion, Sequence[Day]]


def extended(
    db: Connection,
    page: StatusPage,
    days: Days,
    check_counts: Sequence[CheckCount],
    announcements: Sequence[Announcement],
    now: datetime,
) -> dict[ComponentRegion, list[Day]]:
    """Return the days of each component and region up to now, instead of up to the last count."""
    zone, longer = ZoneInfo(page.timezone), {key: list(days_) for key, days_ in days.items()}
    since = {key: at for key, days_ in days.items() if (at := _counted_until(days_, zone, now))}
    if not since:
        return longer
    first = min(since.values())
    changed = store.changed_checks(db, first, MOST)
    changes = store.changes(db, [check.id for check in changed], first)
    states_before = store.states_before(db, [check.id for check in changed], first)
    unheard = count.unheard_since(db, first)
    for counted in uptime_days.parts(page):
        if len(changed) < MOST and (start := since.get(counted.key)):
            own = [check for check in changed if counted.match.items() <= check.labels.items()]
            histories = [
                CheckHistory(states_before.get(check.id), changes.get(check.id, [])) for check in own
            ]
            histories += still(health.up_and_down(check_counts, counted.match), own)
            spans = count.spans(announcements, counted, now)
            longer[counted.key] = _lengthened(
                longer[counted.key], (start, now), zone, histories, spans, unheard, counted
            )
    return longer


def _counted_until(days: Sequence[Day], zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return the time of the last count, or None if it is too old."""
    last = next((day for day in reversed(days) if day.total), None)
    if last is None:
        return None
    at = uptime_days.bounds(last.day, zone)[0].astimezone(UTC) + timedelta(seconds=last.total)
    return at if timedelta() < now - at <= LONGEST else None


def still(counts: UpAndDown, changed: Sequence[store.CheckState]) -> list[CheckHistory]:
    """Return histories for those counted checks that have not changed: one if some are up, one if some are down."""
    unchanged = {"up": counts.up, "down": counts.down}
    for check in changed:
        if check.state in unchanged:
            unchanged[check.state] -= 1
    return [CheckHistory(state, []) for state, number in unchanged.items() if number > 0]


def _lengthened(
    days: Sequence[Day],
    within: Span,
    zone: ZoneInfo,
    histories: Sequence[CheckHistory],
    maintenance: Sequence[Span],
    unheard: Sequence[Span],
    counted: CountedComponent,
) -> list[Day]:
    def part(day: date) -> Day:
        start, end = (at.astimezone(UTC) for at in uptime_days.bounds(day, zone))
        start, end = max(start, within[0]), min(end, within[1])
        if start >= end:
            return Day(day)
        return uptime_days.count(day, (start, end), histories, maintenance, unheard, stops=counted.stops)

    return [uptime_days.sum_of(day, part(day.day)) for day in days]
