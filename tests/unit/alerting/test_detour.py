"""A provider that fails for everybody: pages go past it at once, and one at a time tries it again."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from alerting import breaker, desk
from alerting.courier import Courier
from alerting.escalation import Policy, Step
from alerting.notice import Notice
from alerting.notifiers.contract import Accepted, Contact, Outcome, Refused, Unreachable
from alerting.person import Person
from heartbeat.database import Database
from tests.unit.alerting.test_courier import PAGED_AT, Pager, courier_of, page_for

FIFTY = 50
PEOPLE = [
    Person(f"p{n}", f"Person {n}", (Contact("pager", f"phone-{n}"), Contact("mail", f"mail-{n}")))
    for n in range(FIFTY)
]
ALONE = Person("alone", "Alone", (Contact("pager", "phone-alone"),))
AWAY = Unreachable("503 Service Unavailable")
SECOND = timedelta(seconds=1)


class Provider(Pager):
    """One server for all of its contacts."""

    server_in_settings: ClassVar[bool] = True
    digests: ClassVar[bool] = False


class Fussy(Provider):
    """It is away for one phone alone."""

    async def send(self, notice: Notice, contact: Contact) -> Outcome:
        outcome = await super().send(notice, contact)
        return AWAY if contact.address == "phone-0" else outcome


class Night:
    """A courier with a clock of its own, a provider that may be away, and mail that works."""

    def __init__(self, database: Database, provider: Pager, **others: Pager) -> None:
        self.now = PAGED_AT
        self.provider = provider
        self.mail = Pager(Accepted("250 OK"))
        self.others = {"mail": self.mail, **others}
        self.courier: Courier = courier_of(database, provider, others=self.others, clock=lambda: self.now)

    async def send_all(self) -> None:
        """Send whatever is due now."""
        while await self.courier.dispatch():
            await self.courier.settle(10)
        await self.courier.settle(10)

    async def until(self, moment: datetime) -> None:
        """Send what is due, second by second."""
        while self.now < moment:
            self.now += SECOND
            await self.send_all()

    def tried(self, since: int = 0) -> list[str]:
        """Where the provider was asked to send, after so many sends."""
        return [address for address, _ in self.provider.notices[since:]]

    def mailed(self) -> set[str]:
        return {address for address, _ in self.mail.notices}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Everybody is paged at once."""
    opened = Database(database_url)
    people = [*PEOPLE, ALONE]
    policy = Policy("ops", (Step(tuple(person.id for person in people), timedelta(hours=1)),))
    await opened.write(lambda db: desk.install(db, people, [policy], {}))
    yield opened
    opened.close()


async def test_fifty_people_get_their_page_by_the_next_way_while_the_provider_is_away(
    database: Database,
) -> None:
    night = Night(database, Provider(AWAY))
    await page_for(database, "job")
    await night.send_all()
    # The first batch finds out. The others do not have to.
    assert len(night.mailed()) >= FIFTY - 32
    await night.until(PAGED_AT + 6 * SECOND)
    assert len(night.mailed()) >= FIFTY - 1, "all but the probe"
    await night.until(PAGED_AT + 16 * SECOND)
    assert night.mailed() == {f"mail-{n}" for n in range(FIFTY)}
    assert len(night.mail.notices) == FIFTY, "each once"


async def test_a_page_in_an_outage_goes_past_at_once_and_the_story_says_so(database: Database) -> None:
    night = Night(database, Provider(AWAY))
    await page_for(database, "job")
    await night.until(PAGED_AT + 16 * SECOND)
    tried, mailed = len(night.provider.notices), len(night.mail.notices)
    await page_for(database, "another")
    await night.send_all()
    assert len(night.mail.notices) - mailed >= FIFTY - 1
    assert len(set(night.tried(tried)) - {"phone-alone"}) <= 1, (
        "only a probe, and whoever has no other contact"
    )
    dossier = await database.read(lambda db: desk.dossier(db, 2))
    assert dossier is not None
    words = [entry.words for entry in dossier.timeline if "not tried" in entry.words]
    assert len(words) >= FIFTY - 1
    assert "page to Person 7 by pager: not tried (pager fails for everybody); it goes to mail" in words


async def test_whoever_has_no_other_contact_is_tried_until_the_provider_is_back(database: Database) -> None:
    night = Night(database, Provider(AWAY))
    await page_for(database, "job")
    await night.until(PAGED_AT + 20 * SECOND)
    assert "phone-alone" in night.tried()
    night.provider.outcome = Accepted("201 Created")
    before = len(night.provider.notices)
    await night.until(PAGED_AT + 20 * SECOND + breaker.LONGEST_WAIT + 5 * SECOND)
    assert "phone-alone" in night.tried(before)


async def test_a_provider_that_is_back_is_used_again(database: Database) -> None:
    night = Night(database, Provider(AWAY))
    await page_for(database, "job")
    await night.until(PAGED_AT + 20 * SECOND)
    night.provider.outcome = Accepted("201 Created")
    await night.until(PAGED_AT + 20 * SECOND + breaker.LONGEST_WAIT)
    tried, mailed = len(night.provider.notices), len(night.mail.notices)
    await page_for(database, "another")
    await night.send_all()
    assert set(night.tried(tried)) == {f"phone-{n}" for n in range(FIFTY)} | {"phone-alone"}
    assert len(night.mail.notices) == mailed


@pytest.mark.parametrize(
    "provider",
    [Fussy(Accepted("201 Created")), Provider(Refused("no such number")), Pager(AWAY)],
    ids=["one phone is away", "numbers are wrong", "each contact has a server of its own"],
)
async def test_what_is_wrong_with_contacts_breaks_no_channel(database: Database, provider: Pager) -> None:
    night = Night(database, provider)
    await page_for(database, "job")
    await night.until(PAGED_AT + 30 * SECOND)
    provider.notices.clear()
    await page_for(database, "another")
    await night.send_all()
    assert set(night.tried()) >= {f"phone-{n}" for n in range(1, FIFTY)}
