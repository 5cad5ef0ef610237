"""The messages that are asked about: each once at a time, and none forgotten."""

from datetime import timedelta

from sqlalchemy import Connection

from alerting import polls
from alerting.polls import LEASE, Poll
from tests.unit.conftest import NOW

FIRST, SECOND = Poll("pushover", "r1", NOW), Poll("pushover", "r2", NOW + timedelta(seconds=1))
SOON = timedelta(seconds=10)


def due(db: Connection, after: timedelta, limit: int = 10) -> list[str]:
    """The ids that are taken a while after the beginning."""
    return [poll.provider_id for poll in polls.lease(db, NOW + after, limit)]


def test_a_message_is_due_at_its_time_and_taken_once(db: Connection) -> None:
    assert polls.next_due(db) is None
    polls.begin(db, [FIRST, SECOND], NOW + SOON)
    assert polls.next_due(db) == NOW + SOON
    assert due(db, SOON - timedelta(seconds=1)) == []
    assert sorted(due(db, SOON)) == ["r1", "r2"]
    assert due(db, SOON + LEASE - timedelta(seconds=1)) == []
    assert sorted(due(db, SOON + LEASE)) == ["r1", "r2"]


def test_a_batch_is_bounded_and_the_oldest_comes_first(db: Connection) -> None:
    polls.begin(db, [SECOND], NOW + SOON * 2)
    polls.begin(db, [FIRST], NOW + SOON)
    assert due(db, SOON * 3, limit=1) == ["r1"]
    assert due(db, SOON * 3, limit=1) == ["r2"]


def test_what_is_asked_about_already_stays_as_it_is(db: Connection) -> None:
    polls.begin(db, [FIRST], NOW + SOON)
    polls.begin(db, [FIRST], NOW + timedelta(days=1))
    assert polls.next_due(db) == NOW + SOON


def test_a_message_is_asked_about_again_or_no_more(db: Connection) -> None:
    polls.begin(db, [FIRST, SECOND], NOW)
    polls.again(db, FIRST, NOW + SOON)
    polls.end(db, SECOND)
    assert due(db, SOON) == ["r1"]


def test_a_message_of_which_no_page_waits_is_not_needed(db: Connection) -> None:
    polls.begin(db, [FIRST], NOW)
    [poll] = polls.lease(db, NOW, 1)
    assert not poll.needed
