"""The composition root: the one place that builds a running system from the rooms."""

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version

import httpx

from alerting.composing import Composer
from alerting.courier import Courier
from alerting.notifiers import registry
from alerting.notifiers.contract import Notifier
from alerting.notifiers.registry import NotifierSet, Setup
from alerting.span import Spans, no_spans
from heartbeat import configuration_file, notifier_clients, public_address, signed_link, ticker, trial
from heartbeat.access import setup as access_setup
from heartbeat.access.sign_in import Gate
from heartbeat.actor import Actor
from heartbeat.canary_watch import CanaryWatch
from heartbeat.checks import cause, surroundings
from heartbeat.clock import Clock
from heartbeat.clock_guard import ClockGuard
from heartbeat.database import ANSWER, Database
from heartbeat.http import front, pings
from heartbeat.http.connection import MAX_CONNECTIONS
from heartbeat.http.context import Context
from heartbeat.http.front import Application
from heartbeat.http.pings.straight import StraightPings
from heartbeat.measurements.week_mail import WeekMail
from heartbeat.metrics import CheckSeries, Metrics
from heartbeat.outside_heartbeat import OutsideHeartbeat
from heartbeat.pings.body_limit import MB, BodyLimit
from heartbeat.pings.creation import CreationLimit
from heartbeat.pings.ingest import Ingest
from heartbeat.pings.limit_watch import LimitWatch
from heartbeat.pings.liveness import Liveness
from heartbeat.pings.rollup import Rollup
from heartbeat.pings.unusual_watch import UnusualWatch
from heartbeat.retention import Retention
from heartbeat.settings import Settings
from heartbeat.sight_alarm import SightAlarm
from heartbeat.status.automation import Automation
from heartbeat.status.publish.hook import Hook
from heartbeat.status.publish.publisher import Publisher
from heartbeat.status.subscribers.sender import MailSender
from heartbeat.storage_alarm import StorageAlarm
from heartbeat.ticker import JUDGING, LONGEST_SLEEP, Ticker
from heartbeat.tracing import Tracing
from heartbeat.trial import TestPage, TooSoon

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
    retention: Retention
    publisher: Publisher
    automation: Automation
    mail_sender: MailSender
    storage_alarm: StorageAlarm
    canary_watch: CanaryWatch
    sight_alarm: SightAlarm
    limit_watch: LimitWatch
    liveness: Liveness
    rollup: Rollup
    body_limit: BodyLimit
    unusual_watch: UnusualWatch
    week_mail: WeekMail
    _ticking: asyncio.Task[None] | None = None
    _beside: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> asyncio.Task[None]:
        """Begin to tick. The task ends only if it is stopped or broken."""
        self._ticking = asyncio.create_task(self.ticker.run())
        return self._ticking

    def begin_loops(self, roles: Collection[str], *, publishes: bool = True) -> None:
        """Begin the loops beside the ticker, as far as this process has their role.

        Without `publishes`, another process of this machine publishes the status pages that this one serves.
        """
        loops = (
            ("api", self.liveness.run),
            ("api", self.publisher.run if publishes else self.publisher.follow),
            ("checker", self.automation.run),
            ("checker", self.retention.run),
            ("checker", self.limit_watch.run),
            ("checker", self.body_limit.run),
            ("api", self.rollup.run),
            ("checker", self.rollup.run_catching_up),
            ("checker", self.unusual_watch.run),
            ("pager", self.mail_sender.run),
            ("pager", self.week_mail.run),
        )
        watches = self.storage_alarm.run, self.canary_watch.run, self.sight_alarm.run
        own = (*watches, *(run for role, run in loops if role in roles))
        self._beside += [asyncio.create_task(run()) for run in own]

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
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self.publisher.rest()

    async def stop(self) -> None:
        """Rest, commit queued pings, and sum up refused sign-ins."""
        await self.rest()
        await self.ingest.settle(COMMIT_BOUND)
        await self.liveness.rest(COMMIT_BOUND)
        await self.context.gate.refusals.settle(COMMIT_BOUND)


