"""Counting the days of status pages: today and yesterday repeatedly, and missed days a few at a time.

Counted days stay, even when the changes that they were counted from are deleted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from heartbeat.definitions import store as definition_store
from heartbeat.definitions.status_page import StatusPage
from heartbeat.status import store
from heartbeat.status.announcement import MOST_SHOWN, Announcement, AnnouncementKind, Status
from heartbeat.status.uptime import days as uptime_days
from heartbeat.status.uptime import store as uptime_store
from heartbeat.status.uptime.days import CheckHistory, ComponentRegion, CountedComponent, Day, Span
from heartbeat.status.uptime.store import CheckState

AT_ONCE = 10
"""The largest number of days of a component that one round counts, oldest first."""
KEPT_FOR = timedelta(days=100)
"""The age at which days are deleted. No page shows them."""


@dataclass(frozen=True, slots=True)
class CountedDays:
    """The days that a round has counted. `more` is True if it left some for the next round."""

    days: Mapping[str, Mapping[ComponentRegion, Sequence[Day]]]
    """By page, and by component and region."""
    more: bool


def count(db: Connection, now: datetime) -> CountedDays:
    """Count the days that are due. Only read."""
    pages = definition_store.status_pages_of(db)
    checks = uptime_store.every_check(db) if pages else []
    counted = {}
    more = False
    for page in pages.values():
        counted[page.slug], left = _of_page(db, page, checks, now)
        more = more or left
    return CountedDays(counted, more)


def keep(db: Connection, counted: CountedDays, now: datetime) -> None:
    """Save the counted days, and delete those that are too old."""
    for page, days in counted.days.items():
        uptime_store.put_days(db, page, days)
    uptime_store.forget_days(db, (now - KEPT_FOR).date())


def _of_page(
    db: Connection, page: StatusPage, checks: Sequence[CheckState], now: datetime
) -> tuple[dict[ComponentRegion, Sequence[Day]], bool]:
    """Count the due days of a page. Return True as well if some are left for the next round."""
    zone, last_days = ZoneInfo(page.timezone), uptime_store.last_days(db, page.slug)
    today, maintained = (
        now.astimezone(zone).date(),
        store.published(db, page.slug, now - KEPT_FOR, MOST_SHOWN),
    )
    counted: dict[ComponentRegion, Sequence[Day]] = {}
    more = False
    for part in uptime_days.parts(page):
        own_checks = [check for check in checks if part.match.items() <= check.labels.items()]
        if part.region and not own_checks:
            # It is not offered there, or not any longer. Its counted days are shown until they are deleted.
            continue
        days = _to_count(last_days.get(part.key), today)
        more = more or len(days) > AT_ONCE
        under = spans(maintained, part, now)
        counted[part.key] = _counted(db, own_checks, days[:AT_ONCE], zone, under, now, stops=part.stops)
    return counted, more


def _to_count(last: date | None, today: date) -> list[date]:
    """Return today, yesterday, and the days since the last counted one."""
    oldest = today - timedelta(days=uptime_days.DAYS_SHOWN - 1)
    first = oldest if last is None else max(min(last, today - timedelta(days=1)), oldest)
    return [first + timedelta(days=number) for number in range((today - first).days + 1)]


def _counted(
    db: Connection,
    checks: Sequence[CheckState],
    days: Sequence[date],
    zone: ZoneInfo,
    maintenance: Sequence[Span],
    now: datetime,
    *,
    stops: bool,
) -> list[Day]:
    since = uptime_days.bounds(days[0], zone)[0].astimezone(UTC)
    changes = uptime_store.changes(db, [check.id for check in checks], since)
    states_before = uptime_store.states_before(db, [check.id for check in checks], since)
    counted_days = []
    for day in days:
        start, end = (at.astimezone(UTC) for at in uptime_days.bounds(day, zone))
        histories = []
        for check in checks:
            own = changes.get(check.id, [])
            earlier = [state for at, state in own if at <= start]
            state_at_start = earlier[-1] if earlier else states_before.get(check.id)
            if state_at_start is None and not own and check.since <= start:
                # Its last change has been deleted, and its state is the same since.
                state_at_start = check.state
            histories.append(CheckHistory(state_at_start, [(at, state) for at, state in own if at > start]))
        passed = start, min(end, max(now, start))
        counted_days.append(uptime_days.count(day, passed, histories, maintenance, stops=stops))
    return counted_days


def spans(announcements: Sequence[Announcement], part: CountedComponent, now: datetime) -> list[Span]:
    """Return the times in which a component, or all of it in a region, was under maintenance."""
    spans_ = []
    for announcement in announcements:
        own = [affected for affected in announcement.affected if affected.component == part.component]
        whole = any(not affected.regions or part.region in affected.regions for affected in own)
        start_times = [update.at for update in announcement.updates if update.status is Status.IN_PROGRESS]
        if announcement.kind is AnnouncementKind.MAINTENANCE and whole and start_times:
            spans_.append((min(start_times), announcement.resolved_at or now))
    return spans_


def page_days(db: Connection, page: StatusPage, now: datetime) -> dict[ComponentRegion, list[Day]]:
    """Return the days that a page shows, of each component and of each region with counted days."""
    today = now.astimezone(ZoneInfo(page.timezone)).date()
    days = uptime_store.days(db, page.slug, today - timedelta(days=uptime_days.DAYS_SHOWN))
    keys = [part.key for part in uptime_days.parts(page) if not part.region or part.key in days]
    return {key: uptime_days.filled(days.get(key, {}), today) for key in keys}
