"""Pings in. All that arrive while a commit is under way form the next batch; each waiter is answered after its own.

A 2xx means committed. Where the database does not answer within `STORE_BOUND`, every waiter is told so at once,
and until it does, new pings are turned away at the door instead of queueing behind it.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alerting import desk
from heartbeat import audit, cause, check, installation, ring, store, transitions
from heartbeat.check import Change, Check, Cleared, Ping, Raised, Signal
from heartbeat.checks import symptoms
from heartbeat.config import CheckDefinition, export
from heartbeat.database import Database, Unavailable
from heartbeat.ring import Arrival, Numbered
from heartbeat.schedule import Every
from heartbeat.usage import Usage
from heartbeat.who import Role, Who

STORE_BOUND = 1.5
"""Seconds within which a ping must be committed, or its sender is told to come back."""
SHORTEST_BOUND = 0.3
"""Seconds that a batch has in any case: together with `STORE_BOUND` less than the promised 2."""
MAX_WAITING = 20_000
MAX_WAITING_BYTES = 64_000_000
"""Pings, and bytes of their bodies, that may be in line; what comes on top is told to come back."""
MAX_BATCH = 2_000
NEW_PERIOD = timedelta(days=1)
NEW_GRACE = timedelta(hours=1)
"""A check made by its first ping is expected daily until somebody says better."""

log = logging.getLogger(__name__)


class Answer(StrEnum):
    """What became of one ping."""

    HEARD = "heard"
    CREATED = "created"
    UNKNOWN = "unknown"


_BY_A_KEY = frozenset({Answer.HEARD, Answer.CREATED})
"""The answers to pings whose key, where they came by one, is one that there is."""


class Ingest:
    """The queue before the database. `hear` returns once the ping is committed, or raises `Unavailable`."""

    def __init__(
        self,
        database: Database,
        *,
        wake: Callable[[], None] = lambda: None,
        observe_batch: Callable[[int, float], None] = lambda _size, _seconds: None,
    ) -> None:
        self._database = database
        self._wake = wake
        self._observe_batch = observe_batch
        self._usage = Usage(database)
        self._waiting: list[tuple[Arrival, asyncio.Future[Answer]]] = []
        self._draining: asyncio.Task[None] | None = None
        self._stuck = False
        self._away = False
        self._bytes = 0
        self._oldest = 0.0
        self._writing: asyncio.Task[list[Answer | None]] | None = None

    def hear(self, arrival: Arrival) -> "asyncio.Future[Answer]":
        """Put a ping in line; the future is done once it is committed."""
        size = len(arrival.body) if arrival.body else 0
        if self._stuck or len(self._waiting) >= MAX_WAITING or self._bytes + size > MAX_WAITING_BYTES:
            raise Unavailable("the database does not keep up")
        self._bytes += size
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrival, answered))
        if self._draining is None:
            self._oldest = asyncio.get_running_loop().time()
            self._draining = asyncio.create_task(self._drain())
        return answered

    async def settle(self, seconds: float | None = None) -> None:
        """Wait until nothing is in line, for up to `seconds`: what is not answered by then was never promised."""
        if self._draining is not None:
            await asyncio.wait([self._draining], timeout=seconds)
        await self._usage.settle(seconds)

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                self._bytes -= sum(len(arrival.body) for arrival, _ in batch if arrival.body)
                oldest, self._oldest = self._oldest, asyncio.get_running_loop().time()
                await self._commit(batch, oldest)
        finally:
            self._draining = None

    async def _commit(self, batch: list[tuple[Arrival, "asyncio.Future[Answer]"]], oldest: float) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        writing = self._writing = loop.create_task(self._write([arrival for arrival, _ in batch]))
        # The bound counts from when the first of them came, which may have waited for the batch before.
        await asyncio.wait([writing], timeout=max(STORE_BOUND - (began - oldest), SHORTEST_BOUND))
        if not writing.done():
            self._turn_away(batch)
            await asyncio.wait([writing])
            self._stuck = False
        self._answer(batch, writing)
        self._observe_batch(len(batch), loop.time() - began)

    def _turn_away(self, batch: list[tuple[Arrival, "asyncio.Future[Answer]"]]) -> None:
        log.warning("the database has not answered for %.1f s; pings are turned away", STORE_BOUND)
        self._stuck = True
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        for _, answered in [*batch, *waiting]:
            if not answered.done():
                answered.set_exception(Unavailable("the database does not answer"))

    def _answer(
        self,
        batch: list[tuple[Arrival, "asyncio.Future[Answer]"]],
        writing: "asyncio.Future[list[Answer | None]]",
    ) -> None:
        failed = writing.exception()
        answers = [None] * len(batch) if failed is not None else writing.result()
        self._tell(failed)
        self._usage.note(
            (arrival.key_hash, arrival.at)
            for (arrival, _), answer in zip(batch, answers, strict=True)
            if arrival.key_hash and answer in _BY_A_KEY
        )
        for (_, answered), answer in zip(batch, answers, strict=True):
            if answered.done():
                continue
            if answer is None:
                answered.set_exception(Unavailable("the ping could not be stored"))
            else:
                answered.set_result(answer)

    def _tell(self, failed: BaseException | None) -> None:
        """Log the beginning and the end of an outage; in between each batch would say the same."""
        if failed is not None and not self._away:
            log.warning("pings cannot be stored and are turned away: %s", failed)
        elif failed is None and self._away:
            log.warning("pings are stored again")
        self._away = failed is not None

    async def _write(self, arrivals: list[Arrival]) -> list[Answer | None]:
        """Store a batch; where one row spoils it, the halves are tried apart until the one is found."""
        try:
            answers, told = await self._database.write_pings(lambda db: hear(db, arrivals))
        except DBAPIError:
            log.exception("a batch of %d pings could not be stored", len(arrivals))
            if len(arrivals) == 1:
                return [None]
            half = len(arrivals) // 2
            return [*await self._write(arrivals[:half]), *await self._write(arrivals[half:])]
        if told:
            self._wake()
        return list(answers)


def hear(db: Connection, arrivals: Sequence[Arrival]) -> tuple[list[Answer], bool]:
    """One transaction's worth of pings, in the order in which they came: an answer each, and whether the checker or
    escalator should look at once."""
    created = _look_up(db, arrivals)
    plain = _plain(arrivals)
    done = ring.hear_plain(db, plain) if plain else set()
    slow = [arrival for arrival in arrivals if arrival.uuid and arrival.uuid not in done]
    known, told = _hear_slowly(db, slow)
    found = done | known
    told = told or bool(created)
    return [_answer(arrival, found, created) for arrival in arrivals], told


def _answer(arrival: Arrival, found: Collection[str], created: set[str]) -> Answer:
    if arrival.uuid not in found:
        return Answer.UNKNOWN
    if arrival.create and arrival.slug in created:
        # Of several first pings in one batch one has made the check; the others found it.
        created.remove(arrival.slug)
        return Answer.CREATED
    return Answer.HEARD


def _plain(arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Successes on checks of which nothing else came in this batch: order does not matter among them."""
    others = {arrival.uuid for arrival in arrivals if arrival.signal is not Signal.SUCCESS}
    return [arrival for arrival in arrivals if arrival.uuid and arrival.uuid not in others]


