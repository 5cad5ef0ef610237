"""The end of sessions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from heartbeat.access import session
from heartbeat.access.account import User
from heartbeat.access.session import Limits, Session
from heartbeat.actor import Role
from tests.unit.conftest import NOW

LIMITS = Limits(idle=timedelta(hours=1), longest=timedelta(hours=3))
ANNA = User(1, "anna", Role.VIEWER, NOW, "root", "hash")
HERS = Session(1, ANNA, "password", "", "", NOW, NOW)
BY_KEY = Session(2, None, "admin key", "", "", NOW, NOW, proof="print")


@pytest.mark.parametrize(
    ("used_after", "seconds", "valid"),
    [(0, 3599, True), (0, 3600, False), (3599, 7198, True), (10_700, 10_799, True), (10_700, 10_800, False)],
)
def test_a_session_ends_without_use_and_at_its_longest(used_after: int, seconds: int, valid: bool) -> None:
    used = replace(HERS, seen_at=NOW + timedelta(seconds=used_after))
    assert session.is_valid(used, NOW + timedelta(seconds=seconds), LIMITS, "print") is valid


def test_a_disabled_user_has_no_session() -> None:
    assert session.is_valid(HERS, NOW, LIMITS, "print")
    assert not session.is_valid(replace(HERS, user=replace(ANNA, disabled_at=NOW)), NOW, LIMITS, "print")


def test_a_new_admin_key_ends_only_the_sessions_of_the_old_one() -> None:
    assert session.is_valid(BY_KEY, NOW, LIMITS, "print")
    assert not session.is_valid(BY_KEY, NOW, LIMITS, "another")
    assert session.is_valid(HERS, NOW, LIMITS, "another")


def test_the_use_of_a_session_is_recorded_once_a_minute() -> None:
    assert not session.wants_touch(HERS, NOW + timedelta(seconds=59))
    assert session.wants_touch(HERS, NOW + timedelta(seconds=60))


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
            "Safari/537.36 Edg/140.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile "
            "Safari/537.36",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.5 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Firefox/140.0", "Firefox"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "unknown"),
    ],
)
def test_a_browser_is_named_as_people_do(agent: str, words: str) -> None:
    assert replace(HERS, agent=agent).browser == words
