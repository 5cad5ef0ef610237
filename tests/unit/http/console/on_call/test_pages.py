"""Who is on call, on the console: policies with their steps, people with their contacts, and what they had lately."""

from datetime import timedelta

import httpx
import pytest

from alerting import attempts as attempt_store
from alerting import desk, proof
from alerting.attempts import Attempt
from alerting.escalation import Policy, Step
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.rotation import Layer, Length, Rotation
from heartbeat import installation, public_address
from heartbeat.app import System
from heartbeat.http.console.on_call import pages as on_call_pages
from tests.unit.conftest import NOW
from tests.unit.http.conftest import CONTACTS, SetClock, escalate, fall_silent, make_check
from tests.unit.http.console.conftest import press, see

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgres"])

BEN = Person("ben", "Ben", (Contact("email", "ben@example.com"),), "Asia/Tokyo", Origin.API)
NIGHT = Policy(
    "night", (Step(("ben",), timedelta(minutes=2)), Step(("ben", "gone"), timedelta(minutes=9))), Origin.API
)


@pytest.fixture
async def ben(system: System) -> None:
    """A person and a policy that the API has made."""
    write = system.context.database.write
    await write(lambda db: desk.define_person(db, BEN))
    await write(lambda db: desk.define_policy(db, NIGHT))
    await write(lambda db: installation.remember(db, "policy", "ops"))


async def test_the_people_on_call_come_first(system: System, browser: httpx.AsyncClient, ben: None) -> None:
    await make_check(system)
    await make_check(system, "nightly", policy="night")
    shown = await see(browser, "/on-call")
    words = shown.words
    assert words.index("First responder is on call.") < words.index("Policies")
    assert "By ops, the default policy: paged again every 5 min until somebody answers." in words
    assert words.index("ops default") < words.index("night step 1 at once Ben by email")
    assert "step 2 2 min later Ben by email Not reached: gone (unknown, or without a contact)." in words
    assert "step 2 again every 9 min, until somebody answers" in words
    assert words.count("1 check uses this policy.") == 2
    assert "Declared by heartbeat.yaml: change it there" in words
    for path in ("people/first", "people/ben", "policies/ops", "policies/night"):
        assert f"/on-call/{path}" in shown.links
    assert "slack" in words
    assert "hooks.example.com" not in shown.html


async def test_a_step_says_why_a_rotation_pages_nobody(
    system: System, browser: httpx.AsyncClient, ben: None
) -> None:
    turns = Layer(("ben",), Length.parse("1w"), (NOW + timedelta(days=9)).replace(tzinfo=None))
    idle = Policy("idle", (Step(("infra", "ben"), timedelta(minutes=5)),))
    write = system.context.database.write
    await write(lambda db: desk.define_rotation(db, Rotation("infra", "UTC", (turns,))))
    await write(lambda db: desk.define_policy(db, idle))
    words = (await see(browser, "/on-call/policies/idle")).words
    assert "Not reached: infra (nobody on call with a contact)." in words


async def test_a_policy_shows_whom_it_would_page_now(
    system: System, browser: httpx.AsyncClient, ben: None
) -> None:
    await make_check(system, "nightly", policy="night")
    await make_check(system, "other")
    shown = await see(browser, "/on-call/policies/night")
    assert "Ben is paged first. 1 check uses this policy." in shown.words
    assert "03:00 UTC step 1 Ben by email 03:02 UTC step 2 Ben by email" in shown.words
    assert "03:11 UTC step 2 again, and so on Ben by email" in shown.words
    assert [link for link in shown.links if link.startswith("/checks/")] == ["/checks/nightly"]
    default = await see(browser, "/on-call/policies/ops")
    assert "First responder is paged first, also for checks that name no policy." in default.words
    assert "/checks/other" in default.links


async def test_a_policy_leads_to_all_of_its_checks(
    system: System, browser: httpx.AsyncClient, ben: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_call_pages, "CHECKS_SHOWN", 2)
    for slug in ("one", "three", "two"):
        await make_check(system, slug, policy="night")
    shown = await see(browser, "/on-call/policies/night")
    assert "All 3 checks" in shown.words
    assert "?checks=all" in shown.links
    whole = await see(browser, "/on-call/policies/night?checks=all")
    assert "/checks/two" in whole.links
    assert "All 3 checks" not in whole.words


