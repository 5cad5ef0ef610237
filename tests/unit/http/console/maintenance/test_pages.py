"""The list of maintenance windows and the screen of one: shown, ended and deleted, without a line of script."""

from datetime import timedelta

import httpx
import pytest

from heartbeat.actor import Role
from heartbeat.app import System
from heartbeat.http.console.maintenance.pages import PAST_SHOWN
from tests.unit.access.conftest import PASSWORD, add
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock, escalate, fall_silent, make_check, visitor
from tests.unit.http.console.conftest import BROWSER, press, see
from tests.unit.http.console.maintenance.conftest import NEW, deeds, make, next_page_at, stored_windows


async def test_an_empty_page_says_what_to_do_next(browser: httpx.AsyncClient) -> None:
    screen = await see(browser, "/maintenance")
    assert "No check is under maintenance." in screen.words
    assert "No window is planned." in screen.words
    assert "/maintenance/new" in screen.links
    assert '"ends_at": "2024-05-03T05:00Z"}' in screen.words
    assert "http://test/v1/maintenance" in screen.words


@pytest.mark.usefixtures("hosts")
async def test_the_list_shows_active_and_upcoming_windows(system: System, browser: httpx.AsyncClient) -> None:
    await make(system, {"host": "a"}, -1, 2, "Kernel update")
    await make(system, {"part": "web"}, 0, 1, "Web move")
    await make(system, {"host": "b"}, 30, 32, "Disk swap")
    await make(system, {"host": "c"}, 20, 21, "Nothing there")
    screen = await see(browser, "/maintenance")
    assert "3 checks are under maintenance in 2 windows, the last until 05:00 UTC." in screen.words
    assert "The next window begins at 23:00 UTC, in 20 h, and covers 0 checks." in screen.words
    assert "Kernel update a 2 checks from 02:00 UTC until 05:00 UTC anna" in screen.words
    assert "Disk swap b 1 check from 04 May 09:00 UTC until 04 May 11:00 UTC anna" in screen.words
    assert screen.words.index("Web move") < screen.words.index("Kernel update"), "the first to end"
    assert screen.words.index("Nothing there") < screen.words.index("Disk swap"), "the first to begin"


async def test_a_window_that_covers_nothing_says_so(system: System, browser: httpx.AsyncClient) -> None:
    window = await make(system, {"host": "a"}, 0, 1)
    screen = await see(browser, "/maintenance")
    assert "A window is active until 04:00 UTC, but no check has its labels." in screen.words
    alone = await see(browser, f"/maintenance/{window.id}")
    assert "No check has this label. A check that gets it during the window is covered too." in alone.words


