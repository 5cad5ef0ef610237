"""Attempts to deliver, and the provider's receipts of them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

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


def lost(seconds: int, mark: str, **more: Any) -> Attempt:
    return replace(attempt(seconds, "unreachable"), contact_mark=mark, **more)


LOST = [lost(seconds, mark) for seconds, mark in enumerate("ababc")]


@pytest.mark.parametrize(
    ("tried", "since"),
    [
        (LOST, 0),
        ([attempt(0, "accepted"), lost(1, "z"), *LOST], 1),
        ([*LOST, lost(9, "d")], 0),
        (LOST[1:], None),
        ([lost(seconds, mark) for seconds, mark in enumerate("ababab")], None),
        ([*LOST, attempt(9, "accepted")], None),
        ([*LOST, attempt(9, "refused")], None),
        ([*LOST, lost(9, "a", throttled=True)], None),
        ([*LOST, attempt(9, attempts.UNRECORDED)], 0),
        ([*LOST, attempt(9, "accepted", via="mail")], 0),
        # A digest is one send, of however many pages.
        ([lost(seconds, mark, digest_id=7) for seconds, mark in enumerate("ababc")], None),
        ([lost(number, str(number), digest_id=number) for number in range(5) for _ in range(3)], 0),
    ],
)
def test_a_notifier_fails_for_everybody_after_sends_in_a_row_to_several_contacts(
    db: Connection, tried: list[Attempt], since: int | None
) -> None:
    page_for(db, a_symptom())
    attempts.write_attempts(db, tried)
    failing = attempts.failing_notifiers(db, {"pager", "mail"})
    assert failing == ({} if since is None else {"pager": PAGED_AT + timedelta(seconds=since)})
    assert attempts.failing_notifiers(db, {"mail"}) == {}


def test_only_the_newest_sends_are_searched(db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    page_for(db, a_symptom())
    attempts.write_attempts(db, [*LOST, lost(6, "d"), lost(7, "e")])
    monkeypatch.setattr(attempts, "SENDS", 6)
    assert attempts.failing_notifiers(db, {"pager"}) == {"pager": PAGED_AT + timedelta(seconds=1)}
    monkeypatch.setattr(attempts, "REMEMBERED", 4)
    assert attempts.failing_notifiers(db, {"pager"}) == {}
