"""Records the reports of providers, those on a digest in several transactions: pings do not wait for a whole storm."""

import random
from datetime import datetime

from alerting import desk
from alerting.notifiers.contract import Arrived, Undelivered
from heartbeat.database import Database


async def record(database: Database, kind: str, report: Arrived | Undelivered, now: datetime) -> None:
    """Record a report on what this kind of notifier has sent, and act on it."""
    jitter, last = random.random(), 0
    while True:
        further = await database.write(
            lambda db, after=last: desk.receipt(db, kind, report, now, jitter, after)  # type: ignore[misc]  # a lambda
        )
        if further is None:
            return
        last = further
