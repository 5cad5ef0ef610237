"""The console's pages of what customers are told: one press drafts, a human reads, edits, publishes and ends it."""

import threading
from dataclasses import replace

import httpx
import pytest
from markupsafe import Markup as SafeHtml

from heartbeat.actor import Actor, Role
from heartbeat.app import System
from heartbeat.definitions.status_page import Component
from heartbeat.status import editor, store, tables
from heartbeat.status.announcement import Affected, Announcement, AnnouncementFields, AnnouncementKind, Status
from heartbeat.status.health import Health
from heartbeat.status.publish import html
from heartbeat.status.publish.snapshot import Snapshot
from tests.unit.conftest import NOW
from tests.unit.http.conftest import SetClock, fall_silent, make_check, ping
from tests.unit.http.console.conftest import press, see
from tests.unit.http.markup import Markup, sound
from tests.unit.status.conftest import PAGE, define

GIVEN: dict[str, str | list[str]] = {
    "title": "Resets are late",
    "body": "We **look** into it.",
    "status": "investigating",
    "impact": "minor",
    "health": "DELAYED",
    "component": "CPU allowance",
    "region": "us",
    "starts_at": "2024-05-03T03:00",
}


async def told(system: System) -> list[Announcement]:
    """Everything on the page, newest first."""
    return await system.context.database.read(lambda db: store.listed(db, "public", limit=10))


@pytest.fixture
async def defined(system: System) -> System:
    """A system with a page."""
    await define(system, PAGE)
    return system


async def test_the_list_names_the_components_whose_silence_means_an_outage(
    system: System, browser: httpx.AsyncClient
) -> None:
    stopping = replace(PAGE.components[1], silent_means="not working")
    await define(system, replace(PAGE, components=(PAGE.components[0], stopping)))
    assert "2 components, silence means not working for Mail" in (await see(browser, "/status-pages")).words


async def test_the_list_names_the_addresses_that_mail_servers_refused(
    defined: System, browser: httpx.AsyncClient
) -> None:
    rows = [
        {"page": "public", "address": f"{name}@example.org", "asked_at": NOW, "confirmed_at": NOW, **dropped}
        for name, dropped in (
            ("anna", {"refusal": None, "dropped_at": None}),
            ("ben", {"refusal": "mx answered 550 <no such user>", "dropped_at": NOW}),
        )
    ]
    await defined.context.database.write(lambda db: db.execute(tables.subscribers.insert(), rows))
    words = (await see(browser, "/status-pages")).words
    assert "2 components, 1 subscriber" in words
    assert "1 address was removed: its mail server refused three mails in a row." in words
    assert "ben@example.org just now: mx answered 550 <no such user>" in words
    assert "anna@example.org" not in words


