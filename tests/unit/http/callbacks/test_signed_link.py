"""The link in a page: GET shows and changes nothing, POST answers, and whatever is odd is said in plain words."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from alerting import desk, store
from alerting.escalation import Policy, Step
from alerting.incident import State
from alerting.origin import Origin
from alerting.person import Contact, Person
from alerting.quiet_hours import QuietHours
from heartbeat import audit, signed_link
from heartbeat.app import System
from heartbeat.checks import actions, rule_grammar
from heartbeat.checks.rule import Rule
from heartbeat.database import Database, Unavailable
from heartbeat.signed_link import Answerer
from tests.unit.conftest import NOW, somebody
from tests.unit.http.conftest import (
    SECRET_KEY,
    SECRET_KEY_BEFORE,
    SetClock,
    escalate,
    fall_silent,
    incident_of,
    make_check,
    ping,
    recover,
    visitor,
)
from tests.unit.http.markup import Markup, sound

ACKNOWLEDGED_LINE = (
    "Acknowledged by First responder. No more pages until 07:06 UTC, unless something new breaks."
)
ACKNOWLEDGED = "Acknowledged by First responder at 03:06 UTC; pages again at 07:06 UTC unless resolved."
MINE = "You have it until 07:06 UTC. Nobody is paged before, unless something new breaks."
BUTTON = "You answer as First responder."
"""The words above the button that acknowledges."""


@pytest.fixture
async def phone(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of a phone; nobody has signed in on it."""
    async with visitor(system, accept="text/html") as made:
        yield made


@pytest.fixture
async def number(system: System, clock: SetClock) -> int:
    """An incident that has just opened: two of three jobs of a host are silent."""
    labels = {"host": "us-housekeeping"}
    those = [
        await make_check(system, slug, labels=labels) for slug in ("daily-cpu-reset", "log-rotation", "well")
    ]
    clock.advance(minutes=1)
    await ping(system, those[2])
    clock.advance(minutes=-1)
    return await fall_silent(system, clock, *those[:2])


def address(
    number: int, occurrence: int = 1, person: str = "first", key: str = SECRET_KEY, **lasts: float
) -> str:
    """The link in the page of a person about an occurrence. Without `lasts` it is signed just after the incident."""
    until = NOW + (timedelta(**lasts) if lasts else timedelta(minutes=7) + signed_link.LASTS)
    return f"/answer/{signed_link.sign(key, Answerer(number, occurrence, person, until))}"


async def see(phone: httpx.AsyncClient, path: str, status: int = 200) -> Markup:
    """A page that is sound."""
    answer = await phone.get(path)
    assert answer.status_code == status, answer.text
    return sound(answer.text)


async def standing(system: System, number: int) -> Any:
    """All that is known of the incident."""
    return await system.context.database.read(lambda db: desk.dossier(db, number))


async def test_a_broken_rule_is_shown_with_its_last_values(system: System, phone: httpx.AsyncClient) -> None:
    check = await make_check(system, rules=(Rule(rule_grammar.parse("rows > 0")),))
    for rows in (12, 4, 0):
        await ping(system, check, f"?m.rows={rows}")
    page = await see(phone, address(await incident_of(system, check)))
    assert "Rule: rows > 0. Last rows: 12, 4, 0 (falling)." in page.words


async def test_the_link_shows_the_incident_in_short_and_a_button(
    number: int, phone: httpx.AsyncClient
) -> None:
    shown = await see(phone, address(number))
    for words in (
        "us-housekeeping: 2 of 3 jobs silent",
        "Open since 03:06 UTC, for 0 s. Nobody was paged yet; you are paged at 03:06 UTC.",
        "daily-cpu-reset due 03:05 UTC, never heard",
        "1 other job on us-housekeeping is fine, last heard 03:01 UTC.",
        "You answer as First responder. Nobody else is paged until 07:06 UTC, 4 h from now.",
        "Acknowledge",
    ):
        assert words in shown.words
    assert BUTTON in shown.words
    assert f"/incidents/{number}" in shown.links


