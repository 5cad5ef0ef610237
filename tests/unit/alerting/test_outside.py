"""Ids outside: none is given twice, by two installations or by one that was restored."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import Connection

from alerting import desk, outside
from alerting.incident import Incident
from alerting.outside import DigestId, PageId, TestId
from tests.unit.alerting.conftest import a_symptom, incident_of
from tests.unit.conftest import NOW

MARK = "0123456789abcdef"


@pytest.fixture
def incident(db: Connection) -> Incident:
    """An incident that opened under the name `north`."""
    desk.raise_(db, [a_symptom(installation="north")], NOW)
    return incident_of(db)


def test_an_incident_keeps_the_name_under_which_it_opened(db: Connection, incident: Incident) -> None:
    desk.raise_(db, [a_symptom("check:2", installation="south")], NOW)
    desk.clear(db, {"check:1": "heard again"}, NOW)
    assert outside.of_incident(incident_of(db)) == "heartbeat-incident-1-north"


def test_an_incident_of_a_release_without_names_keeps_its_id(incident: Incident) -> None:
    assert outside.of_incident(replace(incident, installation=None)) == "heartbeat-incident-1"


def test_no_two_pages_share_an_id(incident: Incident) -> None:
    """A restored incident keeps its name, and its next page has a number that was given before: at another time."""
    incidents = [replace(incident, installation=name) for name in ("north", "south")]
    times = [NOW, NOW + timedelta(microseconds=1)]
    ids = {outside.of_page(*given) for given in product((1, 2), times, incidents)}
    assert len(ids) == 8


def test_a_page_keeps_its_id(incident: Incident) -> None:
    assert outside.of_page(7, NOW, incident) == "page-7-north-1714705200000000"


def test_a_digest_has_the_id_of_its_notices() -> None:
    assert outside.of_digest(1, NOW, "a") == outside.of_digest(1, NOW, "a")
    later = NOW + timedelta(seconds=1)
    ids = [outside.of_digest(*of) for of in ((1, NOW, "a"), (2, NOW, "a"), (1, later, "a"), (1, NOW, "b"))]
    assert len(set(ids)) == 4


def test_each_test_page_has_an_id_of_its_own() -> None:
    given = [
        ("anna", MARK, "north", NOW),
        ("ben", MARK, "north", NOW),
        ("anna", MARK, "south", NOW),
        ("anna", MARK, "north", NOW + timedelta(milliseconds=1)),
    ]
    assert len({outside.of_test(*each) for each in given}) == 4


@pytest.mark.parametrize("name", ["north", None, "a-b"])
def test_ids_can_be_read(incident: Incident, name: str | None) -> None:
    page = outside.of_page(7, NOW, replace(incident, installation=name))
    assert outside.read(page) == PageId(7, NOW)
    assert outside.read(outside.of_digest(3, NOW, name)) == DigestId(3, NOW)
    assert outside.read(outside.of_test("anna-m", MARK, name, NOW)) == TestId("anna-m", MARK, NOW)


@pytest.mark.parametrize(
    "text", ["", "page-7", "page--7", "heartbeat-incident-7-north", "page-7-north-x", "x" * 99]
)
def test_what_is_no_id_of_a_notice_is_not_read(text: str) -> None:
    assert outside.read(text) is None
