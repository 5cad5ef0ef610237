"""The composition root: the one place where the rooms are put together into a running system."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx

from alerting.courier import Courier
from alerting.incident import Incident
from alerting.notice import Links
from alerting.notifiers import registry
from alerting.notifiers.contract import Notifier
from alerting.notifiers.registry import Outfit, Setup
from alerting.person import Person
from alerting.span import Spans, untold
from heartbeat import notifier_clients, signed_link, ticker
from heartbeat.access.oidc import Oidc
from heartbeat.access.session import Limits
from heartbeat.access.ways import Provider, Proxy, Ways
from heartbeat.actor import Actor, Role
from heartbeat.checks import cause, symptoms
from heartbeat.clock import Clock
from heartbeat.database import ANSWER, Database
from heartbeat.definitions import file as configuration_file
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions.model import Configuration
from heartbeat.http import app as http_app
from heartbeat.http import health, pings
from heartbeat.http.asgi import Receive, Scope, Send
from heartbeat.http.context import Context
from heartbeat.http.status import pages as status_page_views
from heartbeat.http.status.pages import StatusPages
from heartbeat.metrics import CheckSeries, Metrics
from heartbeat.outside_heartbeat import OutsideHeartbeat
from heartbeat.pings.ingest import Ingest
from heartbeat.retention import Retention
from heartbeat.settings import Settings
from heartbeat.status.automation import Automation
from heartbeat.status.publish.hook import Hook
from heartbeat.status.publish.publisher import Publisher
from heartbeat.status.subscribers.sender import MailSender
from heartbeat.ticker import LONGEST_SLEEP, Ticker
from heartbeat.tracing import Tracing

STAGE_BOUND = 0.3
"""Seconds that the stage under way has to end at a stop."""
APPLY_BOUND = 300.0
"""Seconds that a configuration has to be understood, and as many to be written: it may be a long one."""
SETTLE_BOUND = 0.5
"""Seconds that sends under way have to end at a stop; a send cut off is tried again by its lease's end."""
COMMIT_BOUND = 0.3
"""Seconds that pings in line have after that; nobody waits for their answers any more."""


