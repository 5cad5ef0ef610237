"""What people have not been told of an incident yet."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerting import grouping, news
from alerting.incident import Pace, RaisedSymptom
from alerting.news import News
from tests.unit.alerting.conftest import HOUR, MINUTE, a_symptom
from tests.unit.conftest import NOW

PACE = Pace()


def a_row(number: int, **changes: object) -> RaisedSymptom:
    row = replace(grouping.raised(a_symptom(f"check:{number}"), NOW), id=number)
    return replace(row, **changes)  # type: ignore[arg-type]  # the tests name fields of a symptom


JOINED = a_row(1)
KNOWN = a_row(2, told=("silent",))
CHANGED = a_row(3, cause="failed", told=("silent",))
BACK = a_row(4, told=("silent",), cleared_at=NOW - 2 * MINUTE)
FLEETING = a_row(5, cleared_at=NOW - HOUR)
UNSETTLED = a_row(6, told=("silent",), cleared_at=NOW - MINUTE)
FLAPPING = a_row(7, told=("silent",), cleared_at=NOW - 3 * MINUTE, falls=(NOW - HOUR / 2,))
HELD = a_row(8, held_until=NOW + HOUR)
ALL = [JOINED, KNOWN, CHANGED, BACK, FLEETING, UNSETTLED, FLAPPING, HELD]


def test_news_is_what_nobody_was_told_of_and_what_has_settled() -> None:
    assert news.of(ALL, NOW, PACE) == News((1,), (3,), (4,))
    assert news.of(ALL, NOW + HOUR, PACE) == News((1, 8), (3,), (4, 6, 7))


def test_jobs_that_come_back_shortly_after_each_other_are_told_together() -> None:
    second = timedelta(seconds=1)
    soon, later = (a_row(n, told=("silent",), cleared_at=BACK.cleared_at + n * second) for n in (9, 16))  # type: ignore[operator]  # it has cleared
    assert news.of([soon, later], NOW, PACE) == News()
    assert news.of([BACK, soon, later], NOW, PACE) == News(back=(4, 9))


def test_the_next_news_is_a_recovery_that_settles_or_the_end_of_a_hold() -> None:
    assert news.next_at(ALL, NOW, PACE) == NOW + MINUTE
    assert news.next_at([HELD], NOW, PACE) == NOW + HOUR
    assert news.next_at([KNOWN, JOINED, BACK], NOW, PACE) is None


def test_once_told_it_is_news_no_longer() -> None:
    told = news.told(news.of(ALL, NOW, PACE), ALL)
    assert told == {1: ("silent",), 3: ("silent", "failed"), 4: ()}
    after = [replace(row, told=told.get(row.id, row.told)) for row in ALL]
    assert not news.of(after, NOW, PACE)


@pytest.mark.parametrize(
    ("earlier", "later", "both"),
    [
        (News((1,)), News((2,)), News((1, 2))),
        (News((1,)), News(back=(1,)), News()),
        (News(back=(1,)), News((1,)), News()),
        (News((1,)), News(changed=(1,)), News((1,))),
        (News(changed=(1,)), News(back=(1,)), News(back=(1,))),
    ],
)
def test_news_that_was_not_delivered_becomes_part_of_the_next(earlier: News, later: News, both: News) -> None:
    assert news.followed(earlier, later) == both


def test_news_counts_in_words() -> None:
    assert News((1, 2), (), (3,)).words == "+2, 1 back"
    assert News(changed=(1,)).words == "1 changed"
    assert not News()


def test_news_of_a_row_is_the_news_that_was_written() -> None:
    whole = News((1, 2), (3,), (4,))
    stored = news.to_json(whole)
    assert stored is not None
    assert news.from_json(stored) == whole
    assert news.to_json(News()) is None
