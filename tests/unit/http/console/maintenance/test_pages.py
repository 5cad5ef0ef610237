"""Maintenance on the console: seen, made, changed, ended and deleted, without a line of script."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from alerting import desk
from heartbeat import audit
from heartbeat.actor import Role
from heartbeat.app import System
from heartbeat.checks import maintenance_store
from heartbeat.checks.maintenance import Window, WindowDefinition
from heartbeat.definitions.edit import maintenance as edit
from heartbeat.http.console.maintenance import form as maintenance_form
from heartbeat.http.console.maintenance.pages import CHECKS_SHOWN, PAST_SHOWN
from tests.unit.access.conftest import PASSWORD, add
from tests.unit.conftest import NOW, somebody
from tests.unit.http.conftest import SetClock, escalate, fall_silent, make_check, visitor
from tests.unit.http.console.conftest import BROWSER, press, see
from tests.unit.http.markup import sound

NEW: dict[str, Any] = {"title": "Move", "label": "host=a", "length": "1h", "timezone": "UTC"}


async def make(
    system: System, match: dict[str, str], starts: float, ends: float, title: str = "Move", **fields: str
) -> Window:
    """A window by hours from `NOW`, made before it began."""
    begins, over = NOW + timedelta(hours=starts), NOW + timedelta(hours=ends)
    wanted = WindowDefinition(title, fields.get("description", ""), match, begins, over)
    write = system.context.database.write
    return (await write(lambda db: edit.make(db, somebody("anna"), wanted, NOW))).window


async def kept(system: System) -> list[Window]:
    return await system.context.database.read(lambda db: maintenance_store.listed(db, NOW, limit=100))


async def deeds(system: System) -> list[tuple[str, str]]:
    found = await system.context.database.read(lambda db: audit.listed(db, limit=9))
    return [(deed.action, deed.target) for deed in found if deed.action != "sign_in"]


async def next_page_at(system: System, incident: int) -> datetime | None:
    found = await system.context.database.read(lambda db: desk.dossier(db, incident))
    assert found is not None
    return found.incident.next_at


@pytest.fixture
async def hosts(system: System) -> None:
    """Two checks of one host, one of another, and one that has no labels."""
    await make_check(system, "a-web", labels={"host": "a", "part": "web"})
    await make_check(system, "a-mail", labels={"host": "a", "part": "mail"})
    await make_check(system, "b-web", labels={"host": "b", "part": "web"})
    await make_check(system, "bare")


async def test_an_empty_page_says_what_to_do_next(browser: httpx.AsyncClient) -> None:
    shown = await see(browser, "/maintenance")
    assert "No check is under maintenance." in shown.words
    assert "No window is planned." in shown.words
    assert "/maintenance/new" in shown.links
    assert '"ends_at": "2024-05-03T05:00Z"}' in shown.words
    assert "http://test/v1/maintenance" in shown.words


@pytest.mark.usefixtures("hosts")
async def test_the_list_says_what_is_under_maintenance_and_what_will_be(
    system: System, browser: httpx.AsyncClient
) -> None:
    await make(system, {"host": "a"}, -1, 2, "Kernel update")
    await make(system, {"part": "web"}, 0, 1, "Web move")
    await make(system, {"host": "b"}, 30, 32, "Disk swap")
    await make(system, {"host": "c"}, 20, 21, "Nothing there")
    shown = await see(browser, "/maintenance")
    assert "3 checks are under maintenance in 2 windows, the last until 05:00 UTC." in shown.words
    assert "The next window begins at 23:00 UTC, in 20 h, and covers 0 checks." in shown.words
    assert "Kernel update a 2 checks from 02:00 UTC until 05:00 UTC anna" in shown.words
    assert "Disk swap b 1 check from 04 May 09:00 UTC until 04 May 11:00 UTC anna" in shown.words
    assert shown.words.index("Web move") < shown.words.index("Kernel update"), "the first to end"
    assert shown.words.index("Nothing there") < shown.words.index("Disk swap"), "the first to begin"


async def test_a_window_that_covers_nothing_says_so(system: System, browser: httpx.AsyncClient) -> None:
    one = await make(system, {"host": "a"}, 0, 1)
    shown = await see(browser, "/maintenance")
    assert "A window is active until 04:00 UTC, but no check has its labels." in shown.words
    alone = await see(browser, f"/maintenance/{one.id}")
    assert "No check has this label. A check that gets it during the window is covered too." in alone.words


async def test_past_windows_are_listed_a_page_at_a_time(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    for number in range(PAST_SHOWN + 1):
        await make(system, {"host": "a"}, 0, 1, f"window-{number:02}")
    clock.advance(hours=2)
    shown = await see(browser, "/maintenance")
    assert f"window-{PAST_SHOWN}" in shown.words
    assert "window-00" not in shown.words
    (older,) = [link for link in shown.links if "before=" in link]
    last = await see(browser, older)
    assert "Older windows." in last.words
    assert "window-00" in last.words
    assert "No check is under maintenance" not in last.words
    await see(browser, "/maintenance?before=99999999999999999999999")
    await see(browser, "/maintenance?before=one")


@pytest.mark.usefixtures("hosts")
async def test_a_window_is_made_and_covers_its_checks(system: System, browser: httpx.AsyncClient) -> None:
    done = await press(browser, "/maintenance/new", **NEW)
    (made,) = await kept(system)
    assert (done.status_code, done.headers["location"]) == (303, f"/maintenance/{made.id}")
    assert (made.title, made.match, made.made_by) == ("Move", {"host": "a"}, "admin")
    assert (made.starts_at, made.ends_at) == (NOW, NOW + timedelta(hours=1))
    assert await deeds(system) == [("maintenance.make", f"maintenance {made.id}")]
    shown = await see(browser, f"/maintenance/{made.id}")
    assert "Nobody is paged for 2 checks until 04:00 UTC, for 1 h more." in shown.words
    assert [link for link in shown.links if link.startswith("/checks/")] == [
        "/checks/a-mail",
        "/checks/a-web",
    ]
    assert "/checks?label=host%3Da" in shown.links
    assert "/audit?target=maintenance%20" + str(made.id) in shown.links


@pytest.mark.usefixtures("hosts")
async def test_checks_and_their_page_say_until_when(system: System, browser: httpx.AsyncClient) -> None:
    one = await make(system, {"host": "a"}, 0, 2)
    other = await make(system, {"part": "web"}, 5, 6, "Web move")
    for path in ("/", "/checks"):
        words = (await see(browser, path)).words
        assert "a-web maintenance until 05:00 UTC" in words
        assert "b-web maintenance" not in words
    assert "2 checks are under maintenance until 05:00 UTC." in (await see(browser, "/")).words
    shown = await see(browser, "/checks/a-web")
    assert "Under maintenance until 05:00 UTC: new pages wait until then. Move" in shown.words
    assert "Maintenance from 08:00 UTC until 09:00 UTC. Web move" in shown.words
    assert {f"/maintenance/{one.id}", f"/maintenance/{other.id}"} <= set(shown.links)
    assert "aintenance until" not in (await see(browser, "/checks/bare")).words


@pytest.mark.usefixtures("hosts")
async def test_nothing_counts_before_it_is_seen_what_it_covers(
    system: System, browser: httpx.AsyncClient
) -> None:
    fields = NEW | {"length": "own", "starts": "2024-05-04T02:00", "ends": "2024-05-04T06:00"}
    answer = await press(
        browser, "/maintenance/new", **(fields | {"timezone": "Europe/Berlin"}), do="preview"
    )
    assert answer.status_code == 200
    shown = sound(answer.text)
    assert "From 04 May 00:00 UTC until 04 May 04:00 UTC: 4 h, beginning in 21 h." in shown.words
    assert "It covers 2 checks now" in shown.words
    assert "a-web" in shown.words
    assert "b-web" not in shown.words
    assert await kept(system) == []


@pytest.mark.usefixtures("hosts")
async def test_a_preview_says_what_is_right_and_what_is_not(browser: httpx.AsyncClient) -> None:
    wrong_time = sound(
        (await press(browser, "/maintenance/new", **(NEW | {"length": "own"}), do="preview")).text
    )
    assert "Until: is empty; enter a time" in wrong_time.words
    assert "It covers 2 checks now" in wrong_time.words
    wrong_label = sound(
        (await press(browser, "/maintenance/new", **(NEW | {"label": "host"}), do="preview")).text
    )
    assert "From 03:00 UTC until 04:00 UTC: 1 h." in wrong_label.words
    assert "Labels: 'host' is not a label; write it as name=value." in wrong_label.words
    assert 'name="label" value="host"' in wrong_label.html, "what was typed stays where it can be put right"
    nothing = sound(
        (await press(browser, "/maintenance/new", **(NEW | {"label": "host=c"}), do="preview")).text
    )
    assert "No check has this label now." in nothing.words


async def test_many_checks_are_counted_and_the_first_named(
    system: System, browser: httpx.AsyncClient
) -> None:
    for number in range(CHECKS_SHOWN + 3):
        await make_check(system, f"job-{number:02}", labels={"host": "a"})
    shown = sound((await press(browser, "/maintenance/new", **NEW, do="preview")).text)
    assert f"It covers {CHECKS_SHOWN + 3} checks now" in shown.words
    assert f"Show all {CHECKS_SHOWN + 3} in the list" in shown.words
    assert f"job-{CHECKS_SHOWN:02}" not in shown.words


@pytest.mark.parametrize(
    ("changes", "words", "field"),
    [
        ({"title": ""}, "Title: must be one line of text.", 'name="title"'),
        ({"label": []}, "Labels: needs at least one label", 'name="label"'),
        ({"timezone": "Mars"}, "Time zone: 'Mars' is no time zone", 'name="timezone"'),
        ({"length": "own", "ends": "2023-01-01T00:00"}, "Until: must be after From.", 'name="ends"'),
    ],
)
async def test_what_is_wrong_is_said_by_field_and_what_was_typed_stays(
    system: System, browser: httpx.AsyncClient, changes: dict[str, Any], words: str, field: str
) -> None:
    answer = await press(browser, "/maintenance/new", **(NEW | {"description": "kept"} | changes))
    assert answer.status_code == 422
    shown = sound(answer.text)
    assert f"Nothing was saved. {words}" in shown.words
    (marked,) = [tag for tag in answer.text.split("<") if field in tag and "aria-invalid" in tag][:1]
    assert marked
    assert "kept" in shown.words
    assert shown.fields["timezone"] == changes.get("timezone", "UTC")
    assert await kept(system) == []


@pytest.mark.usefixtures("hosts")
async def test_the_form_of_a_check_means_that_check(browser: httpx.AsyncClient) -> None:
    assert "/maintenance/new?check=a-web&back=/checks/a-web" in (await see(browser, "/checks/a-web")).links
    shown = await see(browser, "/maintenance/new?check=a-web&back=/checks/a-web")
    assert "Maintenance of a-web" in shown.words
    assert shown.fields["title"] == "Maintenance of a-web"
    assert shown.fields["checks"] == "a-web"
    assert 'value="host=a" checked' in shown.html
    assert 'value="part=web" checked' in shown.html
    assert "It covers 1 check now" in shown.words
    assert "were not chosen" not in shown.words
    assert "/checks/a-web" in shown.links, "to go back to"


@pytest.mark.usefixtures("hosts")
async def test_the_form_of_many_checks_ticks_what_they_have_in_common(browser: httpx.AsyncClient) -> None:
    assert 'formaction="/maintenance/new"' in (await see(browser, "/checks")).html
    shown = await see(browser, "/maintenance/new?check=a-web&check=a-mail&check=gone")
    assert "Maintenance of 2 checks" in shown.words
    assert 'value="host=a" checked' in shown.html
    assert "part web 1 of the 2 chosen" in shown.words
    assert 'value="part=web" checked' not in shown.html

    alike = await see(browser, "/maintenance/new?check=a-web&check=b-web")
    assert "It covers 2 checks now" in alike.words
    fields = NEW | {"label": "host=a", "checks": "a-web,b-web"}
    other = sound((await press(browser, "/maintenance/new", **fields, do="preview")).text)
    assert "Chosen but not covered: b-web. Remove labels" in other.words
    assert "1 of them was not chosen, but has the same labels." in other.words


@pytest.mark.usefixtures("hosts")
async def test_checks_that_labels_cannot_find_are_said(browser: httpx.AsyncClient) -> None:
    bare = await see(browser, "/maintenance/new?check=bare")
    assert "A window finds its checks by their labels, and this check has none." in bare.words
    mixed = await see(browser, "/maintenance/new?check=bare&check=a-web")
    assert "These checks have no label in common. Tick a label to see the checks" in mixed.words
    await see(browser, "/maintenance/new?" + "&".join(f"check=job-{n}" for n in range(101)), 400)


@pytest.mark.usefixtures("hosts")
async def test_what_pages_already_is_said_and_not_silenced(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    web = await make_check(system, "loud", labels={"host": "a"})
    incident = await fall_silent(system, clock, web)
    await escalate(system, clock)
    shown = sound((await press(browser, "/maintenance/new", **NEW, do="preview")).text)
    assert (
        f"Incident {incident} (a-mail, a-web, loud) keeps paging: it was open before. "
        "Acknowledge or snooze it to silence it." in shown.words
    )
    later = NEW | {"length": "own", "starts": "2024-05-04T02:00", "ends": "2024-05-04T06:00"}
    assert (
        "keeps paging"
        not in sound((await press(browser, "/maintenance/new", **later, do="preview")).text).words
    )
    done = await press(browser, "/maintenance/new", **NEW)
    assert (
        f"Incident {incident} (a-mail, a-web, loud) keeps paging"
        in (await see(browser, done.headers["location"])).words
    )


async def test_the_same_form_sent_twice_makes_one_window(system: System, browser: httpx.AsyncClient) -> None:
    mark = (await see(browser, "/maintenance/new")).fields["before"]
    first, again = [await press(browser, "/maintenance/new", **NEW, before=mark) for _ in range(2)]
    assert first.headers["location"] == again.headers["location"]
    assert len(await kept(system)) == 1
    await press(browser, "/maintenance/new", **(NEW | {"title": "Other"}), before=mark)
    assert len(await kept(system)) == 2, "who goes back and writes another one means another one"


async def test_a_window_is_changed(system: System, browser: httpx.AsyncClient, clock: SetClock) -> None:
    one = await make(system, {"host": "a"}, 0, 2, description="as it was")
    clock.advance(minutes=30)
    path = f"/maintenance/{one.id}/edit"
    assert path in (await see(browser, f"/maintenance/{one.id}")).links
    shown = await see(browser, path)
    assert (shown.fields["starts"], shown.fields["ends"]) == ("2024-05-03T03:00", "2024-05-03T05:00")
    assert 'value="host=a" checked' in shown.html
    assert "Leave empty to keep it." in shown.words
    done = await press(browser, path, **(NEW | {"length": "4h"}), before=shown.fields["before"])
    assert done.headers["location"] == f"/maintenance/{one.id}"
    (after,) = await kept(system)
    assert (after.starts_at, after.ends_at) == (NOW, NOW + timedelta(hours=4, minutes=30))
    assert (await deeds(system))[0] == ("maintenance.change", f"maintenance {one.id}")


async def test_a_form_that_is_saved_as_it_is_changes_nothing(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    clock.advance(seconds=17)
    await press(browser, "/maintenance/new", **NEW)
    (one,) = await kept(system)
    shown = await see(browser, f"/maintenance/{one.id}/edit")
    names = ("before", "starts", "ends", "timezone", "title")
    fields = {name: shown.fields[name] for name in names} | {"length": "own", "label": "host=a"}
    assert (await press(browser, f"/maintenance/{one.id}/edit", **fields)).status_code == 303
    assert await kept(system) == [one]
    assert [action for action, _ in await deeds(system)] == ["maintenance.make"]


async def test_what_somebody_else_changed_meanwhile_is_not_lost_unseen(
    system: System, browser: httpx.AsyncClient
) -> None:
    one = await make(system, {"host": "a"}, 0, 2)
    path = f"/maintenance/{one.id}/edit"
    mark = (await see(browser, path)).fields["before"]
    assert (await press(browser, path, **NEW, before=mark)).status_code == 303
    late = await press(browser, path, **(NEW | {"length": "2h"}), before=mark)
    assert late.status_code == 422
    shown = sound(late.text)
    assert maintenance_form.CHANGED in shown.words
    assert (await kept(system))[0].ends_at == NOW + timedelta(hours=1)
    again = await press(browser, path, **(NEW | {"length": "2h"}), before=shown.fields["before"])
    assert again.status_code == 303
    assert (await kept(system))[0].ends_at == NOW + timedelta(hours=2)


async def test_one_that_has_not_begun_has_only_times_of_its_own(
    system: System, browser: httpx.AsyncClient
) -> None:
    one = await make(system, {"host": "a"}, 5, 6)
    shown = await see(browser, f"/maintenance/{one.id}/edit")
    assert shown.fields["length"] == "own"
    assert "until the next 09:00" not in shown.words
    preview = NEW | {"length": "own", "ends": "2024-05-03T12:00"}
    seen = sound((await press(browser, f"/maintenance/{one.id}/edit", **preview, do="preview")).text)
    assert "From 08:00 UTC until 12:00 UTC: 4 h" in seen.words, "an empty beginning stays as it was"


@pytest.mark.usefixtures("hosts")
async def test_ending_asks_in_words_and_pages_for_what_waited(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    one = await make(system, {"host": "c"}, 0, 2)
    late = await make_check(system, "late", labels={"host": "c"})
    incident = await fall_silent(system, clock, late)
    assert await next_page_at(system, incident) == NOW + timedelta(hours=2)
    asked = await see(browser, f"/maintenance/{one.id}/end")
    assert "End the maintenance Move?" in asked.words
    assert "Down, but not paged yet: late. It pages at once." in asked.words
    assert (await kept(system))[0].ends_at == NOW + timedelta(hours=2)
    done = await press(browser, f"/maintenance/{one.id}/end")
    assert done.headers["location"] == f"/maintenance/{one.id}"
    at = await next_page_at(system, incident)
    assert at is not None
    assert at <= clock.now() + timedelta(seconds=10)
    shown = await see(browser, f"/maintenance/{one.id}")
    assert "Began at 03:00 UTC and ended at 03:06 UTC, after 6 min." in shown.words
    assert (await press(browser, f"/maintenance/{one.id}/end")).status_code == 303, "ended twice it ends once"
    await see(browser, f"/maintenance/{one.id}/end", 409)
    await see(browser, f"/maintenance/{one.id}/edit", 409)
    assert (await press(browser, f"/maintenance/{one.id}/edit", **NEW)).status_code in (409, 422)
    assert f"/maintenance/new?like={one.id}" in shown.links
    again = await see(browser, f"/maintenance/new?like={one.id}")
    assert again.fields["title"] == "Move"
    assert 'value="host=c" checked' in again.html


async def test_what_another_window_holds_too_is_not_paged_for(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    one = await make(system, {"host": "c"}, 0, 2)
    await make(system, {"part": "web"}, 0, 3)
    late = await make_check(system, "late", labels={"host": "c", "part": "web"})
    await fall_silent(system, clock, late)
    assert "It pages at once" not in (await see(browser, f"/maintenance/{one.id}/end")).words


async def test_one_that_is_to_come_is_deleted_and_not_ended(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    one = await make(system, {"host": "a"}, 1, 2)
    shown = await see(browser, f"/maintenance/{one.id}")
    assert "Begins at 04:00 UTC, in 1 h, and ends at 05:00 UTC, after 1 h." in shown.words
    assert f"/maintenance/{one.id}/end" not in shown.links
    await see(browser, f"/maintenance/{one.id}/end", 409)
    assert (await press(browser, f"/maintenance/{one.id}/end")).status_code == 409
    assert "Delete the maintenance Move?" in (await see(browser, f"/maintenance/{one.id}/delete")).words
    assert len(await kept(system)) == 1
    assert (await press(browser, f"/maintenance/{one.id}/delete")).headers["location"] == "/maintenance"
    assert await kept(system) == []
    begun = await make(system, {"host": "a"}, 0, 2)
    await see(browser, f"/maintenance/{begun.id}/delete", 409)


async def test_what_is_not_there_can_be_neither_seen_nor_changed(browser: httpx.AsyncClient) -> None:
    for path in ("/maintenance/7", *(f"/maintenance/7/{deed}" for deed in ("edit", "end", "delete"))):
        await see(browser, path, 404)
        if path != "/maintenance/7":
            assert (await press(browser, path, **NEW)).status_code == 404


async def test_a_viewer_sees_and_does_nothing(system: System) -> None:
    one = await make(system, {"host": "a"}, 0, 2)
    await make_check(system, "a-web", labels={"host": "a"})
    await system.context.database.write(lambda db: add(db, "vera", Role.VIEWER))
    async with visitor(system, **BROWSER) as vera:
        await vera.post("/sign-in", data={"name": "vera", "password": PASSWORD})
        for path in ("/maintenance", f"/maintenance/{one.id}", "/checks/a-web", "/checks"):
            shown = await see(vera, path)
            assert not [link for link in shown.links if link.startswith("/maintenance/new")]
            assert "formaction" not in shown.html
        assert (await vera.get("/maintenance/new")).status_code == 403


@pytest.mark.parametrize("field", ["title", "description", "label", "starts", "ends", "timezone", "length"])
async def test_hostile_fields_are_inert(browser: httpx.AsyncClient, field: str) -> None:
    hostile = '"><script>alert(1)</script>\u202e\0'
    answer = await press(browser, "/maintenance/new", **(NEW | {"length": "own", field: hostile}))
    assert answer.status_code == 422, answer.headers
    assert sound(answer.text).tags.count("script") == 2, "ours"


async def test_it_is_made_only_from_a_page_of_ours(system: System, browser: httpx.AsyncClient) -> None:
    assert (await browser.post("/maintenance/new", data=NEW)).status_code == 403
    assert await kept(system) == []