async def test_the_link_says_why_its_reader_was_paged(
    system: System, number: int, phone: httpx.AsyncClient, clock: SetClock
) -> None:
    await escalate(system, clock)
    shown = await see(phone, address(number))
    assert "You are first on call (ops)." in shown.words
    assert "You are" not in (await see(phone, address(number, person="stranger"))).words


@pytest.mark.parametrize(("hours", "words"), [("01:00-05:00", ""), ("10:00-12:00", ", with Ben")])
async def test_the_link_names_nobody_whose_page_waits_for_quiet_hours(
    system: System, number: int, phone: httpx.AsyncClient, clock: SetClock, hours: str, words: str
) -> None:
    contacts = (Contact("email", "ben@example.com"),)
    ben = Person("ben", "Ben", contacts, "UTC", Origin.API, quiet_hours=QuietHours.parse(hours))
    await system.context.database.write(lambda db: desk.define_person(db, ben))
    policy = Policy("ops", (Step(("first", "ben"), timedelta(minutes=5)),), Origin.API)
    dossier = await standing(system, number)
    changed = replace(dossier.incident, policy=policy)
    await system.context.database.write(lambda db: store.save_policy(db, changed))
    await escalate(system, clock)
    assert f"You are first on call (ops){words}." in (await see(phone, address(number))).words


async def test_acknowledge_is_the_first_stop_of_tab(number: int, phone: httpx.AsyncClient) -> None:
    html = (await phone.get(address(number))).text
    assert html.index("Acknowledge</button>") < html.index("<h1>")
    assert "<a " not in html[: html.index("Acknowledge</button>")]


async def test_an_incident_that_was_handed_on_says_who_had_it(
    system: System, number: int, phone: httpx.AsyncClient, clock: SetClock
) -> None:
    await escalate(system, clock)
    await phone.post(address(number))
    await phone.post(address(number), data={"do": "page next"})
    shown = await see(phone, address(number))
    assert "You acknowledged it at 03:06 UTC and handed it on; " in shown.words
    assert "Nobody has answered" not in shown.words


