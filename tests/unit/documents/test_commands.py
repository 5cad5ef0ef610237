"""The documentation names every command and every target of the Makefile, and no other."""

import re
from argparse import _SubParsersAction

from heartbeat import command_line
from tests.unit.documents.documentation import ROOT, everything, rows, section


def test_every_command_is_documented_and_no_other() -> None:
    parser = command_line.parser()
    (commands,) = (action for action in parser._actions if isinstance(action, _SubParsersAction))
    named = set(re.findall(r"`heartbeat ([a-z][a-z-]*)", everything())) | {"serve"}
    assert named == set(commands.choices)


def test_every_target_of_the_makefile_is_documented_and_no_other() -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    table = section("docs/operating.md", "## The Makefile")
    assert {row[0].strip("`").removeprefix("make ") for row in rows(table)[1:]} == targets
    assert set(re.findall(r"`make ([a-z0-9]+)", everything())) <= targets
