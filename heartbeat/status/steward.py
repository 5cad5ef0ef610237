"""What happens on the public pages by itself: maintenance begins and ends at its times, and a page that is so
configured tells of incidents without a human. It never touches what a human has taken in hand.

Every process with the role `checker` has a steward. An announcement is locked before it is changed, so that two
of them do nothing twice.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import desk
from heartbeat import definitions
from heartbeat.clock import Clock
from heartbeat.config.public import StatusPage
from heartbeat.database import Database, Unavailable
from heartbeat.loop import Loop, attempt
from heartbeat.metrics import Metrics
from heartbeat.status import announcement as life
from heartbeat.status import draft, drafting, editor, history, store
from heartbeat.status.announcement import Announcement, NotSo, Status
from heartbeat.who import Role, Who

EVERY = 5.0
"""Seconds between two rounds."""
SETTLED = timedelta(minutes=2)
"""How long an incident must have been open before a page tells of it by itself: what is over at once worries nobody."""
WATCHED = timedelta(minutes=10)
"""How long everything must have been well again before a page calls an incident resolved by itself."""
COUNTED_EVERY = timedelta(minutes=5)
"""How old the count of today is at the most."""
MOST = 20
"""Incidents that one round looks at for a page, newest first."""
ITSELF = Who("the page itself", Role.RESPONDER, "status page")
_WORDS = {Status.IN_PROGRESS: "The maintenance has begun.", Status.COMPLETED: "The maintenance is over."}


class Steward:
    """Goes round for as long as the process lives."""

    def __init__(self, database: Database, clock: Clock, metrics: Metrics) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._counted_at: datetime | None = None
        self._count_failure = metrics.status_pages.steward_failures.inc
        self._loop = Loop("steward", self._both, pause=lambda _: EVERY, count_failure=self._count_failure)

    async def run(self) -> None:
        """Go round until cancelled."""
        await self._loop.run()

    async def _both(self) -> None:
        await self.round()
        await self.count()

    async def count(self) -> bool:
        """Count the days of the pages, once in a while and while some were missed; whether it did."""
        now = self._clock.now()
        if self._counted_at is not None and now - self._counted_at < COUNTED_EVERY:
            return False
        # Whatever fails here is tried again only after a while, unless it is the database that was away.
        self._counted_at = now
        return (
            await attempt(
                "counting the days of the status pages", lambda: self._count(now), self._count_failure
            )
            or False
        )

    async def _count(self, now: datetime) -> bool:
        try:
            counted = await self._database.read(lambda db: history.count(db, now))
            if counted.days:
                await self._database.write(lambda db: history.keep(db, counted, now))
        except Unavailable:
            self._counted_at = None
            raise
        self._counted_at = None if counted.more else now
        return True

    async def round(self) -> int:
        """One round; how many announcements were changed. What fails is told and tried again."""
        return await attempt("steward", self._round, self._count_failure) or 0

    async def _round(self) -> int:
        now = self._clock.now()
        if not await self._database.read(lambda db: _anything(db, now)):
            return 0
        return await self._database.write(lambda db: tend(db, now))


def tend(db: Connection, now: datetime) -> int:
    """Everything that is to happen by itself now."""
    changed = 0
    for one in store.open_of(db):
        status = life.due(one, now)
        if status is not None and _still(db, one):
            editor.update(db, ITSELF, one.id, status, _WORDS[status], now, automatic=True)
            changed += 1
    for page in definitions.status_pages_of(db).values():
        if page.automatic:
            changed += _tell(db, page, now) + _follow(db, page, now)
    return changed


def _anything(db: Connection, now: datetime) -> bool:
    """Whether there may be something to do. Only reads: a writer waits for nothing."""
    if any(life.due(one, now) for one in store.open_of(db)):
        return True
    automatic = [page for page in definitions.status_pages_of(db).values() if page.automatic]
    return any(
        _fresh(db, page, now) or any(_followed(one) for one in store.open_of(db, page.slug))
        for page in automatic
    )


def _fresh(db: Connection, page: StatusPage, now: datetime) -> list[int]:
    """Incidents inside that customers of a page have not been told of."""
    settled = [
        one for one in desk.incidents(db, open_only=True, limit=MOST) if one.opened_at <= now - SETTLED
    ]
    return [one.id for one in settled if store.drafted_from(db, page.slug, one.id) is None]


def _tell(db: Connection, page: StatusPage, now: datetime) -> int:
    told = 0
    for number in _fresh(db, page, now):
        try:
            made = drafting.from_incident(db, ITSELF, page.slug, number, now)
        except NotSo:
            # It touches nothing that customers see.
            continue
        store.save(db, editor.automatic(made))
        editor.publish(db, ITSELF, made.id, now, automatic=True)
        told += 1
    return told


def _follow(db: Connection, page: StatusPage, now: datetime) -> int:
    """Those that the page has told of by itself go on as the incident does."""
    changed = 0
    for one in store.open_of(db, page.slug):
        if not _followed(one) or one.incident_id is None or not _still(db, one):
            continue
        found = desk.dossier(db, one.incident_id)
        over = found is None or found.incident.resolved_at is not None
        if over:
            changed += _ending(db, page, one, now)
        else:
            changed += _standing(db, page, one, now)
    return changed


def _ending(db: Connection, page: StatusPage, one: Announcement, now: datetime) -> int:
    if one.status is not Status.MONITORING:
        words = f"{draft.recovery(page, one.affected)} {draft.WATCHING}"
        editor.update(db, ITSELF, one.id, Status.MONITORING, words, now, automatic=True)
    elif one.updates[0].at <= now - WATCHED:
        editor.update(db, ITSELF, one.id, Status.RESOLVED, "This incident is over.", now, automatic=True)
    else:
        return 0
    return 1


def _standing(db: Connection, page: StatusPage, one: Announcement, now: datetime) -> int:
    affected, _ = drafting.concerned(db, page, one.incident_id or 0)
    if not affected or draft.places(affected).items() <= draft.places(one.affected).items():
        return 0
    words = f"Now {draft.sentence(page, affected)}. We are looking into it."
    editor.update(db, ITSELF, one.id, Status.INVESTIGATING, words, now, affected=affected, automatic=True)
    return 1


def _followed(one: Announcement) -> bool:
    """Whether the page still speaks for itself: nobody has written to it since."""
    return one.automatic and one.kind is life.Kind.INCIDENT and all(said.automatic for said in one.updates)


def _still(db: Connection, one: Announcement) -> bool:
    """Whether it is as it was read, locked from now on."""
    return store.load(db, one.id, lock=True) == one
