"""The public status page: open to all, in customers' words, and little work however many look."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from heartbeat.app import System
from heartbeat.database import Database, Unavailable
from heartbeat.tables import status_pages
from tests.unit.http.conftest import SetClock, fall_silent, make_check, ping, visitor
from tests.unit.http.markup import Markup, sound

OURS = re.compile(r"\b(check|ping|grace|heartbeat|incident|silent|job|slug|policy)s?\b", re.IGNORECASE)
CPU = {"name": "CPU allowance", "match": {"component": "cpu"}, "description": "Reset once a day"}
MAIL = {"name": "Mail", "match": {"component": "mail", "region": "us"}}


async def publish(
    system: System, *components: dict[str, Any], slug: str = "public", title: str = "Example"
) -> None:
    """A status page as the configuration makes it."""
    row = {"slug": slug, "title": title, "components": list(components)}
    await system.door.database.write(lambda db: db.execute(status_pages.insert().values(**row)))


async def see(system: System, path: str = "/status", status: int = 200) -> Markup:
    """A page that is sound, and speaks no word of ours."""
    async with visitor(system, accept="text/html") as customer:
        answer = await customer.get(path)
    assert answer.status_code == status, answer.text
    shown = sound(answer.text)
    assert OURS.search(shown.words) is None, shown.words
    return shown


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_customers_read_what_is_delayed_and_since_when(system: System, clock: SetClock) -> None:
    await publish(system, CPU, MAIL, {"name": "Search", "match": {"component": "search"}})
    us = await make_check(system, "us", labels={"component": "cpu", "region": "us"})
    eu = await make_check(system, "eu", labels={"component": "cpu", "region": "eu"})
    mail = await make_check(system, "mail", labels={"component": "mail", "region": "us"})
    await make_check(system, "other-mail", labels={"component": "mail", "region": "eu"})
    for one in (us, eu, mail):
        await ping(system, one)
    clock.advance(minutes=3)
    for one in (eu, mail):
        await ping(system, one)
    clock.advance(minutes=-3)
    await fall_silent(system, clock, us)

    shown = await see(system)
    assert shown.words.startswith("Example Example CPU allowance is delayed.")
    assert "1 other is working normally." in shown.words
    assert "CPU allowance Reset once a day Delayed since 03:06 UTC" in shown.words
    assert "Mail Working normally" in shown.words
    assert "Search No information" in shown.words
    assert "As of 03:06:00 UTC" in shown.words


async def test_all_is_well(system: System) -> None:
    await publish(system, CPU)
    one = await make_check(system, labels={"component": "cpu"})
    await ping(system, one)
    assert "The service is working normally." in (await see(system, "/status/public")).words


async def test_the_first_page_answers_alone_and_each_by_its_name(system: System) -> None:
    await publish(system, CPU, slug="beta", title="Second")
    await publish(system, MAIL, slug="alpha", title="First")
    assert "First" in (await see(system)).words
    assert "Second" in (await see(system, "/status/beta")).words


async def test_where_no_page_is_the_words_say_so(system: System) -> None:
    assert "No status page has been set up" in (await see(system, status=404)).words
    assert "no status page of this name" in (await see(system, "/status/nope", 404)).words


async def test_hostile_words_are_inert(system: System) -> None:
    hostile = "<script>alert(1)</script>\u202e" + "x" * 300
    await publish(
        system, {"name": hostile, "match": {"component": "cpu"}, "description": hostile}, title=hostile
    )
    shown = await see(system)
    assert "script" not in shown.tags
    assert "\u202e" not in shown.html


async def test_a_crowd_is_one_look_at_the_database(
    system: System, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(system, CPU)
    looks = count_reads(monkeypatch)
    async with visitor(system) as customer:
        await asyncio.gather(*(customer.get("/status") for _ in range(50)))
        assert looks() == 1
        clock.advance(seconds=5)
        await customer.get("/status/public")
        assert looks() == 2


async def test_while_the_database_is_away_the_page_says_how_old_it_is(
    system: System, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(system, CPU)
    await ping(system, await make_check(system, labels={"component": "cpu"}))
    await see(system)
    clock.advance(minutes=3)

    async def away(*_: Any) -> Any:
        raise Unavailable("the database does not answer")

    monkeypatch.setattr(Database, "read", away)
    shown = await see(system)
    assert "The service is working normally." in shown.words
    assert "It shows how things stood at 03:00 UTC, 3 min ago." in shown.words
    monkeypatch.undo()
    clock.advance(seconds=5)
    assert "could not be brought up to date" not in (await see(system)).words


async def test_a_page_that_was_never_seen_says_to_come_back(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise Unavailable("the database does not answer")

    monkeypatch.setattr(Database, "read", away)
    assert "Please try again shortly." in (await see(system, status=503)).words


async def test_it_may_be_kept_for_a_few_seconds_and_renews_itself(
    system: System, client: httpx.AsyncClient
) -> None:
    await publish(system, CPU)
    answer = await client.get("/status")
    assert answer.headers["cache-control"] == "public, max-age=5"
    assert answer.headers["refresh"] == "30"
    assert "set-cookie" not in answer.headers


def count_reads(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often the database has been read since."""
    reads: list[None] = []
    read = Database.read

    async def counted(self: Database, work: Any) -> Any:
        reads.append(None)
        return await read(self, work)

    monkeypatch.setattr(Database, "read", counted)
    return lambda: len(reads)
