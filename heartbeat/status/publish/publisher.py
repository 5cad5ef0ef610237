"""The publisher renders status pages to files on each change, and once a minute so that they show their age.

The published files stay in memory and on the disk, and are served while the database is away.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from alerting import desk
from alerting.notifiers.email import Email
from heartbeat.checks import store as check_store
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.status_page import StatusPage
from heartbeat.loop import Loop
from heartbeat.status import catching_up, standing, store
from heartbeat.status.announcement import MOST_SHOWN
from heartbeat.status.catching_up import CatchingUp
from heartbeat.status.publish import edition, folder
from heartbeat.status.publish.edition import Edition
from heartbeat.status.publish.hook import Hook
from heartbeat.status.publish.snapshot import PAST, Snapshot
from heartbeat.status.uptime import count as uptime_count
from heartbeat.status.uptime import since as uptime_since

EVERY = 2.0
"""The longest time between two looks for changes, in seconds."""
SHORTEST = 0.5
"""The shortest time between two looks, in seconds, under constant changes."""
OLDEST = timedelta(seconds=50)
"""The age at which an unchanged page is published again, with a new time."""

log = logging.getLogger(__name__)


class Publisher:
    """The editions of one process. Call `wake` after a change in this process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        place: Path,
        *,
        home: str,
        hook: Hook,
        observe: Callable[[str], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._place = place
        self._home = home
        self._hook = hook
        self._observe = observe
        self._mark: tuple[Any, ...] = ()
        self._stamp: Mapping[str, int] = {}
        self._loop = Loop(
            "publishing the status pages",
            self._look,
            pause=lambda _: EVERY,
            count_failure=lambda: observe("failed"),
            shortest=SHORTEST,
        )
        self.editions: Mapping[str, Edition] = {}

    def wake(self) -> None:
        """Look again soon."""
        self._loop.wake()

    async def take_up(self) -> None:
        """Serve the pages on the disk until there are newer ones."""
        try:
            self.editions = await asyncio.to_thread(folder.read, self._place)
        except OSError as error:
            log.warning("the published status pages could not be read: %s", error)

    async def run(self) -> None:
        """Publish until cancelled."""
        await self.take_up()
        await self._loop.run()

    async def follow(self) -> None:
        """Serve the pages that another process of this machine publishes, until cancelled."""
        await Loop("reading the status pages", self.catch_up, pause=lambda _: EVERY).run()

    async def catch_up(self) -> None:
        """Serve the pages on the disk if they have changed."""
        latest = await asyncio.to_thread(folder.stamp, self._place)
        if latest != self._stamp:
            await self.take_up()
            self._stamp = latest

    async def rest(self) -> None:
        """End the hook, if it runs."""
        await self._hook.rest()

    async def look(self) -> None:
        """Publish the pages that have changed or grown old. The next round repeats a failed one."""
        await self._loop.once()

    async def _look(self) -> None:
        self._observe(await self._publish())

    async def _publish(self) -> str:
        """Return "published", "partly" (a page could not be rendered or written) or "unchanged"."""
        now = self._clock.now()
        mark, pages = await self._database.read(
            lambda db: (store.mark(db), definition_store.status_pages_of(db))
        )
        old = any(abs(now - page_edition.at) >= OLDEST for page_edition in self.editions.values())
        if self._mark == (mark, pages) and not old and self.editions.keys() == pages.keys():
            return "unchanged"
        snapshots = await self._database.read(lambda db: snapshots_of(db, pages, self._home, self._clock))
        self.editions, complete = await asyncio.to_thread(self._print, snapshots)
        self._mark = (mark, pages)
        self._hook.pull()
        return "published" if complete else "partly"

    def _print(self, snapshots: list[Snapshot]) -> tuple[dict[str, Edition], bool]:
        """Render and write every page, and remove deleted ones. Return True if all of it was possible."""
        rendered = {snapshot.page.slug: self._rendered(snapshot) for snapshot in snapshots}
        # A page that cannot be rendered stays as it was, and delays no other.
        latest = {slug: new or self.editions.get(slug) for slug, new in rendered.items()}
        editions = {slug: page_edition for slug, page_edition in latest.items() if page_edition is not None}
        writes = [self._write(page_edition) for page_edition in editions.values()]
        for slug in folder.read(self._place).keys() - editions.keys():
            folder.remove(self._place, slug)
        return editions, all(rendered.values()) and all(writes)

    def _rendered(self, snapshot: Snapshot) -> Edition | None:
        try:
            return edition.render(snapshot)
        except Exception:
            # The other pages are still published, and readers keep the last edition of this one.
            log.exception("the status page %s could not be rendered", snapshot.page.slug)
            return None

    def _write(self, page_edition: Edition) -> bool:
        try:
            folder.write(self._place, page_edition)
        except OSError as error:
            # The page is still served from memory.
            log.warning("the status page %s could not be written: %s", page_edition.slug, error)
            return False
        return True


def snapshots_of(db: Connection, pages: Mapping[str, StatusPage], home: str, clock: Clock) -> list[Snapshot]:
    """Return what each status page shows now, from the database."""
    now, check_counts = clock.now(), store.check_counts(db)
    mail = Email.kind in desk.notifiers(db)
    snapshots = []
    for slug, page in pages.items():
        announcements = tuple(store.published(db, slug, now - PAST, MOST_SHOWN))
        stands = standing.at(db, page, check_counts, announcements, now)
        days = uptime_since.extended(
            db, page, uptime_count.page_days(db, page, now), check_counts, announcements, now
        )
        place = f"{home}/status/{slug}"
        snapshots.append(
            Snapshot(
                page,
                now,
                stands.rows,
                place,
                announcements,
                days,
                mail,
                stands.recoveries,
                _progress(db, page, now),
            )
        )
    return snapshots


def _progress(db: Connection, page: StatusPage, now: datetime) -> dict[str, CatchingUp]:
    """Return the progress of the components of a page that show one, by their names."""
    slugs = {component.progress for component in page.components if component.progress}
    if not slugs:
        return {}
    checks = {check.slug: check for check in check_store.listed(db, limit=len(slugs), slugs=slugs)}
    progress = {
        component.name: catching_up.of(checks[component.progress], now)
        for component in page.components
        if component.progress in checks
    }
    return {name: known for name, known in progress.items() if known is not None}
