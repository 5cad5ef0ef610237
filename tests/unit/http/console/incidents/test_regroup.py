"""Incidents that are merged and split on the console."""

import re
from dataclasses import replace

import httpx

from alerting import desk
from heartbeat.app import System
from heartbeat.checks import symptoms
from tests.unit.http.conftest import OPS, SetClock, fall_silent, make_check
from tests.unit.http.console.conftest import press, see
from tests.unit.http.markup import sound


async def test_a_merge_is_offered_only_where_another_incident_of_the_policy_is_open(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    await system.context.database.write(lambda db: desk.define_policy(db, replace(OPS, name="weekly")))
    first = await fall_silent(system, clock, await make_check(system, "a"))
    await fall_silent(system, clock, await make_check(system, "b", policy="weekly"))
    assert f"/incidents/{first}/merge" not in (await see(browser, f"/incidents/{first}")).links
    second = await fall_silent(system, clock, await make_check(system, "c"))
    for number in (first, second):
        assert f"/incidents/{number}/merge" in (await see(browser, f"/incidents/{number}")).links
    await press(browser, f"/incidents/{second}/resolve")
    for number in (first, second):
        assert f"/incidents/{number}/merge" not in (await see(browser, f"/incidents/{number}")).links


async def test_a_merge_or_a_split_that_cannot_be_is_asked_again_with_the_reason(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    checks = [await make_check(system, name) for name in "ab"]
    source, target = [await fall_silent(system, clock, check) for check in checks]
    for into, problem in (("", "Merge into: choose one"), (str(source), "")):
        refused = await press(browser, f"/incidents/{source}/merge", into=into)
        assert refused.status_code == 409
        shown = sound(refused.text)
        assert f"{problem}" in shown.words
        assert "Nothing was changed." in shown.words
        assert f'value="{target}" required' in shown.html
    await press(browser, f"/incidents/{source}/merge", into=str(target))
    keys = [symptoms.key_of(check) for check in checks]
    path = f"/incidents/{target}/split"
    for ticked, problem in (
        ([], "Split off: tick at least one job. Nothing was changed."),
        (keys, "At least one job that is down must stay in the incident. Nothing was changed."),
        ([keys[0], "check:99"], "Only jobs that are down in this incident can be split off."),
    ):
        refused = await press(browser, path, job=ticked)
        assert refused.status_code == 409
        shown = sound(refused.text)
        assert problem in shown.words
        kept = [key for key in keys if f'value="{key}" checked' in shown.html]
        assert kept == [key for key in keys if key in ticked], "ticks stay"


async def test_incidents_are_merged_and_split_on_the_console(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    first, second = await make_check(system, "a"), await make_check(system, "b")
    source, target = await fall_silent(system, clock, first), await fall_silent(system, clock, second)
    offered = await see(browser, f"/incidents/{source}/merge")
    assert f"{target}: b" in offered.words
    answer = await press(browser, f"/incidents/{source}/merge", into=str(target))
    assert answer.headers["location"] == f"/incidents/{target}"
    over = await see(browser, f"/incidents/{source}")
    assert f"Merged into incident {target} by admin at" in over.words
    assert f"/incidents/{target}" in over.links
    assert f"moved to incident {target} at" in over.words
    assert '<span class="state moved">' in over.html
    assert 'class="state silent' not in over.html, "nothing in it is down any more"
    assert (
        f"incident {source} was merged into this one by admin: a"
        in (await see(browser, f"/incidents/{target}")).words
    )
    refused = await press(browser, f"/incidents/{source}/merge", into="99")
    assert refused.status_code == 409
    for asked in (sound(refused.text), await see(browser, f"/incidents/{source}/merge")):
        assert f"Incident {source} is over, so there is nothing to merge." in asked.words
        assert "No other incident" not in asked.words

    assert f"/incidents/{target}/split" in (await see(browser, f"/incidents/{target}")).links
    form = await see(browser, f"/incidents/{target}/split")
    assert f'value="{symptoms.key_of(first)}"' in form.html
    answer = await press(browser, f"/incidents/{target}/split", job=symptoms.key_of(first))
    moved = answer.headers["location"].rpartition("/")[2]
    assert "split from incident" in (await see(browser, answer.headers["location"])).words
    assert (await press(browser, f"/incidents/{target}/split")).status_code == 409
    assert "there is nothing to split" in (await see(browser, f"/incidents/{target}/split")).words
    rest = await see(browser, f"/incidents/{target}")
    assert "2 jobs" in rest.words
    assert f"moved to incident {moved} at" in rest.words
    assert f"/incidents/{moved}" in rest.links
    states = re.findall(r'<span class="state (moved|silent[ a-z]*)">', rest.html)
    assert states == ["silent down", "moved"]
    assert f"/incidents/{target}/split" not in rest.links, "only one of them is down here"
    for path in ("merge", "split"):
        await see(browser, f"/incidents/99/{path}", 404)
