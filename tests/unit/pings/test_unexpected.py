"""The pings that a check may be meant for: the nearest name, in pure values."""

from datetime import timedelta

import pytest

from heartbeat.pings.unexpected import BY_UUID, UnexpectedPings, nearest
from tests.unit.conftest import NOW


def pings(name: str, key: str = "jobs", minutes: int = 0) -> UnexpectedPings:
    at = NOW + timedelta(minutes=minutes)
    return UnexpectedPings(name, key, at, at, 1, "10.0.0.5", "curl")


@pytest.mark.parametrize(
    ("slug", "name"),
    [("nightly-backup", "nigthly-backup"), ("nightly-backup", "nightly_backup"), ("mail", "mails")],
)
def test_a_mistyped_name_is_near(slug: str, name: str) -> None:
    assert nearest(slug, [pings("quite-another"), pings(name)]) == pings(name)


def test_the_most_similar_name_is_the_nearest_and_of_two_the_last_one() -> None:
    listed = [pings("backup-2x"), pings("backup2"), pings("backup2", "other", 5)]
    assert nearest("backup-2", listed) == listed[0]
    assert nearest("backup", listed) == listed[2]


def test_nothing_is_near_another_name_or_a_uuid() -> None:
    assert nearest("nightly-backup", [pings("mail-queue"), pings("nightly-backups", BY_UUID)]) is None
    assert nearest("nightly-backup", []) is None
