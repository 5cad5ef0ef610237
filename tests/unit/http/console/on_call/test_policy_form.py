"""Policies with steps for some incidents only, and of all whom a step can name, on the console, without script."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.crew import Team
from alerting.escalation import Condition, Policy, Step
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.rotation import Layer, Length, Rotation, Window
from alerting.severity import Severity
from alerting.working_hours import WorkingHours
from heartbeat.app import System
from heartbeat.http.console import definition_form
from tests.unit.http.console.conftest import press, see
from tests.unit.http.console.on_call.test_person_form import BEN
from tests.unit.http.markup import sound

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
OPS: dict[str, Any] = {
    "slug": "office",
    "rungs": "3",
    "page-0": ["infra", "room"],
    "wait-0": "5m",
    "severity-0": ["critical", "error"],
    "hours-0": "",
    "zone-0": "UTC",
    "page-1": "web",
    "wait-1": "10m",
    "days-1": ["mon", "fri"],
    "hours-1": "05:00-18:00",
    "zone-1": "Europe/Berlin",
    "page-2": ["first", "ben"],
    "turn-2": "yes",
    "wait-2": "15m",
    "hours-2": "",
    "zone-2": "UTC",
}
MADE = Policy(
    "office",
    (
        Step(("infra", "room"), 5 * MINUTE, only=Condition((Severity.CRITICAL, Severity.ERROR))),
        Step(
            ("web",),
            10 * MINUTE,
            only=Condition((), (Window((0, 4), 5 * HOUR, 18 * HOUR),), "Europe/Berlin"),
        ),
        Step(("first", "ben"), 15 * MINUTE, round_robin=True),
    ),
)


async def policy(system: System) -> Policy | None:
    return (await system.context.database.read(desk.policies)).get("office")


@pytest.fixture(autouse=True)
async def crew(system: System) -> None:
    """Ben, a rotation, a team and a channel."""

    def work(db: Connection) -> None:
        desk.define_person(db, BEN)
        room = (Contact("ntfy", "https://ntfy.example.com/room"),)
        desk.define_person(db, Person("room", "Ops room", room, origin=Origin.API, channel=True))
        turns = Layer(("ben",), Length.parse("1w"), datetime.fromisoformat("2024-01-01T09:00"))
        desk.define_rotation(db, Rotation("infra", "UTC", (turns,), Origin.API))
        desk.define_team(db, Team("web", ("ben", "first"), Origin.API))

    await system.context.database.write(work)


async def test_a_policy_with_conditions_is_seen_and_saved(system: System, browser: httpx.AsyncClient) -> None:
    empty = await see(browser, "/on-call/new-policy")
    for words in ("Rotations infra Ben", "Teams web Ben, First responder", "Channels Ops room by ntfy"):
        assert words in empty.words
    seen = sound((await press(browser, "/on-call/new-policy", **OPS, do="preview")).text)
    urgent, other = seen.words.split("If it is critical or error")[1].split("If it is warning or info")
    assert urgent.index("step 1 Ben by ntfy Ops room by ntfy") < urgent.index("step 2 Ben by ntfy First")
    assert "step 3; one of them, in turn" in urgent
    assert "step 1" not in other
    assert other.index("step 2 Ben by ntfy First") < other.index("step 3")
    assert await policy(system) is None
    assert (await press(browser, "/on-call/new-policy", **OPS)).status_code == 303
    assert await policy(system) == MADE
    shown = await see(browser, "/on-call/policies/office")
    assert "only critical or error" in shown.words
    assert "If it is warning or info" in shown.words


async def test_one_outlook_is_enough_where_the_severity_does_not_matter(browser: httpx.AsyncClient) -> None:
    fields = {"slug": "office", "rungs": "1", "page-0": "ben", "wait-0": "5m"}
    seen = sound((await press(browser, "/on-call/new-policy", **fields, do="preview")).text)
    assert "step 1 Ben by ntfy" in seen.words
    assert "If it is" not in seen.words


async def test_a_policy_with_conditions_is_changed_and_nothing_else_is_touched(
    system: System, browser: httpx.AsyncClient
) -> None:
    await system.context.database.write(lambda db: desk.define_policy(db, MADE))
    await system.context.database.write(
        lambda db: desk.define_policy(db, Policy("office", MADE.steps, Origin.API))
    )
    path = "/on-call/policies/office/edit"
    shown = await see(browser, path)
    assert shown.fields["hours-1"] == "05:00-18:00"
    assert shown.fields["zone-1"] == "Europe/Berlin"
    for ticked in ('"severity-0" value="error"', '"days-1" value="fri"', '"page-1" value="web"'):
        assert f"name={ticked} checked" in " ".join(shown.html.split())
    assert (
        await press(browser, path, **(OPS | {"wait-2": "20m"}), before=shown.fields["before"])
    ).status_code == 303
    after = await policy(system)
    assert after is not None
    assert after.steps[:2] == MADE.steps[:2]
    assert after.steps[2] == Step(("first", "ben"), 20 * MINUTE, round_robin=True)
    late = await press(browser, path, **OPS, before=shown.fields["before"])
    assert late.status_code == 422
    assert definition_form.CHANGED in sound(late.text).words


async def test_hours_for_which_warnings_wait_are_seen_saved_and_kept(
    system: System, browser: httpx.AsyncClient
) -> None:
    fields: dict[str, Any] = {"slug": "office", "rungs": "1", "page-0": "ben", "wait-0": "5m"}
    fields |= {"days-waits": ["mon", "tue"], "hours-waits": "09:00-17:00", "zone-waits": "UTC"}
    seen = sound((await press(browser, "/on-call/new-policy", **fields, do="preview")).text)
    other = seen.words.split("If it is error or warning or info")[1]
    assert "06 May 09:00 UTC step 1 Ben by ntfy" in other
    assert (await press(browser, "/on-call/new-policy", **fields)).status_code == 303
    hours = WorkingHours((Window((0, 1), 9 * HOUR, 17 * HOUR),), "UTC")
    made = await policy(system)
    assert made == Policy("office", (Step(("ben",), 5 * MINUTE),), warnings_wait_for=hours)
    path = "/on-call/policies/office/edit"
    shown = await see(browser, path)
    assert shown.fields["hours-waits"] == "09:00-17:00"
    longer = fields | {"wait-0": "9m", "before": shown.fields["before"]}
    assert (await press(browser, path, **longer)).status_code == 303
    assert await policy(system) == Policy("office", (Step(("ben",), 9 * MINUTE),), warnings_wait_for=hours)


@pytest.mark.parametrize(
    ("changes", "words", "about"),
    [
        ({"hours-1": "nine"}, "Step 2, hours: 'nine' are no hours", "hours-1"),
        ({"zone-1": "Mars"}, "Step 2, time zone: 'Mars' is no time zone", "zone-1"),
        ({"page-2": "ben"}, "Step 3, in turn: needs several to take turns", "turn-2"),
        ({"page-0": []}, "Step 1, whom to page: needs at least one", "page-0"),
        ({"wait-0": "soon"}, "Step 1, how long to wait: 'soon' is not a duration", "wait-0"),
    ],
)
async def test_a_problem_stands_beside_its_field_and_nothing_typed_is_lost(
    system: System, browser: httpx.AsyncClient, changes: dict[str, Any], words: str, about: str
) -> None:
    answer = await press(browser, "/on-call/new-policy", **(OPS | changes))
    assert answer.status_code == 422
    shown = sound(answer.text)
    assert shown.words.count(words) == 3, "at the top, beside the field, and in place of the preview"
    assert f'id="{about}"' in shown.html
    assert f'id="{about}-fault"' in shown.html
    typed = {name: value for name, value in (OPS | changes).items() if name[:4] in ("wait", "hour", "zone")}
    assert typed.items() <= shown.fields.items()
    assert '"severity-0" value="critical" checked' in " ".join(shown.html.split())
    assert await policy(system) is None


@pytest.mark.parametrize(
    ("do", "step"), [("add", 3), ("up:2", 1), ("drop:0", 0), ("drop:2", 1), ("preview", None)]
)
async def test_the_focus_goes_to_the_step_that_a_button_was_about(
    browser: httpx.AsyncClient, do: str, step: int | None
) -> None:
    shown = sound((await press(browser, "/on-call/new-policy", **OPS, do=do)).text)
    assert shown.html.count("autofocus") == (step is not None)
    if step is not None:
        assert f'id="step-{step}" tabindex="-1" autofocus' in shown.html


async def test_a_wrong_name_hides_no_other_problem(browser: httpx.AsyncClient) -> None:
    answer = await press(browser, "/on-call/new-policy", **(OPS | {"slug": "O P", "wait-0": "soon"}))
    words = sound(answer.text).words
    assert "Slug: 'O P' cannot be a name" in words
    assert "Step 1, how long to wait: 'soon' is not a duration" in words


async def test_a_policy_says_for_which_incidents_somebody_is_first(
    system: System, browser: httpx.AsyncClient
) -> None:
    assert (await press(browser, "/on-call/new-policy", **OPS)).status_code == 303
    words = (await see(browser, f"/on-call/policies/{OPS['slug']}")).words
    assert "If it is critical" in words.partition("first")[0]
