"""The buttons of pages, pressed in a web application on another site, such as that of ntfy."""

from datetime import timedelta

import httpx
import pytest

from alerting import desk
from alerting.incident import State
from heartbeat import signed_link
from heartbeat.app import System
from tests.unit.conftest import NOW
from tests.unit.http.callbacks.test_digest_link import a_storm, address
from tests.unit.http.callbacks.test_proof_link import address as address_of_test_page
from tests.unit.http.conftest import visitor

ELSEWHERE = "https://ntfy.example.com"
LINKS = ["/answer/anything", "/answer/digest/anything", "/answer/test/anything"]


def readable(response: httpx.Response) -> bool:
    """Whether the browser shows the response to a script of another site."""
    return response.headers.get_list("access-control-allow-origin") == ["*"]


def script(system: System) -> httpx.AsyncClient:
    return visitor(system, accept="*/*", origin=ELSEWHERE, **{"sec-fetch-site": "cross-site"})


@pytest.mark.parametrize("link", LINKS)
async def test_a_browser_that_asks_first_may_send_a_post(system: System, link: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    async with script(system) as ntfy:
        preflight = await ntfy.options(link, headers=asked)
    assert preflight.status_code == 204
    assert readable(preflight)
    assert preflight.headers["access-control-allow-methods"] == "POST"
    assert preflight.headers["access-control-allow-headers"] == "Content-Type"
    assert "access-control-allow-credentials" not in preflight.headers


async def test_the_button_of_a_digest_works_in_a_web_application(system: System) -> None:
    number = await system.context.database.write(lambda db: a_storm(db, 3, NOW))
    async with script(system) as ntfy:
        response = await ntfy.post(address(number))
    assert (response.status_code, response.text) == (200, "3 incidents acknowledged.\n")
    assert readable(response)
    assert await system.context.database.read(desk.count_open) == {State.ACKNOWLEDGED: 3}


async def test_the_button_of_a_test_page_works_in_a_web_application(system: System) -> None:
    async with script(system) as ntfy:
        response = await ntfy.post(address_of_test_page())
    assert response.status_code == 200
    assert readable(response)


@pytest.mark.parametrize("link", LINKS)
async def test_a_web_application_can_say_why_nothing_was_changed(system: System, link: str) -> None:
    async with script(system) as ntfy:
        refused = await ntfy.post(link)
        too_long = await ntfy.post(link, content=b"x" * 1_000_000)
    assert refused.status_code == 410
    assert readable(refused)
    assert readable(too_long)


async def test_nothing_but_the_post_of_a_link_is_for_scripts_of_other_sites(system: System) -> None:
    token = signed_link.sign("k" * 32, signed_link.Answerer(1, 1, "first", NOW + timedelta(hours=1)))
    async with script(system) as ntfy:
        for path in (f"/answer/{token}", *LINKS):
            assert not readable(await ntfy.get(path))
            assert (await ntfy.options(path)).status_code == 405, "no browser asks this way"
        asked = {"Access-Control-Request-Method": "POST"}
        for path in ("/", "/v1/checks", "/sign-in", "/callbacks/pager"):
            assert not readable(await ntfy.options(path, headers=asked))
            assert not readable(await ntfy.post(path))
