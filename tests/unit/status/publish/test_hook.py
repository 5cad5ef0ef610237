"""The operator's command: its directory, one run at a time, its bound, and the log of its failure."""

import asyncio
import logging
from pathlib import Path

import psutil
import pytest

from heartbeat.status.publish import hook
from heartbeat.status.publish.hook import Hook


async def ended(status_hook: Hook, results: list[str], count: int) -> None:
    """Until it has ended so many times."""
    async with asyncio.timeout(5):
        while len(results) < count:
            assert status_hook.running is not None
            await asyncio.wait([status_hook.running])


def running(child: int) -> bool:
    """False too for a zombie: an orphan that is ended stays one until it is reaped."""
    try:
        return psutil.Process(child).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_the_hook_gets_the_directory(tmp_path: Path) -> None:
    results: list[str] = []
    status_hook = Hook('echo done > "$1/said"', tmp_path, results.append)
    status_hook.pull()
    await ended(status_hook, results, 1)
    assert (tmp_path / "said").read_text() == "done\n"
    assert results == ["done"]


async def test_a_change_during_a_run_causes_one_more_run(tmp_path: Path) -> None:
    results: list[str] = []
    status_hook = Hook('echo x >> "$1/said"', tmp_path, results.append)
    status_hook.pull()
    status_hook.pull()
    await asyncio.sleep(0)  # now it has begun
    status_hook.pull()
    status_hook.pull()
    await ended(status_hook, results, 2)
    assert (tmp_path / "said").read_text() == "x\nx\n"
    assert results == ["done", "done"]


async def test_a_failure_is_logged_with_the_commands_error_output(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    results: list[str] = []
    status_hook = Hook("echo no route to web >&2; yes | head -c 200000 >&2; exit 7", tmp_path, results.append)
    with caplog.at_level(logging.WARNING):
        status_hook.pull()
        await ended(status_hook, results, 1)
    assert results == ["failed"]
    assert "ended with 7: no route to web" in caplog.text
    assert len(caplog.text) < 1_000


async def test_a_hanging_hook_is_ended_with_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "BOUND", 0.2)
    results: list[str] = []
    status_hook = Hook('sleep 600 & echo $! > "$1/child"; wait', tmp_path, results.append)
    status_hook.pull()
    await ended(status_hook, results, 1)
    assert results == ["slow"]
    child = int((tmp_path / "child").read_text())
    async with asyncio.timeout(5):
        while running(child):  # noqa: ASYNC110  # nothing tells of the end of an orphan, a moment after the signal
            await asyncio.sleep(0)


async def test_without_a_command_nothing_runs(tmp_path: Path) -> None:
    status_hook = Hook("", tmp_path, lambda _: pytest.fail("it ran"))
    status_hook.pull()
    await status_hook.rest()


async def test_a_stop_ends_the_hook(tmp_path: Path) -> None:
    results: list[str] = []
    status_hook = Hook("sleep 600", tmp_path, results.append)
    status_hook.pull()
    await asyncio.sleep(0)
    await status_hook.rest()
    assert results in ([], ["failed"])


async def test_it_gets_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEARTBEAT_SECRET_KEY", "SLACK", "AWS_SECRET_ACCESS_KEY", "STATUS_HOOK_TOKEN", "LC_ALL"):
        monkeypatch.setenv(name, "C")
    status_hook = Hook('env > "$1/environment"', tmp_path, lambda _: None)
    status_hook.pull()
    assert status_hook.running is not None
    await status_hook.running
    names = {line.partition("=")[0] for line in (tmp_path / "environment").read_text().splitlines()}
    assert {"PATH", "STATUS_HOOK_TOKEN", "LC_ALL"} <= names
    assert names.isdisjoint({"HEARTBEAT_SECRET_KEY", "SLACK", "AWS_SECRET_ACCESS_KEY"})
