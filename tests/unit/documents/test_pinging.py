"""docs/pinging.md says what the receiver of pings and the schedules do."""

import inspect
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerting import times
from heartbeat.checks import definition, headway, life, progress, replay, schedule
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import State
from heartbeat.http.pings import dialect, healthchecks, receiver
from heartbeat.pings import lanes
from heartbeat.pings import store as pings
from tests.unit.documents.documentation import (
    DEFAULT,
    ROOT,
    read,
    row_of,
    section,
)


def test_the_ping_protocol_is_documented() -> None:
    page = read("docs/pinging.md")
    source = inspect.getsource(healthchecks)
    for answer in re.findall(r'BadPing\((\d+), b"([^"]+)"\)', source):
        assert f"{answer[0]} `{answer[1]}`" in page
    for ending in ("", "/start", "/fail", "/log", "/progress?done=300&total=900", "/{0-255}"):
        assert f"`/ping/{{uuid}}{ending}`" in page
    assert "200 `OK`" in page
    assert "201 `Created`" in page
    assert f"`Retry-After` ({dialect.RETRY_AFTER.decode()} seconds)" in page
    assert f"{DEFAULT.ping_body_limit:,} bytes" in page
    assert f"within {receiver.BODY_BOUND:g} s" in page
    assert f"the last {pings.KEEP} pings" in page
    assert f"At most {life.MAX_OPEN_RUNS} runs" in page
    assert timedelta(days=1) == lanes.NEW_PERIOD
    assert "expected once a day with a grace of 1 hour" in page
    assert timedelta(hours=1) == lanes.NEW_GRACE


def test_pings_that_come_later_are_documented_as_they_are() -> None:
    page = " ".join(section("docs/pinging.md", "### Pings that come later").split())
    assert (
        f"at most {replay.AROUND.seconds} seconds before or after it, until {replay.LATEST.days} days" in page
    )
    assert f"within {replay.AROUND.seconds} seconds of the arrival" in page
    assert f"within {replay.SAME.seconds} seconds (half a period" in page


def test_the_script_keeps_a_ping_until_it_is_stored(tmp_path: Path) -> None:
    later = (ROOT / "docs/pinging.md").read_text().split("### Pings that come later")[1]
    script = later.split("```sh\n")[1].split("```")[0]
    kept, asked, answer = tmp_path / "kept", tmp_path / "asked", tmp_path / "answer"
    curl = tmp_path / "curl"
    curl.write_text(f'#!/bin/sh\nfor url; do :; done\necho "$url" >>{asked}\nexit $(cat {answer})\n')
    curl.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PING_KEY": "key", "PING_KEPT": str(kept)}

    def run(status: int, *ping: str) -> list[str]:
        asked.write_text("")
        answer.write_text(str(status))
        subprocess.run(["/bin/sh", "-c", script, "heartbeat-ping", *ping], env=environment, check=False)
        return asked.read_text().splitlines()

    (first,) = run(7, "nightly-backup/0")
    assert re.fullmatch(r"https://heartbeat.example.com/ping/key/nightly-backup/0\?at=\d{10}", first)
    assert run(7, "report/1") == [first], "nobody answers: the others wait"
    answered = run(22)
    assert (len(answered), answered[0]) == (2, first), "one that is refused holds up no other"
    assert run(0) == answered
    assert run(0) == []
    assert list(kept.iterdir()) == []


def test_early_pings_are_documented_as_they_are() -> None:
    page = read("docs/pinging.md")
    early = schedule.EARLINESS.seconds
    assert f"at most {early} seconds before that slot, and at most a tenth of the shorter" in page
    assert f"at most {early} seconds, and at most a tenth" in read(
        "docs/decisions/0010-dates-and-daylight-saving.md"
    )
    slot = datetime(2026, 11, 23, 3, tzinfo=UTC)
    daily, minutely = schedule.parse(cron="0 3 * * *"), schedule.parse(cron="* * * * *")
    pair = schedule.parse(cron="0,1 3 * * *")
    table = section("docs/pinging.md", "### Early pings")
    assert row_of(table, "daily at 03:00").endswith(f"{_earliest(daily, slot):%H:%M:%S}")
    for first, timetable in (("each minute", minutely), ("03:00 and 03:01 each day", pair)):
        assert f"{(slot - _earliest(timetable, slot)).seconds} seconds before" in row_of(table, first)


def _earliest(timetable: schedule.Schedule, slot: datetime) -> datetime:
    """Return the first second at which a ping counts for a slot."""
    heard = slot - timedelta(seconds=59)
    while schedule.due_after(timetable, heard) == slot:
        heard += timedelta(seconds=1)
    return heard


@pytest.mark.parametrize("state", list(State))
def test_every_state_is_documented(state: State) -> None:
    assert row_of(section("docs/pinging.md", "## States"), state.value)


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_is_documented(cause: Cause) -> None:
    assert row_of(section("docs/pinging.md", "## States"), cause.words.word)


def test_progress_is_documented_as_it_is() -> None:
    page = section("docs/pinging.md", "### Progress")
    assert f"The run keeps {progress.MOST_POINTS} of them" in page
    assert f"more than {progress.REACH} times as far ahead" in page
    assert f"Within {progress.LATE.seconds} s, it counts as overtaken" in page
    assert timedelta(minutes=1) == headway.OVERTAKEN
    assert (progress.FEWEST_POINTS, progress.LEARNT_TIMES) == (3, 4)
    assert "There is none before the third report" in page
    assert "four times the longest time between two moves" in page
    assert f"at least {times.duration(progress.LEARNT_AT_LEAST).replace('min', 'minutes')}" in page
    assert timedelta(hours=1) == progress.LEARNT_AT_FIRST
    assert f"the limit is {times.duration(definition.UNTIL_DONE_LIMIT)}" in page