async def test_from_an_incident_to_customers_in_a_few_presses(
    defined: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(defined, labels={"component": "cpu", "region": "us"})
    await ping(defined, check)
    number = await fall_silent(defined, clock, check)
    assert f"/incidents/{number}/announce" in (await see(browser, f"/incidents/{number}")).links
    assert "Draft for Example status" in (await see(browser, f"/incidents/{number}/announce")).words
    answer = await press(browser, f"/incidents/{number}/announce", page="public")
    where = answer.headers["location"]
    shown = await see(browser, where)
    assert "This is a draft. Customers do not see it yet." in shown.words
    assert "Preview CPU allowance is delayed in the United States" in shown.words
    (one,) = await told(defined)
    assert one.published_at is None
    answer = await press(browser, where, **GIVEN | {"status": "identified"})
    assert (await see(browser, where)).words.count("Resets are late") > 1
    shown = await see(browser, f"{where}/publish")
    assert "Publish this announcement? Customers see it at once. You cannot take it back." in shown.words
    assert "Headline of the status page CPU allowance is delayed." in shown.words
    assert "Resets are late Affected: CPU allowance delayed in the United States" in shown.words
    assert "Identified 03:06 UTC We look into it." in shown.words
    await press(browser, f"{where}/publish")
    await press(browser, f"{where}/update", status="resolved", body="Over.")
    (one,) = await told(defined)
    assert [(said.status.value, said.by) for said in one.updates] == [
        ("resolved", "admin"),
        ("identified", "admin"),
    ]
    assert "It is over." in (await see(browser, where)).words


async def test_an_incident_is_drafted_by_hand_and_discarded(
    defined: System, browser: httpx.AsyncClient
) -> None:
    assert "Report an incident" in (await see(browser, "/status-pages/public/write")).words
    answer = await press(browser, "/status-pages/public/write", kind="incident", **GIVEN)
    (one,) = await told(defined)
    assert (one.title, one.draft, one.affected[0].regions) == ("Resets are late", GIVEN["body"], ("us",))
    shown = await see(browser, "/status-pages")
    assert "Drafts, not published Resets are late" in shown.words
    assert "<strong>look</strong>" in (await see(browser, answer.headers["location"])).html
    discard = f"{answer.headers['location']}/discard"
    assert "Discard the draft Resets are late?" in (await see(browser, discard)).words
    await press(browser, discard)
    assert await told(defined) == []


APART = {
    "component": ["CPU allowance", "CPU allowance", "Mail", ""],
    "region": ["us", "eu", "", ""],
    "health": ["DELAYED", "STOPPED", "PARTLY", "DELAYED"],
}
"""United States degraded, Europe out, and another service as well."""


async def test_each_component_and_region_has_its_own_health_on_the_form(
    defined: System, browser: httpx.AsyncClient
) -> None:
    answer = await press(browser, "/status-pages/public/write", kind="incident", **GIVEN | APART)
    where = answer.headers["location"]
    (one,) = await told(defined)
    assert one.affected == (
        Affected("CPU allowance", Health.DELAYED, ("us",)),
        Affected("CPU allowance", Health.STOPPED, ("eu",)),
        Affected("Mail", Health.PARTLY),
    )
    shown = await see(browser, where)
    how = "CPU allowance not working in Europe , delayed in the United States ; Mail partly not working"
    assert f"Affected: {how}" in shown.words
    assert shown.html.count(" selected>Not working") == 1
    await press(browser, f"{where}/publish")
    mark = (await see(browser, where)).fields["shown"]
    said = {"status": "identified", "body": "Found it.", "shown": mark}
    await press(browser, f"{where}/update", **said | APART)
    assert (await told(defined))[0].affected == one.affected
    alike: dict[str, str | list[str]] = {
        "body": "It is better.",
        "health": ["DELAYED", "DELAYED", "PARTLY", "DELAYED"],
    }
    await press(browser, f"{where}/update", **said | APART | alike)
    assert (await told(defined))[0].updates[0].affected == (
        Affected("CPU allowance", Health.DELAYED, ("us", "eu")),
        Affected("Mail", Health.PARTLY),
    )


async def test_the_impact_follows_the_components_unless_it_is_chosen(
    defined: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(defined, labels={"component": "cpu", "region": "us"})
    await ping(defined, check)
    number = await fall_silent(defined, clock, check)
    where = (await press(browser, f"/incidents/{number}/announce", page="public")).headers["location"]
    follows = '<option value="" selected>From the affected components</option>'
    assert follows in (await see(browser, where)).html
    assert (await told(defined))[0].impact == "minor"
    await press(browser, where, **GIVEN | {"health": "STOPPED", "impact": ""})
    assert (await told(defined))[0].impact == "critical"
    assert follows in (await see(browser, where)).html
    await press(browser, where, **GIVEN | {"health": "STOPPED", "impact": "major"})
    assert (await told(defined))[0].impact == "major"
    assert '<option value="major" selected>Major</option>' in (await see(browser, where)).html


async def test_a_change_of_published_details_is_shown_before_customers_read_it(
    defined: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    where = await drafted(browser)
    await press(browser, f"{where}/publish")
    clock.advance(minutes=5)
    assert "Publish the changes…" in (await see(browser, where)).words
    typed = GIVEN | {"title": "Resets <do not> work", "health": "STOPPED", "impact": ""}
    for first in ({}, {"do": "publish"}):
        shown = sound((await press(browser, where, **typed | first)).text)
        assert "Publish these changes? Customers see them at once. No mail is sent." in shown.words
    assert "The whole announcement Resets <do not> work" in shown.words
    assert "CPU allowance is not working." in shown.words
    assert (await told(defined))[0].title == "Resets are late"
    back = sound((await press(browser, where, do="edit", **typed)).text)
    assert 'value="Resets &lt;do not&gt; work"' in back.html
    assert back.html.count(" selected>Not working") == 1
    answer = await press(browser, where, do="change", **typed | {"seen": shown.fields["seen"]})
    assert answer.headers["location"] == where
    (one,) = await told(defined)
    assert (one.title, one.affected[0].health, one.impact) == (
        "Resets <do not> work",
        Health.STOPPED,
        "critical",
    )
    assert len(one.updates) == 1


async def test_wrong_details_keep_what_was_typed(defined: System, browser: httpx.AsyncClient) -> None:
    where = await drafted(browser)
    await press(browser, f"{where}/publish")
    answer = await press(browser, where, do="preview", **GIVEN | {"title": "Other", "component": "Nope"})
    assert answer.status_code == 422
    assert 'value="Other"' in answer.text
    assert "Affected components: there is no component" in sound(answer.text).words


async def test_details_that_somebody_else_changed_are_shown_again(
    defined: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    where = await drafted(browser)
    await press(browser, f"{where}/publish")
    loaded = (await see(browser, where)).html
    typed = GIVEN | {"title": "Other", "shown": Markup(loaded).fields["shown"]}
    seen = sound((await press(browser, where, do="preview", **typed)).text).fields["seen"]
    clock.advance(minutes=1)
    worse = {"health": "STOPPED", "body": "It is worse.", "shown": "-"}
    await press(browser, f"{where}/update", **GIVEN | worse)
    answer = await press(browser, where, do="change", **typed | {"seen": seen})
    shown = sound(answer.text)
    # What the reader left alone is as the other has said it.
    assert "Other Affected: CPU allowance not working in the United States" in shown.words
    assert (await told(defined))[0].title == "Resets are late"
    await press(browser, where, do="change", **typed | {"seen": shown.fields["seen"]})
    (one,) = await told(defined)
    assert (one.title, one.affected[0].health) == ("Other", Health.STOPPED)


async def test_an_update_that_leaves_components_alone_overwrites_nobody(
    defined: System, browser: httpx.AsyncClient
) -> None:
    where = (await press(browser, "/status-pages/public/write", kind="incident", **GIVEN)).headers["location"]
    await press(browser, f"{where}/publish")
    mark = (await see(browser, where)).fields["shown"]
    await press(browser, where, do="change", **GIVEN | {"health": "STOPPED"})
    await press(browser, f"{where}/update", **GIVEN | {"shown": mark, "body": "More."})
    (one,) = await told(defined)
    assert [part.health for part in one.affected] == [Health.STOPPED]


async def test_with_many_components_they_are_typed_and_offered(
    system: System, browser: httpx.AsyncClient
) -> None:
    many = tuple(Component(f"Part {number}", {"part": str(number)}) for number in range(1000))
    await define(system, replace(PAGE, components=many))
    given = GIVEN | {
        "component": ["Part 7", "Part 8"],
        "region": ["us", ""],
        "health": ["DELAYED", "STOPPED"],
    }
    where = (await press(browser, "/status-pages/public/write", kind="incident", **given)).headers["location"]
    (one,) = await told(system)
    assert [part.component for part in one.affected] == ["Part 7", "Part 8"]
    shown = await see(browser, where)
    assert shown.html.count("<datalist") == 1
    assert len(shown.html) < 100_000


async def test_an_announcement_with_too_many_components_can_still_be_edited(
    system: System, browser: httpx.AsyncClient
) -> None:
    many = tuple(Component(f"Part {number}", {"part": str(number)}) for number in range(40))
    await define(system, replace(PAGE, components=many))
    affected = tuple(Affected(one.name, Health.STOPPED) for one in many)
    actor = Actor("anna", Role.ADMIN, "test")
    wanted = AnnouncementFields(
        AnnouncementKind.INCIDENT, "Everything", Status.INVESTIGATING, "Words.", NOW, affected=affected
    )
    made = await system.context.database.write(lambda db: editor.make(db, actor, "public", wanted, NOW))
    shown = await see(browser, f"/announcements/{made.id}")
    assert "This announcement names too many components for this form." in shown.words
    given = {name: text for name, text in GIVEN.items() if name not in ("component", "region", "health")}
    await press(browser, f"/announcements/{made.id}", **given)
    (one,) = await told(system)
    assert (one.title, one.affected) == ("Resets are late", affected)


async def test_a_maintenance_is_planned(defined: System, browser: httpx.AsyncClient) -> None:
    shown = await see(browser, "/status-pages/public/write?kind=maintenance")
    assert "Plan maintenance" in shown.words
    given = GIVEN | {"kind": "maintenance", "status": "scheduled", "ends_at": "2024-05-03T05:00"}
    await press(browser, "/status-pages/public/write", **given)
    (one,) = await told(defined)
    assert (one.kind.value, one.impact.value, one.status.value) == ("maintenance", "maintenance", "scheduled")
    assert one.affected == (Affected("CPU allowance", Health.MAINTENANCE, ("us",)),)


async def drafted(browser: httpx.AsyncClient) -> str:
    """Write a draft, and return its address."""
    answer = await press(browser, "/status-pages/public/write", kind="incident", **GIVEN)
    return str(answer.headers["location"])


async def test_publishing_keeps_what_was_typed_and_asks(
    defined: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    where = await drafted(browser)
    clock.advance(minutes=1)
    answer = await press(browser, where, do="publish", **GIVEN | {"title": "Resets are very late"})
    assert answer.headers["location"] == f"{where}/publish"
    shown = await see(browser, f"{where}/publish")
    assert "The whole announcement Resets are very late" in shown.words
    (one,) = await told(defined)
    assert (one.title, one.published_at) == ("Resets are very late", None)
    assert 'value="Resets are very late"' in (await see(browser, where)).html
    await press(browser, f"{where}/publish", seen=shown.fields["seen"])
    assert (await told(defined))[0].published_at is not None
    assert (await browser.get(f"{where}/publish")).headers["location"] == where


async def test_a_draft_that_cannot_be_published_keeps_what_was_typed(
    defined: System, browser: httpx.AsyncClient
) -> None:
    where = await drafted(browser)
    typed = GIVEN | {
        "title": " ",
        "body": "Half <written",
        "impact": "major",
        "component": "Mail",
        "region": "",
    }
    answer = await press(browser, where, do="publish", **typed)
    assert answer.status_code == 422
    shown = sound(answer.text)
    assert "Title: must be one line of text. Nothing was changed." in shown.words
    assert "Half &lt;written</textarea>" in shown.html
    assert '<option value="major" selected>' in shown.html
    assert "<option selected>Mail</option>" in shown.html
    (one,) = await told(defined)
    assert (one.title, one.draft) == ("Resets are late", GIVEN["body"])


async def test_a_draft_that_somebody_else_changed_is_shown_again(
    defined: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    where = await drafted(browser)
    seen = (await see(browser, f"{where}/publish")).fields["seen"]
    clock.advance(minutes=1)
    await press(browser, where, **GIVEN | {"title": "Another title"})
    answer = await press(browser, f"{where}/publish", seen=seen)
    assert "The whole announcement Another title" in sound(answer.text).words
    assert (await told(defined))[0].published_at is None


async def test_an_update_is_shown_with_the_whole_announcement_before_it_is_published(
    defined: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    where = await drafted(browser)
    await press(browser, f"{where}/publish")
    clock.advance(minutes=5)
    mark = (await see(browser, where)).fields["shown"]
    typed = {"status": "identified", "body": "A <disk> was full.", "shown": mark} | APART
    shown = sound((await press(browser, f"{where}/update", do="preview", **typed)).text)
    assert "Publish this update?" in shown.words
    assert "Identified 03:05 UTC A <disk> was full. Investigating 03:00 UTC We look into it." in shown.words
    assert "CPU allowance is not working in Europe and delayed in the United States." in shown.words
    assert len((await told(defined))[0].updates) == 1
    back = sound((await press(browser, f"{where}/update", do="edit", **typed)).text)
    assert "A &lt;disk&gt; was full.</textarea>" in back.html
    assert back.html.count(" selected>Not working") == 1
    assert '<option value="identified" selected>' in back.html
    await press(browser, f"{where}/update", do="publish", **typed)
    (one,) = await told(defined)
    assert (one.updates[0].body, len(one.affected)) == ("A <disk> was full.", 3)


async def test_the_console_says_what_is_no_longer_in_force(
    defined: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    check = await make_check(defined, labels={"component": "cpu", "region": "us"})
    await ping(defined, check)
    await fall_silent(defined, clock, check)
    where = await drafted(browser)
    await press(browser, where, **GIVEN | {"health": "STOPPED"})
    await press(browser, f"{where}/publish")
    assert "no longer holds" not in (await see(browser, where)).words
    clock.advance(minutes=1)
    await ping(defined, check)
    clock.advance(minutes=2)
    shown = (await see(browser, where)).words
    assert (
        "Your state for CPU allowance in the United States, not working, no longer holds. "
        "Its checks recovered at 03:07 UTC. Customers now read: working normally. "
        "An update publishes your state again."
    ) in shown
    assert "Working normally again: CPU allowance in the United States since 03:07 UTC" in shown
    mark = (await see(browser, where)).fields["shown"]
    said = GIVEN | {"health": "STOPPED", "status": "identified", "body": "Not yet.", "shown": mark}
    preview = await press(browser, f"{where}/update", do="preview", **said)
    assert "CPU allowance is not working." in sound(preview.text).words
    await press(browser, f"{where}/update", **said)
    assert "no longer holds" not in (await see(browser, where)).words


async def test_a_wrong_update_keeps_what_was_typed(defined: System, browser: httpx.AsyncClient) -> None:
    where = await drafted(browser)
    await press(browser, f"{where}/publish")
    typed = {
        "status": "identified",
        "body": "We know.",
        "component": "Nope",
        "shown": "-",
    }
    answer = await press(browser, f"{where}/update", do="preview", **typed)
    assert answer.status_code == 422
    assert "Affected components: there is no component &#39;Nope&#39; on this page." in answer.text
    assert "We know.</textarea>" in answer.text
    assert len((await told(defined))[0].updates) == 1


async def test_components_that_work_normally_are_not_affected(
    defined: System, browser: httpx.AsyncClient
) -> None:
    well = {"component": ["CPU allowance", "Mail"], "region": ["", ""], "health": ["DELAYED", "NORMAL"]}
    answer = await press(browser, "/status-pages/public/write", kind="incident", **GIVEN | well)
    shown = await see(browser, answer.headers["location"])
    assert "Affected: CPU allowance delayed Not affected: Mail Investigating" in shown.words


async def test_two_announcements_are_marked_as_unrelated(defined: System, browser: httpx.AsyncClient) -> None:
    for _ in range(2):
        answer = await press(browser, "/status-pages/public/write", kind="incident", **GIVEN)
        await press(browser, f"{answer.headers['location']}/publish")
    second, first = await told(defined)
    related = GIVEN | {"unrelated": str(first.id)}
    await press(browser, f"/announcements/{second.id}", do="change", **related)
    assert (await told(defined))[0].unrelated == (first.id,)
    assert "Not related to Resets are late" in (await see(browser, f"/announcements/{second.id}")).words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"title": " "}, "Title: must be one line of text."),
        ({"starts_at": "soon"}, "Start: must be a date and a time"),
        ({"component": "Nope"}, "Affected components: there is no component"),
        (
            {"component": ["Mail", "Mail"], "region": ["", ""], "health": ["DELAYED", "STOPPED"]},
            "Affected components: Mail is both not working and delayed. Choose one",
        ),
    ],
)
async def test_an_invalid_announcement_is_refused_and_nothing_is_changed(
    defined: System, browser: httpx.AsyncClient, given: dict[str, str | list[str]], words: str
) -> None:
    answer = await press(browser, "/status-pages/public/write", kind="incident", **GIVEN | given)
    assert (answer.status_code, words in sound(answer.text).words) == (422, True)
    assert await told(defined) == []
    assert "We **look** into it.</textarea>" in answer.text
    for name in ("title", "starts_at"):
        assert f'value="{(GIVEN | given)[name]}"' in answer.text


async def test_missing_announcements_pages_and_incidents_answer_404(
    defined: System, browser: httpx.AsyncClient
) -> None:
    for path in ("/announcements/77", "/announcements/77/publish", "/status-pages/nope/write"):
        assert "There is no" in (await see(browser, path, 404)).words
    assert "There is no incident 77" in (await see(browser, "/incidents/77/announce", 404)).words


async def test_without_status_pages_the_list_shows_how_to_define_one(
    system: System, browser: httpx.AsyncClient
) -> None:
    assert "No status pages yet." in (await see(browser, "/status-pages")).words


async def test_hostile_text_is_inert(defined: System, browser: httpx.AsyncClient) -> None:
    hostile = "<script>alert(1)</script>\u202e"
    await define(defined, replace(PAGE, title=hostile))
    given = GIVEN | {"title": "<script>alert(1)</script>", "body": hostile}
    answer = await press(browser, "/status-pages/public/write", kind="incident", **given)
    assert answer.status_code == 422
    given["body"] = "<script>alert(1)</script>"
    answer = await press(browser, "/status-pages/public/write", kind="incident", **given)
    shown = await see(browser, answer.headers["location"])
    assert "<script>alert" not in shown.html
    assert "\u202e" not in shown.html


async def test_a_preview_is_rendered_outside_of_the_event_loop(
    defined: System, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    render = html.preview

    def preview(snapshot: Snapshot, announcement: Announcement) -> SafeHtml:
        threads.append(threading.get_ident())
        return render(snapshot, announcement)

    monkeypatch.setattr(html, "preview", preview)
    where = (await press(browser, "/status-pages/public/write", kind="incident", **GIVEN)).headers["location"]
    await see(browser, where)
    await see(browser, f"{where}/publish")
    assert len(threads) == 2
    assert threading.get_ident() not in threads