async def test_looking_changes_nothing_however_often_scanners_look(
    system: System, number: int, phone: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await standing(system, number)

    async def never(*_: Any) -> Any:
        raise AssertionError("looking wrote something")

    monkeypatch.setattr(Database, "write", never)
    monkeypatch.setattr(system.ticker, "wake", never)
    for method in ("GET", "HEAD", "GET", "OPTIONS"):
        await phone.request(method, address(number))
    monkeypatch.undo()
    assert await standing(system, number) == before


async def test_pressing_acknowledges_for_the_person_and_says_until_when(
    system: System, number: int, phone: httpx.AsyncClient
) -> None:
    answer = await phone.post(address(number))
    assert (answer.status_code, answer.headers["location"]) == (303, address(number))
    shown = await see(phone, address(number))
    assert MINE in shown.words
    assert BUTTON not in shown.words
    assert (await standing(system, number)).incident.acknowledged_by == "First responder"
    (deed,) = await system.context.database.read(lambda db: audit.listed(db, limit=9))
    assert (deed.actor, deed.via, deed.action) == ("First responder", "signed link", "incident.acknowledge")


async def test_a_link_signed_with_the_previous_key_still_answers(
    system: System, number: int, phone: httpx.AsyncClient
) -> None:
    by_the_old_one = address(number, key=SECRET_KEY_BEFORE)
    assert (await phone.post(by_the_old_one)).status_code == 303
    assert (await standing(system, number)).incident.acknowledged_by == "First responder"
    assert (await phone.post(address(number, key="a key of somebody else " * 2))).status_code != 303


async def test_pressing_twice_or_after_another_changes_nothing_more(
    system: System, number: int, phone: httpx.AsyncClient, clock: SetClock
) -> None:
    await phone.post(address(number))
    before = await standing(system, number)
    clock.advance(minutes=1)
    assert (await phone.post(address(number))).status_code == 303
    assert (await phone.post(address(number, person="second"))).status_code == 303
    assert await standing(system, number) == before
    assert ACKNOWLEDGED in (await see(phone, address(number, person="second"))).words


async def test_a_notification_can_acknowledge_without_a_browser(
    system: System, number: int, client: httpx.AsyncClient
) -> None:
    for words in ("acknowledged", "acknowledged already"):
        answer = await client.post(address(number), headers={"accept": "application/json"})
        assert answer.status_code == 200
        assert answer.json() == {
            "outcome": words,
            "words": ACKNOWLEDGED_LINE,
        }
    answer = await client.post(address(number))
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == f"{ACKNOWLEDGED_LINE}\n"


async def test_an_answer_wakes_the_ticker(
    system: System, number: int, phone: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[None] = []
    monkeypatch.setattr(system.ticker, "wake", lambda: woken.append(None))
    await phone.post(address(number))
    assert woken == [None]


async def test_an_answer_to_an_earlier_occurrence_does_not_silence_the_next(
    system: System, number: int, phone: httpx.AsyncClient, client: httpx.AsyncClient, clock: SetClock
) -> None:
    await escalate(system, clock)
    await phone.post(address(number))
    clock.advance(hours=4)
    await escalate(system, clock)

    shown = await see(phone, address(number))
    assert "Your acknowledgement of 03:06 UTC has expired; " in shown.words
    assert BUTTON in shown.words
    before = await standing(system, number)
    assert (await phone.post(address(number))).status_code == 303
    answer = await client.post(address(number))
    assert (answer.status_code, "answer the newest page" in answer.text) == (409, True)
    assert await standing(system, number) == before
    as_seen = await phone.post(address(number), data={"do": "acknowledge", "occurrence": "2"})
    assert as_seen.status_code == 303
    assert "You have it until" in (await see(phone, address(number))).words


async def test_a_resolved_incident_leaves_nothing_to_do(
    system: System, number: int, phone: httpx.AsyncClient, client: httpx.AsyncClient, clock: SetClock
) -> None:
    clock.advance(minutes=9)
    await system.context.database.write(
        lambda db: actions.resolve(db, number, somebody("admin"), clock.now())
    )
    shown = await see(phone, address(number))
    assert "us-housekeeping: 2 jobs silent" in shown.words
    assert "Resolved by admin at 03:15 UTC; it lasted 9 min." in shown.words
    assert shown.forms == []
    answer = await client.post(address(number))
    assert (answer.status_code, answer.text) == (
        200,
        "It was already resolved by admin. There is nothing left to do.\n",
    )


async def test_a_recovered_incident_says_that_all_is_well(
    system: System, phone: httpx.AsyncClient, client: httpx.AsyncClient, clock: SetClock
) -> None:
    one = await make_check(system)
    number = await fall_silent(system, clock, one)
    clock.advance(minutes=2)
    await ping(system, one)
    assert "Nothing has been down since 03:08 UTC. It is over at 03:10 UTC" in str(
        (await see(phone, address(number))).words
    )
    await recover(system, clock)
    assert "Recovered at 03:08 UTC; it lasted 2 min." in (await see(phone, address(number))).words
    assert "It has recovered." in (await client.post(address(number))).text


async def test_a_snoozed_incident_says_until_when(
    system: System, number: int, phone: httpx.AsyncClient, clock: SetClock
) -> None:
    until = clock.now() + timedelta(hours=1)
    await system.context.database.write(lambda db: desk.snooze(db, number, "admin", clock.now(), until))
    shown = await see(phone, address(number))
    assert "Snoozed by admin; pages again at 04:06 UTC unless resolved." in shown.words
    assert BUTTON not in shown.words


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (address(1, minutes=5), "This link has expired"),
        (address(1, key="another key"), "not valid here"),
        (address(1)[:-5], "not valid here"),
        ("/answer/é", "damaged"),
        ("/answer/x.y", "link"),
    ],
)
async def test_an_unusable_link_says_why_and_what_to_do(
    number: int, phone: httpx.AsyncClient, client: httpx.AsyncClient, path: str, words: str
) -> None:
    shown = await see(phone, path, 410)
    assert words in shown.words
    assert "Nothing was changed." in shown.words
    assert shown.links == ["/incidents"]
    assert sound((await phone.post(path)).text).words == shown.words
    answer = await client.post(path)
    assert (answer.status_code, words in answer.text) == (410, True)


