"""What all parts of one running system are built on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx

from alerting.notifiers.contract import Notifier
from alerting.notifiers.registry import NotifierSet, Setup
from alerting.span import Spans, no_spans
from heartbeat import notifier_clients
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.metrics import Metrics
from heartbeat.settings import Settings
from heartbeat.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Foundation:
    """The settings of one system, its database, clock and clients.

    `entered` is the client for addresses that people entered, `itself` that for the service's own. `instead` are
    notifiers in place of those of their kinds. `wake` begins the next tick.
    """

    settings: Settings
    database: Database
    clock: Clock
    metrics: Metrics
    http: httpx.AsyncClient
    entered: httpx.AsyncClient
    itself: httpx.AsyncClient
    instead: Mapping[str, Notifier]
    wake: Callable[[], None]
    tracing: Tracing | None

    @property
    def spans(self) -> Spans:
        return self.tracing.span if self.tracing else no_spans

    def assembler(self) -> Callable[[Mapping[str, Setup]], NotifierSet]:
        robot = notifier_clients.robot(self.settings, self.itself, self.http)
        identity = notifier_clients.push_identity(self.settings, self.database)
        return notifier_clients.assembler(
            self.settings, self.http, self.entered, self.instead, robot, identity
        )
