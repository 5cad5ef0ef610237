"""The command `heartbeat come-over`: reads another system, and prints it as lines of heartbeat.yaml."""

import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from alerting import times
from alerting.notifiers import registry
from heartbeat import secret
from heartbeat.definitions import file
from heartbeat.definitions.file import Wrong
from heartbeat.operations.come_over import goalert, grafana, opsgenie, pagerduty, source, written
from heartbeat.operations.come_over.collected import Collected, NotAnExport
from heartbeat.operations.come_over.source import Api, Export, Unread
from heartbeat.operations.serving_process import Failed

TOKEN: Final = "COME_OVER_TOKEN"  # noqa: S105  # the name of a variable
"""The variable with the token for the API of the other system."""


@dataclass(frozen=True, slots=True)
class System:
    """Another system: its name, how its API is read, and how its answers are understood."""

    name: str
    read: Callable[[Mapping[str, Any], datetime], Collected]
    fetch: Callable[[Api, datetime], Awaitable[Export]]
    headers: Callable[[str], Mapping[str, str]]


SYSTEMS: Final = {
    "pagerduty": System(
        "PagerDuty",
        pagerduty.read,
        source.of_pagerduty,
        lambda token: {
            "Authorization": f"Token token={token}",
            "Accept": "application/vnd.pagerduty+json;version=2",
        },
    ),
    "opsgenie": System(
        "Opsgenie", opsgenie.read, source.of_opsgenie, lambda token: {"Authorization": f"GenieKey {token}"}
    ),
    "oncall": System(
        "Grafana OnCall", grafana.read, source.of_grafana, lambda token: {"Authorization": token}
    ),
    "goalert": System(
        "GoAlert", goalert.read, source.of_goalert, lambda token: {"Authorization": f"Bearer {token}"}
    ),
}
"""The systems that one can come from, by the word on the command line."""


async def run(system: str, where: str, environ: Mapping[str, str], *, as_json: bool = False) -> int:
    """Print what a file or an API has as lines of heartbeat.yaml, or as the answers of the API.

    What has no counterpart is printed to standard error too. Return 1 if `heartbeat plan` would refuse the lines.
    """
    from_ = SYSTEMS[system]
    now = datetime.now(UTC)
    try:
        export = await _export(from_, where, environ, now)
        if as_json:
            print(json.dumps(export, indent=1, ensure_ascii=False))
            return 0
        collected = from_.read(export, now)
    except (Unread, NotAnExport) as error:
        raise Failed(str(error)) from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise Failed(
            f"This is not what the API of {from_.name} returns: {type(error).__name__}: {error}."
        ) from None
    text = written.text(collected, from_.name, registry.installed().kinds)
    print(text, end="")
    if collected.leftovers:
        print(f"{times.count(len(collected.leftovers), 'thing')} without a counterpart:", file=sys.stderr)
    for sentence in collected.leftovers:
        print(f"- {sentence}", file=sys.stderr)
    return _judged(text, environ)


async def _export(system: System, where: str, environ: Mapping[str, str], now: datetime) -> Export:
    if not where.startswith(("https://", "http://")):
        return source.of_file(Path(where))
    token = environ.get(TOKEN, "")
    if not token:
        raise Unread(f"Set {TOKEN} to a token for the API of {system.name} that may read.")
    async with httpx.AsyncClient() as http:
        return await system.fetch(Api(http, where, system.headers(token)), now)


def _judged(text: str, environ: Mapping[str, str]) -> int:
    kinds = registry.installed().kinds
    try:
        file.parse(text, "these lines", notifiers=kinds, env=environ, read=secret.read_file, offline=True)
    except Wrong as refused:
        print("\n".join(refused.problems), file=sys.stderr)
        return 1
    return 0