@dataclass(slots=True)
class System:
    """Everything that runs, put together. `start` begins ticking; `stop` loses nothing."""

    asgi: Callable[[Scope, Receive, Send], Any]
    context: Context
    ingest: Ingest
    courier: Courier
    ticker: Ticker
    retention: Retention
    publisher: Publisher
    automation: Automation
    mail_sender: MailSender
    _ticking: asyncio.Task[None] | None = None
    _beside: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> asyncio.Task[None]:
        """Begin to tick; the task ends only when it is stopped or broken."""
        self._ticking = asyncio.create_task(self.ticker.run())
        return self._ticking

    def begin_loops(self, roles: Collection[str]) -> None:
        """Begin the loops beside the ticker that this process has a role for."""
        loops = (
            ("api", self.publisher),
            ("checker", self.automation),
            ("checker", self.retention),
            ("pager", self.mail_sender),
        )
        self._beside += [asyncio.create_task(loop.run()) for role, loop in loops if role in roles]

    async def rest(self) -> None:
        """End the ticking, and let sends under way be recorded; pings are still heard. Streams end at once."""
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
        """Rest, and let pings in line be committed."""
        await self.rest()
        await self.ingest.settle(COMMIT_BOUND)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What all parts of one system stand on."""

    settings: Settings
    database: Database
    clock: Clock
    metrics: Metrics
    http: httpx.AsyncClient
    entered: httpx.AsyncClient
    brought: Mapping[str, Notifier]
    wake: Callable[[], None]
    tracing: Tracing | None

    @property
    def spans(self) -> Spans:
        """How a part says what it is doing."""
        return self.tracing.span if self.tracing else untold

    def assembler(self) -> Callable[[Mapping[str, Setup]], Outfit]:
        """Notifiers by how they are set up."""
        return notifier_clients.assembler(self.settings, self.http, self.entered, self.brought)


def build(
    settings: Settings,
    *,
    database: Database,
    clock: Clock,
    http: httpx.AsyncClient,
    entered: httpx.AsyncClient | None = None,
    random: Callable[[], float] | None = None,
    notifiers: Mapping[str, Notifier] | None = None,
    longest_sleep: float = LONGEST_SLEEP,
    ticked: Callable[[bool], None] = lambda _clean: None,
    tracing: Tracing | None = None,
) -> System:
    """Put the system together. The admin key and the secret key must be set. `notifiers` are put on the shelf's
    place, kind by kind (a demonstration brings its own terminal). `entered` is the client for addresses that somebody
    has entered, where they may not reach as far as those of the file. `longest_sleep` may be raised where no other
    process can bring anything forward. `ticked` is told of each tick that has ended, `tracing` of all work that
    takes time."""
    system: System

    def wake() -> None:
        system.ticker.wake()
        system.publisher.wake()

    brought = notifiers or {}
    metrics = _metrics(settings, database, brought)
    ground = _Ground(settings, database, clock, metrics, http, entered or http, brought, wake, tracing)
    courier = _courier(ground, random)
    ticking = _ticker(ground, courier, longest_sleep, ticked)
    ingest = Ingest(database, wake=wake, observe_batch=_observing(metrics, tracing))
    context = _door(ground, ticking)
    publisher = _publisher(ground)
    system = System(
        asgi=_front(context, ingest, publisher, settings, tracing),
        context=context,
        ingest=ingest,
        courier=courier,
        ticker=ticking,
        retention=_retention(ground),
        publisher=publisher,
        automation=Automation(database, clock, metrics),
        mail_sender=_mail_sender(ground),
    )
    return system


def _metrics(settings: Settings, database: Database, brought: Mapping[str, Notifier]) -> Metrics:
    return Metrics(
        version=version("heartbeat"),
        database="sqlite" if database.sqlite else "postgresql",
        roles=settings.roles,
        notifiers=registry.known().kinds.keys() | brought.keys(),
        check_series=CheckSeries(settings.metrics_checks, settings.metrics_labels),
    )


def _courier(ground: _Ground, random: Callable[[], float] | None) -> Courier:
    settings, clock = ground.settings, ground.clock
    courier = Courier(
        ground.database.write,
        ground.assembler(),
        now=clock.now,
        around=symptoms.surroundings,
        describe=cause.in_words,
        links=lambda incident, person: _links(settings, incident, person, clock.now()),
        fill_in=notifier_clients.filler(settings),
        overview_url=f"{settings.public_url}/incidents",
        observe=ground.metrics.paging.observe_page,
        wake=ground.wake,
        spans=ground.spans,
        **({"random": random} if random else {}),
    )
    ground.metrics.paging.under_way.set_function(lambda: courier.under_way)
    return courier


def _ticker(
    ground: _Ground, courier: Courier, longest_sleep: float, ticked: Callable[[bool], None]
) -> Ticker:
    settings = ground.settings
    return Ticker(
        ground.database,
        ground.clock,
        ground.metrics,
        ticker.stages(ground.database, ground.clock, courier),
        roles=settings.roles,
        outside=OutsideHeartbeat(ground.http, ground.metrics, settings.outside_url, settings.outside_every),
        longest_sleep=longest_sleep,
        ticked=ticked,
        spans=ground.spans,
    )


def _door(ground: _Ground, ticking: Ticker) -> Context:
    settings = ground.settings
    return Context(
        database=ground.database.within(ANSWER),
        clock=ground.clock,
        metrics=ground.metrics,
        public_url=settings.public_url,
        admin_key=settings.admin_key,
        secret_key=settings.secret_key,
        link_keys=(settings.secret_key, *settings.secret_keys_before),
        vault=notifier_clients.vault_of(settings),
        fence=notifier_clients.fence_of_entered(settings),
        wake=ground.wake,
        ready=ticking.ready,
        apply=_applier(ground),
        ways=ways(settings),
        oidc=_oidc(settings, ground.http),
        receivers=notifier_clients.receivers(ground.assembler(), ground.brought),
    )


def _retention(ground: _Ground) -> Retention:
    settings = ground.settings
    return Retention(
        ground.database,
        ground.clock,
        ground.metrics,
        incidents=settings.keep_incidents,
        transitions=settings.keep_transitions,
    )


def _publisher(ground: _Ground) -> Publisher:
    settings, observed = ground.settings, ground.metrics.status_pages
    place = settings.status_dir or settings.data_dir / "status"
    hook = Hook(settings.status_hook, place, observed.observe_hook)
    return Publisher(
        ground.database,
        ground.clock,
        place,
        home=settings.public_url,
        hook=hook,
        observe=observed.observe_publication,
    )


def _mail_sender(ground: _Ground) -> MailSender:
    settings = ground.settings
    return MailSender(
        ground.database,
        ground.clock,
        ground.metrics,
        ground.assembler(),
        home=settings.public_url,
        secret=settings.secret_key,
    )


def understand(
    text: str, path: Path, settings: Settings, brought: Mapping[str, Notifier] | None = None
) -> Configuration:
    """The configuration that this text says, with this process's environment and plugins. Raises `Wrong`."""
    kinds = {**registry.known().kinds, **{kind: type(notifier) for kind, notifier in (brought or {}).items()}}
    found = configuration_file.parse(
        text, str(path), notifiers=kinds, env=settings.environment, read=Path.read_text, look=Path.read_bytes
    )
    return replace(found, warnings=(*found.warnings, *notifier_clients.out_of_bounds(settings, found)))


