"""The replay of a night, as a new user runs it: what it shows is checked fact by fact."""

import re
import time
from collections.abc import Sequence
from html import unescape
from pathlib import Path

import pytest

from tests import demo_picture
from tests.demo_picture import Frame
from tests.e2e.service import bare_environment, run

pytestmark = pytest.mark.e2e

SECONDS = 10
US, INVOICES = "us-housekeeping", "invoices"


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the demonstration prints."""
    home = tmp_path_factory.mktemp("demo")
    began = time.monotonic()
    shown = run("demo", "--seconds", str(SECONDS), home=home, environment=bare_environment())
    took = time.monotonic() - began
    assert (shown.returncode, shown.stderr) == (0, "")
    assert SECONDS * 0.5 <= took <= SECONDS * 4
    assert list(home.iterdir()) == [], "a demonstration leaves nothing behind"
    return shown.stdout


@pytest.fixture
def frames(replay: str) -> list[Frame]:
    """The frames of phones and of the status page, in order."""
    return demo_picture.frames(replay)


def between(frames: Sequence[Frame], begins: str, ends: str, about: str = "") -> list[Frame]:
    """The frames of phones from one time of the night to another, about one incident or about both."""
    return [
        frame
        for frame in frames
        if (at := re.search(r"03 May (\d\d:\d\d) UTC", frame.heading)) is not None
        and begins <= at[1] < ends
        and about in " ".join(frame.lines)
    ]


def is_page(frame: Frame) -> bool:
    return "[ Acknowledge ]   [ Open ]" in frame.lines


def test_a_failure_and_a_silence_page_as_two_incidents(frames: list[Frame]) -> None:
    (failed,) = between(frames, "03:00", "03:10")
    assert failed.heading == "Anna, 03 May 03:05 UTC"
    assert failed.lines[0].startswith(f"ERROR {INVOICES} failed")
    silent, *again = between(frames, "03:15", "03:16")
    assert silent.heading == "Anna, 03 May 03:15 UTC"
    assert silent.lines[0] == "CRITICAL us-housekeeping: 4 of 11 jobs silent"
    assert {frame.heading.partition(",")[0] for frame in again} == {"Anna", "Ben"}
    assert all(frame.lines[0] == failed.lines[0] for frame in again)
    assert all(is_page(frame) for frame in (failed, silent, *again))


def test_after_the_acknowledgement_nobody_is_paged(frames: list[Frame]) -> None:
    acknowledged = between(frames, "03:31", "03:32")
    for frame, name in zip(
        sorted(acknowledged, key=lambda frame: frame.lines[0]), (INVOICES, US), strict=True
    ):
        assert frame.heading == "Anna, 03 May 03:31 UTC", "Ben knows what he did himself"
        assert frame.lines[0].startswith(name)
        assert "acknowledged by Ben" in frame.lines[0]
    assert not any(is_page(frame) for frame in between(frames, "03:31", "05:00"))


def test_a_failed_job_that_falls_silent_is_told_once_in_its_incident(
    replay: str, frames: list[Frame]
) -> None:
    (told,) = between(frames, "03:37", "04:04")
    assert "silent" in told.lines[0]
    assert INVOICES in told.lines[0]
    assert "CLOSED" not in replay


def test_jobs_that_join_are_told_once(frames: list[Frame]) -> None:
    (told,) = between(frames, "04:04", "04:35")
    assert told.lines[0].startswith(f"+2 on {US} (6 of 11")


def test_a_reboot_is_told_once(frames: list[Frame]) -> None:
    (told,) = between(frames, "04:35", "05:00", US)
    assert told.lines[0].startswith(f"OK {US}: all 11 jobs fine since")
    (recovered,) = between(frames, "04:38", "05:00", f"OK {INVOICES}")
    assert recovered.lines[0].startswith("OK ")
    said = " ".join(recovered.lines)
    assert "It was down for 1 h 33 min." in said, "it failed, and was silent only in the end"
    assert "silent for" not in said


def test_the_status_page_has_two_unrelated_incidents(frames: list[Frame]) -> None:
    (page,) = [frame for frame in frames if frame.heading.startswith("https://")]
    text = " ".join(page.lines)
    assert text.startswith("CPU allowance is delayed in the United States. Invoices are delayed.")
    assert "Investigating: Since 03:15 UTC, CPU allowance is delayed in the United States." in text
    assert "Investigating: Since 03:05 UTC, Invoices are delayed." in text
    assert "Not related to: Invoices are delayed" in text
    assert "Not related to: CPU allowance is delayed in the United States" in text


def test_the_summary_compares_the_night_with_the_original(replay: str) -> None:
    *_, heading, detected, acknowledged, resolved = replay.splitlines()
    assert heading.split() == ["with", "heartbeat", "without"]
    assert re.fullmatch(r"time to detect +15 min +24 h", detected)
    assert re.fullmatch(r"time to acknowledge +31 min +24 h", acknowledged)
    assert re.fullmatch(r"time to resolve +1 h 3[5-9] min +2 days", resolved)


def test_the_picture_shows_what_the_demonstration_prints(replay: str) -> None:
    """`make picture` draws it again."""
    drawn = Path(demo_picture.PICTURE).read_text(encoding="utf-8")
    texts = [unescape(text) for text in re.findall(r"<text(?! class=\"[ch]\")[^>]*>([^<]*)</text>", drawn)]
    assert len(texts) > 20
    bold = " ".join(unescape(text) for text in re.findall(r'<text class="t[^>]*>([^<]*)</text>', drawn))
    assert bold.endswith("CPU allowance is delayed in the United States. Invoices are delayed.")
    printed = {line.strip(" │╭╮─") for line in replay.splitlines()}
    assert [text for text in texts if text not in printed] == []
