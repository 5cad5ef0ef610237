"""heartbeat as it must not be: `python -m tests.proof.hasty serve`. The control of `kills`, in a process of its own.

It answers pings before they are committed, and marks pages as delivered half a second before it sends them.
"""

import asyncio
import sys
from datetime import datetime
from typing import Any

import pytest

from alerting.courier import Courier
from heartbeat.__main__ import main
from heartbeat.pings.arrival import Arrival, PingResult
from heartbeat.pings.ingest import Answer, Ingest
from tests.simulation import mutants

_put, _carry = Ingest.put, Courier._carry


def _answered_first(self: Ingest, arrival: Arrival, answer: Answer) -> None:
    answer(PingResult.HEARD)
    _put(self, arrival, lambda _result: None)


async def _sent_late(self: Courier, send: Any, until: datetime) -> None:
    await asyncio.sleep(0.5)
    await _carry(self, send, until)


if __name__ == "__main__":
    patch = pytest.MonkeyPatch()
    patch.setattr(Ingest, "put", _answered_first)
    patch.setattr(Courier, "_carry", _sent_late)
    mutants.marked_before_sending(patch)
    sys.exit(main())
