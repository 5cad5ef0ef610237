"""Automatic updates of status pages: maintenance starts and ends on time, and automatic pages announce incidents.

It never changes an announcement that a human has updated. Every process with the role `checker` has one. It
locks an announcement before it changes it, so that two processes do nothing twice.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import desk
from heartbeat.actor import Actor, Role
from heartbeat.clock import Clock
from heartbeat.database import Database, Unavailable
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.status_page import StatusPage
from heartbeat.loop import Loop, attempt
from heartbeat.metrics import Metrics
from heartbeat.status import announcement as life
from heartbeat.status import draft, drafting, editor, store
from heartbeat.status.announcement import Announcement, InvalidAnnouncement, Status
from heartbeat.status.subscribers import store as subscriber_store
from heartbeat.status.uptime import count as uptime_count

EVERY = 5.0
"""Seconds between two rounds."""
SETTLED = timedelta(minutes=2)
"""The time an incident is open before a page announces it automatically, so that short ones stay internal."""
WATCHED = timedelta(minutes=10)
"""The time everything works again before a page resolves an incident automatically."""
COUNTED_EVERY = timedelta(minutes=5)
"""The largest age of the count of today."""
MOST = 20
"""The largest number of incidents that one round looks at for a page, newest first."""
THE_PAGE = Actor("the page itself", Role.RESPONDER, "status page")
_WORDS = {
    Status.IN_PROGRESS: "The maintenance has started.",
    Status.COMPLETED: "The maintenance is complete.",
}


class Automation:
    """Update status pages automatically for as long as the process lives.

    Old days and addresses are deleted only while the clock is `calm`.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        *,
        calm: Callable[[], bool] = lambda: True,
    ) -> None:
        self._database = database
        self._calm = calm
        self._clock = clock
        self._metrics = metrics
        self._counted_at: datetime | None = None
        self._count_failure = metrics.status_pages.steward_failures.inc
        self._loop = Loop(
            "automation", self._update_and_count, pause=lambda _: EVERY, count_failure=self._count_failure
        )

    async def run(self) -> None:
        """Update and count until cancelled."""
        await self._loop.run()

    async def _update_and_count(self) -> None:
        await self.round()
        await self.count()

    async def count(self) -> bool:
        """Count the days of the pages if that is due. Return False if it is not, or if it failed."""
        now = self._clock.now()
        if self._counted_at is not None and abs(now - self._counted_at) < COUNTED_EVERY:
            return False
        # After a failure, wait for the next time. After an absence of the database, count at once.
        self._counted_at = now
        return (
            await attempt(
                "counting the days of the status pages", lambda: self._count(now), self._count_failure
            )
            or False
        )

    async def _count(self, now: datetime) -> bool:
        try:
            counted = await self._database.read(lambda db: uptime_count.count(db, now))
            if counted.days:
                await self._database.write(lambda db: uptime_count.keep(db, counted))
                if self._calm():
                    await self._database.write(lambda db: _forget(db, now))
        except Unavailable:
            self._counted_at = None
            raise
        self._counted_at = None if counted.more else now
        return True

    async def round(self) -> int:
        """Make the updates that are due and return their number. The next round repeats a failed one."""
        return await attempt("automation", self._round, self._count_failure) or 0

    async def _round(self) -> int:
        now = self._clock.now()
        if not await self._database.read(lambda db: _may_be_due(db, now)):
            return 0
        return await self._database.write(lambda db: tend(db, now))


def tend(db: Connection, now: datetime) -> int:
    """Make all automatic updates that are due. Return their number."""
    changed = 0
    for announcement in store.open_of(db):
        status = life.due(announcement, now)
        if status is not None and _is_unchanged(db, announcement):
            editor.update(db, THE_PAGE, announcement.id, status, _WORDS[status], now, automatic=True)
            changed += 1
    for page in definition_store.status_pages_of(db).values():
        if page.automatic:
            changed += _announce(db, page, now) + _follow(db, page, now)
    return changed


def _forget(db: Connection, now: datetime) -> None:
    """Delete the days and the dropped addresses that are too old."""
    uptime_count.forget(db, now)
    subscriber_store.forget_dropped(db, now)


