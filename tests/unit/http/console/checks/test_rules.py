"""The screen of a check's rules, and the trial of another one."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest

from alerting.origin import Origin
from alerting.severity import Severity
from heartbeat.app import System
from heartbeat.checks import rule_grammar
from heartbeat.checks.rule import Rule
from heartbeat.definitions.entry import MAX_RULES
from tests.unit.http.conftest import make_check, ping, read_check
from tests.unit.http.console.conftest import see
from tests.unit.http.markup import Markup


async def test_a_rule_is_tried_on_the_past_and_nothing_is_saved(
    system: System, browser: httpx.AsyncClient
) -> None:
    check = await make_check(system, origin=Origin.API)
    screen = await see(browser, "/checks/job/rules")
    assert "It has no rule." in screen.words
    for rows in (12, 0):
        await ping(system, check, f"?m.rows={rows}")
    screen = await see(browser, "/checks/job/rules?rule=rows+>+0,+for+2+runs")
    assert screen.fields["rule"] == "rows > 0, for 2 runs"
    assert (
        "Broken by 1 of the last 2 runs, since 2024-05-03 03:00 UTC. It would have paged nobody."
        in screen.words
    )
    assert "rows must be > 0, was 0" in screen.words
    assert "It has no rule." in screen.words
    assert "Add this rule" in screen.words


async def test_a_tried_rule_is_added_to_the_check_once(
    system: System, admin: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    first = Rule(rule_grammar.parse("rows > 0"))
    await make_check(system, origin=Origin.API, rules=(first,), grace=timedelta(minutes=7))
    line = 'body has "a, b", for 2 runs, critical, named a name'
    screen = await see(browser, f"/checks/job/rules?rule={quote(line)}")
    before = await read_check(system)
    for _ in range(2):
        answer = await browser.post("/checks/job/rules", data=screen.fields)
        assert (answer.status_code, answer.headers["location"]) == (
            303,
            f"/checks/job/rules?rule={quote(line)}",
        )
    after = await read_check(system)
    second = Rule(rule_grammar.parse('body has "a, b"'), "a name", Severity.CRITICAL, 2)
    assert after == replace(before, rules=(first, second))
    entries = [
        entry for entry in (await admin.get("/v1/audit")).json()["audit"] if entry["action"] == "check.change"
    ]
    assert [entry["after"]["rules"][0] for entry in entries] == ["rows > 0"]
    screen = await see(browser, f"/checks/job/rules?rule={quote(line)}")
    assert "The check has this rule. Every new run must keep it." in screen.words
    assert "Add this rule" not in screen.words


async def test_a_rule_that_cannot_be_added_is_told_and_nothing_is_changed(
    system: System, browser: httpx.AsyncClient
) -> None:
    many = tuple(Rule(rule_grammar.parse(f"rows > {n}")) for n in range(MAX_RULES))
    await make_check(system, origin=Origin.API, rules=many)
    csrf = (await see(browser, "/checks/job/rules?rule=rows+<+9")).fields["csrf"]
    for text, problem in (
        ("rows < 9", "rules"),
        ("rows > many", "column 8"),
        ("", "Enter a rule."),
    ):
        answer = await browser.post("/checks/job/rules", data={"csrf": csrf, "rule": text})
        assert (answer.status_code, problem in Markup(answer.text).words) == (422, True), text
    assert (await read_check(system)).rules == many
    answer = await browser.post("/checks/none/rules", data={"csrf": csrf, "rule": "rows > 0"})
    assert answer.status_code == 404


async def test_a_check_of_the_file_gets_the_line_to_copy(system: System, browser: httpx.AsyncClient) -> None:
    await make_check(system, origin=Origin.FILE)
    screen = await see(browser, "/checks/job/rules?rule=rows+>+0,+for+2+runs")
    assert "- {rule: rows > 0, for: 2 runs}" in screen.words
    assert "Add this rule" not in screen.words
    csrf = (await see(browser, "/account")).fields["csrf"]
    answer = await browser.post("/checks/job/rules", data={"csrf": csrf, "rule": "rows > 0"})
    assert answer.status_code == 409
    assert (await read_check(system)).rules == ()


async def test_the_rules_of_a_check_are_listed(system: System, browser: httpx.AsyncClient) -> None:
    own, of_labels = Rule(rule_grammar.parse("rows > 0"), runs=2), Rule(rule_grammar.parse("duration < 2h"))
    await make_check(system, rules=(own,), label_rules=(of_labels,))
    screen = await see(browser, "/checks/job/rules")
    assert "rows > 0, for 2 runs" in screen.words
    assert "duration < 2h for its labels" in screen.words
    assert 'href="/checks/job/rules"' in (await see(browser, "/checks/job")).html


async def test_a_wrong_rule_is_told_with_its_column(system: System, browser: httpx.AsyncClient) -> None:
    await make_check(system)
    screen = await see(browser, "/checks/job/rules?rule=rows+>+many")
    assert "column 8: Write a number or a duration" in screen.words
    assert (await browser.get("/checks/none/rules")).status_code == 404


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            ", warning",
            "', warning' is no rule; column 1: Begin with the name of a measurement, or with body, not ','.",
        ),
        (", for 2 runs", "column 1: Begin with the name of a measurement, or with body, not ','."),
        ("rows > 0, for 21 runs", "column 15: '21 runs' is no number of runs"),
        ("rows > 0, for two runs", "column 15: 'two runs' is no number of runs"),
        ("rows > 0, foo", "column 11: 'foo' is not one of"),
        (f"rows > 0, named {'x' * 201}", "column 17: the name has 201 characters"),
    ],
)
async def test_a_line_that_is_wrong_beside_its_condition_is_told_with_its_column(
    system: System, browser: httpx.AsyncClient, line: str, problem: str
) -> None:
    await make_check(system, origin=Origin.API)
    screen = await see(browser, f"/checks/job/rules?rule={quote(line)}")
    assert problem in screen.words
    csrf = (await see(browser, "/checks/job/rules?rule=rows+<+9")).fields["csrf"]
    answer = await browser.post("/checks/job/rules", data={"csrf": csrf, "rule": line})
    assert (answer.status_code, problem in Markup(answer.text).words) == (422, True)
    assert (await read_check(system)).rules == ()
