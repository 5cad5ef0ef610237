"""Refused sign-ins in the audit log: the first of a kind at once, and the others as a sum.

Strangers can be refused as often as they like, and the audit log is kept for ever. Each process counts them in bounded
memory, and writes one row for each kind in `EVERY`.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import Connection

from heartbeat import audit, loop
from heartbeat.access.tries import sender_of
from heartbeat.actor import Actor, Role
from heartbeat.database import Database

EVERY = 600.0
"""Seconds between two sums."""
KINDS = 20
"""Kinds that are told apart at a time. The others of one reason are one kind."""
ADDRESSES = 1_000
"""Addresses (of IPv6, networks) of one kind that are counted, at most."""
SEVERAL = "several users"
"""The target of refusals that are not told apart."""

Kind: TypeAlias = tuple[str | None, str, str]
"""The name of the user or None, what the refusals are about, and what was wrong."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Sum:
    """The refusals of one kind that no row has yet. `remote` is the address of the last."""

    since: datetime
    last_at: datetime
    count: int = 0
    remote: str = ""
    addresses: set[str] = field(default_factory=set)

    def add(self, remote: str, now: datetime) -> None:
        if not self.count:
            self.since = now
        self.count += 1
        self.remote, self.last_at = remote, now
        if len(self.addresses) < ADDRESSES:
            self.addresses.add(sender_of(remote))


class RefusalLog:
    """The refused sign-ins of this process."""

    def __init__(self) -> None:
        self._sums: dict[Kind, _Sum] = {}
        self._settling = asyncio.Event()
        self._summing: asyncio.Task[None] | None = None

    async def note(
        self, database: Database, name: str | None, reason: str, remote: str, now: datetime
    ) -> None:
        """Record a refusal: at once if it is the first of its kind, else in the next sum. Raises `Unavailable`."""
        kind = self._kind(name, reason)
        is_first = kind not in self._sums
        if is_first:
            self._sums[kind] = _Sum(now, now)
        else:
            self._sums[kind].add(remote, now)
        if self._summing is None or self._summing.done():
            self._summing = asyncio.create_task(self._sum_up(database))
        if is_first:
            await database.write(lambda db: _record(db, kind, remote, now, {}))

    async def settle(self, seconds: float | None = None) -> None:
        """Write the sums now, and wait up to `seconds` for it."""
        if self._summing is not None:
            self._settling.set()
            await asyncio.wait([self._summing], timeout=seconds)
            self._settling.clear()

    def _kind(self, name: str | None, reason: str) -> Kind:
        kind = (name, f"user {name}" if name else "unknown user", reason)
        return kind if kind in self._sums or len(self._sums) < KINDS else (None, SEVERAL, reason)

    async def _sum_up(self, database: Database) -> None:
        while self._sums:
            await loop.wait(self._settling, EVERY)
            # A kind that goes on is summed up again. One that has stopped begins with a row of its own.
            self._sums = {kind: part for kind, part in self._sums.items() if part.count}
            await self._write(database)
            if self._settling.is_set():
                return

    async def _write(self, database: Database) -> None:
        sums = self._sums

        def work(db: Connection) -> None:
            for kind, part in sums.items():
                counted = {
                    "times": part.count,
                    "addresses": len(part.addresses),
                    "since": part.since.isoformat(),
                }
                _record(db, kind, part.remote, part.last_at, counted)

        if not sums:
            return
        self._sums = {kind: _Sum(part.last_at, part.last_at) for kind, part in sums.items()}
        try:
            await database.write(work)
        except Exception as error:  # noqa: BLE001  # whatever it was, the next sum has them too
            log.warning("refused sign-ins could not be summed up: %s", error)
            self._keep(sums)

    def _keep(self, sums: Mapping[Kind, _Sum]) -> None:
        """Put sums back that could not be written."""
        for kind, part in sums.items():
            newer = self._sums[kind]
            part.count += newer.count
            part.addresses |= newer.addresses
            part.last_at, part.remote = newer.last_at, newer.remote or part.remote
        self._sums |= sums


def _record(db: Connection, kind: Kind, remote: str, now: datetime, counted: dict[str, object]) -> None:
    name, target, reason = kind
    actor = Actor(name or "nobody", Role.VIEWER, "sign-in", remote)
    audit.record(db, actor, "sign_in.refuse", target, now, after={"wrong": reason} | counted)
