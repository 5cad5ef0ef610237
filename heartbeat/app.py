"""The composition root: the one place that builds a running system from the rooms."""

import asyncio
import gc
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version

import httpx

from alerting.composing import Composer
from alerting.courier import Courier
from alerting.notifiers import registry
from alerting.notifiers.contract import Acknowledgement, Notifier
from alerting.retelling import Retelling
from heartbeat import (
    beside,
    configuration_file,
    notifier_clients,
    public_address,
    signed_link,
    ticker,
    trial,
    verification,
)
from heartbeat.access import setup as access_setup
from heartbeat.access.sign_in import Gate
from heartbeat.beside import Beside
from heartbeat.checks import cause, surroundings
from heartbeat.clock import Clock
from heartbeat.clock_guard import ClockGuard
from heartbeat.database import ANSWER, Database
from heartbeat.foundation import Foundation
from heartbeat.http import front, pings
from heartbeat.http.callbacks import answers
from heartbeat.http.connection import MAX_CONNECTIONS
from heartbeat.http.context import Context
from heartbeat.http.front import Application
from heartbeat.http.pings.straight import StraightPings
from heartbeat.metrics import CheckSeries, Metrics
from heartbeat.outside_heartbeat import OutsideHeartbeat
from heartbeat.pings.creation import CreationLimit
from heartbeat.pings.ingest import Ingest
from heartbeat.pings.rollup import Rollup
from heartbeat.receipt_watch import Answered
from heartbeat.settings import Settings
from heartbeat.ticker import JUDGING, LONGEST_SLEEP, Ticker
from heartbeat.tracing import Tracing

STAGE_BOUND = 0.3
"""Seconds that the running stage has to end at a stop."""
SETTLE_BOUND = 0.5
"""Seconds that running sends have to end at a stop. A send that is cut off is retried when its lease ends."""
COMMIT_BOUND = 0.3
"""Seconds that queued pings have after that; nobody waits for their answers any more."""


