"""The replay of the incident, as a new user runs it."""

import time
from pathlib import Path

import pytest

from tests.e2e.service import bare_environment, run

pytestmark = pytest.mark.e2e

SECONDS = 10


def test_the_demonstration_tells_its_story_in_about_the_asked_time(tmp_path: Path) -> None:
    began = time.monotonic()
    shown = run("demo", "--seconds", str(SECONDS), home=tmp_path, environment=bare_environment())
    took = time.monotonic() - began

    assert (shown.returncode, shown.stderr) == (0, "")
    assert SECONDS * 0.5 <= took <= SECONDS * 4
    assert "4 of 11 jobs silent" in shown.stdout
    assert "OK us-housekeeping: all 11 jobs fine since" in shown.stdout
    *_, heading, detected, acknowledged, resolved = shown.stdout.splitlines()
    assert heading.split() == ["with", "heartbeat", "without"]
    for line, what, without in (
        (detected, "time to detect ", "24 h"),
        (acknowledged, "time to acknowledge ", "24 h"),
        (resolved, "time to resolve ", "2 days"),
    ):
        assert line.startswith(what)
        assert line.endswith(without)
        assert "never" not in line
    assert list(tmp_path.iterdir()) == [], "a demonstration leaves nothing behind"
