"""The public status pages as they are served: from memory, to all, however old they are."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest
from sqlalchemy import Connection

from heartbeat.app import System
from heartbeat.checks import store as check_store
from heartbeat.database import Database
from heartbeat.definitions import status_page
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.status_page import Component, Regions
from heartbeat.http.headers import CONTENT_SECURITY_POLICY
from heartbeat.http.status import pages as status_pages
from heartbeat.status.uptime import store as uptime_store
from heartbeat.status.uptime.days import Day
from tests.unit.conftest import NOW, a_check
from tests.unit.http.conftest import SetClock, make_check, ping, refuse_database, visitor
from tests.unit.http.markup import sound
from tests.unit.status.conftest import PAGE, define
from tests.unit.status.publish.test_html import PNG, read

WARNING = "This page was last updated at 03:00:00 UTC on 03 May 2024."


@pytest.fixture
async def published(system: System) -> System:
    """A system with a page that has been published."""
    await define(system, replace(PAGE, logo=status_page.logo("x.png", lambda _: PNG)))
    await ping(system, await make_check(system, labels={"component": "cpu", "region": "us"}))
    await system.beside.publisher.look()
    return system


async def test_the_bare_address_redirects_to_the_first_page(
    published: System, client: httpx.AsyncClient
) -> None:
    for path in ("/status", "/status/"):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (307, "/status/public/")
    answer = await client.get("/status/public")
    assert (answer.status_code, answer.headers["location"]) == (307, "/status/public/")
    answer = await client.get("/status/public/")
    assert answer.status_code == 200
    assert "Example status" in read(answer.content).words


async def test_everything_on_the_page_is_served(published: System, client: httpx.AsyncClient) -> None:
    for path, content in published.beside.publisher.editions["public"].files.items():
        answer = await client.get(f"/status/public/{path}")
        assert answer.status_code == 200, path
        assert answer.content == content
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["access-control-allow-origin"] == "*"
        kept = path.rpartition(".")[2] in ("css", "js", "png")
        assert answer.headers["cache-control"] == (
            "public, max-age=31536000, immutable" if kept else "public, max-age=10"
        )


async def test_a_browser_loads_nothing_from_elsewhere(published: System, client: httpx.AsyncClient) -> None:
    policy = (await client.get("/status/public/")).headers["content-security-policy"]
    assert policy == CONTENT_SECURITY_POLICY.replace("form-action 'self'", "form-action 'self' http://test")
    assert policy.startswith("default-src 'none'; style-src 'self';")


@pytest.mark.parametrize(("public_url", "told"), [("http://test", False), ("https://test", True)])
async def test_readers_are_told_to_use_https_where_the_public_url_does(
    published: System, public_url: str, told: bool
) -> None:
    own = status_pages.headers_of(public_url)
    responses = status_pages.responses_of(published.beside.publisher.editions["public"], own)
    for path, response in responses.current.items():
        for headers in (response.headers, response.headers_304):
            assert (b"strict-transport-security" in dict(headers)) is told, path


async def test_an_unchanged_file_answers_304(published: System, client: httpx.AsyncClient) -> None:
    first = await client.get("/status/public/")
    assert parsedate_to_datetime(first.headers["last-modified"]) == NOW
    for given in (first.headers["etag"], f"W/{first.headers['etag']}", f'"x", {first.headers["etag"]}'):
        again = await client.get("/status/public/", headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    assert (await client.get("/status/public/", headers={"If-None-Match": '"x"'})).status_code == 200


async def test_a_large_page_is_small_when_compressed(system: System, clock: SetClock) -> None:
    parts = tuple(Component(f"Service {n}", {"component": f"c{n}"}) for n in range(40))
    columns = {"us": "United States", "eu": "Europe", "ap": "Asia Pacific", "sa": "South America"}
    await define(system, replace(PAGE, components=parts, groups=(), regions=Regions("region", columns)))
    await system.context.database.write(lambda db: _live(db, parts, list(columns)))
    await system.beside.publisher.look()
    async with visitor(system, **{"Accept-Encoding": "gzip"}) as phone:
        small = await phone.get("/status/public/")
        again = await phone.get("/status/public/", headers={"If-None-Match": small.headers["etag"]})
        head = await phone.head("/status/public/")
    async with visitor(system, **{"Accept-Encoding": "gzip;q=0"}) as plain:
        whole = await plain.get("/status/public/")
    assert small.content == whole.content
    assert int(whole.headers["content-length"]) > 100_000 > 4 * int(small.headers["content-length"])
    assert (small.headers["content-encoding"], small.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert ("content-encoding" in whole.headers, whole.headers["vary"]) == (False, "Accept-Encoding")
    assert small.headers["etag"] != whole.headers["etag"]
    assert (again.status_code, again.headers["etag"]) == (304, small.headers["etag"])
    assert head.headers["content-length"] == small.headers["content-length"]


def _live(db: Connection, parts: Sequence[Component], regions: Sequence[str]) -> None:
    """Each component in each region, and ninety days on which much happened."""
    for part in parts:
        where = [{**part.match, "region": one} for one in regions]
        check_store.insert(
            db, [a_check(f"{part.match['component']}-{one['region']}", labels=one) for one in where]
        )
        days = [Day(NOW.date() - timedelta(days=n), up=86_000 - n, down=n % 3 * 60) for n in range(90)]
        uptime_store.put_days(db, "public", {(part.name, region): days for region in ("", *regions)})


async def test_head_answers_with_the_headers_of_get(published: System, client: httpx.AsyncClient) -> None:
    head, get = await client.head("/status/public/"), await client.get("/status/public/")
    assert head.content == b""
    assert head.headers == get.headers


async def test_a_crowd_costs_no_query(
    published: System, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_database(published, monkeypatch)
    answers = await asyncio.gather(*(client.get("/status/public/") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}


async def test_while_the_database_is_away_the_page_warns(
    published: System, clock: SetClock, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_database(published, monkeypatch)
    clock.advance(minutes=3)
    await published.beside.publisher.look()
    assert f"hidden>{WARNING[:20]}" in (await client.get("/status/public/")).text
    clock.advance(seconds=1)
    old = await client.get("/status/public/")
    assert 'id="stale">This page was last updated at' in old.text
    assert WARNING in read(old.content).words
    monkeypatch.undo()
    await published.beside.publisher.look()
    new = await client.get("/status/public/")
    assert 'id="stale" hidden>' in new.text
    assert new.headers["etag"] != old.headers["etag"]


@pytest.mark.parametrize("path", ["/status", "/status/", "/status/public", "/status/public/"])
async def test_an_address_without_a_page_explains_itself(system: System, path: str) -> None:
    async with visitor(system, accept="text/html") as customer:
        answer = await customer.get(path)
    assert answer.status_code == 404
    assert "status page" in sound(answer.text).words


async def test_a_file_outside_of_the_page_is_not_found(published: System) -> None:
    async with visitor(published, accept="text/html") as customer:
        for path in (
            "/status/other/",
            "/status/public/../secret",
            "/status/public/index",
        ):
            answer = await customer.get(path)
            assert answer.status_code == 404, path
        assert (await customer.post("/status/public/")).status_code == 405


async def test_the_previous_release_reads_and_writes_the_same_rows(system: System) -> None:
    await define(system, PAGE)

    def as_before(db: object) -> None:
        db.exec_driver_sql("UPDATE status_pages SET details = NULL")  # type: ignore[attr-defined]

    await system.context.database.write(as_before)
    found = (await system.context.database.read(definition_store.status_pages_of))["public"]
    assert [(one.name, one.match) for one in found.components] == [
        (one.name, one.match) for one in PAGE.components
    ]
    assert isinstance(system.context.database, Database)
