"""The composition root: the one place where the rooms are put together into a running system."""

import asyncio
import gc
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx

from alerting.address import Fence, Reach
from alerting.courier import Courier, hand_over
from alerting.incident import Incident
from alerting.notice import Links, Notice
from alerting.notifiers import gate, shelf
from alerting.notifiers.contract import Notifier, Outcome
from alerting.person import Contact, Person
from heartbeat import checker, config, link, plan, secret, vault
from heartbeat.clock import Clock
from heartbeat.database import Database
from heartbeat.http import face, ops, status_page
from heartbeat.http.door import Door
from heartbeat.http.pings import PREFIX, Pings, Receive, Scope, Send
from heartbeat.http.status_page import StatusPages
from heartbeat.ingest import Ingest
from heartbeat.janitor import Janitor
from heartbeat.metrics import ChecksShown, Metrics
from heartbeat.settings import Settings
from heartbeat.status.hook import Hook
from heartbeat.status.publisher import Publisher
from heartbeat.ticker import LONGEST_SLEEP, Ticker

STAGE_BOUND = 0.3
"""Seconds that the stage under way has to end at a stop."""
SETTLE_BOUND = 0.5
"""Seconds that sends under way have to end at a stop; a send cut off is tried again by its lease's end."""
COMMIT_BOUND = 0.3
"""Seconds that pings in line have after that; nobody waits for their answers any more."""

LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=50)
USER_AGENT = f"heartbeat/{version('heartbeat')}"
ADVICE = "HEARTBEAT_ALLOW_ADDRESSES can allow it"

log = logging.getLogger(__name__)


@dataclass(slots=True)
class System:
    """Everything that runs, put together. `start` begins ticking; `stop` loses nothing."""

    asgi: Callable[[Scope, Receive, Send], Any]
    door: Door
    ingest: Ingest
    courier: Courier
    ticker: Ticker
    janitor: Janitor
    publisher: Publisher
    _ticking: asyncio.Task[None] | None = None
    _publishing: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Begin to tick; the task ends only when it is stopped or broken."""
        self._ticking = asyncio.create_task(self.ticker.run())
        return self._ticking

    def publish(self) -> None:
        """Begin to publish the status pages, in a process that serves them."""
        self._publishing = asyncio.create_task(self.publisher.run())

    async def rest(self) -> None:
        """End the ticking, and let sends under way be recorded; pings are still heard."""
        if self._ticking is not None:
            self.ticker.stop()
            await asyncio.wait([self._ticking], timeout=STAGE_BOUND)
            self._ticking.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticking
        await self.courier.settle(SETTLE_BOUND)
        if self._publishing is not None:
            self._publishing.cancel()
            with suppress(asyncio.CancelledError):
                await self._publishing
            await self.publisher.rest()

    async def stop(self) -> None:
        """Rest, and let pings in line be committed."""
        await self.rest()
        await self.ingest.settle(COMMIT_BOUND)


def build(
    settings: Settings,
    *,
    database: Database,
    clock: Clock,
    http: httpx.AsyncClient,
    random: Callable[[], float] | None = None,
    notifiers: Mapping[str, Notifier] | None = None,
    longest_sleep: float = LONGEST_SLEEP,
    ticked: Callable[[bool], None] = lambda _clean: None,
) -> System:
    """Put the system together. The admin key and the secret key must be set. `notifiers` are put on the shelf's
    place, kind by kind (a demonstration brings its own terminal). `longest_sleep` may be raised where no other
    process can bring anything forward. `ticked` is told of each tick that has ended."""
    metrics = Metrics(
        version=version("heartbeat"),
        database="sqlite" if database.sqlite else "postgresql",
        roles=settings.roles,
        notifiers=shelf.known().kinds.keys() | (notifiers or {}).keys(),
        shown=ChecksShown(settings.metrics_checks, settings.metrics_labels),
    )
    system: System

    def wake() -> None:
        system.ticker.wake()
        system.publisher.wake()

    courier = Courier(
        database.write,
        _assembler(settings, http, notifiers or {}),
        now=clock.now,
        around=checker.surroundings,
        links=lambda incident, person: _links(settings, incident, person, clock.now()),
        fill_in=_filler(settings),
        overview_url=f"{settings.public_url}/incidents",
        observe=metrics.observe_page,
        wake=wake,
        **({"random": random} if random else {}),
    )
    ticker = Ticker(
        database,
        clock,
        courier,
        metrics,
        roles=settings.roles,
        http=http,
        outside_url=settings.outside_url,
        outside_every=settings.outside_every,
        longest_sleep=longest_sleep,
        ticked=ticked,
    )
    ingest = Ingest(database, wake=wake, observe_batch=metrics.observe_batch)
    door = Door(
        database=database,
        clock=clock,
        metrics=metrics,
        public_url=settings.public_url,
        admin_key=settings.admin_key,
        secret_key=settings.secret_key,
        link_keys=(settings.secret_key, *settings.secret_keys_before),
        vault=vault_of(settings),
        wake=wake,
        ready=ticker.ready,
        apply=_applier(settings, notifiers or {}, database, clock, wake),
    )
    janitor = Janitor(
        database, clock, metrics, incidents=settings.keep_incidents, transitions=settings.keep_transitions
    )
    publisher = _publisher(settings, database, clock, metrics)
    system = System(
        _front(door, ingest, publisher, settings), door, ingest, courier, ticker, janitor, publisher
    )
    return system


def understand(
    text: str, path: Path, settings: Settings, brought: Mapping[str, Notifier] | None = None
) -> config.Configuration:
    """The configuration that this text says, with this process's environment and plugins. Raises `config.Wrong`."""
    kinds = {**shelf.known().kinds, **{kind: type(notifier) for kind, notifier in (brought or {}).items()}}
    return config.parse(
        text, str(path), notifiers=kinds, env=settings.environment, read=Path.read_text, look=Path.read_bytes
    )


