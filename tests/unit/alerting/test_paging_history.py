"""Past pages in numbers: a page counts once it reached a provider, and a digest once."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, update

from alerting import desk, leases, paging_history
from alerting.delivery import Retry
from alerting.incident import Pace
from alerting.leases import Recorded
from alerting.outbox import Page
from alerting.paging_history import Answer, Noise, Reached
from alerting.tables import pages
from tests.unit.alerting.conftest import ANNA, HOUR, MINUTE, PAGED_AT, a_symptom, deliver, page_for
from tests.unit.conftest import NOW

WEEK = NOW - HOUR, NOW + timedelta(days=7)


def page(db: Connection, *symptoms: str, after: timedelta = timedelta()) -> list[Page]:
    """Deliver pages for symptoms, each in an incident of its own unless it names one ("7 of a")."""
    pairs = [symptom.partition(" of ") for symptom in symptoms]
    return deliver(
        db, NOW + after, *(a_symptom(f"check:{key}", f"silent:{host or key}") for key, _, host in pairs)
    )


def digested(db: Connection, sent: list[Page], number: int = 9) -> None:
    """Let these pages have been one digest."""
    db.execute(update(pages).where(pages.c.id.in_([one.id for one in sent])).values(digest_id=number))


def test_pages_are_counted_by_person_and_quarter_of_an_hour(db: Connection) -> None:
    page(db, "1", "2")
    page(db, "3", after=2 * MINUTE)
    for number in (1, 2, 3):
        desk.resolve(db, number, "Anna", NOW + 3 * MINUTE)
    page(db, "4", after=15 * MINUTE)
    at = datetime(2024, 5, 3, 3, 0, tzinfo=UTC)
    assert paging_history.reached(db, *WEEK) == [Reached("anna", at, 3), Reached("anna", at + 15 * MINUTE, 1)]
    assert paging_history.reached(db, NOW + 9 * HOUR, NOW + 10 * HOUR) == []


def test_a_page_that_reached_nobody_is_none(db: Connection) -> None:
    (one,) = page_for(db, a_symptom())
    leases.record(db, [Recorded(one, Retry(PAGED_AT + HOUR, 1, 0), ANNA.contacts[0], PAGED_AT)])
    assert paging_history.reached(db, *WEEK) == []
    assert paging_history.answers(db, *WEEK) == []
    assert paging_history.noisiest(db, *WEEK, 10) == []


def test_a_digest_is_one_message(db: Connection) -> None:
    digested(db, page(db, "1", "2", "3"))
    assert [row.messages for row in paging_history.reached(db, *WEEK)] == [1]


def test_the_first_acknowledgement_after_the_first_page_answers_an_incident(db: Connection) -> None:
    page(db, "1")
    page(db, "2")
    for minutes, by in ((6, "Anna"), (30, "Ben")):
        desk.acknowledge(db, 1, by, PAGED_AT + minutes * MINUTE, until=PAGED_AT + 9 * HOUR)
    assert sorted(paging_history.answers(db, *WEEK), key=lambda answer: answer.incident_id) == [
        Answer(1, 6 * MINUTE, "Anna"),
        Answer(2, None, ""),
    ]


def test_the_incidents_of_a_digest_are_answered_once(db: Connection) -> None:
    digested(db, page(db, "1", "2", "3"))
    for number, minutes in ((2, 6), (3, 4)):
        desk.acknowledge(db, number, "Anna", PAGED_AT + minutes * MINUTE, until=PAGED_AT + 9 * HOUR)
    assert paging_history.answers(db, *WEEK) == [Answer(3, 4 * MINUTE, "Anna")]


def test_an_incident_that_opened_before_is_no_longer_awaited(db: Connection) -> None:
    page(db, "1")
    assert paging_history.answers(db, NOW + timedelta(seconds=5), NOW + HOUR) == []
    assert len(paging_history.reached(db, NOW + timedelta(seconds=5), NOW + HOUR)) == 1


def test_checks_are_ranked_by_the_messages_of_their_incidents(db: Connection) -> None:
    page(db, "1", "7 of a", "8 of a")
    for number in (1, 2):
        desk.resolve(db, number, "Anna", NOW + MINUTE)
    page(db, "1", after=HOUR)
    assert paging_history.noisiest(db, *WEEK, 2) == [
        Noise("check:1", "job 1", 2, 2),
        Noise("check:7", "job 7", 1, 1),
    ]


def test_a_job_that_was_split_off_and_merged_back_counts_each_message_once(db: Connection) -> None:
    page(db, "1 of a", "2 of a")
    desk.split(db, 1, ["check:2"], "Anna", PAGED_AT + MINUTE, Pace())
    desk.merge(db, 2, 1, "Anna", PAGED_AT + MINUTE, Pace())
    assert paging_history.noisiest(db, *WEEK, 9) == [
        Noise("check:1", "job 1", 1, 1),
        Noise("check:2", "job 2", 1, 1),
    ]


def test_a_merged_incident_is_answered_where_it_went_on_and_its_job_is_listed_once(db: Connection) -> None:
    page(db, "1", "2")
    desk.merge(db, 2, 1, "Anna", PAGED_AT + MINUTE, Pace())
    assert paging_history.answers(db, *WEEK) == [Answer(1, None, "")]
    assert paging_history.noisiest(db, *WEEK, 9) == [
        Noise("check:2", "job 2", 2, 2),
        Noise("check:1", "job 1", 1, 1),
    ]
