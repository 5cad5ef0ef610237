"""Pings in. All pings that arrive during a commit form the next batch; each sender is answered after its commit.

A 2xx means committed. When the database does not answer within `STORE_BOUND`, every ping in line is turned away at
once. New pings are then turned away as well, until the database answers again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from heartbeat.database import Database, Unavailable
from heartbeat.pings import creation, lanes, store
from heartbeat.pings.arrival import Arrival, BySlug, ByUuid, PingResult, Resolved
from heartbeat.pings.body_usage import BodyUsage
from heartbeat.pings.creation import CreationLimit
from heartbeat.pings.key_usage import KeyUsage
from heartbeat.pings.lanes import Note
from heartbeat.pings.unexpected_log import UnexpectedLog

STORE_BOUND = 1.5
"""Seconds in which a ping must be committed. After that, its sender must try again."""
SHORTEST_BOUND = 0.3
"""Seconds that every batch gets. With `STORE_BOUND`, this stays below the promised 2."""
MAX_WAITING = 20_000
MAX_WAITING_BYTES = 64_000_000
"""Pings, and bytes of their bodies, that may be in line. Pings beyond that are turned away."""
MAX_BATCH = 2_000

Answer: TypeAlias = Callable[[PingResult], None]
"""Tells the sender of a ping its result. It must not fail."""

log = logging.getLogger(__name__)

_UNEXPECTED = frozenset({PingResult.UNKNOWN, PingResult.REFUSED})
"""The results of pings that no check expects."""
_STORED = frozenset({PingResult.HEARD, PingResult.CREATED})
_VALID_KEY = frozenset({PingResult.HEARD, PingResult.CREATED, PingResult.REFUSED})
"""The results that prove that the ping key exists, for pings that came with one."""


@dataclass(slots=True)
class _Batch:
    """Pings that are committed together, each with whom to tell its result. `began` is a time of the event loop."""

    pings: list[tuple[Arrival, Answer]]
    began: float
    is_late: bool = False
    """Its senders were turned away, because the commit took too long."""

    @property
    def arrivals(self) -> list[Arrival]:
        return [arrival for arrival, _ in self.pings]


class Ingest:
    """The queue before the database. A ping is answered once it is committed, or turned away."""

    def __init__(
        self,
        database: Database,
        *,
        limit: CreationLimit = creation.BY_DEFAULT,
        wake: Callable[[], None] = lambda: None,
        note_measured: Note = lanes.note_nothing,
        observe_batch: Callable[[int, float], None] = lambda _size, _seconds: None,
    ) -> None:
        self._database = database
        self._limit = limit
        self._wake = wake
        self._note_measured = note_measured
        self._observe_batch = observe_batch
        self._key_usage = KeyUsage(database)
        self._unexpected = UnexpectedLog(database)
        self._body_usage = BodyUsage(database)
        self._waiting: list[tuple[Arrival, Answer]] = []
        self._draining: asyncio.Task[None] | None = None
        self._stuck = False
        self._away = False
        self._bytes = 0
        self._oldest = 0.0
        self._refused = False

    def put(self, arrival: Arrival, answer: Answer) -> None:
        """Put a ping in line. `answer` is called once, in the event loop: at once if the ping is turned away."""
        size = len(arrival.body) if arrival.body else 0
        if self._stuck or len(self._waiting) >= MAX_WAITING or self._bytes + size > MAX_WAITING_BYTES:
            self._refused = True
            answer(PingResult.UNAVAILABLE)
            return
        self._bytes += size
        self._waiting.append((arrival, answer))
        if self._draining is None:
            self._oldest = asyncio.get_running_loop().time()
            self._draining = asyncio.create_task(self._drain())

    def refused(self) -> bool:
        """Return whether pings were turned away since this was asked last."""
        refused, self._refused = self._refused, False
        return refused

    def hear(self, arrival: Arrival) -> "asyncio.Future[PingResult]":
        """Put a ping in line, and return its result to come."""
        future: asyncio.Future[PingResult] = asyncio.get_running_loop().create_future()
        self.put(arrival, lambda result: None if future.done() else future.set_result(result))
        return future

    async def settle(self, seconds: float | None = None) -> None:
        """Wait up to `seconds` until no ping is in line. Pings that are left then were never answered."""
        if self._draining is not None:
            await asyncio.wait([self._draining], timeout=seconds)
        await self._key_usage.settle(seconds)
        await self._unexpected.settle(seconds)
        await self._body_usage.settle(seconds)

    async def _drain(self) -> None:
        """Commit batch after batch. Each is under way before the one before it is answered."""
        answer_last = _do_nothing
        try:
            while self._waiting:
                batch, bound = self._next()
                committing = self._commit(batch.arrivals)
                answer_last()
                answer_last = partial(self._answer, batch, *await self._outcome(batch, bound, committing))
                if not self._waiting:
                    # Whoever is answered may put the next ping in line at once.
                    answer_last()
                    answer_last = _do_nothing
        finally:
            self._draining = None

    def _next(self) -> tuple[_Batch, float]:
        """Return the next batch, and the seconds in which it must be committed.

        They count from the arrival of the oldest ping, which may have waited for the batch before.
        """
        now = asyncio.get_running_loop().time()
        batch = _Batch(self._waiting[:MAX_BATCH], now)
        self._waiting = self._waiting[MAX_BATCH:]
        self._bytes -= sum(len(arrival.body) for arrival, _ in batch.pings if arrival.body)
        oldest, self._oldest = self._oldest, now
        return batch, max(STORE_BOUND - (now - oldest), SHORTEST_BOUND)

    async def _outcome(
        self, batch: _Batch, bound: float, committing: Awaitable[list[PingResult]]
    ) -> tuple[list[PingResult], Exception | None]:
        """Wait for a batch. Everybody in line is turned away when it is late."""
        late = asyncio.get_running_loop().call_later(bound, self._turn_away, batch)
        try:
            return await committing, None
        except Unavailable as error:
            return [PingResult.UNAVAILABLE] * len(batch.pings), error
        except Exception as error:
            # Whatever it was, everybody who waits is answered, and the next batch may be stored.
            log.exception("a batch of %d pings could not be stored", len(batch.pings))
            return [PingResult.UNAVAILABLE] * len(batch.pings), error
        finally:
            late.cancel()
            self._stuck = False
            self._observe_batch(len(batch.pings), asyncio.get_running_loop().time() - batch.began)

    def _turn_away(self, batch: _Batch) -> None:
        log.warning("the database has not answered for %.1f s; pings are turned away", STORE_BOUND)
        self._stuck = batch.is_late = self._refused = True
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        for _, answer in [*batch.pings, *waiting]:
            answer(PingResult.UNAVAILABLE)

    def _answer(self, batch: _Batch, results: Sequence[PingResult], error: Exception | None) -> None:
        self._log_outage(error)
        self._key_usage.note(
            (target.key_hash, arrival.at)
            for (arrival, _), result in zip(batch.pings, results, strict=True)
            if isinstance(target := arrival.target, BySlug) and result in _VALID_KEY
        )
        self._body_usage.note(
            arrival
            for (arrival, _), result in zip(batch.pings, results, strict=True)
            if arrival.body and result in _STORED
        )
        if not _UNEXPECTED.isdisjoint(results):
            self._unexpected.note(
                arrival
                for (arrival, _), result in zip(batch.pings, results, strict=True)
                if result in _UNEXPECTED
            )
        if not batch.is_late:
            for (_, answer), result in zip(batch.pings, results, strict=True):
                answer(result)

    def _log_outage(self, error: BaseException | None) -> None:
        """Log the beginning and the end of an outage; in between, each batch would log the same."""
        if error is not None and not self._away:
            log.warning("pings cannot be stored and are turned away: %s", error)
        elif error is None and self._away:
            log.warning("pings are stored again")
        self._away = error is not None

    def _commit(self, arrivals: list[Arrival]) -> Awaitable[list[PingResult]]:
        """Begin to store a batch, and return its results to come.

        On PostgreSQL, a batch of plain pings by uuid is one statement that commits itself. SQLite has no round trips.
        """
        plain = None if self._database.sqlite else _by_uuid(arrivals)
        if plain is None:
            return self._whole(arrivals, self._hearing(arrivals))
        heard = self._database.write_pings(lambda db: store.hear_plain(db, plain), at_once=True)
        return self._plainly(plain, heard)

    def _hearing(self, arrivals: list[Arrival]) -> Awaitable[tuple[list[PingResult], bool]]:
        limit, note = self._limit, self._note_measured
        return self._database.write_pings(lambda db: lanes.hear(db, arrivals, limit, note))

    async def _plainly(self, plain: Sequence[Resolved], committing: Awaitable[set[str]]) -> list[PingResult]:
        try:
            heard = await committing
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001  # it is logged there: whatever is wrong with one ping, the others are stored
            return await self._halves([arrival for _, arrival in plain])
        if with_body := [uuid for uuid, arrival in plain if arrival.body]:
            self._note_measured(with_body)
        others = [arrival for uuid, arrival in plain if uuid not in heard]
        results = iter(await self._write(others) if others else ())
        return [PingResult.HEARD if uuid in heard else next(results) for uuid, _ in plain]

    async def _whole(
        self, arrivals: list[Arrival], committing: Awaitable[tuple[list[PingResult], bool]]
    ) -> list[PingResult]:
        try:
            results, urgent = await committing
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001  # as above
            return await self._halves(arrivals)
        if urgent:
            self._wake()
        return results

    async def _write(self, arrivals: list[Arrival]) -> list[PingResult]:
        return await self._whole(arrivals, self._hearing(arrivals))

    async def _halves(self, arrivals: list[Arrival]) -> list[PingResult]:
        """Store the halves of a batch apart that one ping spoils, whatever its fault, until it stands alone."""
        log.exception("a batch of %d pings could not be stored", len(arrivals))
        if len(arrivals) == 1:
            return [PingResult.UNAVAILABLE]
        half = len(arrivals) // 2
        return [*await self._write(arrivals[:half]), *await self._write(arrivals[half:])]


def _do_nothing() -> None:
    """Answer nobody."""


def _by_uuid(arrivals: Sequence[Arrival]) -> list[Resolved] | None:
    """Return the pings with their uuids if all are plain and by uuid."""
    if all(type(a.target) is ByUuid and a.is_plain for a in arrivals):
        return [(a.target.uuid, a) for a in arrivals]  # type: ignore[union-attr]  # all are by uuid
    return None
