"""The SQL of pages that move on: those that are due, and what becomes of them."""

from datetime import timedelta

from sqlalchemy import Connection

from alerting import desk, leases, onward_store, outbox
from alerting.delivery import Delivered
from alerting.leases import Recorded
from alerting.onward_store import Further
from alerting.outbox import Page
from tests.unit.alerting.conftest import ANNA, PAGED_AT, a_symptom, page_for

MINUTE = timedelta(minutes=1)


def accepted(db: Connection, *afters: int) -> list[Page]:
    """Pages of as many incidents, each accepted, that move on so many minutes later."""
    pages = page_for(db, *(a_symptom(f"check:{n}", f"silent:host={n}") for n in range(len(afters))))
    verdicts = [Delivered(PAGED_AT + after * MINUTE) for after in afters]
    leases.record(
        db,
        [
            Recorded(page, verdict, ANNA.contacts[0], PAGED_AT)
            for page, verdict in zip(pages, verdicts, strict=True)
        ],
    )
    return pages


def test_the_longest_due_pages_come_first_and_never_more_than_asked_for(db: Connection) -> None:
    first, second, third, _ = accepted(db, 3, 1, 2, 9)
    assert onward_store.next_due(db) == PAGED_AT + MINUTE
    due = onward_store.due(db, PAGED_AT + 3 * MINUTE, 2)
    assert due == [(second.id, second.incident_id), (third.id, third.incident_id)]
    locked = onward_store.lock_due(db, [first.id, second.id], PAGED_AT + 2 * MINUTE)
    assert [page.id for page in locked] == [second.id], "the other one has been put off meanwhile"


def test_a_page_is_put_off_or_moves_no_more(db: Connection) -> None:
    first, second = accepted(db, 1, 1)
    later = Delivered(PAGED_AT + 5 * MINUTE, PAGED_AT + 6 * MINUTE)
    onward_store.put_off(db, {first.id: later, second.id: Delivered()})
    pages = [page for number in (1, 2) for page in outbox.pages_of(db, number)]
    assert {page.id: (page.onward_at, page.receipt_by) for page in pages} == {
        first.id: (later.onward_at, later.receipt_by),
        second.id: (None, None),
    }


def test_a_page_that_moves_on_waits_for_its_next_contact(db: Connection) -> None:
    (page,) = accepted(db, 1)
    now = PAGED_AT + MINUTE
    onward_store.move_on(db, [Further(page, 1, ANNA.contacts[1], PAGED_AT)], now)
    (moved,) = outbox.pages_of(db, 1)
    assert (moved.state, moved.contact, moved.via, moved.not_before) == ("pending", 1, "mail", now)
    assert moved.onward_at is None
    (leased,) = leases.lease(db, now, 9, leases.AtCapacity())
    leases.record(db, [Recorded(leased, Delivered(), ANNA.contacts[1], now)])
    assert [again.delivered_at for again in outbox.pages_of(db, 1)] == [PAGED_AT], "it was delivered before"


def test_an_answer_ends_the_way_of_delivered_pages(db: Connection) -> None:
    accepted(db, 1)
    desk.acknowledge(db, 1, "ben", PAGED_AT, until=PAGED_AT + timedelta(hours=1))
    assert onward_store.next_due(db) is None
