"""Hostile text is inert on every screen, and static files are cached by their content."""

import re
from dataclasses import replace

import httpx

from heartbeat.app import System
from heartbeat.checks import store as check_store
from heartbeat.http.pages import render, run_strip
from tests.unit.conftest import a_check
from tests.unit.http.conftest import (
    SetClock,
    incident_of,
    make_check,
    ping,
    read_check,
    visitor,
)
from tests.unit.http.console.conftest import see

HOSTILE = "<script>alert(1)</script>\u202egnp.exe \x07\x1b[31m" + "Donaudampfschiff" * 40


async def test_hostile_names_labels_and_bodies_are_inert(
    system: System, browser: httpx.AsyncClient, clock: SetClock
) -> None:
    labels = {"host": HOSTILE, "note": "<img src=x onerror=alert(1)>"}
    hostile = replace(a_check(description=HOSTILE, labels=labels), name=HOSTILE)
    await system.context.database.write(lambda db: check_store.insert(db, [hostile]))
    job = await read_check(system)
    await ping(system, job, "/fail", f"</pre></bdi>{HOSTILE}".encode()[:999])
    number = await incident_of(system, job)
    for path in ("/", "/checks", "/checks/job", "/checks/job/pause", "/incidents", f"/incidents/{number}"):
        screen = await see(browser, path)
        assert screen.tags.count("script") == (3 if path == "/" else 2), "ours"
        assert "img" not in screen.tags
        assert "<script>alert(1)</script>" in screen.words
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", screen.html)


async def test_hostile_headers_of_a_ping_are_inert(system: System, browser: httpx.AsyncClient) -> None:
    job = await make_check(system)
    async with visitor(system, **{"user-agent": "<script>alert(1)</script>"}) as pinger:
        await pinger.get(f"/ping/{job.uuid}")
    assert (await see(browser, "/checks/job")).tags.count("script") == 2, "ours"


def test_harmless_text_stays_as_it_is() -> None:
    plain = "naïve עברית \u200f 日本語\ttab\nline 🎉"
    assert render.harmless(plain) == plain
    assert render.harmless("a\x00b\u202ec\ud800d\r") == "a\ufffdb\ufffdc\ufffdd\ufffd"


async def test_static_files_are_cached_by_version(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get(render.static_url("style.css"))
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert (await stranger.get("/static/style.css?v=old")).headers["cache-control"] == "no-cache"
    assert (await stranger.get("/static/mark.svg")).headers["content-type"] == "image/svg+xml"
    for name in ("nope.css", "..%2fpage.py", "__init__.py"):
        assert (await stranger.get(f"/static/{name}")).status_code == 404


def test_the_strip_has_as_many_cells_as_the_heading_says() -> None:
    assert f"Last {run_strip.RUNS} runs" in (render.HERE / "templates" / "parts.html").read_text()