@dataclass(frozen=True, slots=True)
class _Foundation:
    """The parts that all others of one system use."""

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
        return notifier_clients.assembler(self.settings, self.http, self.entered, self.instead, robot)


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
    system: System

    def wake() -> None:
        system.ticker.wake()
        system.publisher.wake()

    instead = notifiers or {}
    metrics = _metrics(settings, database)
    foundation = _Foundation(
        settings, database, clock, metrics, http, entered or http, itself or http, instead, wake, tracing
    )
    # Who sends must rest too while times are moved: a lease that seems over would be sent a second time.
    moves = JUDGING in settings.roles or "pager" in settings.roles
    guard = ClockGuard(database, clock, metrics.ticking, moves=moves)
    courier = _courier(foundation, guard, random)
    alarm, canary_watch = _storage_alarm(foundation), _canary_watch(foundation)
    main_ticker = _ticker(
        foundation,
        guard,
        courier,
        longest_sleep,
        ticked,
        moved,
        lambda: alarm.working,
        lambda: canary_watch.sings,
    )
    creation_limit = CreationLimit(settings.ping_checks_limit)
    rollup = Rollup(database, clock)
    ingest = Ingest(
        database,
        limit=creation_limit,
        wake=wake,
        note_measured=rollup.note,
        observe_batch=_observing(metrics, tracing),
    )
    context = _context(foundation, main_ticker)
    publisher = _publisher(foundation)
    system = System(
        asgi=front.build(context, ingest, publisher, settings, tracing, connections),
        straight=pings.straight(
            ingest, clock, metrics, settings.ping_body_limit, public_address.home(settings.public_url)
        )
        if "api" in settings.roles
        else None,
        context=context,
        ingest=ingest,
        courier=courier,
        ticker=main_ticker,
        guard=guard,
        retention=_retention(foundation, guard.calm),
        publisher=publisher,
        automation=Automation(database, clock, metrics, calm=guard.calm),
        mail_sender=_mail_sender(foundation),
        storage_alarm=alarm,
        liveness=Liveness(database, clock, metrics, now=guard.now, refused=ingest.refused),
        canary_watch=canary_watch,
        sight_alarm=_sight_alarm(foundation, guard, lambda: alarm.working),
        limit_watch=LimitWatch(database, clock, metrics, creation_limit, settings.keep_bodies),
        rollup=rollup,
        body_limit=BodyLimit(database, clock, metrics, settings.keep_bodies * MB),
        week_mail=_week_mail(foundation),
        unusual_watch=UnusualWatch(database, clock, metrics, warns=settings.unusual == "warn"),
    )
    return system


def _metrics(settings: Settings, database: Database) -> Metrics:
    return Metrics(
        version=version("heartbeat"),
        database="sqlite" if database.sqlite else "postgresql",
        roles=settings.roles,
        notifiers=registry.installed().kinds.keys(),
        check_series=CheckSeries(settings.metrics_checks, settings.metrics_labels),
    )


def _courier(foundation: _Foundation, guard: ClockGuard, random: Callable[[], float] | None) -> Courier:
    settings, clock = foundation.settings, foundation.clock
    home, secret = settings.public_url, settings.secret_key
    courier = Courier(
        foundation.database.write,
        foundation.database.read,
        foundation.assembler(),
        now=guard.now,
        composer=Composer(
            surroundings.of,
            cause.in_words,
            lambda incident, person: signed_link.page_links(
                home, secret, incident.id, incident.occurrence, person.id, clock.now()
            ),
        ),
        fill_in=notifier_clients.filler(settings),
        digest_links=lambda number, person: signed_link.digest_links(
            home, secret, number, person.id, clock.now()
        ),
        observe=foundation.metrics.paging.observe_page,
        wake=foundation.wake,
        spans=foundation.spans,
        **({"random": random} if random else {}),
    )
    foundation.metrics.paging.under_way.set_function(lambda: courier.under_way)
    return courier


