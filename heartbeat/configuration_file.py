"""The configuration file in the environment of this process: its text, its meaning, and how it is applied."""

import os
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points, version
from pathlib import Path

from sqlalchemy import Connection

from alerting.notifiers import registry
from heartbeat import notifier_clients, secret
from heartbeat.actor import Actor
from heartbeat.clock import Clock
from heartbeat.data_directory import with_kept_secret_key
from heartbeat.database import Database
from heartbeat.definitions import file
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.file import Wrong
from heartbeat.definitions.model import Configuration
from heartbeat.definitions.plan import Plan
from heartbeat.definitions.sources import Reader
from heartbeat.settings import Settings

APPLY_BOUND = 300.0
"""Seconds that reading a configuration may take, and that writing it may take: a long one needs them."""
_UNIT = re.compile(r"/([^/\n]+\.service)$", re.MULTILINE)


def text_of(path: Path) -> str:
    """Return the text of the configuration file. It is UTF-8, whatever the locale is. Raises `Wrong`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Wrong([f"{path}: cannot be read: {error.strerror}."]) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Wrong([f"{path}:{line}: this is not UTF-8: save the file in this encoding."]) from None


def understand(
    text: str,
    path: Path,
    settings: Settings,
    *,
    whose: str = "the environment",
    offline: bool = False,
) -> Configuration:
    """Return the configuration of this text, read with this process's environment and plugins. Raises `Wrong`.

    `whose` names that environment in errors. With `offline`, secrets that are not here are a warning.
    """
    reader = _reader(settings)
    understood = file.parse(
        text,
        str(path),
        notifiers=registry.installed().kinds,
        env=reader,
        read=reader.read,
        look=reader.look,
        whose=whose,
        offline=offline,
    )
    warnings = notifier_clients.out_of_bounds(settings, understood)
    sources = None if offline else reader.sources(text, _program(), _key(settings))
    return replace(understood, warnings=(*understood.warnings, *warnings), sources=sources)


def is_in_force(db: Connection, text: str, settings: Settings) -> bool:
    """Return True if this text was applied last, and nothing that it was read from has changed."""
    sources = definition_store.sources(db)
    if sources is None:
        return False
    return sources.mark == _reader(settings).mark(text, sources.names, _program(), _key(settings))


def _reader(settings: Settings) -> Reader:
    return Reader(settings.environment, secret.read_file, Path.read_bytes)


def _key(settings: Settings) -> str:
    return with_kept_secret_key(settings).secret_key


@cache
def _program() -> str:
    """Return the versions of all that decides what a text means: this program, its plugins, and the time zones."""
    plugins = [
        f"{entry.name} {entry.value} {entry.dist.version if entry.dist else ''}"
        for entry in entry_points(group=registry.GROUP)
    ]
    return "; ".join([version("heartbeat"), version("tzdata"), *sorted(plugins)])


def applier(
    settings: Settings, database: Database, clock: Clock, wake: Callable[[], None]
) -> Callable[[str, Path, Actor, bool], Awaitable[Plan]]:
    """Return a function that reads a configuration and applies it, in the environment of this process."""
    whose = f"the environment of heartbeat serve ({_this_process()})"

    async def apply(text: str, path: Path, actor: Actor, delete: bool) -> Plan:
        # Read in a thread: a long file takes seconds, and no ping may wait for it.
        if await database.read(lambda db: is_in_force(db, text, settings)):
            return Plan(())
        understood = await database.read(lambda _: understand(text, path, settings, whose=whose))
        difference = await database.write(
            lambda db: definition_plan.apply(db, understood, clock.now(), actor=actor, delete=delete)
        )
        wake()
        return difference

    return apply


def _this_process() -> str:
    """Return the number of this process, and its systemd unit if it has one: "pid 4711, heartbeat.service"."""
    unit = None
    with suppress(OSError):
        unit = _UNIT.search(Path("/proc/self/cgroup").read_text(encoding="utf-8"))
    return f"pid {os.getpid()}, {unit[1]}" if unit else f"pid {os.getpid()}"
