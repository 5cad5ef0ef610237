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
    definition = WindowDefinition(title, fields.get("description", ""), match, begins, over)
    write = system.context.database.write
    return (await write(lambda db: edit.make(db, somebody("anna"), definition, NOW))).window


async def stored_windows(system: System) -> list[Window]:
    return await system.context.database.read(lambda db: maintenance_store.listed(db, NOW, limit=100))


async def deeds(system: System) -> list[tuple[str, str]]:
    entries = await system.context.database.read(lambda db: audit.listed(db, limit=9))
    return [(deed.action, deed.target) for deed in entries if deed.action != "sign_in"]


async def next_page_at(system: System, incident: int) -> datetime | None:
    dossier = await system.context.database.read(lambda db: desk.dossier(db, incident))
    assert dossier is not None
    return dossier.incident.next_at


@pytest.fixture
async def hosts(system: System) -> None:
    """Two checks of one host, one of another, and one that has no labels."""
    await make_check(system, "a-web", labels={"host": "a", "part": "web"})
    await make_check(system, "a-mail", labels={"host": "a", "part": "mail"})
    await make_check(system, "b-web", labels={"host": "b", "part": "web"})
    await make_check(system, "bare")


async def test_an_empty_page_says_what_to_do_next(browser: httpx.AsyncClient) -> None:
    screen = await see(browser, "/maintenance")
    assert "No check is under maintenance." in screen.words
    assert "No window is planned." in screen.words
    assert "/maintenance/new" in screen.links
    assert '"ends_at": "2024-05-03T05:00Z"}' in screen.words
    assert "http://test/v1/maintenance" in screen.words


@pytest.mark.usefixtures("hosts")
async def test_the_list_says_what_is_under_maintenance_and_what_will_be(
    system: System, browser: httpx.AsyncClient
) -> None:
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
async def test_a_window_is_made_and_covers_its_checks(system: System, browser: httpx.AsyncClient) -> None:
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
async def test_checks_and_their_page_say_until_when(system: System, browser: httpx.AsyncClient) -> None:
    window = await make(system, {"host": "a"}, 0, 2)
    other = await make(system, {"part": "web"}, 5, 6, "Web move")
    for path in ("/", "/checks"):
        text = (await see(browser, path)).words
        assert "a-web maintenance until 05:00 UTC" in text
        assert "b-web maintenance" not in text
    assert "2 checks are under maintenance until 05:00 UTC." in (await see(browser, "/")).words
    screen = await see(browser, "/checks/a-web")
    assert "Under maintenance until 05:00 UTC: new pages wait until then. Move" in screen.words
    assert "Maintenance from 08:00 UTC until 09:00 UTC. Web move" in screen.words
    assert {f"/maintenance/{window.id}", f"/maintenance/{other.id}"} <= set(screen.links)
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
    screen = sound(answer.text)
    assert "From 04 May 00:00 UTC until 04 May 04:00 UTC: 4 h, beginning in 21 h." in screen.words
    assert "It covers 2 checks now" in screen.words
    assert "a-web" in screen.words
    assert "b-web" not in screen.words
    assert await stored_windows(system) == []


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
    screen = sound((await press(browser, "/maintenance/new", **NEW, do="preview")).text)
    assert f"It covers {CHECKS_SHOWN + 3} checks now" in screen.words
    assert f"Show all {CHECKS_SHOWN + 3} in the list" in screen.words
    assert f"job-{CHECKS_SHOWN:02}" not in screen.words


