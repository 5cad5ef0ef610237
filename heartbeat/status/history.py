"""Counting the days of status pages: today and yesterday repeatedly, and missed days a few at a time.

Counted days stay, even when the changes that they were counted from are deleted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from heartbeat import definitions
from heartbeat.config.public import StatusPage
from heartbeat.status import ledger, store, uptime
from heartbeat.status.announcement import Announcement, Kind, Status
from heartbeat.status.ledger import CheckState
from heartbeat.status.snapshot import MOST
from heartbeat.status.uptime import CheckHistory, ComponentRegion, CountedComponent, Day, Span

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
    pages = definitions.status_pages_of(db)
    checks = ledger.every_check(db) if pages else []
    counted = {}
    more = False
    for page in pages.values():
        counted[page.slug], left = _of_page(db, page, checks, now)
        more = more or left
    return CountedDays(counted, more)


def keep(db: Connection, counted: CountedDays, now: datetime) -> None:
    """Save the counted days, and delete those that are too old."""
    for page, days in counted.days.items():
        ledger.put_days(db, page, days)
    ledger.forget_days(db, (now - KEPT_FOR).date())


def _of_page(
    db: Connection, page: StatusPage, checks: Sequence[CheckState], now: datetime
) -> tuple[dict[ComponentRegion, Sequence[Day]], bool]:
    """Count the due days of a page. Return True as well if some are left for the next round."""
    zone, last_days = ZoneInfo(page.timezone), ledger.last_days(db, page.slug)
    today, maintained = now.astimezone(zone).date(), store.published(db, page.slug, now - KEPT_FOR, MOST)
    counted: dict[ComponentRegion, Sequence[Day]] = {}
    more = False
    for part in uptime.parts(page):
        own_checks = [check for check in checks if part.match.items() <= check.labels.items()]
        if part.region and not own_checks:
            # It is not offered there, or not any longer. Its counted days are shown until they are deleted.
            continue
        days = _to_count(last_days.get(part.key), today)
        more = more or len(days) > AT_ONCE
        under = spans(maintained, part, now)
        counted[part.key] = _counted(db, own_checks, days[:AT_ONCE], zone, under, now)
    return counted, more


def _to_count(last: date | None, today: date) -> list[date]:
    """Return today, yesterday, and the days since the last counted one."""
    oldest = today - timedelta(days=uptime.DAYS_SHOWN - 1)
    first = oldest if last is None else max(min(last, today - timedelta(days=1)), oldest)
    return [first + timedelta(days=number) for number in range((today - first).days + 1)]


def _counted(
    db: Connection,
    checks: Sequence[CheckState],
    days: Sequence[date],
    zone: ZoneInfo,
    maintenance: Sequence[Span],
    now: datetime,
) -> list[Day]:
    since = uptime.bounds(days[0], zone)[0].astimezone(UTC)
    changes = ledger.changes(db, [check.id for check in checks], since)
    states_before = ledger.states_before(db, [check.id for check in checks], since)
    counted_days = []
    for day in days:
        start, end = (at.astimezone(UTC) for at in uptime.bounds(day, zone))
        histories = []
        for check in checks:
            own = changes.get(check.id, [])
            earlier = [state for at, state in own if at <= start]
            state_at_start = earlier[-1] if earlier else states_before.get(check.id)
            if state_at_start is None and not own and check.since <= start:
                # Its last change has been deleted, and its state is the same since.
                state_at_start = check.state
            histories.append(CheckHistory(state_at_start, [(at, state) for at, state in own if at > start]))
        counted_days.append(uptime.count(day, (start, min(end, max(now, start))), histories, maintenance))
    return counted_days


def spans(announcements: Sequence[Announcement], part: CountedComponent, now: datetime) -> list[Span]:
    """Return the times in which a component, or all of it in a region, was under maintenance."""
    spans_ = []
    for announcement in announcements:
        own = [affected for affected in announcement.affected if affected.component == part.component]
        whole = any(not affected.regions or part.region in affected.regions for affected in own)
        start_times = [update.at for update in announcement.updates if update.status is Status.IN_PROGRESS]
        if announcement.kind is Kind.MAINTENANCE and whole and start_times:
            spans_.append((min(start_times), announcement.resolved_at or now))
    return spans_


def page_days(db: Connection, page: StatusPage, now: datetime) -> dict[ComponentRegion, list[Day]]:
    """Return the days that a page shows, of each component and of each region with counted days."""
    today = now.astimezone(ZoneInfo(page.timezone)).date()
    days = ledger.days(db, page.slug, today - timedelta(days=uptime.DAYS_SHOWN))
    keys = [part.key for part in uptime.parts(page) if not part.region or part.key in days]
    return {key: uptime.filled(days.get(key, {}), today) for key in keys}
