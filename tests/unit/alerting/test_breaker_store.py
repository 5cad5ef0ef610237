"""Notifiers that fail for everybody, as their last sends show it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from alerting import attempts, breaker_store
from alerting.attempts import Attempt
from tests.unit.alerting.conftest import PAGED_AT, a_symptom, page_for
from tests.unit.alerting.test_attempts import attempt


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
    failing = breaker_store.failing_notifiers(db, {"pager", "mail"})
    assert failing == ({} if since is None else {"pager": PAGED_AT + timedelta(seconds=since)})
    assert breaker_store.failing_notifiers(db, {"mail"}) == {}


def test_only_the_newest_sends_are_searched(db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    page_for(db, a_symptom())
    attempts.write_attempts(db, [*LOST, lost(6, "d"), lost(7, "e")])
    monkeypatch.setattr(breaker_store, "SENDS", 6)
    assert breaker_store.failing_notifiers(db, {"pager"}) == {"pager": PAGED_AT + timedelta(seconds=1)}
    monkeypatch.setattr(attempts, "REMEMBERED", 4)
    assert breaker_store.failing_notifiers(db, {"pager"}) == {}