def _ticker(
    foundation: _Foundation,
    guard: ClockGuard,
    courier: Courier,
    longest_sleep: float,
    ticked: Callable[[bool], None],
    moved: Callable[[], None],
    stored: Callable[[], bool],
    sings: Callable[[], bool],
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
        stored=stored,
        sings=sings,
        spans=foundation.spans,
    )


def _context(foundation: _Foundation, main_ticker: Ticker) -> Context:
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
        test_page=_tester(foundation),
        gate=Gate(key=settings.secret_key),
        ways=access_setup.ways(settings),
        oidc=access_setup.oidc(settings, foundation.http),
        receivers=notifier_clients.receivers(foundation.assembler()),
    )


def _retention(foundation: _Foundation, calm: Callable[[], bool]) -> Retention:
    settings = foundation.settings
    return Retention(
        foundation.database,
        foundation.clock,
        foundation.metrics,
        incidents=settings.keep_incidents,
        transitions=settings.keep_transitions,
        calm=calm,
    )


def _publisher(foundation: _Foundation) -> Publisher:
    settings, metrics = foundation.settings, foundation.metrics.status_pages
    directory = settings.status_dir or settings.data_dir / "status"
    hook = Hook(settings.status_hook, directory, metrics.observe_hook)
    return Publisher(
        foundation.database,
        foundation.clock,
        directory,
        home=settings.public_url,
        hook=hook,
        observe=metrics.observe_publication,
    )


def _mail_sender(foundation: _Foundation) -> MailSender:
    settings = foundation.settings
    return MailSender(
        foundation.database,
        foundation.clock,
        foundation.metrics,
        foundation.assembler(),
        home=settings.public_url,
        secret=settings.secret_key,
    )


def _week_mail(foundation: _Foundation) -> WeekMail:
    settings = foundation.settings
    return WeekMail(
        foundation.database,
        foundation.clock,
        foundation.assembler(),
        addresses=settings.digest_to,
        home=settings.public_url,
    )


def _storage_alarm(foundation: _Foundation) -> StorageAlarm:
    return StorageAlarm(
        foundation.database,
        foundation.clock,
        foundation.metrics,
        notifier_clients.sender(foundation.settings, foundation.assembler())
        if "pager" in foundation.settings.roles
        else None,
        host=socket.gethostname(),
        home=foundation.settings.public_url,
    )


def _canary_watch(foundation: _Foundation) -> CanaryWatch:
    settings = foundation.settings
    return CanaryWatch(
        foundation.database,
        foundation.clock,
        foundation.metrics,
        notifier_clients.sender(settings, foundation.assembler()) if "pager" in settings.roles else None,
        every=settings.canary_every,
        host=socket.gethostname(),
        home=settings.public_url,
    )


def _sight_alarm(foundation: _Foundation, guard: ClockGuard, stored: Callable[[], bool]) -> SightAlarm:
    settings = foundation.settings
    return SightAlarm(
        foundation.database,
        guard,
        foundation.metrics,
        notifier_clients.sender(settings, foundation.assembler()) if "pager" in settings.roles else None,
        stored=stored,
        host=socket.gethostname(),
        home=settings.public_url,
    )


def calm_collector() -> None:
    """Keep the garbage collector away from the ping path: live objects are frozen, and collections are rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _tester(foundation: _Foundation) -> Callable[[str, Actor], Awaitable[TestPage | TooSoon | None]]:
    settings = foundation.settings
    deliver = notifier_clients.sender(settings, foundation.assembler())
    sender = trial.Sender(settings.public_url, settings.secret_key, deliver)

    async def test_page(name: str, actor: Actor) -> TestPage | TooSoon | None:
        return await trial.send(foundation.database, sender, name, actor, foundation.clock.now())

    return test_page


def _observing(metrics: Metrics, tracing: Tracing | None) -> Callable[[int, float], None]:
    if tracing is None:
        return metrics.pings.observe_batch
    trace_batch = tracing.batch

    def observe(size: int, seconds: float) -> None:
        metrics.pings.observe_batch(size, seconds)
        trace_batch(size, seconds)

    return observe
