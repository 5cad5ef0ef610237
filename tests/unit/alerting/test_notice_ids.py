"""Ids of notices: what they name, and that one of another time names nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from alerting import desk, outside
from alerting.escalation import Policy, Step
from alerting.incident import Incident
from alerting.notice_ids import NamedPage, NamedTest
from alerting.notifiers.contract import Accepted, Contact
from alerting.outbox import Page
from alerting.person import Person
from heartbeat.database import Database
from tests.unit.alerting.test_courier import PAGED_AT, Pager, courier_of, page_for

ANNA = Person("anna", "Anna", (Contact("pager", "first"),))
OPS = Policy("ops", (Step(("anna",), timedelta(minutes=5)),))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database in which one page to Anna was accepted as `id-1`."""
    opened = Database(database_url)
    await opened.write(lambda db: desk.install(db, [ANNA], [OPS], {}))
    await page_for(opened, "job")
    courier = courier_of(opened, Pager(Accepted("queued", "id-1")), PAGED_AT)
    await courier.dispatch()
    await courier.settle(10)
    yield opened
    opened.close()


async def paged(database: Database) -> tuple[Page, Incident]:
    """The page, and its incident."""
    dossier = await database.read(lambda db: desk.dossier(db, 1))
    assert dossier is not None
    return dossier.pages[0], dossier.incident


async def test_our_own_id_names_the_page(database: Database) -> None:
    page, incident = await paged(database)
    own = outside.of_page(page.id, page.created_at, incident)
    assert await database.read(lambda db: desk.named(db, own)) == NamedPage(1, 1, "anna")


async def test_an_id_of_another_time_or_of_nothing_names_nothing(database: Database) -> None:
    """After a restore, the number of a page is given again."""
    page, incident = await paged(database)
    later = outside.of_page(page.id, page.created_at + timedelta(microseconds=1), incident)
    other = outside.of_page(page.id + 1, page.created_at, replace(incident, id=2))
    for own in (later, other, outside.of_digest(1, page.created_at, None), "page-1", ""):
        assert await database.read(lambda db, own=own: desk.named(db, own)) is None  # type: ignore[misc]  # a lambda


async def test_the_id_of_a_test_names_its_contact(database: Database) -> None:
    mark = ANNA.contacts[0].mark
    own = outside.of_test("anna", mark, "north", PAGED_AT)
    assert await database.read(lambda db: desk.named(db, own)) == NamedTest("anna", mark, PAGED_AT)


async def test_the_providers_id_names_what_was_sent_before(database: Database) -> None:
    """An answer that comes late is none to what was sent under the same id since then."""
    sent = [NamedPage(1, 1, "anna")]
    for before, expected in ((None, sent), (PAGED_AT, sent), (PAGED_AT - timedelta(minutes=1), [])):
        found = await database.read(lambda db, before=before: desk.sent_under(db, "pager", "id-1", before))  # type: ignore[misc]  # a lambda
        assert found == expected
    assert await database.read(lambda db: desk.sent_under(db, "pager", "id-2")) == []
    assert await database.read(lambda db: desk.sent_under(db, "other", "id-1")) == []
