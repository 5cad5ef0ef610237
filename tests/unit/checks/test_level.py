"""Levels of groups: their keys, and the level at which an incident is raised."""

from datetime import timedelta

import pytest

from heartbeat.checks import cause, level
from heartbeat.checks.level import Extent, Levels, Place
from tests.unit.conftest import NOW

LEVELS = Levels(("region", "host", "scheduler"))
CRON = "region=us>host=us-web>scheduler=cron"
HOST = "region=us>host=us-web>="
REGION = "region=us>="


@pytest.mark.parametrize(
    ("labels", "key", "title"),
    [
        ({"region": "us", "host": "us-web", "scheduler": "cron"}, CRON, "us-web cron"),
        ({"region": "us", "host": "db-1"}, "region=us>host=db-1>scheduler=", "us db-1 without scheduler"),
        ({"region": "us", "scheduler": "cron"}, "region=us>host=", "us without host"),
        ({"region": "a>b=c,d"}, "region=a%3Eb%3Dc%2Cd>host=", "a>b=c,d without host"),
        ({"host": "us-web"}, "check=job", "job"),
    ],
)
def test_a_group_of_levels_ends_at_the_first_that_a_check_does_not_name(
    labels: dict[str, str], key: str, title: str
) -> None:
    assert cause.group_key("job", labels, LEVELS) == key
    assert cause.key_title(key) == title


@pytest.mark.parametrize("value", ["a>b", "a>b=c", "a>=", "a>b,c=d"])
def test_values_of_other_groups_make_no_levels(value: str) -> None:
    key = cause.group_key("job", {"host": value}, ("host",))
    assert not level.is_nested(key)
    assert not level.is_level(key)
    assert cause.key_title(key) == value


def test_a_group_lies_in_the_levels_above_it_and_in_no_others() -> None:
    assert level.above(CRON) == [REGION, HOST]
    assert level.above(HOST) == [REGION]
    assert all(level.within(key, REGION) for key in (CRON, HOST, REGION, "region=us>host="))
    assert not level.within("region=usa>host=us-web", REGION)
    assert not level.within(REGION, HOST)
    assert [cause.plural_of([key]) for key in (CRON, HOST, REGION)] == ["schedulers", "hosts", "regions"]


def test_levels_are_stored_as_the_file_writes_them() -> None:
    assert level.to_json(LEVELS) == ["region > host > scheduler"]
    assert level.from_json(level.to_json(LEVELS)) == LEVELS
    assert level.from_json(level.to_json(("region", "host"))) == ("region", "host")


@pytest.mark.parametrize(
    ("extents", "place"),
    [
        ([Extent(4, 7), Extent(4, 18), Extent(4, 40)], 0),
        ([Extent(4, 0), Extent(4, 7), Extent(4, 40)], 0),
        ([Extent(4, 0), Extent(11, 0), Extent(11, 40)], 1),
        ([Extent(4, 0), Extent(11, 0), Extent(22, 0)], 2),
        # A region of one host is that host, and a host of one scheduler is that scheduler.
        ([Extent(4, 0), Extent(11, 0), Extent(11, 0)], 1),
        ([Extent(4, 0), Extent(4, 0), Extent(11, 0)], 2),
        ([Extent(1, 0), Extent(1, 0), Extent(1, 0)], 0),
        ([Extent(0, 0), Extent(0, 0)], 0),
    ],
)
def test_an_incident_is_raised_at_the_highest_level_of_which_all_is_silent(
    extents: list[Extent], place: int
) -> None:
    assert level.highest(extents) == place


@pytest.mark.parametrize(
    ("chosen", "opened", "same", "untold", "shared", "place"),
    [
        (CRON, [], [], [], None, Place(CRON)),
        (CRON, [], [], [], REGION, Place(REGION)),
        (CRON, [CRON], [], [], REGION, Place(CRON)),
        (REGION, [], [], [], None, Place(REGION)),
        (REGION, [REGION], [REGION], [], None, Place(REGION)),
        # Of the same moment: the oldest grows. What has an incident of its own stays in it.
        (REGION, [HOST, CRON], [HOST, CRON], [], None, Place(CRON, (HOST, REGION))),
        (REGION, [CRON], [CRON], [], None, Place(REGION, (CRON, REGION))),
        (REGION, [HOST], [HOST], [], None, Place(REGION, (HOST, REGION))),
        (REGION, [REGION, CRON], [REGION], [], None, Place(CRON)),
        # It takes in those of which nobody was told.
        (REGION, [HOST, CRON], [HOST, CRON], [HOST, CRON], None, Place(REGION, (HOST, REGION), (CRON,))),
        (REGION, [HOST, CRON], [HOST], [CRON], None, Place(CRON, (HOST, REGION))),
        # Older: another trouble.
        (REGION, [HOST], [], [], None, Place(REGION)),
        (REGION, [REGION], [], [], None, Place(CRON)),
        (REGION, [REGION], [], [], REGION, Place(REGION)),
    ],
)
def test_a_check_joins_the_incident_of_its_level_unless_that_is_of_another_moment(
    chosen: str, opened: list[str], same: list[str], untold: list[str], shared: str | None, place: Place
) -> None:
    assert level.place(CRON, chosen, opened, same, untold, shared) == place


def test_two_groups_differ_at_their_widest_level() -> None:
    assert level.differing(CRON, CRON.replace("us", "eu")) == ("in us", "in eu")
    assert level.differing(CRON, CRON.replace("web", "db")) == ("on us-web", "on us-db")
    assert level.differing("host=a", "host=b") == ("on a", "on b")
    assert level.differing("host=a", "check=b") is None
    assert level.differing("host=a", "host=a") is None


def test_all_that_is_expected_is_silent() -> None:
    assert Extent(1, 0, NOW - timedelta(minutes=1)).whole
    assert not Extent(0, 0).whole
    assert not Extent(3, 1).whole
