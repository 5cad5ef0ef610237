"""The operator's command: given the directory, never twice at once, bounded, and its failure told."""

import asyncio
import logging
from pathlib import Path

import psutil
import pytest

from heartbeat.status import hook
from heartbeat.status.hook import Hook


async def ended(one: Hook, results: list[str], count: int) -> None:
    """Until it has ended so many times."""
    async with asyncio.timeout(5):
        while len(results) < count:
            assert one.running is not None
            await asyncio.wait([one.running])


async def test_it_is_given_the_directory(tmp_path: Path) -> None:
    results: list[str] = []
    one = Hook('echo done > "$1/said"', tmp_path, results.append)
    one.pull()
    await ended(one, results, 1)
    assert (tmp_path / "said").read_text() == "done\n"
    assert results == ["done"]


async def test_what_changes_while_it_runs_makes_it_run_once_more(tmp_path: Path) -> None:
    results: list[str] = []
    one = Hook('echo x >> "$1/said"', tmp_path, results.append)
    one.pull()
    one.pull()
    await asyncio.sleep(0)  # now it has begun
    one.pull()
    one.pull()
    await ended(one, results, 2)
    assert (tmp_path / "said").read_text() == "x\nx\n"
    assert results == ["done", "done"]


async def test_a_failure_is_told_in_its_own_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    results: list[str] = []
    one = Hook("echo no route to web >&2; yes | head -c 200000 >&2; exit 7", tmp_path, results.append)
    with caplog.at_level(logging.WARNING):
        one.pull()
        await ended(one, results, 1)
    assert results == ["failed"]
    assert "ended with 7: no route to web" in caplog.text
    assert len(caplog.text) < 1_000


async def test_one_that_hangs_is_ended_with_all_that_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "BOUND", 0.2)
    results: list[str] = []
    one = Hook('sleep 600 & echo $! > "$1/child"; wait', tmp_path, results.append)
    one.pull()
    await ended(one, results, 1)
    assert results == ["slow"]
    child = int((tmp_path / "child").read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


async def test_without_a_command_nothing_runs(tmp_path: Path) -> None:
    one = Hook("", tmp_path, lambda _: pytest.fail("it ran"))
    one.pull()
    await one.rest()


async def test_at_a_stop_it_is_ended(tmp_path: Path) -> None:
    results: list[str] = []
    one = Hook("sleep 600", tmp_path, results.append)
    one.pull()
    await asyncio.sleep(0)
    await one.rest()
    assert results in ([], ["failed"])
