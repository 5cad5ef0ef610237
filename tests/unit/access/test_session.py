"""When a session is over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from heartbeat.access import session
from heartbeat.access.account import User
from heartbeat.access.session import Limits, Session
from heartbeat.who import Role
from tests.unit.conftest import NOW

LIMITS = Limits(idle=timedelta(hours=1), longest=timedelta(hours=3))
ANNA = User(1, "anna", Role.VIEWER, NOW, "root", "hash")
HERS = Session(1, ANNA, "password", "", "", NOW, NOW)
BY_KEY = Session(2, None, "admin key", "", "", NOW, NOW, proof="print")


@pytest.mark.parametrize(
    ("seen", "after", "stands"),
    [(0, 3599, True), (0, 3600, False), (3599, 7198, True), (10_700, 10_799, True), (10_700, 10_800, False)],
)
def test_a_session_ends_unused_and_in_any_case(seen: int, after: int, stands: bool) -> None:
    one = replace(HERS, seen_at=NOW + timedelta(seconds=seen))
    assert session.stands(one, NOW + timedelta(seconds=after), LIMITS, "print") is stands


def test_a_disabled_user_has_no_session() -> None:
    assert session.stands(HERS, NOW, LIMITS, "print")
    assert not session.stands(replace(HERS, user=replace(ANNA, disabled_at=NOW)), NOW, LIMITS, "print")


def test_another_admin_key_ends_what_began_with_it_and_nothing_else() -> None:
    assert session.stands(BY_KEY, NOW, LIMITS, "print")
    assert not session.stands(BY_KEY, NOW, LIMITS, "another")
    assert session.stands(HERS, NOW, LIMITS, "another")


def test_that_it_was_seen_is_noted_once_a_minute() -> None:
    assert not session.wants_touch(HERS, NOW + timedelta(seconds=59))
    assert session.wants_touch(HERS, NOW + timedelta(seconds=60))