@pytest.mark.parametrize(
    ("changes", "text", "field"),
    [
        ({"title": ""}, "Title: must be one line of text.", 'name="title"'),
        ({"label": []}, "Labels: needs at least one label", 'name="label"'),
        ({"timezone": "Mars"}, "Time zone: 'Mars' is no time zone", 'name="timezone"'),
        ({"length": "own", "ends": "2023-01-01T00:00"}, "Until: must be after From.", 'name="ends"'),
    ],
)
async def test_what_is_wrong_is_said_by_field_and_what_was_typed_stays(
    system: System, browser: httpx.AsyncClient, changes: dict[str, Any], text: str, field: str
) -> None:
    answer = await press(browser, "/maintenance/new", **(NEW | {"description": "kept"} | changes))
    assert answer.status_code == 422
    screen = sound(answer.text)
    assert f"Nothing was saved. {text}" in screen.words
    (marked,) = [tag for tag in answer.text.split("<") if field in tag and "aria-invalid" in tag][:1]
    assert marked
    assert "kept" in screen.words
    assert screen.fields["timezone"] == changes.get("timezone", "UTC")
    assert await stored_windows(system) == []


@pytest.mark.usefixtures("hosts")
async def test_the_form_of_a_check_means_that_check(browser: httpx.AsyncClient) -> None:
    assert "/maintenance/new?check=a-web&back=/checks/a-web" in (await see(browser, "/checks/a-web")).links
    screen = await see(browser, "/maintenance/new?check=a-web&back=/checks/a-web")
    assert "Maintenance of a-web" in screen.words
    assert screen.fields["title"] == "Maintenance of a-web"
    assert screen.fields["checks"] == "a-web"
    assert 'value="host=a" checked' in screen.html
    assert 'value="part=web" checked' in screen.html
    assert "It covers 1 check now" in screen.words
    assert "were not chosen" not in screen.words
    assert "/checks/a-web" in screen.links, "to go back to"


@pytest.mark.usefixtures("hosts")
async def test_the_form_of_many_checks_ticks_what_they_have_in_common(browser: httpx.AsyncClient) -> None:
    assert 'formaction="/maintenance/new"' in (await see(browser, "/checks")).html
    screen = await see(browser, "/maintenance/new?check=a-web&check=a-mail&check=gone")
    assert "Maintenance of 2 checks" in screen.words
    assert 'value="host=a" checked' in screen.html
    assert "part web 1 of the 2 chosen" in screen.words
    assert 'value="part=web" checked' not in screen.html

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
    screen = sound((await press(browser, "/maintenance/new", **NEW, do="preview")).text)
    assert (
        f"Incident {incident} (a-mail, a-web, loud) keeps paging: it was open before. "
        "Acknowledge or snooze it to silence it." in screen.words
    )
    later = NEW | {"length": "own", "starts": "2024-05-04T02:00", "ends": "2024-05-04T06:00"}
    assert (
        "keeps paging"
        not in sound((await press(browser, "/maintenance/new", **later, do="preview")).text).words
    )
    answer = await press(browser, "/maintenance/new", **NEW)
    assert (
        f"Incident {incident} (a-mail, a-web, loud) keeps paging"
        in (await see(browser, answer.headers["location"])).words
    )


async def test_the_same_form_sent_twice_makes_one_window(system: System, browser: httpx.AsyncClient) -> None:
    mark = (await see(browser, "/maintenance/new")).fields["before"]
    first, second = [await press(browser, "/maintenance/new", **NEW, before=mark) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]
    assert len(await stored_windows(system)) == 1
    await press(browser, "/maintenance/new", **(NEW | {"title": "Other"}), before=mark)
    assert len(await stored_windows(system)) == 2, "who goes back and writes another one means another one"


async def test_a_window_is_changed(system: System, browser: httpx.AsyncClient, clock: SetClock) -> None:
    window = await make(system, {"host": "a"}, 0, 2, description="as it was")
    clock.advance(minutes=30)
    path = f"/maintenance/{window.id}/edit"
    assert path in (await see(browser, f"/maintenance/{window.id}")).links
    screen = await see(browser, path)
    assert (screen.fields["starts"], screen.fields["ends"]) == ("2024-05-03T03:00", "2024-05-03T05:00")
    assert 'value="host=a" checked' in screen.html
    assert "Leave empty to keep it." in screen.words
    answer = await press(browser, path, **(NEW | {"length": "4h"}), before=screen.fields["before"])
    assert answer.headers["location"] == f"/maintenance/{window.id}"
    (changed,) = await stored_windows(system)
    assert (changed.starts_at, changed.ends_at) == (NOW, NOW + timedelta(hours=4, minutes=30))
    assert (await deeds(system))[0] == ("maintenance.change", f"maintenance {window.id}")