@dataclass(slots=True)
class System:
    """A running system. `start` begins ticking; `stop` loses nothing."""

    asgi: Application
    straight: StraightPings | None
    """The short way for the plainest pings, past `asgi`; None if this process takes no pings."""
    context: Context
    ingest: Ingest
    courier: Courier
    ticker: Ticker
    guard: ClockGuard
    beside: Beside
    _ticking: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Begin to tick. The task ends only if it is stopped or broken."""
        self._ticking = asyncio.create_task(self.ticker.run())
        return self._ticking

    async def rest(self) -> None:
        """Stop ticking, end live streams and record running sends. Pings are still accepted."""
        self.context.live.close()
        if self._ticking is not None:
            self.ticker.stop()
            await asyncio.wait([self._ticking], timeout=STAGE_BOUND)
            self._ticking.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticking
        await self.courier.settle(SETTLE_BOUND)
        await self.beside.rest()

    async def stop(self) -> None:
        """Rest, commit queued pings, and sum up refused sign-ins."""
        await self.rest()
        await self.ingest.settle(COMMIT_BOUND)
        await self.beside.liveness.rest(COMMIT_BOUND)
        await self.context.gate.refusals.settle(COMMIT_BOUND)


def build(
    settings: Settings,
    *,
    database: Database,
    clock: Clock,
    http: httpx.AsyncClient,
    entered: httpx.AsyncClient | None = None,
    itself: httpx.AsyncClient | None = None,
    random: Callable[[], float] | None = None,
    notifiers: Mapping[str, Notifier] | None = None,
    longest_sleep: float = LONGEST_SLEEP,
    ticked: Callable[[bool], None] = lambda _clean: None,
    moved: Callable[[], None] = lambda: None,
    tracing: Tracing | None = None,
    connections: int = MAX_CONNECTIONS,
) -> System:
    """Build the system. The settings must have an admin key and a secret key.

    `entered` is the client for addresses that were entered through the API or the console; they may not reach as far
    as those of the file. `itself` is the one for the service's own address. `notifiers` stand in for those of their
    kinds: a demonstration has its own terminal. Only installed kinds can be replaced, since every room asks `registry`
    what a kind is like; others raise ValueError. `longest_sleep` may be raised if no other process can bring a due time
    forward. `ticked` is called after each tick, with True if it was clean, and `moved` after each part of one.
    `tracing` receives a span for all work that takes time. `connections` is the number that the server accepts.
    """
    whole = _Whole()
    metrics = _metrics(settings, database)
    clients = http, entered or http, itself or http
    foundation = Foundation(
        settings, database, clock, metrics, *clients, notifiers or {}, whole.wake, tracing
    )
    guard = _guard(foundation)
    courier = _courier(foundation, guard, random)
    creation_limit, rollup = CreationLimit(settings.ping_checks_limit), Rollup(database, clock)
    ingest = _ingest(foundation, creation_limit, rollup)
    loops = _beside(foundation, guard, ingest, creation_limit, rollup, whole.answered)
    main_ticker = _ticker(foundation, guard, courier, loops, longest_sleep, ticked, moved)
    context = _context(foundation, main_ticker)
    whole.system = System(
        asgi=front.build(context, ingest, loops.publisher, settings, tracing, connections),
        straight=_straight(foundation, ingest) if "api" in settings.roles else None,
        context=context,
        ingest=ingest,
        courier=courier,
        ticker=main_ticker,
        guard=guard,
        beside=loops,
    )
    return whole.system


class _Whole:
    """The system, for those of its parts that call others. They do so once it is built."""

    system: System

    def wake(self) -> None:
        self.system.ticker.wake()
        self.system.beside.publisher.wake()

    async def answered(self, kind: str, receipt: Acknowledgement) -> None:
        await answers.acknowledged(self.system.context, answers.Caller(kind), receipt)


def _guard(foundation: Foundation) -> ClockGuard:
    roles = foundation.settings.roles
    # Who sends must rest too while times are moved: a lease that seems over would be sent a second time.
    moves = JUDGING in roles or "pager" in roles
    return ClockGuard(foundation.database, foundation.clock, foundation.metrics.ticking, moves=moves)


def _beside(
    foundation: Foundation,
    guard: ClockGuard,
    ingest: Ingest,
    limit: CreationLimit,
    rollup: Rollup,
    answered: Answered,
) -> Beside:
    return beside.build(
        foundation,
        guard,
        refused=ingest.refused,
        creation_limit=limit,
        rollup=rollup,
        answered=answered,
        retell=_retelling(foundation, guard).tell,
    )


def _ingest(foundation: Foundation, limit: CreationLimit, rollup: Rollup) -> Ingest:
    return Ingest(
        foundation.database,
        limit=limit,
        wake=foundation.wake,
        note_measured=rollup.note,
        observe_batch=_observing(foundation.metrics, foundation.tracing),
    )


def _straight(foundation: Foundation, ingest: Ingest) -> StraightPings:
    settings = foundation.settings
    home = public_address.home(settings.public_url)
    return pings.straight(ingest, foundation.clock, foundation.metrics, settings.ping_body_limit, home)


def _metrics(settings: Settings, database: Database) -> Metrics:
    return Metrics(
        version=version("heartbeat"),
        database="sqlite" if database.sqlite else "postgresql",
        roles=settings.roles,
        notifiers=registry.installed().kinds.keys(),
        check_series=CheckSeries(settings.metrics_checks, settings.metrics_labels),
    )


def _composer(foundation: Foundation) -> Composer:
    home, secret = foundation.settings.public_url, foundation.settings.secret_key
    return Composer(
        surroundings.of,
        cause.in_words,
        lambda incident, person: signed_link.page_links(
            home, secret, incident.id, incident.occurrence, person.id, foundation.clock.now()
        ),
    )


def _retelling(foundation: Foundation, guard: ClockGuard) -> Retelling:
    return Retelling(
        foundation.database.read,
        foundation.assembler(),
        now=guard.now,
        composer=_composer(foundation),
        fill_in=notifier_clients.filler(foundation.settings),
    )


def _courier(foundation: Foundation, guard: ClockGuard, random: Callable[[], float] | None) -> Courier:
    settings, clock = foundation.settings, foundation.clock
    home, secret = settings.public_url, settings.secret_key
    courier = Courier(
        foundation.database.write,
        foundation.database.read,
        foundation.assembler(),
        now=guard.now,
        composer=_composer(foundation),
        fill_in=notifier_clients.filler(settings),
        digest_links=lambda number, person: signed_link.digest_links(
            home, secret, number, person.id, clock.now()
        ),
        observe=foundation.metrics.paging.observe_page,
        observe_channel=foundation.metrics.paging.observe_channel,
        wake=foundation.wake,
        spans=foundation.spans,
        **({"random": random} if random else {}),
    )
    foundation.metrics.paging.under_way.set_function(lambda: courier.under_way)
    return courier


def _ticker(
    foundation: Foundation,
    guard: ClockGuard,
    courier: Courier,
    loops: Beside,
    longest_sleep: float,
    ticked: Callable[[bool], None],
    moved: Callable[[], None],
) -> Ticker:
    settings, sends = foundation.settings, foundation.metrics.paging.under_way

    def told(clean: bool) -> None:
        # Another worker that is scraped reads what was set, and calls no function of this one.
        sends.set(courier.under_way)
        ticked(clean)

    return Ticker(
        foundation.database,
        guard,
        foundation.metrics,
        ticker.stages(foundation.database, guard, courier),
        roles=settings.roles,
        outside=OutsideHeartbeat(
            foundation.http,
            foundation.metrics,
            settings.outside_url,
            settings.outside_every,
            notifier_clients.peers(settings, foundation.database),
        ),
        longest_sleep=longest_sleep,
        ticked=told,
        moved=moved,
        stored=lambda: loops.storage_alarm.working,
        sings=lambda: loops.canary_watch.sings,
        spans=foundation.spans,
    )


def _context(foundation: Foundation, main_ticker: Ticker) -> Context:
    settings = foundation.settings
    return Context(
        database=foundation.database.within(ANSWER),
        clock=foundation.clock,
        metrics=foundation.metrics,
        public_url=settings.public_url,
        admin_key=settings.admin_key,
        secret_key=settings.secret_key,
        link_keys=(settings.secret_key, *settings.secret_keys_before),
        vault=notifier_clients.vault_of(settings),
        fence=notifier_clients.fence_of_entered(settings),
        wake=foundation.wake,
        ready=main_ticker.ready,
        apply=configuration_file.applier(
            settings,
            foundation.database.within(configuration_file.APPLY_BOUND),
            foundation.clock,
            foundation.wake,
        ),
        test_page=trial.tester(foundation),
        send_code=verification.sender(foundation),
        push_identity=notifier_clients.push_identity(settings, foundation.database.within(ANSWER)),
        gate=Gate(key=settings.secret_key),
        ways=access_setup.ways(settings),
        oidc=access_setup.oidc(settings, foundation.http),
        receivers=notifier_clients.receivers(settings, foundation.assembler()),
    )


def calm_collector() -> None:
    """Keep the garbage collector away from the ping path: live objects are frozen, and collections are rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _observing(metrics: Metrics, tracing: Tracing | None) -> Callable[[int, float], None]:
    if tracing is None:
        return metrics.pings.observe_batch
    trace_batch = tracing.batch

    def observe(size: int, seconds: float) -> None:
        metrics.pings.observe_batch(size, seconds)
        trace_batch(size, seconds)

    return observe
