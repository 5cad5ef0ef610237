"""The five minutes of the README, walked as they are written, on a real terminal that shows what the README shows."""

import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import httpx
import pytest

from tests.e2e.patience import eventually
from tests.e2e.service import bare_environment, free_port
from tests.unit.documents.documentation import section

pytestmark = pytest.mark.e2e

TOUR = section("README.md", "## Five minutes")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TOUR, re.DOTALL | re.MULTILINE)
STARTED, ANSWER, PAGE, RECOVERED, USELESS = (text for language, text in BLOCKS if not language)
RULE, REPORTS, END, *_ = (text for language, text in BLOCKS if language == "sh")
SILENT_WITHIN, SETTLED_WITHIN, PUBLISHED_WITHIN = 150, 60, 90
"""Seconds that the README promises at most, and as many for a slow machine."""


class Terminal:
    """`heartbeat serve --sample` in an empty directory, on a terminal of its own."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.url = f"http://127.0.0.1:{free_port()}"
        self._main, terminal = pty.openpty()
        self._shown = bytearray()
        environment = bare_environment(HEARTBEAT_PORT=self.url.rpartition(":")[2])
        command = [sys.executable, "-m", "heartbeat", "serve", "--sample"]
        self._process = subprocess.Popen(
            command, cwd=home, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
        )
        os.close(terminal)
        Thread(target=self._read, daemon=True).start()

    def text(self) -> str:
        """The whole lines that it has shown so far."""
        lines = self._shown[: self._shown.rfind(b"\n") + 1]
        return lines.decode().replace("\r\n", "\n")

    def await_text(self, text: str, within: float) -> str:
        """Wait until it shows this, and return all that it shows."""
        eventually(lambda: text in self.text(), within=within, what=f"{text} in {self.text()}")
        return self.text()

    def await_notices(self, count: int, within: float) -> str:
        """Wait for so many notices, and return all that it shows."""
        eventually(lambda: self.text().count("╰─ ") == count, within=within, what=f"{count} notices")
        return self.text()

    def status_page(self) -> str:
        """The text of the status page."""
        answer = httpx.get(f"{self.url}/status", follow_redirects=True)
        return " ".join(re.sub(r"<[^>]+>", "", answer.text).split())

    def type(self, block: str, url: str) -> None:
        """Run the lines of a block in a second terminal, for this job instead of the one of the README."""
        lines = re.sub(r"^url=.*\n", "", block, flags=re.MULTILINE).replace("curl ", "curl -fsS ")
        lines = lines.replace(".venv/bin/heartbeat", f"{shlex.quote(sys.executable)} -m heartbeat")
        script = f"set -e\nurl={shlex.quote(url)}\n{lines}"
        subprocess.run(
            ["/bin/sh", "-c", script], cwd=self._home, env=bare_environment(), check=True, timeout=90
        )

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(20)
        print(self.text())

    def _read(self) -> None:
        try:
            while part := os.read(self._main, 65_536):
                self._shown += part
        except OSError:
            """The process has ended, and nobody has the other side of the terminal."""


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal that is closed in the end."""
    opened = Terminal(tmp_path)
    yield opened
    opened.close()


def test_the_five_minutes_of_the_readme_come_as_it_shows_them(terminal: Terminal) -> None:
    started = terminal.await_text("ping a check: ", 60)
    assert alike(started) == alike(STARTED)
    ping = shlex.split(found(r"ping a check: (curl .*)", started))
    assert run([*ping, "-d", "rows 18211"]) == ANSWER.strip()
    with httpx.Client(follow_redirects=True) as browser:
        password = {"password": "correct horse battery", "again": "correct horse battery"}
        welcome = browser.post(
            found(r"first user \(within 24 h\): (\S+)", started), data={"name": "me"} | password
        )
        assert "Example job" in welcome.text
    assert "Example service" in httpx.get(f"{terminal.url}/status", follow_redirects=True).text

    paged = terminal.await_text("╰─ page to terminal\n", SILENT_WITHIN)
    assert alike(paged) == alike(STARTED + PAGE)
    link = found(r"Acknowledge +(\S+)", paged)
    with httpx.Client(headers={"Accept": "text/html"}, follow_redirects=True) as browser:
        assert "Acknowledge</button>" in browser.get(link).text
        answered = re.sub(r"<[^>]+>", "", browser.post(link).text)
    assert alike(found(r"\*(You have it until.*?)\*", TOUR)) in alike(answered)

    assert run(ping) == ANSWER.strip()
    over = terminal.await_text("╰─ recovered to terminal\n", SETTLED_WITHIN)
    assert alike(over) == alike(STARTED + PAGE + RECOVERED)

    terminal.type(RULE, ping[-1])
    useless = terminal.await_notices(3, SETTLED_WITHIN)
    assert alike(useless) == alike(STARTED + PAGE + RECOVERED + USELESS)
    terminal.type(REPORTS, ping[-1])
    promised = alike(found(r"\*(The import is under way.*?)\*", " ".join(TOUR.split())))
    eventually(lambda: promised in alike(terminal.status_page()), within=PUBLISHED_WITHIN, what=promised)
    terminal.type(END, ping[-1])
    terminal.await_notices(4, SETTLED_WITHIN)


def alike(shown: str) -> str:
    """Return a text without what differs from one walk to another: addresses, times and lengths of time."""
    shown = re.sub(r"http://127\.0\.0\.1:\d+", "ADDRESS", shown)
    shown = re.sub(r"/(join|ping|answer)/[\w.…-]+", r"/\1/TOKEN", shown)
    # Late in the day, four hours later is tomorrow.
    shown = re.sub(r"(?:\b\d\d [A-Z][a-z][a-z] )?\d\d:\d\d UTC", "AT", shown)
    return re.sub(r"\b\d+ (?:s|min)\b(?: \d+ s\b)?", "A WHILE", shown)


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, f"{pattern} is not in:\n{text}"
    return match[1]


def run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
