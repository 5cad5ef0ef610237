"""A real `python -m heartbeat serve` in a process of its own: started, waited for, killed, stopped."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import randrange
from typing import Any, Self

import httpx

from tests.e2e.patience import eventually

START_BOUND = 60.0
STOP_BOUND = 30.0
ADMIN_KEY = "an-admin-key-for-the-tests"
PING_KEY = "a-ping-key-for-the-tests"
SECRET_KEY = "a-secret-key-for-the-tests-of-32-characters"


def free_port() -> int:
    """A port of the loopback that nobody listens on.

    It lies below the ports that the system gives to clients: a client that calls a stopped service could
    otherwise be given the very port that it calls, and would then talk to itself.
    """
    while True:
        port = randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def bare_environment(**more: str) -> dict[str, str]:
    """The environment of this process with none of its settings of heartbeat, and these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTBEAT_")}
    return kept | more


def run(
    *arguments: str, home: Path, environment: Mapping[str, str], within: float = START_BOUND
) -> "subprocess.CompletedProcess[str]":
    """One command of heartbeat, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "heartbeat", *arguments],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )


class Service:
    """One installation in a directory of its own, on a port that stays the same when it is started again."""

    def __init__(
        self,
        home: Path,
        *arguments: str,
        environment: Mapping[str, str],
        command: Sequence[str | Path] = (sys.executable, "-m", "heartbeat"),
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.port = int(environment.get("HEARTBEAT_PORT") or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {**environment, "HEARTBEAT_PORT": str(self.port)}
        self.admin_key = environment.get("HEARTBEAT_ADMIN_KEY", "")
        self._command = [*command, "serve", *arguments]
        self._log = home / "serve.log"
        # No connection is kept: each request meets the service as it is then.
        self._http = httpx.Client(
            timeout=10, limits=httpx.Limits(max_keepalive_connections=0), trust_env=False
        )
        self._process: subprocess.Popen[bytes] | None = None

    def under(self, *command: str) -> Self:
        """Run it by this command from now on."""
        self._command = [*command, *self._command]
        return self

    def start(self) -> Self:
        """Begin, and wait until it says that it is ready."""
        self.begin()
        return self.await_ready()

    def await_ready(self, within: float = START_BOUND) -> Self:
        """Wait until it says that it is ready."""
        eventually(self._ready, within=within, what=f"{self.url} to be ready")
        return self

    def begin(self) -> None:
        """Begin, and do not wait."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.home,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The process as it was last begun."""
        assert self._process is not None, "the service was never begun"
        return self._process

    def output(self) -> str:
        """Everything that it has said so far, in all its lives."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def sigkill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait(STOP_BOUND)

    def sigterm(self) -> float:
        """Ask it to stop; the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_BOUND)
        return time.monotonic() - began

    def exit_status(self) -> int:
        """The status with which it ends by itself."""
        return self.process.wait(START_BOUND)

    def end(self) -> None:
        """Make sure that nothing of it is left."""
        self._http.close()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self.sigkill()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request with the admin key, on a connection of its own."""
        headers = {"Authorization": f"Bearer {self.admin_key}"} if self.admin_key else {}
        return self._http.request(method, f"{self.url}{path}", headers=headers, **more)

    def get(self, path: str) -> Any:
        """What the API answers there, which must be success."""
        answer = self.ask("GET", path)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def uuids(self) -> dict[str, str]:
        """The uuids of all checks, by slug."""
        found: dict[str, str] = {}
        after = ""
        while after is not None:
            page = self.get(f"/v1/checks?limit=200{'&after=' + after if after else ''}")
            found |= {check["slug"]: check["uuid"] for check in page["checks"]}
            after = page["next"]
        return found

    def ping(self, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        """One ping. A path without a slash is a slug."""
        where = path if "/" in path else f"{PING_KEY}/{path}"
        return self._http.request(method, f"{self.url}/ping/{where}", **more)

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Another command in the same directory with the same settings."""
        return run(*arguments, home=self.home, environment=self.environment)

    def _ready(self) -> bool:
        status = self.process.poll()
        assert status is None, f"the service ended with {status}:\n{self.output()}"
        try:
            return self.ask("GET", "/readyz").status_code == 200
        except httpx.TransportError:
            return False


def configuration(
    checks: Mapping[str, str], contacts: Sequence[str], top: str = "gathering: 0s\nsettling: 0s"
) -> str:
    """A heartbeat.yaml with these checks, each a flow mapping, and one person with these contacts."""
    lines = [
        top,
        'ping_keys: {main: "${HEARTBEAT_PING_KEY}"}',
        f"people: {{first: {{name: First responder, contacts: [{', '.join(contacts)}]}}}}",
        "policies: {ops: [{page: first, wait: 1h}]}",
        "checks:",
        *(f"  {slug}: {{{definition}}}" for slug, definition in checks.items()),
    ]
    return "\n".join(lines) + "\n"
