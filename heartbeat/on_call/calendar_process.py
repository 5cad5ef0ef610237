"""Reads a calendar in a process of its own, which is ended when it takes too long."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import heartbeat
from heartbeat.on_call.event import Unreadable

BOUND = 60.0
"""Seconds that the process has, at most, also on a busy machine. Its own bound on computing is tighter."""
PROGRAM = ("-m", "heartbeat.on_call.calendar_reader")
"""The arguments with which Python runs the reader."""
_LIBRARIES = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
"""Where this machine's Python finds its own libraries, if that is said."""
_ROOT = str(Path(heartbeat.__file__).parents[1])


async def events(text: str, timezone: str, start: datetime, end: datetime) -> Sequence[Any]:
    """Return the events that touch a span as JSON, see `event`. Raises `Unreadable`.

    `timezone` is that of the rotation.
    """
    request = {"text": text, "zone": timezone, "start": start.isoformat(), "end": end.isoformat()}
    answer = await _answer(json.dumps(request).encode())
    if "fault" in answer:
        raise Unreadable(answer["fault"])
    entries: Sequence[Any] = answer["events"]
    return entries


async def _answer(request: bytes) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-X", "utf8", *PROGRAM),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # Nothing of this process's own, which has secrets. Time zones are those of the package, as everywhere here.
        env={"PYTHONPATH": _ROOT, "PYTHONTZPATH": "", **_LIBRARIES},
    )
    try:
        async with asyncio.timeout(BOUND):
            written, _ = await process.communicate(request)
    except TimeoutError:
        raise Unreadable("takes too long to read") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise Unreadable("takes too much time or memory to read")
    answer: dict[str, Any] = json.loads(written)
    return answer
