"""The catch-all outside of the file: defined, changed and deleted, and what a file that has one too does with it."""

import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.crew import CatchAll
from alerting.origin import Origin
from heartbeat import audit
from heartbeat.definitions import kind as kinds
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions.edit.catch_all import CATCH_ALL, ONLY, load
from heartbeat.definitions.edit.crew import TEAM
from heartbeat.definitions.edit.people import PERSON
from heartbeat.definitions.kind import InUse, OwnedByFile
from heartbeat.definitions.single import Faulty
from heartbeat.on_call import planned
from tests.unit.conftest import NOW
from tests.unit.definitions.declared import parse
from tests.unit.definitions.edit.conftest import edit_by_anna

CONTACTS = {"contacts": [{"console": "terminal"}]}
FILE = "people: {anna: {contacts: [{console: terminal}]}}\npolicies: {ops: [{page: anna, wait: 5m}]}\n"


def test_it_is_defined_changed_and_deleted_with_audit(db: Connection) -> None:
    edit = edit_by_anna(db)
    kinds.define(edit, PERSON, "second", CONTACTS)
    assert kinds.define(edit, CATCH_ALL, ONLY, {"page": "first"}).is_new
    assert not kinds.define(edit, CATCH_ALL, ONLY, {"page": ["first"]}).changed
    kinds.define(edit, CATCH_ALL, ONLY, {"page": ["second", "first"]})
    assert load(db) == {ONLY: CatchAll(("second", "first"))}
    assert load(db)[ONLY].origin is Origin.API
    kinds.delete(edit, CATCH_ALL, ONLY)
    assert kinds.delete(edit, CATCH_ALL, ONLY) is None
    assert load(db) == {}
    assert [
        (entry.action, entry.target, entry.before, entry.after) for entry in audit.listed(db, limit=3)
    ] == [
        ("catch_all.delete", "catch_all", {"page": ["second", "first"]}, None),
        ("catch_all.change", "catch_all", {"page": "first"}, {"page": ["second", "first"]}),
        ("catch_all.make", "catch_all", None, {"page": "first"}),
    ]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "catch_all: has no page; write for example `page: [anna, ops-room]`."),
        ({"page": []}, "page: needs at least one, such as anna."),
        ({"page": 5}, "page: must be text."),
        ({"page": ["first", "first"]}, "page: names somebody twice."),
        (
            {"page": ["frist"]},
            "page[0]: there is no person, rotation, team or channel 'frist'; did you mean 'first'?",
        ),
        ({"page": ["first", ""]}, "page[1]: there is no person, rotation, team or channel ''"),
        ({"page": {"first": 1}}, "page.first: must be text."),
        ({"page": ["first"] * 101}, "page: has 101 people; there can be at most 100."),
        ({"page": "first", "wait": "5m"}, "wait: the catch-all has no such field; there are page."),
    ],
)
def test_bad_input_names_the_field_and_changes_nothing(
    db: Connection, fields: dict[str, object], sentence: str
) -> None:
    with pytest.raises(Faulty) as caught:
        kinds.define(edit_by_anna(db), CATCH_ALL, ONLY, fields)
    assert caught.value.problems[0].startswith(sentence)
    assert load(db) == {}


def test_whoever_is_in_it_is_not_deleted(db: Connection) -> None:
    edit = edit_by_anna(db)
    kinds.define(edit, PERSON, "second", CONTACTS)
    kinds.define(edit, TEAM, "all", {"people": "first"})
    kinds.define(edit, CATCH_ALL, ONLY, {"page": ["second", "all"]})
    with pytest.raises(InUse, match=r"^The catch-all pages second: take second out of it first"):
        kinds.delete(edit, PERSON, "second")
    with pytest.raises(InUse, match=r"^The catch-all pages all: take all out of it first"):
        kinds.delete(edit, TEAM, "all")


def test_that_of_the_file_is_only_changed_there(db: Connection) -> None:
    definition_plan.apply(db, parse(f"{FILE}catch_all: anna"), NOW)
    edit = edit_by_anna(db)
    with pytest.raises(OwnedByFile, match="The configuration file declares catch_all: change it there"):
        kinds.define(edit, CATCH_ALL, ONLY, {"page": "anna"})
    with pytest.raises(OwnedByFile, match="The configuration file declares catch_all: delete it there"):
        kinds.delete(edit, CATCH_ALL, ONLY)


def test_a_file_without_one_keeps_it_and_warns_of_nothing(db: Connection) -> None:
    definition_plan.apply(db, parse(FILE), NOW)
    assert planned.last_resort(db, parse(FILE)) == [planned.ONLY_THE_TERMINAL]
    kinds.define(edit_by_anna(db), CATCH_ALL, ONLY, {"page": "anna"})
    assert planned.last_resort(db, parse(FILE)) == []
    assert definition_plan.difference(db, parse(FILE)).empty
    definition_plan.apply(db, parse(FILE + "settling: 3m"), NOW)
    assert load(db) == {ONLY: CatchAll(("anna",))}
    assert "catch_all" not in definition_plan.export(db)


@pytest.mark.parametrize("names", ["anna", "ben"])
def test_a_file_with_one_takes_it_over_and_the_plan_says_so(db: Connection, names: str) -> None:
    both = FILE.replace("}}\n", "}, ben: {contacts: [{console: terminal}]}}\n", 1)
    definition_plan.apply(db, parse(both), NOW)
    kinds.define(edit_by_anna(db), CATCH_ALL, ONLY, {"page": "anna"})
    target = parse(f"{both}catch_all: {names}")
    moved = "" if names == "anna" else "; page anna -> ben"
    line = f"~ catch_all: declared by the console or the API -> this file{moved}"
    assert definition_plan.difference(db, target).changes == (line,)
    definition_plan.apply(db, target, NOW)
    assert load(db)[ONLY].origin is Origin.FILE
    assert definition_plan.difference(db, target).empty
    assert f"catch_all: {names}" in definition_plan.export(db)
    gone = parse(both)
    assert definition_plan.difference(db, gone).changes == (f"~ catch_all: {names} -> the terminal",)
    assert planned.last_resort(db, gone) == [planned.ONLY_THE_TERMINAL]
    definition_plan.apply(db, gone, NOW)
    assert desk.catch_all(db) is None


def test_the_plan_says_that_it_misses_somebody_who_goes(db: Connection) -> None:
    definition_plan.apply(db, parse("people: {anna: {contacts: [{console: x}]}}"), NOW)
    kinds.define(edit_by_anna(db), CATCH_ALL, ONLY, {"page": "anna"})
    changes = definition_plan.difference(db, parse("checks: {}")).changes
    assert "- person anna (the catch-all, made by the API, pages anna)" in changes