def sender(
    settings: Settings, http: httpx.AsyncClient, written: Mapping[str, Mapping[str, str]]
) -> Callable[[Notice, Person, Contact], Awaitable[Outcome]]:
    """A way to send one notice at once, beside the outbox: for trying contacts out."""
    notifiers, fill_in = _assembler(settings, http, {})(written), _filler(settings)

    async def send(told: Notice, person: Person, contact: Contact) -> Outcome:
        return await hand_over(notifiers, told, contact, lambda text: fill_in(text, person.about(contact)))

    return send


def outward(settings: Settings) -> httpx.AsyncClient:
    """The client for what the operator has written: the configuration's addresses and the outside heartbeat."""
    fence = Fence(Reach.INSIDE, settings.allow_addresses, ADVICE)
    return gate.client(fence, limits=LIMITS, headers={"User-Agent": USER_AGENT}, proxies=True)


def vault_of(settings: Settings) -> vault.Vault:
    """The vault with this installation's keys. The secret key is the last of them, so that it can be the only one."""
    keys = (*settings.encryption_keys, settings.secret_key, *settings.secret_keys_before)
    return vault.with_keys([key for key in keys if key], secrets.token_bytes)


def _filler(settings: Settings) -> Callable[[str, str], str]:
    """Gives what is kept of a secret in clear: encrypted, and then bound to what it is about, or as references."""
    opener = vault_of(settings)

    def fill_in(text: str, about: str) -> str:
        if vault.is_sealed(text):
            return opener.open(text, about)
        return secret.fill_in(text, settings.environment, Path.read_text)

    return fill_in


def setting_about(kind: str, name: str) -> str:
    """What an encrypted setting of a notifier is bound to."""
    return f"notifier {kind} {name}"


def calm_collector() -> None:
    """Keep the garbage collector away from the ping path: what is alive at start stays, and young garbage is rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _applier(
    settings: Settings,
    brought: Mapping[str, Notifier],
    database: Database,
    clock: Clock,
    wake: Callable[[], None],
) -> Callable[[str, Path], Awaitable[tuple[str, ...]]]:
    async def apply(text: str, path: Path) -> tuple[str, ...]:
        # Read in a thread: a long file takes seconds, for which no ping may wait.
        wanted = await database.read(lambda _: understand(text, path, settings, brought))
        done = await database.write(lambda db: plan.apply(db, wanted, clock.now()))
        wake()
        return done.changes

    return apply


def _assembler(
    settings: Settings, http: httpx.AsyncClient, instead: Mapping[str, Notifier]
) -> Callable[[Mapping[str, Mapping[str, str]]], Mapping[str, Notifier]]:
    """Notifiers by their settings as written, built anew only when these change."""
    known = shelf.known()
    for name, problem in known.problems.items():
        log.error("the notifier %s cannot be used: %s", name, problem)
    built: dict[str, dict[str, Notifier]] = {}

    def assemble(written: Mapping[str, Mapping[str, str]]) -> Mapping[str, Notifier]:
        key = json.dumps(written, sort_keys=True)
        if key not in built:
            built.clear()
            built[key] = _assembled(settings, written, http, known) | dict(instead)
        return built[key]

    return assemble


def _assembled(
    settings: Settings, written: Mapping[str, Mapping[str, str]], http: httpx.AsyncClient, known: shelf.Shelf
) -> dict[str, Notifier]:
    filled, fill_in = {}, _filler(settings)
    for kind, given in written.items():
        try:
            one = {name: fill_in(value, setting_about(kind, name)) for name, value in given.items()}
            shelf.assemble({kind: one}, http, known)
            filled[kind] = one
        except ValueError as wrong:
            # Its contacts are refused with a reason, and so each page goes on to the next contact.
            log.error("notifiers: %s", wrong)
    return {
        kind: notifier
        for kind, notifier in shelf.assemble(filled, http, known).items()
        if kind in filled or kind not in written
    }


def _publisher(settings: Settings, database: Database, clock: Clock, metrics: Metrics) -> Publisher:
    place = settings.status_dir or settings.data_dir / "status"
    hook = Hook(settings.status_hook, place, metrics.observe_hook)
    return Publisher(
        database, clock, place, home=settings.public_url, hook=hook, observe=metrics.observe_publication
    )


def _links(settings: Settings, incident: Incident, person: Person, now: datetime) -> Links:
    answerer = link.Answerer(incident.id, incident.occurrence, person.id, now + link.LASTS)
    token = link.sign(settings.secret_key, answerer)
    return Links(f"{settings.public_url}/incidents/{incident.id}", f"{settings.public_url}/answer/{token}")


def _front(
    door: Door, ingest: Ingest, publisher: Publisher, settings: Settings
) -> Callable[[Scope, Receive, Send], Any]:
    """Pings, status pages and liveness go straight to their routes; all else goes through the web framework."""
    pings = Pings(ingest, door.clock, door.metrics, settings.ping_body_limit)
    faces = face.build(door)
    policy = status_page.policy(settings.public_url)
    shown = StatusPages(lambda: publisher.editions, door.clock, policy, faces)
    has_api = "api" in settings.roles

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path.startswith(PREFIX) and has_api:
            await pings(scope, receive, send)
        elif has_api and (path == status_page.PREFIX or path.startswith(f"{status_page.PREFIX}/")):
            await shown(scope, receive, send)
        elif path == "/livez":
            await ops.livez(scope, receive, send)
        elif has_api or path in ops.PATHS:
            await faces(scope, receive, send)
        else:
            await ops.not_here(scope, receive, send)

    return front
