"""What every page must be, however it is looked at: in light and dark, wide and on a phone, on paper. And photographs.

A page is loaded once and then looked at in each way, so that what a form has answered can be looked at as well.
"""

from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page

from tests.e2e.visitor import PHOTOGRAPHED, SHOTS
from tests.e2e.walk import NARROW, OVERFLOW, WIDE, Walk

LIGHT = 100_000
"""Bytes that a page may weigh on the line, with all its assets."""
TALLEST = 8_000
"""Pixels of a photograph: what a page has below is like what stands above."""
PAPER = (718, 1046)
"""A4 between margins of a centimetre, in CSS pixels."""
EVERY_RULE: dict[str, Any] = {"resultTypes": ["violations"]}
OF_COLOURS: dict[str, Any] = EVERY_RULE | {"runOnly": ["color-contrast"]}
"""The rules of axe. In the dark and on paper nothing but the colours is other than in the light."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

_AXE = """async (options) => (await axe.run(options)).violations.flatMap((one) =>
    one.nodes.map((node) => [one.id, node.html.slice(0, 120), node.failureSummary.split("\\n").slice(1).join(" ")]))"""
_OPEN = """(which) => [...document.querySelectorAll("details")].forEach((one, at) => {
    one.dataset.was ??= one.open;
    one.open = which === "all" || (which === "first" && at === 0) || (which === "back" && one.dataset.was === "true");
})"""
_OF_PAPER = """() => {
    const seen = [...document.querySelectorAll("button, .button, nav, input, select, textarea, form:not(.many)")];
    const shown = seen.filter((one) => one.getClientRects().length > 0 && one.checkVisibility());
    return [shown.map((one) => one.outerHTML.slice(0, 80)), getComputedStyle(document.body).backgroundColor];
}"""


async def faults_of(walk: Walk, name: str) -> list[str]:
    """Everything that is wrong with the page as it stands, in each way that it can be looked at. It is photographed."""
    page, found, size_before = walk.page, [], walk.page.viewport_size
    assert size_before is not None
    for what in ("h1", "main", "head title"):
        count = await page.locator(what).count()
        found += [f"it has {count} {what}"] if count != 1 else []
    weight = await walk.weight()
    found += [f"it weighs {weight} bytes"] if weight >= LIGHT else []
    await walk.let_run(True)
    await page.evaluate(AXE_SCRIPT)
    for size in (WIDE, NARROW):
        await page.set_viewport_size({"width": size[0], "height": size[1]})
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme, media="screen")
            where = f"{scheme}-{size[0]}"
            rules = EVERY_RULE if scheme == "light" else OF_COLOURS
            found += [
                f"{where}: {one}" for one in await _on_screen(page, rules, SHOTS / f"{name}-{where}.png")
            ]
    found += [f"print: {one}" for one in await _on_paper(page, SHOTS / f"{name}-print.png")]
    await page.set_viewport_size(size_before)
    await walk.let_run(walk.script)
    return found


async def _on_screen(page: Page, rules: dict[str, Any], shot: Path) -> list[str]:
    found = await _too_wide(page, "as it is loaded")
    await page.evaluate(_OPEN, "all")
    found += await _too_wide(page, "with everything open")
    found += await _axe(page, rules)
    await page.evaluate(_OPEN, "first")
    await _photograph(page, shot)
    await page.evaluate(_OPEN, "back")
    return found


async def _on_paper(page: Page, shot: Path) -> list[str]:
    """Whoever prints reads by dark colours, too: paper is white."""
    await page.set_viewport_size({"width": PAPER[0], "height": PAPER[1]})
    await page.emulate_media(color_scheme="dark", media="print")
    found = await _too_wide(page, "on paper")
    shown, ground = await page.evaluate(_OF_PAPER)
    found += [f"it shows what nobody can press: {one}" for one in shown]
    found += [f"its ground is {ground}"] if ground != "rgb(255, 255, 255)" else []
    found += await _axe(page, OF_COLOURS)
    await _photograph(page, shot)
    await page.emulate_media(color_scheme="light", media="screen")
    return found


async def _photograph(page: Page, shot: Path) -> None:
    if not PHOTOGRAPHED:
        return
    seen, height = page.viewport_size, await page.evaluate("document.documentElement.scrollHeight")
    assert seen is not None
    if height > TALLEST:
        await page.set_viewport_size({"width": seen["width"], "height": TALLEST})
    await page.screenshot(path=shot, full_page=height <= TALLEST)
    await page.set_viewport_size(seen)


async def _too_wide(page: Page, when: str) -> list[str]:
    overflow = await page.evaluate(OVERFLOW)
    return [f"it is {overflow} px wider than the window {when}"] if overflow > 0 else []


async def _axe(page: Page, options: dict[str, Any]) -> list[str]:
    return [f"axe finds {': '.join(one)}" for one in await page.evaluate(_AXE, options)]