def _may_be_due(db: Connection, now: datetime) -> bool:
    """Return True if an update may be due. Only read, so that writers do not wait."""
    if any(life.due(announcement, now) for announcement in store.open_of(db)):
        return True
    automatic = [page for page in definition_store.status_pages_of(db).values() if page.automatic]
    return any(
        _unannounced(db, page, now)
        or any(_is_automatic(announcement) for announcement in store.open_of(db, page.slug))
        for page in automatic
    )


def _unannounced(db: Connection, page: StatusPage, now: datetime) -> list[int]:
    """Return the incidents that stand, and that the page has not announced."""
    settled = [
        incident
        for incident in desk.incidents(db, open_only=True, limit=MOST)
        if incident.opened_at <= now - SETTLED and not incident.recovering
    ]
    unannounced = [
        incident.id for incident in settled if store.drafted_from(db, page.slug, incident.id) is None
    ]
    merged = _merged_into(db, page) if unannounced else set()
    return [number for number in unannounced if number not in merged]


def _merged_into(db: Connection, page: StatusPage) -> set[int]:
    """Return the incidents in which others go on that the page announces."""
    announced = [announcement.incident_id for announcement in store.open_of(db, page.slug)]
    dossiers = [drafting.going_on(db, number) for number in announced if number is not None]
    return {dossier.incident.id for dossier in dossiers if dossier is not None}


def _announce(db: Connection, page: StatusPage, now: datetime) -> int:
    published = 0
    for number in _unannounced(db, page, now):
        try:
            announcement = drafting.from_incident(db, THE_PAGE, page.slug, number, now)
        except InvalidAnnouncement:
            # It affects nothing on the page.
            continue
        store.save(db, editor.automatic(announcement))
        editor.publish(db, THE_PAGE, announcement.id, now, automatic=True)
        published += 1
    return published


def _follow(db: Connection, page: StatusPage, now: datetime) -> int:
    """Update automatic announcements as their incidents develop."""
    changed = 0
    for announcement in store.open_of(db, page.slug):
        if (
            not _is_automatic(announcement)
            or announcement.incident_id is None
            or not _is_unchanged(db, announcement)
        ):
            continue
        dossier = drafting.going_on(db, announcement.incident_id)
        if dossier is None or dossier.incident.resolved_at is not None:
            changed += _ending(db, page, announcement, now)
        elif not dossier.incident.recovering:
            changed += _widen(db, page, announcement, dossier, now)
    return changed


def _ending(db: Connection, page: StatusPage, announcement: Announcement, now: datetime) -> int:
    if announcement.status is not Status.MONITORING:
        body = f"{draft.recovery(page, announcement.affected)} {draft.WATCHING}"
        editor.update(db, THE_PAGE, announcement.id, Status.MONITORING, body, now, automatic=True)
    elif announcement.updates[0].at <= now - WATCHED:
        editor.update(
            db, THE_PAGE, announcement.id, Status.RESOLVED, "This incident is resolved.", now, automatic=True
        )
    else:
        return 0
    return 1


def _widen(
    db: Connection, page: StatusPage, announcement: Announcement, dossier: desk.Dossier, now: datetime
) -> int:
    affected, _ = drafting.affected_by(db, page, dossier, now)
    if not affected or draft.regions_of(affected).items() <= draft.regions_of(announcement.affected).items():
        return 0
    body = f"Now {draft.sentence(page, affected)}. We are looking into it."
    editor.update(
        db, THE_PAGE, announcement.id, Status.INVESTIGATING, body, now, affected=affected, automatic=True
    )
    return 1


def _is_automatic(announcement: Announcement) -> bool:
    """Return True if no human has updated or changed this automatic announcement of an incident."""
    return (
        announcement.automatic
        and announcement.kind is life.AnnouncementKind.INCIDENT
        and all(update.automatic for update in announcement.updates)
        and not announcement.by_hand
    )


def _is_unchanged(db: Connection, announcement: Announcement) -> bool:
    """Lock the announcement. Return True if it is still as it was read."""
    return store.load(db, announcement.id, lock=True) == announcement