def ways(settings: Settings) -> Ways:
    """By which ways one may come in."""
    return Ways(
        limits=Limits(settings.sign_in_idle, settings.sign_in_longest),
        admin_key=settings.admin_key_sign_in,
        metrics_open=settings.metrics_open,
        proxy=_proxy(settings),
    )


def _proxy(settings: Settings) -> Proxy | None:
    if not settings.proxy_user_header:
        return None
    return Proxy(
        settings.trusted_proxy,
        settings.proxy_user_header,
        settings.proxy_role_header,
        settings.proxy_sign_out,
    )


def _oidc(settings: Settings, http: httpx.AsyncClient) -> Oidc | None:
    if not settings.oidc_issuer:
        return None
    roles = {value: Role(role) for value, role in settings.oidc_roles}
    default = Role(settings.oidc_default_role) if settings.oidc_default_role else None
    provider = Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        settings.oidc_role_claim,
        roles,
        default,
    )
    return Oidc(provider, http, f"{settings.public_url}/sign-in/oidc/back")


def calm_collector() -> None:
    """Keep the garbage collector away from the ping path: what is alive at start stays, and young garbage is rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _applier(ground: _Ground) -> Callable[[str, Path, Actor], Awaitable[tuple[str, ...]]]:
    settings, brought, patient = ground.settings, ground.brought, ground.database.within(APPLY_BOUND)

    async def apply(text: str, path: Path, actor: Actor) -> tuple[str, ...]:
        # Read in a thread: a long file takes seconds, for which no ping may wait.
        wanted = await patient.read(lambda _: understand(text, path, settings, brought))
        done = await patient.write(
            lambda db: definition_plan.apply(db, wanted, ground.clock.now(), actor=actor)
        )
        ground.wake()
        return done.changes

    return apply


def _links(settings: Settings, incident: Incident, person: Person, now: datetime) -> Links:
    answerer = signed_link.Answerer(incident.id, incident.occurrence, person.id, now + signed_link.LASTS)
    token = signed_link.sign(settings.secret_key, answerer)
    return Links(f"{settings.public_url}/incidents/{incident.id}", f"{settings.public_url}/answer/{token}")


def _observing(metrics: Metrics, tracing: Tracing | None) -> Callable[[int, float], None]:
    if tracing is None:
        return metrics.pings.observe_batch
    told = tracing.batch

    def observe(size: int, seconds: float) -> None:
        metrics.pings.observe_batch(size, seconds)
        told(size, seconds)

    return observe


def _front(
    context: Context, ingest: Ingest, publisher: Publisher, settings: Settings, tracing: Tracing | None
) -> Callable[[Scope, Receive, Send], Any]:
    """Pings, status pages and liveness go straight to their routes; all else goes through the web framework."""
    faces: Callable[[Scope, Receive, Send], Any] = http_app.build(context)
    if tracing is not None:
        faces = tracing.trace_requests(faces)
    policy = status_page_views.policy(settings.public_url)
    shown = StatusPages(lambda: publisher.editions, context.clock, policy, faces)
    has_api = "api" in settings.roles
    receivers = (
        pings.receivers(ingest, context.clock, context.metrics, settings.ping_body_limit) if has_api else ()
    )

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        for prefix, receiver in receivers:
            if path.startswith(prefix):
                await receiver(scope, receive, send)
                return
        if has_api and status_page_views.is_below(path):
            await shown(scope, receive, send)
        elif path == "/livez":
            await health.livez(scope, receive, send)
        elif has_api or path in health.PATHS:
            await faces(scope, receive, send)
        else:
            await health.not_here(scope, receive, send)

    return front
