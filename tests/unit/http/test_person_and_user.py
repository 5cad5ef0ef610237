"""A person and their user are one: one name in every story, no notice of their own deeds, and their on-call."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from alerting import desk, leases, outbox
from alerting.escalation import Policy, Step
from alerting.person import Contact, Person
from heartbeat import audit, signed_link
from heartbeat.access import api_keys
from heartbeat.access.api_key import Scope
from heartbeat.actor import Actor, Role
from heartbeat.app import System
from heartbeat.signed_link import Answerer
from tests.unit.access.conftest import PASSWORD, add
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SECRET_KEY, SetClock, escalate, fall_silent, make_check, visitor
from tests.unit.http.console.conftest import BROWSER, press, see

PAGER, MAIL = Contact("pagerduty", "r" * 32), Contact("email", "anna@example.com")
ANNA = Person("anna-b", "Anna Berg", (MAIL,), user="anna")
MACHINE = Person("duty", "Duty", (PAGER,), user="robot")
BEN = Person("ben", "Ben", (Contact("email", "ben@example.com"),))
MINUTE = timedelta(minutes=1)
OPS = Policy("ops", (Step(("anna-b", "ben", "duty"), 5 * MINUTE),))


@pytest.fixture
async def number(system: System, clock: SetClock) -> int:
    """An incident whose pages went out to Anna, to Ben and to PagerDuty. Anna signs in as the user anna."""

    def define(db: object) -> None:
        desk.install(db, [ANNA, BEN, MACHINE], [OPS], {})  # type: ignore[arg-type]
        add(db, "anna", Role.ADMIN)  # type: ignore[arg-type]
        add(db, "robot", Role.ADMIN)  # type: ignore[arg-type]

    await system.context.database.write(define)
    incident = await fall_silent(system, clock, await make_check(system))
    await escalate(system, clock)
    # Every page is under way: somebody may have it.
    leased = await system.context.database.write(
        lambda db: leases.lease(db, clock.now(), 10, leases.AtCapacity())
    )
    assert len(leased) == 3
    return incident


@pytest.fixture
async def anna(system: System, number: int) -> AsyncIterator[httpx.AsyncClient]:
    """Anna's browser."""
    async with visitor(system, **BROWSER) as client:
        await client.post("/sign-in", data={"name": "anna", "password": PASSWORD})
        yield client


async def told(system: System, incident: int, kind: str = "acknowledged") -> list[str]:
    """Whom a notice of this kind goes to."""
    pages = await system.context.database.read(lambda db: outbox.pages_of(db, incident))
    return sorted(page.person for page in pages if page.kind.value == kind)


async def story(system: System, incident: int) -> list[str | None]:
    """Who acts in the timeline of an incident and in the audit log about it."""
    dossier = await system.context.database.read(lambda db: desk.dossier(db, incident))
    assert dossier is not None
    entries = await system.context.database.read(
        lambda db: audit.listed(db, limit=9, target=f"incident {incident}")
    )
    acted = [entry.by for entry in dossier.timeline if entry.kind in ("acknowledged", "note")]
    return [*acted, dossier.incident.acknowledged_by, *(entry.actor for entry in entries)]


async def test_an_answer_on_the_console_bears_the_name_of_the_person_and_is_no_news_to_them(
    system: System, anna: httpx.AsyncClient, number: int
) -> None:
    await press(anna, f"/incidents/{number}/acknowledge")
    await press(anna, f"/incidents/{number}/note", words="Full.")
    assert set(await story(system, number)) == {"Anna Berg"}
    assert await told(system, number) == ["ben", "duty"]
    (entry, *_) = await system.context.database.read(lambda db: audit.listed(db, limit=1))
    assert (entry.actor, entry.via) == ("Anna Berg", "session of anna")
    await press(anna, f"/incidents/{number}/resolve")
    assert await told(system, number, "recovered") == ["ben", "duty"]


async def test_an_answer_by_the_link_in_a_page_bears_the_same_name(system: System, number: int) -> None:
    token = signed_link.sign(SECRET_KEY, Answerer(number, 1, "anna-b", NOW + 7 * MINUTE + signed_link.LASTS))
    async with visitor(system) as phone:
        assert (await phone.post(f"/answer/{token}")).text.startswith("Acknowledged by Anna Berg.")
    assert set(await story(system, number)) == {"Anna Berg"}
    assert await told(system, number) == ["ben", "duty"]


async def test_an_answer_with_an_api_key_that_the_person_made_is_theirs(system: System, number: int) -> None:
    maker = Actor("Anna Berg", Role.ADMIN, "session", user="anna")
    key, clear = await system.context.database.write(
        lambda db: api_keys.make(db, maker, "laptop", (Scope.WRITE,), Role.RESPONDER, None, NOW)
    )
    assert key.made_by == "anna"
    async with visitor(system, authorization=f"Bearer {clear}") as program:
        answer = await program.post(f"/v1/incidents/{number}/acknowledge")
    assert answer.json()["by"] == "Anna Berg (key laptop)"
    assert await told(system, number) == ["ben", "duty"]


@pytest.mark.parametrize("by", ["anna", "anna-b", "Anna Berg"])
async def test_a_program_that_answers_for_a_person_may_name_them_or_their_user(
    system: System, admin: httpx.AsyncClient, number: int, by: str
) -> None:
    answer = await admin.post(f"/v1/incidents/{number}/acknowledge", json={"by": by})
    assert answer.json()["by"] == "Anna Berg"
    assert await told(system, number) == ["ben", "duty"]


async def test_a_machine_hears_of_what_its_own_person_did(system: System, number: int) -> None:
    async with visitor(system, **BROWSER) as robot:
        await robot.post("/sign-in", data={"name": "robot", "password": PASSWORD})
        await press(robot, f"/incidents/{number}/acknowledge")
    assert await told(system, number) == ["anna-b", "ben", "duty"]


async def test_an_answer_by_nobody_who_is_paged_reaches_all(
    system: System, admin: httpx.AsyncClient, number: int
) -> None:
    await admin.post(f"/v1/incidents/{number}/acknowledge")
    assert await told(system, number) == ["anna-b", "ben", "duty"]


async def test_the_console_says_that_you_are_on_call(
    system: System, anna: httpx.AsyncClient, number: int
) -> None:
    night = Policy("night", (Step(("ben",), 7 * MINUTE), Step(("anna-b",), 5 * MINUTE)))
    await system.context.database.write(lambda db: desk.define_policy(db, night))
    sentence = "You are on call: first for ops, after 7 min for night."
    async with visitor(system, **BROWSER) as robot:
        await robot.post("/sign-in", data={"name": "robot", "password": PASSWORD})
        for path in ("/", "/on-call"):
            assert sentence in (await see(anna, path)).words
            assert "You are on call: first for ops." in (await see(robot, path)).words
    away = replace(OPS, steps=(Step(("ben",), MINUTE),))
    for policy in (away, replace(away, name="night")):
        await system.context.database.write(lambda db, policy=policy: desk.define_policy(db, policy))  # type: ignore[misc]
    assert "You are not on call." in (await see(anna, "/on-call")).words
    assert "You are" not in (await see(anna, "/")).words