async def test_a_missing_incident_answers_404(
    number: int, phone: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    assert "no longer exists" in (await see(phone, address(99), 404)).words
    assert (await client.post(address(99))).status_code == 404


async def test_a_link_of_the_database_before_a_restore_is_not_about_the_new_incident_of_that_number(
    system: System, number: int, phone: httpx.AsyncClient
) -> None:
    opened = (await standing(system, number)).incident.opened_at
    older = address(number, seconds=(opened + signed_link.LASTS - NOW).total_seconds() - 60)
    assert "no longer exists" in (await see(phone, older, 404)).words
    await phone.post(older)
    assert (await standing(system, number)).incident.state is State.OPEN


async def test_a_removed_person_can_still_answer(
    system: System, number: int, phone: httpx.AsyncClient
) -> None:
    await phone.post(address(number, person="former-colleague"))
    assert (await standing(system, number)).incident.acknowledged_by == "former-colleague"


async def test_many_jobs_leave_the_button_in_sight(
    system: System, phone: httpx.AsyncClient, clock: SetClock
) -> None:
    those = [await make_check(system, f"job-{n}", labels={"host": "us"}) for n in range(20)]
    shown = await see(phone, address(await fall_silent(system, clock, *those)))
    assert "job-5" in shown.words
    assert "job-6" not in shown.words
    assert "and 14 more" in shown.words


async def test_the_address_of_a_link_is_kept_secret(number: int, phone: httpx.AsyncClient) -> None:
    answer = await phone.get(address(number))
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-robots-tag"] == "noindex"
    assert address(number) not in answer.text


async def test_without_the_database_the_button_can_be_pressed_again_later(
    number: int, phone: httpx.AsyncClient, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise Unavailable("the database does not answer")

    monkeypatch.setattr(Database, "write", away)
    for visitor_ in (phone, client):
        answer = await visitor_.post(address(number))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "safe to repeat" in answer.text


async def test_times_are_in_the_zone_of_the_person_paged(
    system: System, number: int, phone: httpx.AsyncClient
) -> None:
    there = Person("first", "First responder", (Contact("console", "terminal"),), "Asia/Tokyo", Origin.API)
    await system.context.database.write(lambda db: desk.define_person(db, there))
    shown = await see(phone, address(number))
    assert "due 12:05 JST (03:05 UTC), never heard" in shown.words
    assert "Nobody else is paged until 16:06 JST (07:06 UTC), 4 h from now." in shown.words
    told = await phone.post(address(number), headers={"accept": "text/plain"})
    until = "No more pages until 16:06 JST (07:06 UTC), unless something new breaks."
    assert told.text == f"Acknowledged by First responder. {until}\n"


async def test_after_the_press_an_incident_can_be_snoozed_noted_and_handed_on(
    system: System, number: int, phone: httpx.AsyncClient, clock: SetClock
) -> None:
    await escalate(system, clock)
    await phone.post(address(number))
    shown = await see(phone, address(number))
    for button in (
        "Snooze 1 h",
        "Snooze 4 h",
        "Snooze until 09:00 UTC",
        "Add note",
    ):
        assert button in shown.words
    assert "Page First responder now" not in shown.words, "nobody else is on call"
    for_another = await see(phone, address(number, person="another"))
    assert "Page First responder now" in for_another.words
    assert (
        await phone.post(address(number), data={"do": "note", "words": " It is\r\nthe disk. "})
    ).status_code == 303
    assert (await standing(system, number)).timeline[-1].words == "It is\nthe disk."
    await phone.post(address(number), data={"do": "snooze", "for": "morning"})
    snoozed = (await standing(system, number)).incident
    assert (snoozed.state, f"{snoozed.next_at:%H:%M}") == ("snoozed", "09:00")
    await phone.post(address(number), data={"do": "page next"})
    handed = (await standing(system, number)).incident
    assert (handed.state, handed.next_at, handed.occurrence) == ("open", clock.now(), 1)


async def test_the_morning_of_a_snooze_is_that_of_the_reader(
    system: System, number: int, phone: httpx.AsyncClient
) -> None:
    there = Person("first", "First responder", (Contact("console", "terminal"),), "Asia/Tokyo", Origin.API)
    await system.context.database.write(lambda db: desk.define_person(db, there))
    await phone.post(address(number), data={"do": "snooze", "for": "morning"})
    assert f"{(await standing(system, number)).incident.next_at:%d %H:%M}" == "04 00:00"


async def test_resolving_from_the_phone_tells_the_story(
    system: System, number: int, phone: httpx.AsyncClient, clock: SetClock
) -> None:
    await phone.post(address(number))
    shown = await see(phone, address(number))
    assert f"Resolve incident {number}" in shown.words
    assert "Still down: daily-cpu-reset and log-rotation." in shown.words
    clock.advance(minutes=1)
    await phone.post(address(number), data={"do": "resolve"})
    over = await see(phone, address(number))
    assert "Resolved by First responder at 03:07 UTC" in over.words
    assert "acknowledged by First responder" in over.words
    assert over.forms == []


@pytest.mark.parametrize(
    "form", [{"do": "dance"}, {"do": "snooze", "for": "ever"}, {"do": "note", "words": " "}, {"do": "note"}]
)
async def test_a_form_that_asks_for_nothing_offered_changes_nothing(
    system: System, number: int, phone: httpx.AsyncClient, client: httpx.AsyncClient, form: dict[str, str]
) -> None:
    before = await standing(system, number)
    for visitor_ in (phone, client):
        answer = await visitor_.post(address(number), data=form)
        assert (answer.status_code, "Nothing was changed." in answer.text) == (422, True)
    assert await standing(system, number) == before


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"do": "snooze", "for": "1h"}, "Snoozed by First responder until 04:06 UTC.\n"),
        ({"do": "page next"}, "The next person is paged now.\n"),
        ({"do": "note", "words": "Looking"}, "The note was added.\n"),
        ({"do": "resolve"}, "Resolved by First responder.\n"),
    ],
)
async def test_every_answer_has_a_line_for_clients_without_html(
    number: int, client: httpx.AsyncClient, form: dict[str, str], words: str
) -> None:
    answer = await client.post(address(number), data=form)
    assert (answer.status_code, answer.text) == (200, words)


async def test_a_note_to_a_missing_incident_answers_404(number: int, client: httpx.AsyncClient) -> None:
    for form in ({"do": "note", "words": "x"}, {"do": "page next"}, {"do": "resolve"}):
        assert (await client.post(address(99), data=form)).status_code == 404


async def test_description_runbook_and_last_words_are_on_the_phone(
    system: System, phone: httpx.AsyncClient, clock: SetClock
) -> None:
    one = await make_check(system, description="Copies everything.")
    await ping(system, one, "/fail", body=b"copying\ndisk full")
    await escalate(system, clock)
    shown = await see(phone, address(1))
    assert "About job: Copies everything." in shown.words
    assert "Last said: disk full" in shown.words
