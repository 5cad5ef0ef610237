"""The newest notice that each contact took of each incident that stands."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerting import attempts, desk, outbox, standing_store
from alerting.attempts import Attempt
from alerting.incident import State
from alerting.notice import NoticeKind
from alerting.outbox import Intent, Recipient
from tests.unit.alerting.conftest import HOUR, MINUTE, PAGED_AT, a_symptom, incident_of, page_for


def attempt(page: int, outcome: str, mark: str) -> Attempt:
    return Attempt(page, PAGED_AT, "pager", outcome, "", contact_mark=mark)


def standing(db: Connection, ended_since: datetime, after: int = 0) -> list[int]:
    return standing_store.standing(db, after, ended_since, 10)


def test_an_incident_stands_while_it_goes_on_and_for_a_while_after_its_end(db: Connection) -> None:
    page_for(db, a_symptom(), a_symptom("check:2", "failed:check:2"))
    assert standing(db, PAGED_AT) == [1, 2]
    assert standing(db, PAGED_AT, after=1) == [2]
    assert standing_store.standing(db, 0, PAGED_AT, 1) == [1]
    desk.resolve(db, 1, "ben", PAGED_AT + HOUR)
    assert standing(db, PAGED_AT + HOUR - MINUTE) == [1, 2]
    assert standing(db, PAGED_AT + HOUR) == [2]


def test_each_contact_has_the_newest_notice_that_it_took_or_may_have(db: Connection) -> None:
    (page,) = page_for(db, a_symptom())
    update = Intent(incident_of(db), Recipient("anna", "pager", "second"), "")
    outbox.intend(db, NoticeKind.UPDATE, [update], PAGED_AT)
    (news,) = (notice.id for notice in outbox.pages_of(db, 1) if notice.kind is NoticeKind.UPDATE)
    attempts.write_attempts(
        db,
        [
            attempt(page.id, "refused", "first"),
            attempt(page.id, "accepted", "second"),
            attempt(news, "accepted", "second"),
            replace(attempt(page.id, "unreachable", "third"), may_have_arrived=True),
            attempt(page.id, "accepted", "of another kind"),
        ],
    )
    taken = standing_store.newest_taken(db, [1], ["first", "second", "third"])
    assert [(notice.kind.value, mark) for notice, mark in taken] == [("page", "third"), ("update", "second")]


def test_a_contact_that_does_not_know_of_the_end_has_no_newest_notice(db: Connection) -> None:
    (page,) = page_for(db, a_symptom())
    attempts.write_attempts(db, [attempt(page.id, "accepted", "first")])
    desk.resolve(db, 1, "ben", PAGED_AT + timedelta(hours=1))
    assert incident_of(db).state is State.RESOLVED
    assert standing_store.newest_taken(db, [1], ["first"]) == []
