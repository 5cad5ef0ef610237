"""The past of an incident before a page, from its timeline."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import desk, escalator, recap
from alerting.recap import PastAnswer, Recap
from alerting.severity import Severity
from tests.unit.alerting.conftest import HOUR, MINUTE, PAGED_AT, a_symptom, page_for
from tests.unit.conftest import NOW

LATER = PAGED_AT + 2 * MINUTE
UNTIL = LATER + HOUR


def past(db: Connection, at: datetime) -> Recap:
    dossier = desk.dossier(db, 1)
    assert dossier is not None
    return recap.of(dossier.timeline, at)


def test_pages_are_counted_from_the_first_to_the_present_one(db: Connection) -> None:
    page_for(db, a_symptom())
    assert past(db, PAGED_AT) == Recap(1)
    again = PAGED_AT + 5 * MINUTE
    escalator.sweep(db, again)
    assert past(db, again) == Recap(2, PAGED_AT)
    assert past(db, PAGED_AT) == Recap(1), "a page that waits tells the past of its own time"


def test_a_page_after_an_expired_acknowledgement_goes_on_counting(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.acknowledge(db, 1, "Anna", LATER, until=UNTIL)
    escalator.sweep(db, UNTIL)
    anna = PastAnswer("acknowledged", "Anna", LATER, "reopened")
    assert past(db, UNTIL) == Recap(2, None, anna)
    again = UNTIL + 5 * MINUTE
    escalator.sweep(db, again)
    assert past(db, again) == Recap(3, UNTIL, anna)


def test_a_snooze_that_is_over_is_told(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.snooze(db, 1, "Ben", LATER, UNTIL)
    escalator.sweep(db, UNTIL)
    assert past(db, UNTIL) == Recap(2, None, PastAnswer("snoozed", "Ben", LATER, "reopened"))


def test_an_incident_that_was_handed_on_tells_who_had_it(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.acknowledge(db, 1, "Anna", LATER, until=UNTIL)
    desk.page_next(db, 1, "Ben", LATER + MINUTE)
    escalator.sweep(db, LATER + MINUTE)
    had = PastAnswer("acknowledged", "Anna", LATER, "handed on", "Ben")
    assert past(db, LATER + MINUTE) == Recap(2, None, had)


def test_an_incident_that_nobody_had_tells_who_handed_it_on(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.page_next(db, 1, "Anna", LATER)
    escalator.sweep(db, LATER)
    assert past(db, LATER) == Recap(2, None, PastAnswer("handed on", "Anna", LATER, "handed on", "Anna"))


def test_an_incident_that_got_worse_tells_who_had_acknowledged_it(db: Connection) -> None:
    page_for(db, a_symptom(severity=Severity.WARNING))
    desk.acknowledge(db, 1, "Anna", LATER, until=UNTIL)
    desk.raise_(db, [a_symptom("check:2", severity=Severity.CRITICAL)], LATER + MINUTE)
    at = LATER + MINUTE + timedelta(seconds=10)
    escalator.sweep(db, at)
    assert past(db, at) == Recap(2, None, PastAnswer("acknowledged", "Anna", LATER, "reopened", worse=True))


def test_a_new_acknowledgement_takes_the_place_of_the_old_one(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.acknowledge(db, 1, "Anna", LATER, until=UNTIL)
    escalator.sweep(db, UNTIL)
    desk.acknowledge(db, 1, "Ben", UNTIL + MINUTE, until=UNTIL + HOUR)
    assert past(db, UNTIL + 2 * MINUTE) == Recap(2, None, PastAnswer("acknowledged", "Ben", UNTIL + MINUTE))
    assert past(db, NOW) == Recap()


def test_an_answer_that_was_withdrawn_or_taken_away_says_by_whom(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.acknowledge(db, 1, "Anna", LATER, until=UNTIL)
    desk.withdraw(db, 1, "Anna", LATER + MINUTE)
    escalator.sweep(db, LATER + MINUTE)
    withdrawn = past(db, LATER + MINUTE).answer
    assert withdrawn == PastAnswer("acknowledged", "Anna", LATER, "withdrawn", "Anna")
    assert withdrawn is not None
    assert recap.words(withdrawn) == ("Anna acknowledged it at ", LATER, " and withdrew that")
    desk.reassign(db, 1, "ben", "Cleo", LATER + 2 * MINUTE)
    escalator.sweep(db, LATER + 2 * MINUTE)
    reassigned = past(db, LATER + 2 * MINUTE).answer
    assert reassigned is not None
    assert recap.words(reassigned, "Cleo") == ("you reassigned it at ", LATER + 2 * MINUTE)
