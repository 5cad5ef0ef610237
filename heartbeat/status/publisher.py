"""Renders the public pages to files on each change, and once a minute so that they can say how old they are.

What was published is kept in memory and on the disk. Both go on being served while the database is away.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from alerting import desk
from alerting.notifiers.email import Email
from heartbeat import definitions
from heartbeat.clock import Clock
from heartbeat.config.public import StatusPage
from heartbeat.database import Database
from heartbeat.loop import Loop
from heartbeat.status import announcement, edition, folder, health, history, store, tail
from heartbeat.status.edition import Edition
from heartbeat.status.hook import Hook
from heartbeat.status.snapshot import MOST, PAST, Snapshot

EVERY = 2.0
"""Seconds between two looks for changes at the most."""
SHORTEST = 0.5
"""Seconds between two looks at the least, however often something changes."""
OLDEST = timedelta(seconds=50)
"""A page that is older is published again, unchanged but for the time that it says."""

log = logging.getLogger(__name__)


class Publisher:
    """Keeps the editions of one process. `wake`: something has changed here."""

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
        """Serve what lies on the disk until there is something newer."""
        try:
            self.editions = await asyncio.to_thread(folder.read, self._place)
        except OSError as error:
            log.warning("the published status pages could not be read: %s", error)

    async def run(self) -> None:
        """Publish until cancelled."""
        await self.take_up()
        await self._loop.run()

    async def rest(self) -> None:
        """End the hook, if it runs."""
        await self._hook.rest()

    async def look(self) -> None:
        """Publish what has changed or grown old. What fails is told and tried again."""
        await self._loop.once()

    async def _look(self) -> None:
        self._observe(await self._publish())

    async def _publish(self) -> str:
        """What came of it: published, partly (a page could not be rendered or written), or unchanged."""
        now = self._clock.now()
        mark, pages = await self._database.read(lambda db: (store.mark(db), definitions.status_pages_of(db)))
        old = any(now - one.at >= OLDEST for one in self.editions.values())
        if self._mark == (mark, pages) and not old and self.editions.keys() == pages.keys():
            return "unchanged"
        snapshots = await self._database.read(lambda db: _snapshots(db, pages, self._home, self._clock))
        self.editions, whole = await asyncio.to_thread(self._print, snapshots)
        self._mark = (mark, pages)
        self._hook.pull()
        return "published" if whole else "partly"

    def _print(self, snapshots: list[Snapshot]) -> tuple[dict[str, Edition], bool]:
        """Render and write every page, and take away those that are no more; whether all of that was possible."""
        rendered = {one.page.slug: self._printed(one) for one in snapshots}
        # One that cannot be rendered stays as it was, and holds up no other.
        shown = {slug: made or self.editions.get(slug) for slug, made in rendered.items()}
        fresh = {slug: one for slug, one in shown.items() if one is not None}
        written = [self._written(one) for one in fresh.values()]
        for slug in folder.read(self._place).keys() - fresh.keys():
            folder.remove(self._place, slug)
        return fresh, all(rendered.values()) and all(written)

    def _printed(self, snapshot: Snapshot) -> Edition | None:
        try:
            return edition.printed(snapshot)
        except Exception:
            log.exception("the status page %s could not be rendered", snapshot.page.slug)
            return None

    def _written(self, one: Edition) -> bool:
        try:
            folder.write(self._place, one)
        except OSError as error:
            # Served from memory all the same.
            log.warning("the status page %s could not be written: %s", one.slug, error)
            return False
        return True


def _snapshots(db: Connection, pages: Mapping[str, StatusPage], home: str, clock: Clock) -> list[Snapshot]:
    now, bearings = clock.now(), store.bearings(db)
    mail = Email.kind in desk.notifiers(db)
    made = []
    for slug, page in pages.items():
        told = tuple(store.told(db, slug, now - PAST, MOST))
        rows = health.rows(page, bearings, announcement.claims(told))
        days = tail.added(db, page, history.page_days(db, page, now), bearings, told, now)
        made.append(Snapshot(page, now, rows, f"{home}/status/{slug}", told, days, mail))
    return made