async def test_a_form_that_is_saved_as_it_is_changes_nothing(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    clock.advance(seconds=17)
    await press(browser, "/maintenance/new", **NEW)
    (window,) = await stored_windows(system)
    screen = await see(browser, f"/maintenance/{window.id}/edit")
    names = ("before", "starts", "ends", "timezone", "title")
    fields = {name: screen.fields[name] for name in names} | {"length": "own", "label": "host=a"}
    assert (await press(browser, f"/maintenance/{window.id}/edit", **fields)).status_code == 303
    assert await stored_windows(system) == [window]
    assert [action for action, _ in await deeds(system)] == ["maintenance.make"]


async def test_what_somebody_else_changed_meanwhile_is_not_lost_unseen(
    system: System, browser: httpx.AsyncClient
) -> None:
    window = await make(system, {"host": "a"}, 0, 2)
    path = f"/maintenance/{window.id}/edit"
    mark = (await see(browser, path)).fields["before"]
    assert (await press(browser, path, **NEW, before=mark)).status_code == 303
    late = await press(browser, path, **(NEW | {"length": "2h"}), before=mark)
    assert late.status_code == 422
    screen = sound(late.text)
    assert maintenance_form.CHANGED in screen.words
    assert (await stored_windows(system))[0].ends_at == NOW + timedelta(hours=1)
    repeated = await press(browser, path, **(NEW | {"length": "2h"}), before=screen.fields["before"])
    assert repeated.status_code == 303
    assert (await stored_windows(system))[0].ends_at == NOW + timedelta(hours=2)


async def test_one_that_has_not_begun_has_only_times_of_its_own(
    system: System, browser: httpx.AsyncClient
) -> None:
    window = await make(system, {"host": "a"}, 5, 6)
    screen = await see(browser, f"/maintenance/{window.id}/edit")
    assert screen.fields["length"] == "own"
    assert "until the next 09:00" not in screen.words
    preview = NEW | {"length": "own", "ends": "2024-05-03T12:00"}
    previewed = sound((await press(browser, f"/maintenance/{window.id}/edit", **preview, do="preview")).text)
    assert "From 08:00 UTC until 12:00 UTC: 4 h" in previewed.words, "an empty beginning stays as it was"


@pytest.mark.usefixtures("hosts")
async def test_ending_asks_in_words_and_pages_for_what_waited(
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


async def test_what_another_window_holds_too_is_not_paged_for(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    window = await make(system, {"host": "c"}, 0, 2)
    await make(system, {"part": "web"}, 0, 3)
    late = await make_check(system, "late", labels={"host": "c", "part": "web"})
    await fall_silent(system, clock, late)
    assert "It pages at once" not in (await see(browser, f"/maintenance/{window.id}/end")).words


async def test_one_that_is_to_come_is_deleted_and_not_ended(
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


async def test_what_is_not_there_can_be_neither_seen_nor_changed(browser: httpx.AsyncClient) -> None:
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


@pytest.mark.parametrize("field", ["title", "description", "label", "starts", "ends", "timezone", "length"])
async def test_hostile_fields_are_inert(browser: httpx.AsyncClient, field: str) -> None:
    hostile = '"><script>alert(1)</script>\u202e\0'
    answer = await press(browser, "/maintenance/new", **(NEW | {"length": "own", field: hostile}))
    assert answer.status_code == 422, answer.headers
    assert sound(answer.text).tags.count("script") == 2, "ours"


async def test_it_is_made_only_from_a_page_of_ours(system: System, browser: httpx.AsyncClient) -> None:
    assert (await browser.post("/maintenance/new", data=NEW)).status_code == 403
    assert await stored_windows(system) == []
