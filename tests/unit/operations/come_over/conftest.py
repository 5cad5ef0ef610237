"""Shared by the tests of coming over: an export read, printed, read again by our own plan, and asked who is on call.

The answer of the other system is reckoned by each test itself, minute by minute, by what its documentation says.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from alerting import rotation
from alerting.notifiers import registry
from heartbeat.definitions import file
from heartbeat.definitions.model import Configuration
from heartbeat.operations.come_over import written
from heartbeat.operations.come_over.collected import Collected

HERE = Path(__file__).parent
NOW = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)
"""Before the clocks change in Europe (25 October) and in America (1 November)."""
DAYS = 60


@cache
def kept(name: str) -> dict[str, Any]:
    """Return the recorded answers of a system, for those who only read them."""
    return recorded(name)


def recorded(name: str) -> dict[str, Any]:
    """Return the recorded answers of a system."""
    export: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return export


def printed(collected: Collected, *kinds: str) -> str:
    """Return the lines of heartbeat.yaml, where notifiers of these kinds are installed, else email."""
    return written.text(collected, "a test", kinds or ("email",))


def planned(text: str) -> Configuration:
    """Return what our own plan reads of these lines."""
    return file.parse(
        text, "heartbeat.yaml", notifiers=registry.installed().kinds, env={}, read=lambda _: "", offline=True
    )


def on_call(configuration: Configuration, names: list[str], at: datetime) -> set[str]:
    """Return the people on call in these rotations."""
    return {person for name in names for person in rotation.on_call(configuration.rotations[name], at)}


def instants() -> Iterator[datetime]:
    """Yield each half hour of 60 days, and the minute before it."""
    for half in range(DAYS * 48):
        at = NOW + half * timedelta(minutes=30)
        yield at - timedelta(minutes=1)
        yield at


def differences(
    configuration: Configuration, names: list[str], theirs: Callable[[datetime], set[str]]
) -> list[Mapping[str, object]]:
    """Return the first instants at which ours are not theirs, which must change in that time."""
    collected: list[Mapping[str, object]] = []
    known: set[frozenset[str]] = set()
    for at in instants():
        other = theirs(at)
        known.add(frozenset(other))
        if (ours := on_call(configuration, names, at)) != other:
            collected.append({"at": at.isoformat(), "ours": ours, "theirs": other})
            if len(collected) > 3:
                break
    assert len(known) > 1
    return collected
