"""Pings over HTTP. A dialect is a room of this package and a line in `DIALECTS`."""

from typing import Final

from heartbeat.clock import Clock
from heartbeat.http.pings.dialect import Dialect
from heartbeat.http.pings.healthchecks import Healthchecks
from heartbeat.http.pings.receiver import PingReceiver
from heartbeat.http.pings.straight import StraightPings
from heartbeat.metrics import Metrics
from heartbeat.pings.ingest import Ingest

DIALECTS: Final[tuple[type[Dialect], ...]] = (Healthchecks,)


def receivers(
    ingest: Ingest, clock: Clock, metrics: Metrics, body_limit: int
) -> tuple[tuple[str, PingReceiver], ...]:
    """Return the receiver of each dialect, with the prefix of its addresses."""
    dialects = [dialect(body_limit) for dialect in DIALECTS]
    return tuple(
        (dialect.prefix, PingReceiver(dialect, ingest, clock, metrics, body_limit)) for dialect in dialects
    )


def straight(
    ingest: Ingest, clock: Clock, metrics: Metrics, body_limit: int, home: str = ""
) -> StraightPings:
    """Return the short way for the plainest pings. Those of Healthchecks are the only ones."""
    dialect = Healthchecks(body_limit)
    return StraightPings(dialect.plain_target, dialect.responses, ingest, clock, metrics, home)
