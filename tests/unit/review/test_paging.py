"""The report of past pages: pages and nights of each person, the time to acknowledge, the noisiest checks."""

from datetime import UTC, datetime, timedelta

import pytest

from alerting.paging_history import Answer, Reached
from alerting.person import OPERATOR, Contact, Person
from heartbeat.review import paging
from heartbeat.review.paging import Noisy, PersonLoad
from tests.unit.conftest import NOW

MINUTE = timedelta(minutes=1)
WEEK = NOW - timedelta(days=7), NOW
ANNA = Person("anna", "Anna", (Contact("mail", "a"),), "America/New_York")
BEN = Person("ben", "Ben", (Contact("mail", "b"),), "Asia/Kathmandu")
PEOPLE = {"anna": ANNA, "ben": BEN}


@pytest.mark.parametrize(
    ("at", "zone", "night"),
    [
        ("2024-07-01T21:59:00", "UTC", False),
        ("2024-07-01T22:00:00", "UTC", True),
        ("2024-07-01T06:59:00", "UTC", True),
        ("2024-07-01T07:00:00", "UTC", False),
        ("2024-07-01T16:15:00", "Asia/Kathmandu", True),
        ("2024-07-01T16:14:00", "Asia/Kathmandu", False),
        # New York: 22:00 is 02:00 UTC in summer and 03:00 UTC in winter.
        ("2024-07-01T02:00:00", "America/New_York", True),
        ("2024-01-01T02:59:00", "America/New_York", False),
        ("2024-01-01T03:00:00", "America/New_York", True),
    ],
)
def test_night_is_by_the_clock_of_the_person(at: str, zone: str, night: bool) -> None:
    assert paging.is_night(datetime.fromisoformat(at).replace(tzinfo=UTC), zone) is night


def test_the_person_with_the_most_pages_comes_first() -> None:
    reached = [Reached("anna", NOW, 1), Reached("ben", NOW, 2), Reached("gone", NOW, 1)]
    answers = [Answer(1, 4 * MINUTE, "Ben"), Answer(2, 9 * MINUTE, "Ben"), Answer(3, None, "")]
    report = paging.of(*WEEK, reached, answers, [], PEOPLE)
    # 03:00 UTC is 23:00 in New York and 08:45 in Kathmandu.
    assert report.people == [
        PersonLoad("ben", "Ben", 2, 0, 2, 4 * MINUTE),
        PersonLoad("anna", "Anna", 1, 1, 0, None),
        PersonLoad("gone", "gone", 1, 1, 0, None),
    ]
    assert (report.pages, report.night) == (4, 2)


def test_a_page_that_nobody_could_get_is_the_operators() -> None:
    report = paging.of(*WEEK, [Reached("operator", NOW, 1)], [], [], PEOPLE)
    assert report.people[0].name == OPERATOR.name


def test_the_time_to_acknowledge_has_its_median_and_its_worst() -> None:
    answers = [Answer(number, number * MINUTE, "Ben") for number in (1, 2, 30)]
    report = paging.of(*WEEK, [Reached("ben", NOW, 4)], [*answers, Answer(9, None, "")], [], PEOPLE)
    assert paging.sentences(report) == [
        "4 pages, none at night.",
        "Acknowledged 2 min after the first page (median), at worst after 30 min (incident 30).",
        "1 incident without an acknowledgement.",
    ]


def test_a_report_is_a_table_and_a_list() -> None:
    noisiest = [Noisy("backup", "backup", 2, 5), Noisy("old", None, 1, 1)]
    reached = [Reached("ben", NOW, 1200), Reached("anna", NOW, 1)]
    report = paging.of(*WEEK, reached, [Answer(7, 2 * MINUTE, "Anna")], noisiest, PEOPLE)
    assert list(paging.lines(report, "https://hb.example.com")) == [
        "Pages from 26 Apr 2024 03:00 UTC to 03 May 2024 03:00 UTC",
        "1,201 pages, 1 at night.",
        "Acknowledged 2 min after the first page (median), at worst after 2 min (incident 7).",
        "",
        "      Pages  At night  Acknowledged  Median",
        "Ben   1,200         0             0",
        "Anna      1         1             1  2 min",
        "Night is 22:00 to 07:00 in the person's time zone.",
        "",
        "Noisiest checks:",
        "backup: 5 pages in 2 incidents",
        "  https://hb.example.com/checks/backup",
        "old: 1 page in 1 incident",
    ]


def test_a_calm_week_is_one_sentence() -> None:
    report = paging.of(*WEEK, [], [], [], PEOPLE)
    assert list(paging.lines(report, ""))[1:] == ["Nobody was paged."]
