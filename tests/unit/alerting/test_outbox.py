"""The outbox: leases, fencing tokens, and what happens to pages after an attempt."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, make_url

from alerting import desk, leases, outbox, paging_history
from alerting.delivery import LEASE, Delivered, Expired, Retry, Verdict
from alerting.incident import State
from alerting.leases import AtCapacity, Recorded
from alerting.notice import NoticeKind
from alerting.outbox import Intent
from alerting.severity import Severity
from heartbeat.database import engine
from tests.unit.alerting.conftest import (
    ANNA,
    BEN,
    FREE,
    OPS,
    PAGED_AT,
    a_symptom,
    incident_of,
    notices_of,
    page_for,
)
from tests.unit.conftest import NOW

LATER = PAGED_AT + timedelta(minutes=2)
PAGER, MAIL = ANNA.contacts
TO_ANNA = outbox.recipient("anna", PAGER)
TO_BEN = outbox.recipient("ben", BEN.contacts[0])


def intend(db: Connection, *severities: Severity, start: int = 1) -> None:
    """Open an incident for each severity and write a page to Anna, each a second younger than the last."""
    for number, severity in enumerate(severities, start):
        desk.raise_(db, [a_symptom(f"check:{number}", f"failed:check={number}", severity)], NOW)
        at = PAGED_AT + timedelta(seconds=number)
        outbox.intend(db, NoticeKind.PAGE, [Intent(incident_of(db, number), TO_ANNA, "")], at)


def leased(db: Connection, limit: int, full: AtCapacity = FREE) -> list[int]:
    return [page.id for page in leases.lease(db, LATER, limit, full)]


def test_the_worst_and_oldest_pages_go_first(db: Connection) -> None:
    intend(db, Severity.ERROR, Severity.WARNING, Severity.CRITICAL, Severity.ERROR)
    assert leased(db, 3) == [3, 1, 4]
    assert leased(db, 3) == [2]


def test_one_page_in_five_is_taken_from_the_newest(db: Connection) -> None:
    intend(db, *[Severity.ERROR] * 7)
    assert leased(db, 5) == [1, 2, 3, 4, 7]


def test_a_page_is_not_leased_again_before_its_lease_has_run_out(db: Connection) -> None:
    (page,) = page_for(db, a_symptom())
    almost = PAGED_AT + LEASE - timedelta(seconds=1)
    assert leases.lease(db, almost, 10, FREE) == []
    assert leases.next_due(db) == PAGED_AT + LEASE
    (renewed,) = leases.lease(db, PAGED_AT + LEASE, 10, FREE)
    assert (renewed.id, renewed.lease) == (page.id, page.lease + 1)


@pytest.mark.parametrize("full", [AtCapacity(kinds=["pager"]), AtCapacity(people=["anna"])])
def test_pages_for_what_is_at_capacity_wait(db: Connection, full: AtCapacity) -> None:
    intend(db, Severity.ERROR)
    assert leased(db, 10, full) == []
    assert leased(db, 10, AtCapacity(["mail"], ["ben"])) == [1]


def test_a_later_notice_does_not_overtake_one_that_is_under_way(db: Connection) -> None:
    page_for(db, a_symptom())
    outbox.intend(
        db, NoticeKind.UPDATE, [Intent(incident_of(db), to, "+1") for to in (TO_ANNA, TO_BEN)], PAGED_AT
    )
    assert [page.person for page in leases.lease(db, PAGED_AT, 10, FREE)] == ["ben"]


def test_two_couriers_lease_different_pages(make_database_url: Callable[[str], str]) -> None:
    writer = engine(make_url(make_database_url("postgres")), writing=True)
    with writer.begin() as db:
        desk.install(db, [ANNA], [OPS], {})
        intend(db, Severity.CRITICAL, Severity.ERROR)
    with writer.begin() as first, writer.begin() as second:
        assert (leased(first, 1), leased(second, 1)) == ([1], [2])
    writer.dispose()


def test_only_the_newest_token_may_record_and_only_once(db: Connection) -> None:
    (page,) = page_for(db, a_symptom())
    (newer,) = leases.lease(db, PAGED_AT + LEASE, 10, FREE)
    assert leases.fenced(db, {page.id: page.lease}) == {}
    assert leases.fenced(db, {page.id: newer.lease}).keys() == {page.id}
    leases.record(db, [Recorded(newer, Delivered(), PAGER, LATER)])
    assert leases.fenced(db, {page.id: newer.lease}) == {}


@pytest.mark.parametrize(
    ("verdict", "state"),
    [(Delivered(), "delivered"), (Expired(), "expired"), (Retry(LATER, 1, 0, throttled=True), "pending")],
)
def test_a_verdict_decides_the_state_of_a_page(db: Connection, verdict: Verdict, state: str) -> None:
    (page,) = page_for(db, a_symptom())
    leases.record(db, [Recorded(page, verdict, MAIL, LATER)])
    (page,) = outbox.pages_of(db, 1)
    retried = isinstance(verdict, Retry)
    assert (page.state, page.attempts) == (state, 1)
    assert (page.contact, page.throttled) == (1 if retried else 0, retried)
    assert page.delivered_at == (LATER if state == "delivered" else None)
    assert leases.next_due(db) == (LATER if retried else None)


def test_a_page_that_was_superseded_while_under_way_stays_so(db: Connection) -> None:
    (page,) = page_for(db, a_symptom())
    outbox.supersede(db, [1], (NoticeKind.PAGE,))
    page = leases.fenced(db, {page.id: page.lease})[page.id]
    leases.record(db, [Recorded(page, Retry(LATER, 1, 0), MAIL, LATER)])
    assert notices_of(db) == [("page", "anna", "superseded")]


def test_a_rate_limit_holds_back_what_waits_for_the_same_contact(db: Connection) -> None:
    intend(db, Severity.ERROR, Severity.ERROR, Severity.ERROR)
    outbox.intend(db, NoticeKind.PAGE, [Intent(incident_of(db), TO_BEN, "")], PAGED_AT)
    assert leased(db, 1, AtCapacity(people=["ben"])) == [1]
    until = LATER + timedelta(minutes=1)
    leases.hold_back(db, "anna", "pager", until)
    assert leased(db, 10) == [4]
    held = leases.lease(db, until, 10, AtCapacity(people=["ben"]))
    assert [(page.id, page.throttled) for page in held] == [(1, False), (2, True), (3, True)]


def test_people_count_as_paged_once_a_send_has_begun(db: Connection) -> None:
    intend(db, Severity.ERROR)
    assert outbox.paged_people(db, [1]) == {}
    leased(db, 1)
    assert outbox.paged_people(db, [1]) == {1: ["anna"]}


def test_earlier_notices_to_the_same_person_are_counted(db: Connection) -> None:
    page_for(db, a_symptom())
    for to in (TO_ANNA, TO_BEN, TO_ANNA):
        outbox.intend(db, NoticeKind.UPDATE, [Intent(incident_of(db), to, "+1")], LATER)
    assert outbox.sequences(db, [1, 2, 3, 4]) == {1: 0, 2: 1, 3: 0, 4: 2}


def test_the_workload_counts_what_is_not_done(db: Connection) -> None:
    intend(db, Severity.ERROR, Severity.ERROR)
    leased(db, 1)
    desk.acknowledge(db, 1, "ben", LATER, until=LATER + timedelta(hours=1))
    workload = desk.workload(db)
    assert workload.incidents == {State.ACKNOWLEDGED: 1, State.OPEN: 1}
    second = PAGED_AT + timedelta(seconds=2)
    assert (workload.waiting, workload.oldest) == (2, second)
    assert workload.unanswered_since == paging_history.paged_at(db, incident_of(db, 2)) == second
