"""The statements of digests: bounded, fenced, and blind to nobody."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import attempts, desk, digest_members, digest_store, escalator, leases, outbox
from alerting.attempts import Attempt
from alerting.delivery import Delivered, Verdict
from alerting.digest import Stream
from alerting.notice import NoticeKind
from alerting.outbox import Page
from alerting.person import Contact
from tests.unit.alerting.conftest import ANNA, PAGED_AT, a_symptom, incident_of
from tests.unit.conftest import NOW

PAGER = ANNA.contacts[0]
STREAM = Stream("anna", PAGER.kind, PAGER.mark, NoticeKind.PAGE)
ATTEMPT = Attempt(0, PAGED_AT, PAGER.kind, "accepted", "beep", contact_mark=PAGER.mark)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest_store, "CHUNK", 4)


def storm(db: Connection, many: int) -> None:
    """Pages to Anna about so many incidents."""
    symptoms = [a_symptom(f"check:{n}", f"silent:host=h{n:02}") for n in range(many)]
    desk.raise_(db, symptoms, NOW)
    escalator.sweep(db, PAGED_AT)


def test_a_digest_takes_its_pages_in_chunks(db: Connection) -> None:
    storm(db, 10)
    assert digest_store.waiting(db, PAGED_AT)[STREAM].total == 10
    number = digest_store.begin(db, STREAM, 4, PAGED_AT)
    assert number is not None
    taken = [digest_store.take_more(db, number, STREAM, 4, PAGED_AT) for _ in range(3)]
    assert taken == [4, 2, 0]
    assert digest_store.waiting(db, PAGED_AT) == {}
    assert digest_store.begin(db, STREAM, 4, PAGED_AT) is None
    content = digest_store.content(db, number, NoticeKind.PAGE, PAGED_AT)
    assert content is not None
    assert [(group.incidents, group.jobs) for group in content.groups] == [(10, 10)]


def taken(_page: Page) -> tuple[Verdict, Contact]:
    """The pager took it."""
    return Delivered(), PAGER


def test_a_digest_is_recorded_in_chunks_and_only_by_who_holds_its_pages(db: Connection) -> None:
    storm(db, 4)
    first = digest_store.begin(db, STREAM, 4, PAGED_AT)
    assert first is not None
    later = PAGED_AT + digest_store.LEASE
    second = digest_store.begin(db, STREAM, 4, later)
    assert second is not None
    assert digest_store.record(db, first, 0, ATTEMPT, taken, later) == []
    recorded = digest_store.record(db, second, 0, ATTEMPT, taken, later)
    assert len(recorded) == 4
    assert digest_store.record(db, second, recorded[-1].id, ATTEMPT, taken, later) == []
    assert len(digest_members.incidents_of(db, first, 0, 9)) == 4, "the lost lease may have arrived"


def test_a_digest_that_did_not_arrive_delays_no_other(db: Connection) -> None:
    storm(db, 6)
    number = digest_store.begin(db, STREAM, 4, PAGED_AT)
    assert number is not None
    assert digest_store.last_digests(db, PAGED_AT)[STREAM].at == PAGED_AT
    digest_store.finish(db, number, arrived=False, provider_id=None)
    assert digest_store.last_digests(db, PAGED_AT) == {}


def test_pages_sent_one_by_one_are_counted_for_a_minute(db: Connection) -> None:
    storm(db, 3)
    pages = [outbox.pages_of(db, number)[0] for number in (1, 2, 3)]
    sent = [Attempt(page.id, PAGED_AT, "pager", "accepted", "", contact_mark=PAGER.mark) for page in pages]
    attempts.write_attempts(db, [*sent, Attempt(pages[0].id, PAGED_AT, "pager", "refused", "")])
    assert digest_store.sent_alone(db, PAGED_AT) == {STREAM: 3}
    assert digest_store.sent_alone(db, PAGED_AT + timedelta(seconds=61)) == {}


def test_postponed_pages_wait(db: Connection) -> None:
    storm(db, 3)
    until = PAGED_AT + timedelta(seconds=30)
    assert digest_store.postpone(db, STREAM, 1, until, PAGED_AT) == 3
    assert leases.next_due(db) == until
    assert digest_store.postpone(db, STREAM, 2, until, until) == 0
    assert incident_of(db).state.value == "open"
