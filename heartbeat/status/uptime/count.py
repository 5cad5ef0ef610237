"""Counting the days of status pages: today and yesterday repeatedly, and missed days a few at a time.

Counted days stay, even when the changes that they were counted from are deleted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from heartbeat.checks import blindness_store
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.status_page import StatusPage
from heartbeat.status import store
from heartbeat.status.announcement import MOST_SHOWN, Announcement, AnnouncementKind, Status
from heartbeat.status.uptime import days as uptime_days
from heartbeat.status.uptime import store as uptime_store
from heartbeat.status.uptime.days import ComponentRegion, CountedComponent, Day, Past, Span
from heartbeat.status.uptime.store import CheckState

AT_ONCE = 500_000
"""The most days that one round counts for a component, oldest first: each day of each check counts. It counts two
days at least."""
WORTH_COUNTING = timedelta(minutes=1)
"""The length from which a time without sight is unknown. A restart is none."""
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
    due = {slug: _due(db, page, now) for slug, page in pages.items()}
    starts = [_start(days[0], pages[slug]) for slug, parts in due.items() for days in parts.values()]
    checks = uptime_store.every_check(db, min(starts)) if starts else []
    unheard = unheard_since(db, min(starts)) if starts else []
    counted = {}
    more = False
    for slug, page in pages.items():
        counted[slug], left = _of_page(db, page, due[slug], checks, unheard, now)
        more = more or left
    return CountedDays(counted, more)


def keep(db: Connection, counted: CountedDays) -> None:
    """Save the counted days."""
    for page, days in counted.days.items():
        uptime_store.put_days(db, page, days)


def forget(db: Connection, now: datetime) -> None:
    """Delete the days that are too old."""
    uptime_store.forget_days(db, (now - KEPT_FOR).date())


def _of_page(
    db: Connection,
    page: StatusPage,
    due: Mapping[ComponentRegion, Sequence[date]],
    checks: Sequence[CheckState],
    unheard: Sequence[Span],
    now: datetime,
) -> tuple[dict[ComponentRegion, Sequence[Day]], bool]:
    """Count the due days of a page. Return True as well if some are left for the next round."""
    maintained = store.published(db, page.slug, now - KEPT_FOR, MOST_SHOWN)
    counted: dict[ComponentRegion, Sequence[Day]] = {}
    more = False
    for part in uptime_days.parts(page):
        own_checks = [check for check in checks if part.match.items() <= check.labels.items()]
        if part.region and not own_checks:
            # It is not offered there, or not any longer. Its counted days are shown until they are deleted.
            continue
        days = due[part.key]
        pasts = _pasts(db, own_checks, _start(days[0], page))
        at_once = max(AT_ONCE // max(len(pasts), 1), 2)
        more = more or len(days) > at_once
        under = spans(maintained, part, now)
        counted[part.key] = [
            _counted(day, ZoneInfo(page.timezone), pasts, under, unheard, now, stops=part.stops)
            for day in days[:at_once]
        ]
    return counted, more


def _due(db: Connection, page: StatusPage, now: datetime) -> dict[ComponentRegion, list[date]]:
    """Return the days to count of each component and region of a page."""
    today, last_days = now.astimezone(ZoneInfo(page.timezone)).date(), uptime_store.last_days(db, page.slug)
    return {part.key: _to_count(last_days.get(part.key), today) for part in uptime_days.parts(page)}


def _start(day: date, page: StatusPage) -> datetime:
    return uptime_days.bounds(day, ZoneInfo(page.timezone))[0].astimezone(UTC)


def _to_count(last: date | None, today: date) -> list[date]:
    """Return today, yesterday, and the days since the last counted one."""
    oldest = today - timedelta(days=uptime_days.DAYS_SHOWN - 1)
    first = oldest if last is None else max(min(last, today - timedelta(days=1)), oldest)
    return [first + timedelta(days=number) for number in range((today - first).days + 1)]


def _counted(
    day: date,
    zone: ZoneInfo,
    pasts: Sequence[Past],
    maintenance: Sequence[Span],
    unheard: Sequence[Span],
    now: datetime,
    *,
    stops: bool,
) -> Day:
    start, end = (at.astimezone(UTC) for at in uptime_days.bounds(day, zone))
    histories = uptime_days.histories(pasts, start, end)
    within = start, min(end, max(now, start))
    of_day = [span for span in unheard if span[0] < end and span[1] > start]
    return uptime_days.count(day, within, histories, maintenance, of_day, stops=stops)


def unheard_since(db: Connection, since: datetime) -> list[Span]:
    """Return the times since then in which no ping could be heard: whatever the checks were, it is unknown."""
    spans = blindness_store.listed(db, since, blindness_store.KEPT)
    return [(span.began_at, span.ended_at) for span in spans if span.length >= WORTH_COUNTING]


def _pasts(db: Connection, checks: Sequence[CheckState], since: datetime) -> list[Past]:
    """Return the different pasts of these checks since then, by the time from which they are known."""
    numbers = [check.id for check in checks if check.id]
    changes = uptime_store.changes(db, numbers, since)
    states_before = uptime_store.states_before(db, list(changes), since)
    pasts = set()
    for check in checks:
        own = tuple(changes.get(check.id, ()))
        if not own:
            # Whatever it was before: its state is the same since its last change.
            pasts.add(Past(max(check.since, since), check.state))
        elif check.id in states_before:
            pasts.add(Past(since, states_before[check.id], own))
        else:
            pasts.add(Past(own[0][0], None, own))
    return sorted(pasts, key=lambda past: past.known_from)


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