async def test_a_person_tells_how_each_contact_did(
    system: System, browser: httpx.AsyncClient, clock: SetClock, ben: None
) -> None:
    one = await make_check(system, policy="night")
    incident = await fall_silent(system, clock, one)
    await escalate(system, clock)
    found = await system.context.database.read(lambda db: desk.dossier(db, incident))
    assert found is not None
    (page,) = found.pages
    attempts = [
        Attempt(page.id, NOW, "email", "accepted", "250 queued"),
        Attempt(page.id, NOW + timedelta(minutes=1), "email", "unreachable", "timed out"),
    ]
    await system.context.database.write(lambda db: attempt_store.write_attempts(db, attempts))
    shown = await see(browser, "/on-call/people/ben")
    assert "Paged by night, through email. Their local time is 12:06 JST." in shown.words
    assert "email ben@example.com last delivered 03:00 UTC" in shown.words
    assert "250 queued" in shown.words
    assert "not reached 03:01 UTC" in shown.words
    assert "timed out" in shown.words
    assert "heartbeat test-page ben" in shown.words
    assert "email not reached" in (await see(browser, "/on-call")).words
    other = await see(browser, "/on-call/people/first")
    assert "nothing sent lately" in other.words
    assert "slack secret address" in other.words
    assert "Declared by heartbeat.yaml" in other.words


async def test_somebody_whose_only_contact_refuses_is_said_to_be_out_of_reach(
    system: System, browser: httpx.AsyncClient, clock: SetClock, ben: None
) -> None:
    incident = await fall_silent(system, clock, await make_check(system, policy="night"))
    await escalate(system, clock)
    found = await system.context.database.read(lambda db: desk.dossier(db, incident))
    assert found is not None
    (page,) = found.pages
    (mail,) = BEN.contacts
    words = "Ben cannot be reached by email: it refused the last message,"
    paths = ("/on-call", "/on-call/policies/night")

    async def after(minutes: int, outcome: str, mark: str) -> list[bool]:
        at = NOW + timedelta(minutes=minutes)
        tried = Attempt(page.id, at, "email", outcome, "no such user", contact_mark=mark)
        await system.context.database.write(lambda db: attempt_store.write_attempts(db, [tried]))
        return [words in (await see(browser, path)).words for path in paths]

    assert await after(0, "refused", "former") == [False, False], "the address was corrected since"
    assert await after(1, "unreachable", mail.mark) == [False, False]
    assert await after(2, "refused", mail.mark) == [True, True]
    assert await after(3, "accepted", mail.mark) == [False, False]


async def test_a_notifier_that_fails_for_everybody_is_named_where_it_is_used(
    system: System, browser: httpx.AsyncClient, clock: SetClock, ben: None
) -> None:
    one = await make_check(system, policy="night")
    incident = await fall_silent(system, clock, one)
    await escalate(system, clock)
    found = await system.context.database.read(lambda db: desk.dossier(db, incident))
    assert found is not None
    (page,) = found.pages
    lost = [Attempt(page.id, NOW, "email", "unreachable", "timed out", contact_mark=mark) for mark in "abcab"]
    words = "email has failed for everybody since 03:00 UTC"
    for path in ("/on-call", "/on-call/people/ben"):
        assert words not in (await see(browser, path)).words
    await system.context.database.write(lambda db: attempt_store.write_attempts(db, lost))
    for path in ("/on-call", "/on-call/people/ben"):
        assert words in (await see(browser, path)).words
    assert words not in (await see(browser, "/on-call/people/first")).words, "they have no mail"


