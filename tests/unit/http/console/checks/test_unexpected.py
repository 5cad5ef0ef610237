"""The screen of pings that no check expects, and the way from it to a check."""

from datetime import timedelta

import httpx

from heartbeat.app import System
from heartbeat.pings import unexpected_store
from heartbeat.pings.unexpected import BY_UUID, UNKNOWN_KEY, UnexpectedPings
from tests.unit.http.conftest import make_check, ping
from tests.unit.http.console.conftest import see


async def expect(system: System, *sent: tuple[str, str]) -> None:
    now = system.context.clock.now()
    at = now - timedelta(minutes=3)
    pings = [UnexpectedPings(name, key, at, at, 2, "10.0.0.5", "curl/8") for name, key in sent]
    await system.context.database.write(lambda db: unexpected_store.add(db, pings, now))


async def test_they_are_listed_and_lead_to_a_filled_in_form(
    system: System, browser: httpx.AsyncClient
) -> None:
    await make_check(system)
    assert "Every ping is expected." in (await see(browser, "/unexpected-pings")).words
    await expect(system, ("nigthly-backup", "jobs"), ("old", UNKNOWN_KEY), ("7d0c6a2e", BY_UUID))
    screen = await see(browser, "/unexpected-pings")
    assert "Pings for 3 names are refused." in screen.words
    assert "2 pings with the key jobs, first at " in screen.words
    assert "from 10.0.0.5 (curl/8)." in screen.words
    assert "2 pings with an unknown key" in screen.words
    assert "These jobs get a 404, or a 422 while pings have created too many checks." in screen.words
    assert "Its check was deleted, has a new uuid, or is in another installation." in screen.words
    assert "No check has this name. Put a valid key into the job first." in screen.words
    assert 'href="/new?slug=nigthly-backup"' in screen.html
    assert 'href="/new?slug=old"' not in screen.html
    assert (await see(browser, "/new?slug=nigthly-backup")).fields["slug"] == "nigthly-backup"
    for overview in ("/", "/checks"):
        assert "Pings for 3 names are refused" in (await see(browser, overview)).words


async def test_a_check_that_was_never_heard_says_where_similar_pings_come_from(
    system: System, browser: httpx.AsyncClient
) -> None:
    await make_check(system, "nightly-backup")
    assert "Is it this job?" not in (await see(browser, "/checks/nightly-backup")).words
    await expect(system, ("nigthly-backup", "jobs"))
    words = (await see(browser, "/checks/nightly-backup")).words
    assert "A ping to nigthly-backup came from 10.0.0.5 3 min ago. Is it this job?" in words


async def test_a_check_says_that_pings_with_an_unknown_key_come_until_it_is_heard(
    system: System, browser: httpx.AsyncClient
) -> None:
    check = await make_check(system, "us-api")
    await expect(system, ("us-api", UNKNOWN_KEY))
    words = (await see(browser, "/checks/us-api")).words
    assert (
        "Pings with a key that is not known came from 10.0.0.5, the last one 3 min ago. Was the key changed?"
        in words
    )
    screen = await see(browser, "/unexpected-pings")
    assert "The check exists. Was its key changed?" in screen.words
    assert 'href="/checks/us-api#ping"' in screen.html
    assert "/new?slug=us-api" not in screen.html
    await ping(system, check)
    assert "Was the key changed?" not in (await see(browser, "/checks/us-api")).words
    assert "Every ping is expected." in (await see(browser, "/unexpected-pings")).words
