"""The environment of a command: its own, the one of the process that serves the database, and a file's.

A command in a bare shell must not judge or test another installation than the one that serves. The lock of a SQLite
file names the serving process, and the operating system knows the environment with which that process was started.
"""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from heartbeat import settings as environment
from heartbeat.settings import BadSetting, Settings

PROCESSES: Final = Path("/proc")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWN: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""Variables of systemd that are meant for one process only."""
_PATHS: Final = ("HEARTBEAT_DATA_DIR", "HEARTBEAT_CONFIG", "HEARTBEAT_STATUS_DIR")


def of(
    shell: Mapping[str, str], file: Path | None, processes: Path = PROCESSES
) -> tuple[dict[str, str], str | None]:
    """Return the environment of a command, and a warning if the serving process's cannot be read.

    A variable of the file comes first, then one of the serving process, then one of the shell. The shell's
    `HEARTBEAT_CONFIG` comes before that of the process: it names the file to plan or apply. Raises `BadSetting`.
    """
    named = dict(shell) | (read_file(file) if file is not None else {})
    settings = environment.read(named)
    process = _serving(settings, processes)
    if process is None:
        return named, None
    try:
        served = _environment_of(process)
        home = (process / "cwd").readlink()
    except OSError:
        return named, (
            f"process {process.name} serves this database, and its settings cannot be read by this user: run the "
            "command as the user who serves, or name the file with its settings by --env-file."
        )
    served |= {name: str(home / served[name]) for name in _PATHS if served.get(name)}
    chosen = dict(shell) | served | (read_file(file) if file is not None else {})
    chosen["HEARTBEAT_DATABASE_URL"] = f"sqlite:///{_database(settings).absolute()}"
    chosen["HEARTBEAT_CONFIG"] = str(_configuration(named, served, home))
    chosen.setdefault("HEARTBEAT_DATA_DIR", str(settings.data_dir.absolute()))
    return chosen, None


def read_file(path: Path) -> dict[str, str]:
    """Return the variables of a file, one NAME=value in each line, as systemd reads it. Raises `BadSetting`."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise BadSetting(f"--env-file: {path} cannot be read: {reason}.") from None
    variables = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith(("#", ";")):
            continue
        name, is_pair, value = line.removeprefix("export ").partition("=")
        if not is_pair or not _NAME.fullmatch(name.strip()):
            raise BadSetting(f"--env-file: {path}:{number}: write NAME=value.")
        variables[name.strip()] = _unquoted(value.strip())
    return variables


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value


def _database(settings: Settings) -> Path:
    return Path(make_url(settings.database_url).database or "")


def _serving(settings: Settings, processes: Path) -> Path | None:
    """Return the folder of the process that holds the lock of the database. None if there is none, or none here."""
    if not settings.database_url.startswith("sqlite"):
        return None
    database = _database(settings)
    lock = database.with_name(database.name + ".writer")
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        process = processes / str(int(json.loads(lock.read_bytes())["pid"]))
        # A number is given again after a process has died: the one that holds the lock has its file open.
        if process.name != str(os.getpid()) and (not _readable(process) or _has_open(process, lock)):
            return process if process.exists() else None
    return None


def _readable(process: Path) -> bool:
    return os.access(process / "fd", os.R_OK | os.X_OK)


def _has_open(process: Path, file: Path) -> bool:
    for descriptor in (process / "fd").iterdir():
        with suppress(OSError):
            if descriptor.samefile(file):
                return True
    return False


def _environment_of(process: Path) -> dict[str, str]:
    text = (process / "environ").read_bytes().decode("utf-8", "surrogateescape")
    pairs = (pair.partition("=") for pair in text.split("\0") if "=" in pair)
    return {name: value for name, _, value in pairs if name not in _OWN}


def _configuration(named: Mapping[str, str], served: Mapping[str, str], home: Path) -> Path:
    """Return the configuration: the one that is named here, else there, else the one in this directory or in that."""
    written = named.get("HEARTBEAT_CONFIG") or served.get("HEARTBEAT_CONFIG")
    if written:
        return Path(written)
    usual = Settings().config
    return usual if usual.exists() else home / usual