async def test_past_windows_are_listed_a_page_at_a_time(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    for number in range(PAST_SHOWN + 1):
        await make(system, {"host": "a"}, 0, 1, f"window-{number:02}")
    clock.advance(hours=2)
    screen = await see(browser, "/maintenance")
    assert f"window-{PAST_SHOWN}" in screen.words
    assert "window-00" not in screen.words
    (older,) = [link for link in screen.links if "before=" in link]
    last = await see(browser, older)
    assert "Older windows." in last.words
    assert "window-00" in last.words
    assert "No check is under maintenance" not in last.words
    await see(browser, "/maintenance?before=99999999999999999999999")
    await see(browser, "/maintenance?before=one")


@pytest.mark.usefixtures("hosts")
async def test_a_window_is_created_and_covers_its_checks(system: System, browser: httpx.AsyncClient) -> None:
    answer = await press(browser, "/maintenance/new", **NEW)
    (window,) = await stored_windows(system)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/maintenance/{window.id}")
    assert (window.title, window.match, window.made_by) == ("Move", {"host": "a"}, "admin")
    assert (window.starts_at, window.ends_at) == (NOW, NOW + timedelta(hours=1))
    assert await deeds(system) == [("maintenance.make", f"maintenance {window.id}")]
    screen = await see(browser, f"/maintenance/{window.id}")
    assert "Nobody is paged for 2 checks until 04:00 UTC, for 1 h more." in screen.words
    assert [link for link in screen.links if link.startswith("/checks/")] == [
        "/checks/a-mail",
        "/checks/a-web",
    ]
    assert "/checks?label=host%3Da" in screen.links
    assert "/audit?target=maintenance%20" + str(window.id) in screen.links


@pytest.mark.usefixtures("hosts")
async def test_rows_and_screens_of_checks_show_the_end_of_maintenance(
    system: System, browser: httpx.AsyncClient
) -> None:
    window = await make(system, {"host": "a"}, 0, 2)
    other = await make(system, {"part": "web"}, 5, 6, "Web move")
    for path in ("/", "/checks"):
        text = (await see(browser, path)).words
        assert "a-web a web maintenance Move until 05:00 UTC" in text
        assert "b-web b web maintenance" not in text
    assert "2 checks are under maintenance until 05:00 UTC." in (await see(browser, "/")).words
    screen = await see(browser, "/checks/a-web")
    assert "Under maintenance until 05:00 UTC: new pages wait until then. Move" in screen.words
    assert "Maintenance from 08:00 UTC until 09:00 UTC. Web move" in screen.words
    assert {f"/maintenance/{window.id}", f"/maintenance/{other.id}"} <= set(screen.links)
    assert "aintenance until" not in (await see(browser, "/checks/bare")).words


@pytest.mark.usefixtures("hosts")
async def test_ending_asks_first_and_pages_waiting_checks(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    window = await make(system, {"host": "c"}, 0, 2)
    late = await make_check(system, "late", labels={"host": "c"})
    incident = await fall_silent(system, clock, late)
    assert await next_page_at(system, incident) == NOW + timedelta(hours=2)
    screen = await see(browser, f"/maintenance/{window.id}/end")
    assert "End the maintenance Move?" in screen.words
    assert "Down, but not paged yet: late. It pages at once." in screen.words
    assert (await stored_windows(system))[0].ends_at == NOW + timedelta(hours=2)
    answer = await press(browser, f"/maintenance/{window.id}/end")
    assert answer.headers["location"] == f"/maintenance/{window.id}"
    at = await next_page_at(system, incident)
    assert at is not None
    assert at <= clock.now() + timedelta(seconds=10)
    screen = await see(browser, f"/maintenance/{window.id}")
    assert "Began at 03:00 UTC and ended at 03:06 UTC, after 6 min." in screen.words
    assert (await press(browser, f"/maintenance/{window.id}/end")).status_code == 303, (
        "ended twice it ends once"
    )
    await see(browser, f"/maintenance/{window.id}/end", 409)
    await see(browser, f"/maintenance/{window.id}/edit", 409)
    assert (await press(browser, f"/maintenance/{window.id}/edit", **NEW)).status_code in (409, 422)
    assert f"/maintenance/new?like={window.id}" in screen.links
    repeated = await see(browser, f"/maintenance/new?like={window.id}")
    assert repeated.fields["title"] == "Move"
    assert 'value="host=c" checked' in repeated.html


async def test_a_check_in_another_active_window_does_not_page(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    window = await make(system, {"host": "c"}, 0, 2)
    await make(system, {"part": "web"}, 0, 3)
    late = await make_check(system, "late", labels={"host": "c", "part": "web"})
    await fall_silent(system, clock, late)
    assert "It pages at once" not in (await see(browser, f"/maintenance/{window.id}/end")).words


async def test_an_upcoming_window_can_be_deleted_but_not_ended(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    window = await make(system, {"host": "a"}, 1, 2)
    screen = await see(browser, f"/maintenance/{window.id}")
    assert "Begins at 04:00 UTC, in 1 h, and ends at 05:00 UTC, after 1 h." in screen.words
    assert f"/maintenance/{window.id}/end" not in screen.links
    await see(browser, f"/maintenance/{window.id}/end", 409)
    assert (await press(browser, f"/maintenance/{window.id}/end")).status_code == 409
    assert "Delete the maintenance Move?" in (await see(browser, f"/maintenance/{window.id}/delete")).words
    assert len(await stored_windows(system)) == 1
    assert (await press(browser, f"/maintenance/{window.id}/delete")).headers["location"] == "/maintenance"
    assert await stored_windows(system) == []
    begun = await make(system, {"host": "a"}, 0, 2)
    await see(browser, f"/maintenance/{begun.id}/delete", 409)


async def test_an_unknown_window_is_not_found(browser: httpx.AsyncClient) -> None:
    for path in ("/maintenance/7", *(f"/maintenance/7/{deed}" for deed in ("edit", "end", "delete"))):
        await see(browser, path, 404)
        if path != "/maintenance/7":
            assert (await press(browser, path, **NEW)).status_code == 404


async def test_a_viewer_sees_and_does_nothing(system: System) -> None:
    window = await make(system, {"host": "a"}, 0, 2)
    await make_check(system, "a-web", labels={"host": "a"})
    await system.context.database.write(lambda db: add(db, "vera", Role.VIEWER))
    async with visitor(system, **BROWSER) as vera:
        await vera.post("/sign-in", data={"name": "vera", "password": PASSWORD})
        for path in ("/maintenance", f"/maintenance/{window.id}", "/checks/a-web", "/checks"):
            screen = await see(vera, path)
            assert not [link for link in screen.links if link.startswith("/maintenance/new")]
            assert "formaction" not in screen.html
        assert (await vera.get("/maintenance/new")).status_code == 403


@pytest.mark.usefixtures("hosts")
async def test_an_incident_that_pages_already_is_acknowledged_until_the_end_of_the_window(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    loud = await make_check(system, "loud", labels={"host": "a"})
    incident = await fall_silent(system, clock, loud)
    await escalate(system, clock)
    window = await make(system, {"host": "a"}, 0, 3)
    screen = await see(browser, f"/maintenance/{window.id}")
    assert f"Incident {incident} (a-mail, a-web, loud) keeps paging: it was open before." in screen.words
    assert "Acknowledge it to silence it. Acknowledge until 06:00 UTC" in screen.words
    answer = await press(browser, f"/incidents/{incident}/acknowledge", maintenance=str(window.id))
    assert answer.headers["location"] == f"/maintenance/{window.id}"
    assert await next_page_at(system, incident) == window.ends_at
    assert "keeps paging" not in (await see(browser, f"/maintenance/{window.id}")).words


@pytest.mark.usefixtures("hosts")
async def test_an_acknowledgement_until_the_end_of_a_long_window_lasts_seven_days(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    incident = await fall_silent(system, clock, await make_check(system, "loud", labels={"host": "a"}))
    await escalate(system, clock)
    window = await make(system, {"host": "a"}, 0, 20 * 24)
    await press(browser, f"/incidents/{incident}/acknowledge", maintenance=str(window.id))
    assert await next_page_at(system, incident) == clock.at + timedelta(days=7)


async def test_a_silence_says_who_why_until_when_and_what_it_holds(
    system: System, browser: httpx.AsyncClient, clock: SetClock, admin: httpx.AsyncClient
) -> None:
    check = await make_check(system, "a-web", labels={"host": "a"})
    made = await press(browser, "/maintenance/new", **(NEW | {"kind": "silence", "title": "disk replaced"}))
    at = made.headers["location"]
    number = await fall_silent(system, clock, check)
    screen = await see(browser, at)
    assert "silence active" in screen.words
    assert "Held now: a-web." in screen.words
    assert "Created by admin" in screen.words
    assert "1 check is silenced until 04:00 UTC." in (await see(browser, "/")).words
    assert "disk replaced silence" in (await see(browser, "/maintenance")).words
    job = await see(browser, "/checks/a-web")
    assert "Silenced until 04:00 UTC: new pages wait until then. disk replaced" in job.words
    assert "by admin" in job.words
    assert "Silence disk replaced holds its pages" in (await see(browser, f"/incidents/{number}")).words
    assert "End the silence disk replaced?" in (await see(browser, f"{at}/end")).words
    metrics = (await admin.get("/metrics")).text
    assert "heartbeat_silences 1.0" in metrics
