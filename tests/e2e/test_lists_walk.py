"""Walks through long lists: rows that can be told apart on a phone, and pages that do not wear the service out."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from time import monotonic

from playwright.async_api import Browser, Route
from sqlalchemy import Connection, update

from alerting import desk
from heartbeat.checks.tables import checks
from tests.e2e import walk as walks
from tests.e2e.walk import MARKS, NARROW, Place, walking

pytestmark = MARKS
chromium, place = walks.chromium, walks.place

SEEN = """() => [...document.querySelectorAll(".checks tbody tr")].map((row) => [...row.querySelectorAll("th > *")]
    .filter((one) => one.checkVisibility()).map((one) => one.textContent).join(" "))"""
WIDTHS = """() => [...document.querySelectorAll(".search > :is(input, select, button):not([type=hidden])")]
    .map((one) => one.getBoundingClientRect().width)"""
NEWEST = """() => [...document.querySelectorAll(".checks .strip")]
    .filter((one) => {
        const strip = one.getBoundingClientRect(), cell = one.closest("td").getBoundingClientRect();
        return Math.round(strip.width) !== 179 || strip.right > cell.right + 0.5;
    }).map((one) => one.closest("tr").textContent)"""
SLOW = 0.5
"""Seconds that the service takes over a page."""


async def test_on_a_phone_two_checks_of_one_name_are_told_apart(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium, NARROW) as walk:
        await walk.sign_in()
        alike = update(checks).where(checks.c.slug.like("%daily-cpu-reset")).values(name="daily-cpu-reset")
        await place.system.context.database.write(lambda db: db.execute(alike).rowcount)
        await walk.to("/checks")
        rows = await walk.page.evaluate(SEEN)
        assert sum(row.startswith("daily-cpu-reset") for row in rows) == 2
        assert len(set(rows)) == len(rows)
        assert min(await walk.page.evaluate(WIDTHS)) > 60
        assert await walk.page.evaluate(NEWEST) == [], "of a strip that is cut, the newest runs remain"


async def test_a_page_that_takes_long_is_fetched_more_seldom(place: Place, chromium: Browser) -> None:
    async with walking(place, chromium) as walk:
        await walk.sign_in()
        await walk.to("/incidents")
        await walk.reads("live")
        at: list[float] = []

        async def slowly(route: Route) -> None:
            at.append(monotonic())
            await asyncio.sleep(SLOW)
            await route.continue_()

        await walk.page.route("**/incidents", slowly)
        number, began = place.words["open"], monotonic()
        while len(at) < 3 and monotonic() - began < 60:
            await place.system.context.database.write(partial(_note, number, f"looking {monotonic()}"))
            await asyncio.sleep(0.2)
        await walk.page.unroute_all(behavior="wait")
        assert len(at) == 3, "it is told of changes"
        assert at[2] - at[1] > 10 * SLOW


def _note(number: int, words: str, db: Connection) -> bool:
    return desk.note(db, number, "Ann", words, datetime.now(UTC))