async def test_a_button_sends_a_test_page_and_the_proof_is_shown(
    system: System, browser: httpx.AsyncClient, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = await see(browser, "/on-call/people/first")
    assert "No proof yet that a page arrives." in shown.words
    sent = await press(browser, "/on-call/people/first/test-page")
    assert (sent.status_code, sent.headers["location"]) == (303, "/on-call/people/first")
    shown = await see(browser, "/on-call/people/first")
    assert "Test page sent just now; “I got it” was not pressed in this one." in shown.words
    assert "nothing sent lately" not in shown.words
    again = await press(browser, "/on-call/people/first/test-page")
    assert again.status_code == 429
    assert "Nothing was sent: wait 10 seconds." in again.text
    clock.advance(minutes=1)
    await system.context.database.write(
        lambda db: [desk.prove(db, "first", contact.mark, NOW) for contact in CONTACTS]
    )
    shown = await see(browser, "/on-call/people/first")
    assert "Proven 03:00 UTC: a test page or a code arrived." in shown.words
    assert "No proof yet" not in shown.words
    assert "proven 1 min ago" in (await see(browser, "/on-call")).words
    monkeypatch.setattr(proof, "LASTS", timedelta())
    assert "The proof of 03:00 UTC is old." in (await see(browser, "/on-call/people/first")).words


async def test_links_that_open_only_here_are_warned_of(
    system: System, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_address, "fault", lambda _url, _people: "Links open nowhere.")
    for path in ("/on-call", "/on-call/people/first"):
        assert "Links open nowhere." in (await see(browser, path)).words


async def test_only_the_newest_attempts_are_looked_at(
    system: System, clock: SetClock, ben: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await make_check(system, policy="night")
    incident = await fall_silent(system, clock, one)
    await escalate(system, clock)
    found = await system.context.database.read(lambda db: desk.dossier(db, incident))
    assert found is not None
    page = found.pages[0].id
    tried = [Attempt(page, NOW, "email", outcome, outcome) for outcome in ("refused", "accepted", "accepted")]
    await system.context.database.write(lambda db: attempt_store.write_attempts(db, tried))
    read = system.context.database.read
    assert [(actor, one.outcome) for actor, one in await read(desk.last_attempts)] == [
        ("ben", "accepted"),
        ("ben", "refused"),
    ]
    monkeypatch.setattr(attempt_store, "REMEMBERED", 2)
    assert [one.outcome for _, one in await read(desk.last_attempts)] == ["accepted"]


async def test_an_empty_installation_says_what_to_do_next(system: System, browser: httpx.AsyncClient) -> None:
    await system.context.database.write(lambda db: desk.install(db, [], [], {}))
    shown = await see(browser, "/on-call")
    assert "Nobody is on call: there is no policy" in shown.words
    assert "Nobody can be paged yet" in shown.words
    assert "- {email: anna@example.com}" in shown.words
    assert "http://test/v1/people/anna" in shown.words
    assert "- {page: anna, wait: 5m}" in shown.words
    await system.context.database.write(lambda db: desk.install(db, [BEN], [], {}))
    assert "- {page: ben, wait: 5m}" in (await see(browser, "/on-call")).words


async def test_an_unknown_name_is_not_found(browser: httpx.AsyncClient) -> None:
    await see(browser, "/on-call/people/nobody", 404)
    await see(browser, "/on-call/policies/none", 404)
    await see(browser, "/on-call/people/%00", 404)


async def test_hostile_names_are_inert(system: System, browser: httpx.AsyncClient) -> None:
    hostile = Person("x", '"><script>alert(1)</script>\u202e', (Contact("email", "<b>@x"),))
    policy = Policy("ops", (Step(("x", "<i>gone</i>"), timedelta(minutes=1)),))
    await system.context.database.write(lambda db: desk.install(db, [hostile], [policy], {}))
    for path in ("/on-call", "/on-call/people/x", "/on-call/policies/ops"):
        assert (await see(browser, path)).tags.count("script") == 2, "ours"


async def test_the_manual_of_the_api_is_linked_from_every_page(browser: httpx.AsyncClient) -> None:
    for path in ("/", "/on-call", "/account"):
        assert "/v1/docs" in (await see(browser, path)).links
    assert (await browser.get("/v1/docs")).status_code == 200
