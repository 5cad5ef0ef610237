"""A change of shift hands over what is open, once, whichever process sees it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk, escalator
from alerting.escalation import Policy, Step
from alerting.notice import NoticeKind
from alerting.person import Contact, Person
from alerting.rotation import Change, Layer, Length, Override, Rotation
from heartbeat.database import Database
from heartbeat.on_call.relief_watch import ReliefWatch
from tests.unit.alerting.conftest import a_symptom
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ANNA, BEN = (
    Person(name.lower(), name, (Contact("email", f"{name}@example.com"),)) for name in ("Anna", "Ben")
)
DAILY = Layer(("anna", "ben"), Length.parse("1d"), (NOW - HOUR).replace(tzinfo=None))
INFRA = Rotation("infra", "UTC", (DAILY,))
OPS = Policy("ops", (Step(("infra",), DAY),))


class Place:
    """Two processes that watch the reliefs of one installation."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = SetClock(NOW)
        self._watches = [ReliefWatch(database, self.clock) for _ in range(2)]

    async def look(self, **later: float) -> None:
        self.clock.advance(**later)
        for watch in self._watches:
            await watch.watch()

    async def notices(self) -> list[tuple[int, NoticeKind, str]]:
        """The notices so far: their incident, kind and person."""

        def read(db: Connection) -> list[tuple[int, NoticeKind, str]]:
            dossiers = [desk.dossier(db, incident.id) for incident in desk.incidents(db)]
            return sorted(
                (page.incident_id, page.kind, page.person)
                for dossier in dossiers
                if dossier
                for page in dossier.pages
            )

        return await self.database.read(read)


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Place]:
    opened = Database(database_url)
    await opened.write(lambda db: desk.install(db, [ANNA, BEN], [OPS], {}, [INFRA]))
    place = Place(opened)
    await place.look()
    await opened.write(lambda db: desk.raise_(db, [a_symptom()], NOW))
    await opened.write(lambda db: escalator.sweep(db, NOW + timedelta(seconds=10)))
    yield place
    opened.close()


async def test_the_next_shift_takes_over_once(place: Place) -> None:
    await place.look(hours=1)
    paged = (1, NoticeKind.PAGE, "anna")
    assert await place.notices() == [paged]
    await place.look(hours=22)
    await place.look(seconds=30)
    told = [(2, NoticeKind.RECOVERED, name) for name in ("anna", "ben")]
    assert await place.notices() == [paged, (1, NoticeKind.PAGE, "ben"), *told]


async def test_an_override_is_a_change_of_shift_too(place: Place) -> None:
    now = place.clock.now()
    take = Override(Change.REPLACE, now, now + HOUR, on="ben", off="anna")
    await place.database.write(lambda db: desk.add_override(db, "infra", take, "Ben", now))
    await place.look(seconds=30)
    assert (1, NoticeKind.PAGE, "ben") in await place.notices()


async def test_a_rotation_that_is_new_or_gone_hands_nothing_over(place: Place) -> None:
    await place.database.write(lambda db: desk.forget_rotation(db, "infra"))
    await place.look(days=1)
    await place.database.write(lambda db: desk.define_rotation(db, INFRA))
    await place.look(seconds=30)
    assert len(await place.notices()) == 1
