"""The page: valid, in customers' words, light, and complete without other hosts."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from heartbeat.definitions import status_page
from heartbeat.definitions.status_page import Component, Regions, StatusPage
from heartbeat.status import health
from heartbeat.status.announcement import Affected, Status, Update
from heartbeat.status.health import CheckCount, Health
from heartbeat.status.publish import atom, edition, html
from heartbeat.status.uptime.days import Day
from tests.unit.conftest import NOW
from tests.unit.http.markup import Markup
from tests.unit.status.conftest import PAGE, a_snapshot
from tests.unit.status.test_announcement import an_announcement

OURS = re.compile(
    r"\b(check|ping|grace|heartbeat|silent|job|slug|policy|symptom|acknowledg\w+|on call)s?\b", re.IGNORECASE
)
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100
LIGHT = 100_000


def read(content: bytes) -> Markup:
    """A page that is sound, with its one script and nothing from elsewhere that it would load."""
    markup = Markup(content.decode())
    attacks = ("a leads elsewhere", "form leads elsewhere", "<script>")
    assert [fault for fault in markup.faults if not fault.startswith(attacks)] == []
    assert content.count(b"<script") == 1
    return markup


def test_the_page_shows_what_is_wrong_where_and_since_when() -> None:
    text = read(html.index(a_snapshot())).words
    assert "CPU allowance is delayed in the United States. Mail is not affected." in text
    assert "CPU allowance Reset once a day United States Delayed since 03:00 UTC" in text
    assert "Messages What you send and receive" in text
    assert "As of 03:00:00 UTC" in text
    assert OURS.search(text) is None, text


def test_the_page_shows_health_by_region_while_it_lasts() -> None:
    affected = (
        Affected("CPU allowance", Health.DELAYED, ("us",)),
        Affected("CPU allowance", Health.STOPPED, ("eu",)),
        Affected("Mail", Health.PARTLY),
    )
    announcement = an_announcement(affected=affected)
    text = read(html.index(a_snapshot(announcements=(announcement,)))).words
    how = "not working in Europe , delayed in the United States ; Mail partly not working"
    assert f"Affected: CPU allowance {how}" in text
    watched = replace(announcement, status=Status.MONITORING)
    text = read(html.index(a_snapshot(announcements=(watched,)))).words
    assert "Affected: CPU allowance in the United States and Europe ; Mail" in text
    assert how not in text


def test_times_are_shown_in_the_zone_of_the_page() -> None:
    in_london = replace(PAGE, timezone="Europe/London")
    content = html.index(a_snapshot(in_london, announcements=(an_announcement(),)))
    words = read(content).words
    assert "since 04:00 BST" in words
    assert "As of 04:00:00 BST" in words
    assert "last updated at 04:00:00 BST on 03 May 2024" in words
    assert "UTC" not in words
    winter = datetime(2024, 1, 3, 3, tzinfo=UTC)
    assert "As of 03:00:00 GMT" in read(html.index(a_snapshot(in_london, winter))).words


def test_the_feed_has_the_times_of_the_page() -> None:
    update = Update(1, NOW, Status.INVESTIGATING, "We look.", "anna")
    in_london = replace(PAGE, timezone="Europe/London")
    feed = atom.feed(a_snapshot(in_london, announcements=(an_announcement(updates=(update,)),))).decode()
    assert "Investigating&lt;/strong&gt; 3 May 2024, 04:00 BST" in feed


def test_a_time_in_another_year_shows_the_year() -> None:
    say = html.when(a_snapshot())
    assert "01 Jan 2099 02:00 UTC" in say(datetime(2099, 1, 1, 2, tzinfo=UTC))
    assert "2024" not in say(NOW).partition(">")[2]


def test_the_page_loads_only_files_beside_it() -> None:
    page_edition = edition.render(a_snapshot(replace(PAGE, logo=status_page.logo("x.png", lambda _: PNG))))
    page = page_edition.files["index.html"].decode()
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', page)
    local = {path for path in loaded if not re.match(r"https?:|mailto:", path)}
    assert local <= page_edition.files.keys() | {"history.atom"}
    assert any(path.startswith("logo-") for path in local)
    assert sum(len(content) for content in page_edition.files.values()) < LIGHT


def bad_days(*backs: int) -> list[Day]:
    """90 days, of which those so many days ago were bad."""
    days = [Day(NOW.date() - timedelta(days=89 - number), up=86_400) for number in range(90)]
    for back in backs:
        days[89 - back] = replace(days[89 - back], up=80_000, down=6_400)
    return days


def test_each_region_has_its_own_bars_and_table() -> None:
    days = {("CPU allowance", ""): bad_days(3), ("CPU allowance", "us"): bad_days(3)}
    days |= {("CPU allowance", "eu"): bad_days(), ("Mail", ""): bad_days(1)}
    page = html.index(a_snapshot(days=days)).decode()
    text = read(page.encode()).words
    assert 'aria-label="United States: 99.91 % uptime over 90 days"' in page
    assert 'aria-label="Europe: 100 % uptime over 90 days"' in page
    assert "United States 99.91 % Europe 100 % 90 days: 99.91 % uptime over 90 days" in text
    assert "Days United States" in text
    assert "Days Europe 04 Feb" not in text
    assert "Days CPU allowance" not in text
    assert "Days Mail" in text


def test_one_bar_is_shown_if_the_regions_do_not_tell_the_whole() -> None:
    days = {("CPU allowance", ""): bad_days(3), ("CPU allowance", "us"): bad_days()}
    elsewhere = CheckCount({"component": "cpu"}, "down", 1, NOW)
    up = CheckCount({"component": "cpu", "region": "us"}, "up", 1, NOW)
    rows = health.rows(PAGE, (elsewhere, up), ())
    page = html.index(replace(a_snapshot(days=days), rows=rows)).decode()
    assert 'aria-label="99.91 % uptime over 90 days"' in page
    assert "United States:" not in page


def test_a_page_of_many_regions_is_light() -> None:
    components = tuple(Component(f"Service {number}", {"n": str(number)}) for number in range(10))
    columns = {f"r{number}": f"Region {number}" for number in range(4)}
    page = replace(PAGE, components=components, groups=(), regions=Regions("region", columns))
    bearings = [
        CheckCount({"n": str(number), "region": region}, "up", 1, NOW)
        for number in range(10)
        for region in columns
    ]
    days = {
        (component.name, region): bad_days(2, 20, 40, 41, 70)
        for component in components
        for region in ("", *columns)
    }
    rows = health.rows(page, bearings, ())
    page_edition = edition.render(replace(a_snapshot(page, days=days), rows=rows))
    loaded = len(page_edition.files["index.html"]) + sum(map(len, html.ASSETS.values()))
    assert loaded < LIGHT


def test_the_warning_is_hidden_until_the_page_is_stale() -> None:
    content = html.index(a_snapshot())
    turned = edition.stale("index.html", content)
    assert content.count(b"hidden>This page was last updated at") == 1
    assert b'id="stale">This page was last updated at' in turned
    assert edition.stale("status.css", content) == content


def test_hostile_text_is_inert() -> None:
    hostile = "<script>alert(1)</script>\u202e" + "x" * 300
    page = StatusPage("p", hostile, PAGE.components, PAGE.groups, description=hostile)
    rendered = html.index(a_snapshot(page)).decode()
    assert rendered.count("<script") == 1
    assert "\u202e" not in rendered


def test_the_assets_are_small_and_ours() -> None:
    script = html.ASSETS["status.js"].decode()
    assert len(script) < 2_000
    assert "http" not in script
    assert "url(" not in html.ASSETS["status.css"].decode()


@pytest.mark.parametrize("name", sorted(html.ASSETS))
def test_an_asset_changes_its_name_with_its_content(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = html.asset(name)
    monkeypatch.setitem(html.ASSETS, name, b"other")
    assert html.asset(name) != original


def test_four_and_more_columns_get_enough_room() -> None:
    columns = {"us": "United States", "eu": "Europe", "ap": "Asia Pacific", "sa": "South America"}
    few, many = (replace(PAGE, regions=Regions("region", dict(list(columns.items())[:n]))) for n in (3, 4))
    assert b'class="services regions"' in html.index(a_snapshot(few))
    assert b'class="services regions many"' in html.index(a_snapshot(many))
