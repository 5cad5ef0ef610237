"""The rules that watch the service, and their pages: each alert has its page, each page its alert."""

import re
from argparse import _SubParsersAction
from pathlib import Path
from typing import Any

import pytest
import yaml

from heartbeat import command_line

ROOT = Path(__file__).parents[3]
RULES = ROOT / "helm" / "files" / "alerts.yaml"
PAGES = ROOT / "docs" / "runbooks"
COMMANDS = {
    command
    for action in command_line.parser()._actions
    if isinstance(action, _SubParsersAction)
    for command in action.choices
}
HEADINGS = [
    "What it means",
    "Who is not being paged",
    "Look here first",
    "Likely causes",
    "How to fix it",
    "How to tell that it is over",
]


def alerts() -> list[dict[str, Any]]:
    """Every alert as it is written."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_each_alert_has_its_page_and_each_page_its_alert() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert len(names) == len(set(names))
    assert {page.stem for page in PAGES.iterdir()} == set(names)


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_all_that_it_must(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    annotations = rule["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert annotations["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
    assert all(annotations[name].endswith(".") for name in ("summary", "description"))
    assert len(annotations["summary"]) < 100


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_a_page_is_whole(rule: dict[str, Any]) -> None:
    page = (PAGES / f"{rule['alert']}.md").read_text()
    assert page.startswith(f"# {rule['alert']}\n\n")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == HEADINGS
    (commands,) = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(commands.splitlines()) == 3
    named = set(re.findall(r"`heartbeat ([a-z][a-z-]*)", page))
    named |= set(re.findall(r"^heartbeat ([a-z][a-z-]*)", commands, re.MULTILINE))
    assert named <= COMMANDS


def test_the_list_of_alerts_names_each_with_its_severity() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text()
    listed = re.findall(r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| (\w+) \|", text, re.MULTILINE)
    assert listed == [(rule["alert"], rule["alert"], rule["labels"]["severity"]) for rule in alerts()]
