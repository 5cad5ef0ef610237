"""The screen of a check's rules, and the trial of another one."""

import httpx

from alerting.origin import Origin
from heartbeat.app import System
from heartbeat.checks import rule_grammar
from heartbeat.checks.rule import Rule
from tests.unit.http.conftest import make_check, ping
from tests.unit.http.console.conftest import see


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
    assert "To use it, add it to the rules in its form" in screen.words
    assert "It has no rule." in screen.words


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
