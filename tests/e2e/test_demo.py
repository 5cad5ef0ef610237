"""The replay of a day, as a new user runs it: what it shows is checked fact by fact."""

import re
from collections.abc import Sequence
from html import unescape
from pathlib import Path

import pytest

from tests import demo_picture
from tests.demo_picture import Frame
from tests.e2e.service import bare_environment, run
from tests.unit.documents.documentation import ROOT, blocks

pytestmark = pytest.mark.e2e

US, RESET, EDGE = "us-housekeeping", "daily-cpu-reset", "Edge probe"
COLUMNS = 80
PATIENCE = 240.0
"""Seconds for a day of work: this is no benchmark, and other tests run beside it."""


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the demonstration prints."""
    home = tmp_path_factory.mktemp("demo")
    shown = run("demo", "--seconds", "1", home=home, environment=bare_environment(), within=PATIENCE)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert list(home.iterdir()) == [], "a demonstration leaves nothing behind"
    return shown.stdout


@pytest.fixture
def frames(replay: str) -> list[Frame]:
    """The frames of phones and of the status page, in order."""
    return demo_picture.frames(replay)


def between(frames: Sequence[Frame], begins: str, ends: str) -> list[Frame]:
    """The frames of phones from one time of the story to another: "03 May 03:15"."""
    return [
        frame
        for frame in frames
        if (at := re.search(r"(0\d May \d\d:\d\d) UTC", frame.heading)) is not None and begins <= at[1] < ends
    ]


def told(frame: Frame) -> str:
    """The text of a frame on one line."""
    return " ".join(frame.lines)


def is_page(frame: Frame) -> bool:
    return "[ Acknowledge ]   [ Open ]" in frame.lines


def test_it_fits_into_a_terminal(replay: str) -> None:
    assert max(len(line) for line in replay.splitlines()) <= COLUMNS


def test_a_silence_of_some_jobs_pages_once_and_climbs_until_somebody_acknowledges(
    frames: list[Frame],
) -> None:
    first, second, acknowledged = between(frames, "03 May 03:00", "03 May 04:30")
    assert [frame.heading for frame in (first, second)] == [
        "Anna, 03 May 03:15 UTC",
        "Ben, 03 May 03:25 UTC",
    ]
    for page in (first, second):
        assert page.lines[0] == f"CRITICAL {US}: 4 of 11 jobs silent"
        assert "7 fine since 03:01 UTC" in told(page)
        assert "eu-housekeeping: 11 of 11 fine." in told(page)
        assert is_page(page)
    assert "2nd page, unanswered for 10 min" in told(second)
    assert acknowledged.heading == "Anna, 03 May 03:31 UTC", "Ben knows what he did himself"
    assert acknowledged.lines[0].startswith(f"{US}: acknowledged by Ben")
    assert not is_page(acknowledged)


def test_the_page_in_the_readme_is_the_first_one(frames: list[Frame]) -> None:
    sample = next(text for text in blocks(ROOT / "README.md", "") if text.startswith("CRITICAL"))
    first, *_ = between(frames, "03 May 03:00", "03 May 04:30")
    assert " ".join(told(first).split()) == " ".join(sample.split())


def test_a_reboot_is_told_once_with_the_jobs_that_are_back(frames: list[Frame]) -> None:
    (over,) = between(frames, "03 May 04:30", "03 May 05:00")
    assert over.heading.startswith("Anna and Ben, ")
    assert over.lines[0] == f"OK {US}: all 11 jobs fine since 04:35 UTC"
    assert "Fine again: daily-cpu-reset, log-rotation, quota-report and stale-session-sweep." in told(over)


def test_a_run_that_changes_nothing_pages_with_its_rule_and_its_last_values(frames: list[Frame]) -> None:
    (page,) = between(frames, "03 May 05:00", "03 May 17:00")
    assert page.heading == "Anna, 03 May 06:00 UTC"
    assert page.lines[0].startswith(f"CRITICAL {RESET} ")
    assert "remaining must fall over 3 runs, went from 18,211 to 18,230" in told(page)
    assert "Rule: remaining falls over 3 runs for 2 runs." in told(page)
    assert "Last remaining: 18,211, 18,218, 18,230 (rising)." in told(page)
    assert is_page(page)


def test_good_pings_are_stored_during_a_flood(replay: str) -> None:
    assert "it refuses 2,000 bad pings, and stores the 20 good ones" in " ".join(replay.split())


def test_the_status_page_shows_the_progress_and_keeps_two_incidents_apart(frames: list[Frame]) -> None:
    (page,) = [frame for frame in frames if frame.heading.startswith("https://")]
    text = told(page)
    assert text.startswith("CPU allowance is delayed in the United States. Websites are delayed.")
    assert "Resets are catching up: 41 % done, expected by 04 May 02:00 UTC (measured at 17:45 UTC)" in text
    assert "Investigating: Since 06:00 UTC, CPU allowance is delayed in the United States." in text
    assert "Investigating: Since 17:10 UTC, Websites are delayed." in text
    assert "Not related to: Websites are delayed" in text
    assert "Not related to: CPU allowance is delayed in the United States" in text


def test_a_failed_job_that_falls_silent_is_told_once_in_its_incident(frames: list[Frame]) -> None:
    failed, silent, over = between(frames, "03 May 17:00", "03 May 23:00")
    assert failed.lines[0].startswith(f"CRITICAL {EDGE} failed")
    assert is_page(failed)
    assert silent.lines[0].startswith(EDGE)
    assert "silent" in silent.lines[0]
    assert not is_page(silent)
    assert over.lines[0].startswith(f"OK {EDGE}")


def test_a_time_without_sight_pages_for_the_dead_job_alone_and_is_told_once(
    replay: str, frames: list[Frame]
) -> None:
    blind, dead, back = between(frames, "04 May 00:00", "04 May 02:00")
    assert blind.lines[0] == "heartbeat could not hear pings for 15 min"
    assert "From 01:03 UTC to 01:18 UTC" in told(blind)
    assert "11 checks were due then and not heard, so nobody was paged then." in told(blind)
    assert not is_page(blind)
    assert "11 checks are unknown" in " ".join(replay.split())
    assert dead.heading == "Anna, 04 May 01:50 UTC"
    assert dead.lines[0] == "CRITICAL mail-queue is silent in eu, fine in us"
    assert is_page(dead)
    assert back.lines[0].startswith("OK mail-queue")


def test_the_end_has_a_post_mortem_and_compares_the_day_with_the_original(
    replay: str, frames: list[Frame]
) -> None:
    (over,) = between(frames, "04 May 02:00", "04 May 03:00")
    assert over.lines[0] == f"OK {RESET} ({US}): fine since 02:00 UTC"
    for line in (
        f"# {RESET} ({US}): post-mortem (draft)",
        "- Detected at once.",
        "- Acknowledged after 3 min.",
        "- Resolved after 19 h 59 min.",
        "- 03 May 06:04 UTC acknowledged by Anna",
    ):
        assert f"\n   {line}\n" in replay
    *_, heading, detected, acknowledged, resolved = replay.splitlines()
    assert heading.split() == ["with", "heartbeat", "without"]
    assert re.fullmatch(r"time to detect +15 min +24 h", detected)
    assert re.fullmatch(r"time to acknowledge +31 min +24 h", acknowledged)
    assert re.fullmatch(r"time to resolve +23 h +47 h", resolved)


def test_the_picture_shows_what_the_demonstration_prints(replay: str) -> None:
    """`make picture` draws it again."""
    drawn = Path(demo_picture.PICTURE).read_text(encoding="utf-8")
    texts = [unescape(text) for text in re.findall(r"<text(?! class=\"[ch]\")[^>]*>([^<]*)</text>", drawn)]
    assert len(texts) > 20
    printed = {line.strip(" │╭╮─") for line in replay.splitlines()}
    assert [text for text in texts if text not in printed] == []
