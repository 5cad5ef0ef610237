"""Status pages defined outside of the file."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

from alerting.origin import Origin
from heartbeat import audit
from heartbeat.definitions import kind as kinds
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit.status_pages import STATUS_PAGE
from heartbeat.definitions.kind import OwnedByFile
from heartbeat.definitions.single import Faulty
from heartbeat.definitions.status_page import Component, StatusPage
from tests.unit.definitions.edit.conftest import edit_by_anna

GIVEN: dict[str, Any] = {
    "title": "Example status",
    "components": [{"name": "Mail", "match": {"service": "mail"}}],
}


def define(db: Connection, slug: str = "public", **changes: Any) -> StatusPage | None:
    return kinds.define(edit_by_anna(db), STATUS_PAGE, slug, GIVEN | changes).previous


def test_a_page_is_added_changed_and_taken_away(db: Connection) -> None:
    assert define(db) is None
    page = StatusPage("public", "Example status", (Component("Mail", {"service": "mail"}),))
    assert definition_store.status_pages_of(db, Origin.API) == {"public": page}
    assert define(db) == page
    assert define(db, title="Other") == page
    assert kinds.delete(edit_by_anna(db), STATUS_PAGE, "public") is not None
    assert kinds.delete(edit_by_anna(db), STATUS_PAGE, "public") is None
    deeds = list(reversed(audit.listed(db, limit=10)))
    assert [deed.action for deed in deeds] == ["status_page.make", "status_page.change", "status_page.delete"]
    assert (deeds[1].before, deeds[1].after) == (GIVEN, GIVEN | {"title": "Other"})


def test_a_definition_of_the_file_is_changed_in_the_file(db: Connection) -> None:
    declared = replace(STATUS_PAGE.read(edit_by_anna(db), "public", GIVEN), origin=Origin.FILE)
    definition_store.replace_status_pages(db, [declared])
    with pytest.raises(OwnedByFile, match=r"^The configuration file declares status page public: change it"):
        define(db)
    with pytest.raises(OwnedByFile, match=r"^The configuration file declares status page public: delete it"):
        kinds.delete(edit_by_anna(db), STATUS_PAGE, "public")


def test_faults_are_told_as_the_file_tells_them(db: Connection) -> None:
    with pytest.raises(Faulty, match=r"^components\[0\]\.match: needs at least one label"):
        define(db, components=[{"name": "Mail", "match": {}}])
    only = replace(STATUS_PAGE, limit=1)
    kinds.define(edit_by_anna(db), only, "public", GIVEN)
    with pytest.raises(
        Faulty, match=r"^status page other: there are 1 status pages already, the most there can be\.$"
    ):
        kinds.define(edit_by_anna(db), only, "other", GIVEN)