def _look_up(db: Connection, arrivals: Sequence[Arrival]) -> set[str]:
    """Give each ping by slug the uuid of its check, making it where that was asked for; the slugs that were made."""
    by_slug = [arrival for arrival in arrivals if arrival.slug]
    if not by_slug:
        return set()
    keys = store.known_ping_keys(db, {arrival.key_hash for arrival in by_slug})
    allowed = [arrival for arrival in by_slug if arrival.key_hash in keys]
    uuids = store.uuids(db, {arrival.slug for arrival in allowed})
    missing = {a.slug: a for a in allowed if a.create and a.slug not in uuids}
    if missing:
        _create(db, missing.values(), keys)
        uuids |= store.uuids(db, missing.keys())
    for arrival in allowed:
        arrival.uuid = uuids.get(arrival.slug, "")
    return set(missing)


def _create(db: Connection, firsts: Collection[Arrival], keys: Mapping[str, str]) -> None:
    group_by = installation.recall(db, "group_by")
    group_by = ["host"] if group_by is None else group_by
    made = [
        check.rearmed(
            Check(
                id=0,
                uuid=uuid4(),
                slug=first.slug,
                name=first.slug,
                schedule=Every(NEW_PERIOD),
                grace=NEW_GRACE,
                since=first.at,
                armed_at=first.at,
                group_key=cause.group_key(first.slug, {}, group_by),
                origin="ping",
            ),
            first.at,
        )
        for first in firsts
    ]
    ours = store.insert(db, made)
    first_of = {first.slug: first for first in firsts}
    audit.record_all(
        db,
        (
            (_who(first, keys), "check.make", f"check {one.slug}", export.check(CheckDefinition.of(one)))
            for one in made
            if one.slug in ours and (first := first_of[one.slug])
        ),
        max(first.at for first in firsts),
    )


