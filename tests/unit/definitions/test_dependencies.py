"""The parents of checks in a file: how they are read and written, and beside the checks of others."""

import pytest
from sqlalchemy import Connection

from heartbeat.checks import definition
from heartbeat.checks.dependency import After
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions.edit import checks as edit
from heartbeat.definitions.file import Wrong
from tests.unit.conftest import NOW
from tests.unit.definitions.declared import parse
from tests.unit.definitions.edit.conftest import ANNA

TOP = """\
people: {anna: {name: Anna, contacts: [{console: terminal}]}}
policies: {ops: [{page: anna, wait: 5m}]}
checks:
  backup: {every: 1h}
"""


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("backup", After(("backup",))),
        ("{job: import}", After(matches=({"job": "import"},))),
        ("[backup, {job: import, region: us}]", After(("backup",), ({"job": "import", "region": "us"},))),
    ],
)
def test_parents_are_read_and_written_alike(text: str, after: After) -> None:
    read = parse(f"{TOP}  report: {{every: 1h, after: {text}}}\n").checks["report"]
    assert read.after == after
    written = definition.written(read)["after"]
    assert parse(f"{TOP}  report: {{every: 1h, after: {written}}}\n").checks["report"] == read


def test_an_unknown_parent_changes_nothing(db: Connection) -> None:
    with pytest.raises(Wrong) as raised:
        definition_plan.apply(db, parse(TOP + "  report: {every: 1h, after: bakup}\n"), NOW)
    assert raised.value.args[0] == (
        "checks.report.after: there is no check bakup; define it first, or correct the name."
    )


def test_a_file_may_name_checks_of_the_api_but_not_wait_for_those_that_wait_for_it(db: Connection) -> None:
    definition_plan.apply(db, parse(TOP), NOW)
    for slug, after in (("mail", "backup"), ("dump", {"job": "none"})):
        fields = {"every": "5m", "policy": "ops", "after": after}
        edit.define(db, ANNA, slug, edit.read(db, slug, fields), NOW)
    changes = definition_plan.apply(
        db, parse(TOP + "  report: {every: 1h, after: [backup, dump]}\n"), NOW
    ).changes
    assert changes == ("+ check report: every hour, grace 5 min; after backup; dump",)
    again = definition_plan.apply(
        db, parse(TOP + "  report: {every: 1h, after: {job: import}}\n"), NOW
    ).changes
    assert again == ("~ check report: after backup; dump -> job=import",)
    with pytest.raises(Wrong) as raised:
        definition_plan.apply(db, parse(TOP.replace("1h", "1h, after: mail")), NOW)
    assert raised.value.args[0] == (
        "checks.backup.after: makes a circle: backup runs after mail, which runs after backup."
    )


def test_a_parent_may_get_another_name_in_the_same_file(db: Connection) -> None:
    definition_plan.apply(db, parse(TOP + "  report: {every: 1h, after: backup}\n"), NOW)
    renamed = TOP.replace("backup: {every: 1h}", "dump: {every: 1h, formerly: backup}")
    definition_plan.apply(db, parse(renamed + "  report: {every: 1h, after: backup}\n"), NOW)
    assert definition_plan.apply(db, parse(renamed + "  report: {every: 1h, after: dump}\n"), NOW).changes
