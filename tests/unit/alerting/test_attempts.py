"""Attempts to deliver, and the provider's receipts of them."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from alerting import attempts
from alerting.attempts import Attempt
from tests.unit.alerting.conftest import PAGED_AT, a_symptom, page_for


def attempt(seconds: int, outcome: str, provider_id: str | None = None, via: str = "pager") -> Attempt:
    return Attempt(1, PAGED_AT + timedelta(seconds=seconds), via, outcome, "beep", provider_id)


REFUSED, ACCEPTED, RETRIED = attempt(0, "refused"), attempt(1, "accepted", "id-1"), attempt(2, "refused")
MAILED = attempt(3, "accepted", "id-1", "mail")


def test_the_last_attempt_of_each_outcome_and_contact_is_shown(
    db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_for(db, a_symptom())
    attempts.write_attempts(db, [REFUSED, ACCEPTED, RETRIED, MAILED])
    assert attempts.attempts_of(db, 1) == [REFUSED, ACCEPTED, RETRIED, MAILED]
    assert attempts.last_attempts(db) == [("anna", MAILED), ("anna", RETRIED), ("anna", ACCEPTED)]
    monkeypatch.setattr(attempts, "REMEMBERED", 2)
    assert attempts.last_attempts(db) == [("anna", MAILED), ("anna", RETRIED)]


def test_an_accepted_attempt_is_locked_by_the_id_of_its_own_provider(db: Connection) -> None:
    (page,) = page_for(db, a_symptom())
    attempts.write_attempts(db, [ACCEPTED])
    (accepted,) = attempts.lock_accepted(db, [page.id], "pager", "id-1")
    assert (accepted.page.id, accepted.receipt, accepted.newest) == (page.id, None, True)
    attempts.write_attempts(db, [MAILED])
    attempts.write_receipts(db, [accepted.id], "delivered", None, PAGED_AT)
    (accepted,) = attempts.lock_accepted(db, [page.id], "pager", "id-1")
    assert (accepted.receipt, accepted.newest) == ("delivered", False)
    assert attempts.lock_accepted(db, [page.id], "pager", "id-9") == []