def _who(first: Arrival, keys: Mapping[str, str]) -> Who:
    """Whose key it is that has made a check. An API key that pings has a ping key of its own: see `access.keys`."""
    kind, _, name = keys[first.key_hash].rpartition(":")
    return Who(name, Role.VIEWER, f"{kind or 'ping key'} {name}", first.remote)


def _hear_slowly(db: Connection, arrivals: Sequence[Arrival]) -> tuple[set[str], bool]:
    """The other lane: each ping through `check.on_ping`, in rounds of one ping a check so that order is kept."""
    checks = (
        {one.uuid.hex: one for one in store.lock_uuids(db, {UUID(a.uuid) for a in arrivals})}
        if arrivals
        else {}
    )
    line = [arrival for arrival in arrivals if arrival.uuid in checks]
    numbered: list[Numbered] = []
    told = False
    while line:
        round_, line = _first_of_each(line)
        changes = []
        for arrival in round_:
            before = checks[arrival.uuid]
            ping = Ping(arrival.signal, arrival.at, arrival.rid, arrival.exit_status)
            change = check.on_ping(before, ping)
            after = _counted(change.check)
            checks[arrival.uuid] = after
            numbered.append(Numbered(before.id, after.pings, arrival, change.duration))
            changes.append((change, before, arrival))
        told |= _tell(db, changes)
    store.save(db, checks.values())
    ring.keep(db, numbered)
    return set(checks), told


def _counted(after: Check) -> Check:
    return replace(after, pings=after.pings + 1)


def _first_of_each(line: Sequence[Arrival]) -> tuple[list[Arrival], list[Arrival]]:
    first: dict[str, Arrival] = {}
    rest = []
    for arrival in line:
        if arrival.uuid in first:
            rest.append(arrival)
        else:
            first[arrival.uuid] = arrival
    return list(first.values()), rest


def _tell(db: Connection, changes: Sequence[tuple[Change, Check, Arrival]]) -> bool:
    transitions.write(db, [(change, before, arrival.at) for change, before, arrival in changes])
    raised = [(change, before, a) for change, before, a in changes if isinstance(change.told, Raised)]
    cleared = {
        symptoms.key_of(change.check): change.told.why
        for change, _, _ in changes
        if isinstance(change.told, Cleared)
    }
    if raised:
        symptoms.raise_(
            db,
            [symptoms.of_change(change, before, body=arrival.body) for change, before, arrival in raised],
            max(arrival.at for *_, arrival in raised),
        )
    if cleared:
        desk.clear(db, cleared, max(a.at for _, _, a in changes), installation.gathering(db))
    return bool(raised or cleared) or any(a.signal is Signal.START for *_, a in changes)
