"""The forms of a maintenance window, without a line of script."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from heartbeat.app import System
from heartbeat.http.console.maintenance import form as maintenance_form
from heartbeat.http.console.maintenance.pages import CHECKS_SHOWN
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock, escalate, fall_silent, make_check
from tests.unit.http.console.conftest import press, see
from tests.unit.http.console.maintenance.conftest import NEW, deeds, make, stored_windows
from tests.unit.http.markup import sound


@pytest.mark.usefixtures("hosts")
async def test_a_preview_creates_no_window(system: System, browser: httpx.AsyncClient) -> None:
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
async def test_a_preview_shows_times_and_checks_independently(browser: httpx.AsyncClient) -> None:
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
async def test_problems_name_their_fields_and_the_typed_texts_stay(
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
async def test_checks_without_common_labels_are_reported(browser: httpx.AsyncClient) -> None:
    bare = await see(browser, "/maintenance/new?check=bare")
    assert "A window finds its checks by their labels, and this check has none." in bare.words
    mixed = await see(browser, "/maintenance/new?check=bare&check=a-web")
    assert "These checks have no label in common. Tick a label to see the checks" in mixed.words
    await see(browser, "/maintenance/new?" + "&".join(f"check=job-{n}" for n in range(101)), 400)


@pytest.mark.usefixtures("hosts")
async def test_an_incident_that_already_pages_is_named_and_not_silenced(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    web = await make_check(system, "loud", labels={"host": "a"})
    incident = await fall_silent(system, clock, web)
    await escalate(system, clock)
    screen = sound((await press(browser, "/maintenance/new", **NEW, do="preview")).text)
    assert (
        f"Incident {incident} (a-mail, a-web, loud) keeps paging: it was open before. "
        "Acknowledge it to silence it." in screen.words
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


async def test_a_concurrent_change_is_not_overwritten_silently(
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


async def test_an_upcoming_window_has_only_its_own_times(system: System, browser: httpx.AsyncClient) -> None:
    window = await make(system, {"host": "a"}, 5, 6)
    screen = await see(browser, f"/maintenance/{window.id}/edit")
    assert screen.fields["length"] == "own"
    assert "until the next 09:00" not in screen.words
    preview = NEW | {"length": "own", "ends": "2024-05-03T12:00"}
    previewed = sound((await press(browser, f"/maintenance/{window.id}/edit", **preview, do="preview")).text)
    assert "From 08:00 UTC until 12:00 UTC: 4 h" in previewed.words, "an empty beginning stays as it was"


@pytest.mark.parametrize("field", ["title", "description", "label", "starts", "ends", "timezone", "length"])
async def test_hostile_fields_are_inert(browser: httpx.AsyncClient, field: str) -> None:
    hostile = '"><script>alert(1)</script>\u202e\0'
    answer = await press(browser, "/maintenance/new", **(NEW | {"length": "own", field: hostile}))
    assert answer.status_code == 422, answer.headers
    assert sound(answer.text).tags.count("script") == 2, "ours"


async def test_a_window_needs_the_token_of_a_form(system: System, browser: httpx.AsyncClient) -> None:
    assert (await browser.post("/maintenance/new", data=NEW)).status_code == 403
    assert await stored_windows(system) == []


WEEKLY = NEW | {
    "length": "own",
    "starts": "2024-05-05T01:00",
    "ends": "2024-05-05T05:00",
    "timezone": "Europe/London",
    "repeats": "FREQ=WEEKLY",
}


@pytest.mark.usefixtures("hosts")
async def test_a_window_that_repeats_shows_its_next_occurrences_before_it_is_created(
    system: System, browser: httpx.AsyncClient
) -> None:
    fields = WEEKLY | {"day": ["SA", "SU"]}
    preview = sound((await press(browser, "/maintenance/new", **fields, do="preview")).text)
    words = "every week on Saturday and Sunday at 01:00 for 4 h, Europe/London"
    assert f"It repeats {words}. Next:" in preview.words
    assert "05 May 00:00" in preview.words
    assert await stored_windows(system) == []
    answer = await press(browser, "/maintenance/new", **fields)
    assert answer.status_code == 303
    at = answer.headers["location"]
    assert f"Repeats {words}" in (await see(browser, at)).words
    assert "repeats" in (await see(browser, "/maintenance")).words
    form = await see(browser, f"{at}/edit")
    assert 'value="FREQ=WEEKLY" selected' in form.html
    assert 'value="SA" checked' in form.html
    saved = await press(browser, f"{at}/edit", before=form.fields["before"], **fields)
    assert saved.status_code == 303
    assert [action for action, _ in await deeds(system)] == ["maintenance.make"], "nothing was changed"


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"repeats": "FREQ=DAILY"}, "FREQ=DAILY"),
        ({"repeats": "FREQ=WEEKLY;INTERVAL=2"}, "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU"),
        ({"repeats": "nth"}, "FREQ=MONTHLY;BYDAY=1SU"),
        ({"repeats": "rule", "rule": "freq=monthly;byday=-1fr"}, "FREQ=MONTHLY;BYDAY=-1FR"),
    ],
)
async def test_a_choice_is_a_rule(
    system: System, browser: httpx.AsyncClient, fields: dict[str, str], rule: str
) -> None:
    assert (await press(browser, "/maintenance/new", **(WEEKLY | fields))).status_code == 303
    (window,) = await stored_windows(system)
    assert window.recurrence is not None
    assert (window.recurrence.rule, window.recurrence.timezone) == (rule, "Europe/London")


async def test_a_rule_that_a_window_cannot_have_is_explained(browser: httpx.AsyncClient) -> None:
    fields = WEEKLY | {"repeats": "rule", "rule": "FREQ=HOURLY"}
    refused = await press(browser, "/maintenance/new", **fields)
    assert refused.status_code == 422
    assert "needs FREQ, one of DAILY, WEEKLY, MONTHLY, YEARLY." in sound(refused.text).words
