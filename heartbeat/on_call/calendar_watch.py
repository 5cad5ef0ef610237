"""The watch over calendars that layers of rotations follow: each is fetched again and again, by one process at a time.

What was read last is kept, and used while a calendar cannot be fetched or read. The events are matched with the people
again whenever these change.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import httpx
from sqlalchemy import Connection

from alerting import desk
from alerting.calendar_layer import CalendarLayer
from alerting.desk import Imported
from alerting.notifiers.email import Email
from alerting.origin import Origin
from alerting.person import Person
from alerting.rotation import Rotation
from heartbeat import installation
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.loop import Loop, attempt
from heartbeat.metrics import Metrics
from heartbeat.on_call import alarm, calendar_fetch, calendar_people, calendar_process, calendar_report, event
from heartbeat.on_call.calendar_people import Directory, Somebody
from heartbeat.on_call.event import Unreadable

EVERY = 30.0
"""Seconds between two looks."""
AGAIN = timedelta(minutes=15)
"""The time after which a calendar is fetched again."""
SOONER = timedelta(minutes=5)
"""The same for one that could not be read."""
AT_ONCE = 4
"""Calendars that are fetched at the same time."""
BATCH = 40
"""Calendars that are fetched in one look, those first that were tried first."""
BEFORE, AFTER = timedelta(days=62), timedelta(days=400)
"""The span around now of which events are kept."""

TOLD = "calendars told"
"""The fact of the installation with the rotations that people were told of."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Followed:
    """A calendar that a layer follows, and what was read of it last."""

    rotation: Rotation
    layer: CalendarLayer
    last: Imported | None

    def is_due(self, now: datetime) -> bool:
        """Return whether it is to be fetched again. A time in the future is that of a clock that was set back."""
        if self.last is None:
            return True
        wait = SOONER if self.last.fault else AGAIN
        return not now - wait < self.last.tried_at <= now


class CalendarWatch:
    """Fetches the calendars of the file with `own`, which may reach further, and others with `entered`.

    `fill_in` returns a stored address in clear.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        *,
        own: httpx.AsyncClient,
        entered: httpx.AsyncClient,
        fill_in: Callable[[str, str], str],
    ) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics.on_call
        self._own = own
        self._entered = entered
        self._fill_in = fill_in
        self._matched: Sequence[Somebody] = ()
        self._told: frozenset[str] | None = None
        self._loop = Loop("calendars", self.watch, pause=lambda _: EVERY)

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._loop.run()

    async def watch(self) -> None:
        """Look once: forget calendars that are followed no longer, fetch those that are due, and match their events."""
        now = self._clock.now()
        followed, strays = await self._database.read(look)
        if strays:
            await self._database.write(lambda db: desk.imported_calendars.forget(db, strays))
        due = sorted(
            (each for each in followed if each.is_due(now)),
            key=lambda each: each.last.tried_at if each.last else now - BEFORE,
        )
        gate = asyncio.Semaphore(AT_ONCE)
        renewals = (partial(self._renew, each, gate) for each in due[:BATCH])
        await asyncio.gather(*(attempt("calendar", renew) for renew in renewals))
        if followed:
            await self._match(bool(due))
        calendars = await self._database.read(desk.imported_calendars.load) if followed else []
        self._metrics.calendars_failing.set(sum(each.fault is not None for each in calendars))
        await self._tell(calendar_report.old(calendars, now), now)

    async def _renew(self, calendar: Followed, gate: asyncio.Semaphore) -> None:
        """Fetch and read one calendar, unless another process does, and keep what it says."""
        name, mark, now = calendar.rotation.name, calendar.layer.mark, self._clock.now()
        previous = calendar.last.tried_at if calendar.last else None
        async with gate:
            turn = await self._database.write(
                lambda db: desk.imported_calendars.begin(db, name, mark, previous, now)
            )
            if not turn:
                return
            failing = calendar.last is not None and calendar.last.fault is not None
            try:
                events = await self._read(calendar, now)
            except Unreadable as unreadable:
                fault = str(unreadable)
                await self._database.write(
                    lambda db: desk.imported_calendars.failed(db, name, mark, fault, now)
                )
                if not failing:
                    log.warning("a calendar of the rotation %s %s", name, fault, extra={"rotation": name})
                return
            await self._database.write(
                lambda db: desk.imported_calendars.succeeded(db, name, mark, events, now)
            )
            if failing:
                log.info("a calendar of the rotation %s can be read again", name, extra={"rotation": name})

    async def _read(self, calendar: Followed, now: datetime) -> Sequence[object]:
        rotation = calendar.rotation
        client = self._own if rotation.origin == Origin.FILE else self._entered
        try:
            address = self._fill_in(calendar.layer.address, rotation.about_calendar)
        except ValueError as error:
            raise Unreadable(f"cannot be fetched: {error}".rstrip(".")) from None
        text = await calendar_fetch.fetch(client, address)
        return await calendar_process.events(text, rotation.timezone, now - BEFORE, now + AFTER)

    async def _match(self, renewed: bool) -> None:
        """Match the events of all calendars with the people, if either has changed since."""
        people = await self._database.read(desk.defined_people)
        known = list(known_people(people.values(), self._fill_in))
        if not renewed and known == self._matched:
            return
        now = self._clock.now()
        await self._database.write(lambda db: match(db, Directory(known), now))
        self._matched = known

    async def _tell(self, old: Mapping[str, Sequence[Imported]], now: datetime) -> None:
        """Raise an incident for each rotation whose calendars cannot be read for long, and clear the others."""
        names = frozenset(old)
        if names != self._told:
            await self._database.write(lambda db: tell(db, old, now))
            self._told = names


def tell(db: Connection, old: Mapping[str, Sequence[Imported]], now: datetime) -> None:
    """Raise the symptoms of rotations with such calendars, and clear those of the others."""
    policy, name = installation.default_policy(db), installation.name(db)
    symptoms = [calendar_report.symptom(each, old[each], now, policy, name) for each in sorted(old)]
    alarm.tell(db, TOLD, symptoms, calendar_report.READ, now)


def look(db: Connection) -> tuple[list[Followed], list[tuple[str, str]]]:
    """Return the calendars that layers follow, and those that none follows any more, by rotation and mark."""
    last = {(each.rotation, each.mark): each for each in desk.imported_calendars.load(db)}
    rotations = desk.rotations(db).values()
    followed = {
        (rotation.name, layer.mark): Followed(rotation, layer, last.get((rotation.name, layer.mark)))
        for rotation in rotations
        for layer in rotation.calendars
    }
    return list(followed.values()), [key for key in last if key not in followed]


def match(db: Connection, directory: Directory, now: datetime) -> None:
    """Write the shifts that the events of each calendar are for these people."""
    for rotation, mark, events, *booked in desk.imported_calendars.contents(db):
        bookings, strangers = calendar_people.bookings(event.from_json(events), directory, now)
        if [bookings, strangers] != booked:
            desk.imported_calendars.book(db, rotation, mark, bookings, strangers)


def known_people(people: Iterable[Person], fill_in: Callable[[str, str], str]) -> Iterable[Somebody]:
    """Yield the people as events may name them, with the mail addresses at which they are paged. A room is nobody."""
    for person in people:
        if person.channel:
            continue
        mails = [
            _clear(contact.address, person.about(contact), fill_in)
            for contact in person.all_contacts
            if contact.kind == Email.kind
        ]
        yield Somebody(person.id, person.name, tuple(filter(None, mails)))


def _clear(address: str, about: str, fill_in: Callable[[str, str], str]) -> str:
    try:
        return fill_in(address, about)
    except ValueError:
        return ""
