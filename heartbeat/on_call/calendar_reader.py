"""`python -m heartbeat.on_call.calendar_reader`: read a calendar within a bound on time and memory.

A process of its own: foreign text can ask for any amount of work, and a thread cannot be ended. See `calendar_process`.
The request comes in as JSON, and the events, or why there are none, go out as JSON.
"""

import json
import os
import resource
import sys
from contextlib import suppress
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from heartbeat.on_call import calendar_events, event
from heartbeat.on_call.event import Unreadable

CPU = 10
"""Seconds of computing, at most."""
MEMORY = 1_000_000_000
"""Bytes of memory, at most."""
LARGEST = 1_000_000
"""Bytes of the events that come out, at most."""
POLITENESS = 10
"""How much the process gives way to those that take pings."""


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return the `events` of the calendar in a request, or the `fault` why they cannot be read."""
    start, end = (datetime.fromisoformat(request[name]) for name in ("start", "end"))
    try:
        events = calendar_events.read(request["text"], ZoneInfo(request["zone"]), start, end)
    except Unreadable as unreadable:
        return {"fault": str(unreadable)}
    except (MemoryError, RecursionError):
        return {"fault": "takes too much memory to read"}
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        # Foreign text does to the library what nobody has thought of.
        return {"fault": "has something in it that cannot be read"}
    written = event.to_json(events)
    if len(json.dumps(written)) > LARGEST:
        return {"fault": "has too many events with too many people"}
    return {"events": written}


def _limit(what: int, most: int) -> None:
    """Limit this process. A tighter limit that it has already stays."""
    _, hard = resource.getrlimit(what)
    limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with suppress(OSError, ValueError):
        resource.setrlimit(what, (limit, limit))


def main() -> None:
    """Answer the one request that comes in.

    Some systems let no service limit itself. The bound on its time, which whoever started it keeps, holds there too.
    """
    _limit(resource.RLIMIT_CPU, CPU)
    _limit(resource.RLIMIT_AS, MEMORY)
    with suppress(OSError):
        os.nice(POLITENESS)
    json.dump(answer(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
