"""Counts the days of the public pages: today and yesterday again and again, and those that were missed, a few at a
time. What has been counted stays, also when the changes that it was counted from are forgotten.
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
from heartbeat.status.ledger import Watched
from heartbeat.status.snapshot import MOST
from heartbeat.status.uptime import Day, Life, Part, Place, Span

AT_ONCE = 10
"""Days of a component that one round counts at the most, oldest first."""
KEPT = timedelta(days=100)
"""Days older than this are forgotten: no page shows them."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a round has counted: rows to be written, and whether it left some for the next."""

    days: Mapping[str, Mapping[Place, Sequence[Day]]]
    """By page, and by what they were counted of."""
    more: bool


def count(db: Connection, now: datetime) -> Counted:
    """The days that are to be counted now. Only reads."""
    pages = definitions.status_pages_of(db)
    checks = ledger.watched(db) if pages else []
    counted = {}
    more = False
    for page in pages.values():
        counted[page.slug], left = _of_page(db, page, checks, now)
        more = more or left
    return Counted(counted, more)


def keep(db: Connection, counted: Counted, now: datetime) -> None:
    """Write what was counted, and forget what is too old."""
    for page, days in counted.days.items():
        ledger.put_days(db, page, days)
    ledger.forget_days(db, (now - KEPT).date())


def _of_page(
    db: Connection, page: StatusPage, checks: Sequence[Watched], now: datetime
) -> tuple[dict[Place, Sequence[Day]], bool]:
    """The days of a page that are to be counted now, and whether some are left for the next round."""
    zone, last = ZoneInfo(page.timezone), ledger.last_days(db, page.slug)
    today, maintained = now.astimezone(zone).date(), store.told(db, page.slug, now - KEPT, MOST)
    found: dict[Place, Sequence[Day]] = {}
    more = False
    for part in uptime.parts(page):
        mine = [one for one in checks if part.match.items() <= one.labels.items()]
        if part.region and not mine:
            # It is not offered there, or no more: what was counted is shown until it is forgotten.
            continue
        days = _to_count(last.get(part.place), today)
        more = more or len(days) > AT_ONCE
        under = spans(maintained, part, now)
        found[part.place] = _counted(db, mine, days[:AT_ONCE], zone, under, now)
    return found, more


def _to_count(last: date | None, today: date) -> list[date]:
    """Today and yesterday, and whatever lies between the last day that was counted and these."""
    oldest = today - timedelta(days=uptime.SHOWN - 1)
    first = oldest if last is None else max(min(last, today - timedelta(days=1)), oldest)
    return [first + timedelta(days=number) for number in range((today - first).days + 1)]


def _counted(
    db: Connection,
    checks: Sequence[Watched],
    days: Sequence[date],
    zone: ZoneInfo,
    maintenance: Sequence[Span],
    now: datetime,
) -> list[Day]:
    since = uptime.bounds(days[0], zone)[0].astimezone(UTC)
    changes = ledger.changes(db, [one.id for one in checks], since)
    before = ledger.states_before(db, [one.id for one in checks], since)
    made = []
    for day in days:
        start, end = (at.astimezone(UTC) for at in uptime.bounds(day, zone))
        lives = []
        for one in checks:
            own = changes.get(one.id, [])
            earlier = [state for at, state in own if at <= start]
            known = earlier[-1] if earlier else before.get(one.id)
            if known is None and not own and one.since <= start:
                # Its last change has been forgotten; it has been so ever since.
                known = one.state
            lives.append(Life(known, [(at, state) for at, state in own if at > start]))
        made.append(uptime.count(day, (start, min(end, max(now, start))), lives, maintenance))
    return made


def spans(told: Sequence[Announcement], part: Part, now: datetime) -> list[Span]:
    """When the whole of a component, or of it in a region, was under maintenance."""
    found = []
    for one in told:
        about = [said for said in one.affected if said.component == part.component]
        whole = any(not said.regions or part.region in said.regions for said in about)
        begun = [said.at for said in one.updates if said.status is Status.IN_PROGRESS]
        if one.kind is Kind.MAINTENANCE and whole and begun:
            found.append((min(begun), one.resolved_at or now))
    return found


def page_days(db: Connection, page: StatusPage, now: datetime) -> dict[Place, list[Day]]:
    """The days that a page shows: of each component, and of each region in which it was ever counted."""
    today = now.astimezone(ZoneInfo(page.timezone)).date()
    found = ledger.days(db, page.slug, today - timedelta(days=uptime.SHOWN))
    parts = [part.place for part in uptime.parts(page) if not part.region or part.place in found]
    return {place: uptime.shown(found.get(place, {}), today) for place in parts}
