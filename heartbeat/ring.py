"""The SQL of the ping path: the plain lane in one statement a batch, and the ring of last pings.

Ping n of a check lies in slot n modulo `KEEP`, so the ring is bounded by construction. The statements are
written out because every ping pays for them: on PostgreSQL the plain lane is one round trip for a whole batch,
one HOT update a check and one row of the ring a ping; on SQLite it is a select and two prepared statements.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, select

from alerting.rows import postgres_array, sqlite_instant
from heartbeat.check import Signal
from heartbeat.tables import pings

KEEP = 100
"""Pings kept of each check."""


@dataclass(slots=True)
class Arrival:
    """One ping as it came over the wire. `uuid` is 32 hex digits, empty until a slug has been looked up."""

    signal: Signal
    at: datetime
    method: str
    remote: str
    agent: str
    body: bytes | None = None
    exit_status: int | None = None
    rid: str | None = None
    uuid: str = ""
    key_hash: str = ""
    slug: str = ""
    create: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """One ping as it lies in the ring."""

    n: int
    at: datetime
    signal: Signal
    exit_status: int | None
    rid: UUID | None
    duration: timedelta | None
    method: str
    remote: str
    agent: str
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Numbered:
    """A ping that has been given its number in its check, to be written to the ring."""

    check_id: int
    n: int
    arrival: Arrival
    duration: timedelta | None


_COLUMNS = "check_id, slot, n, at, kind, exit_status, rid, duration, method, remote, agent, body"
_OVERWRITE = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[2:])

# The array of uuids keeps the planner from reading all of `checks` for a batch, which it prefers for some sizes.
_PLAIN_POSTGRES = f"""
WITH heard AS MATERIALIZED (
  SELECT *, row_number() OVER (PARTITION BY uuid ORDER BY place) AS k
  FROM unnest(%s::uuid[], %s::timestamptz[], %s::int[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::bytea[])
  WITH ORDINALITY AS h(uuid, at, exit_status, rid, method, remote, agent, body, place)
), touched AS (
  UPDATE checks c SET last_ok_at = greatest(c.last_ok_at, h.at), pings = c.pings + h.many
  FROM (SELECT uuid, max(at) AS at, count(*) AS many FROM heard GROUP BY uuid) h
  WHERE c.uuid = ANY (ARRAY(SELECT uuid FROM heard)) AND c.uuid = h.uuid AND c.state = 'up' AND c.runs IS NULL
  RETURNING c.id, c.uuid, h.many, c.pings - h.many AS before
), ring AS (
  INSERT INTO pings ({_COLUMNS})
  SELECT t.id, (t.before + h.k) %% {KEEP}, t.before + h.k, h.at, 'success', h.exit_status, h.rid, NULL,
         h.method, h.remote, h.agent, h.body
  FROM heard h JOIN touched t ON t.uuid = h.uuid
  WHERE t.many - h.k < {KEEP}
  ON CONFLICT (check_id, slot) DO UPDATE SET {_OVERWRITE}
)
SELECT string_agg(replace(uuid::text, '-', ''), ' ') FROM touched
"""

_HEALTHY_SQLITE = """
SELECT uuid, id, pings FROM checks
WHERE uuid IN (SELECT value FROM json_each(?)) AND state = 'up' AND runs IS NULL
"""
_TOUCH_SQLITE = (
    "UPDATE checks SET last_ok_at = max(coalesce(last_ok_at, ''), ?), pings = pings + ? WHERE id = ?"
)
_RING_SQLITE = f"INSERT OR REPLACE INTO pings ({_COLUMNS}) VALUES ({', '.join('?' * 12)})"
_RING_POSTGRES = f"""
INSERT INTO pings ({_COLUMNS})
SELECT * FROM unnest(%s::bigint[], %s::int[], %s::bigint[], %s::timestamptz[], %s::text[], %s::int[], %s::uuid[],
                     %s::float8[], %s::text[], %s::text[], %s::text[], %s::bytea[])
ON CONFLICT (check_id, slot) DO UPDATE SET {_OVERWRITE}
"""


def hear_plain(db: Connection, heard: Sequence[Arrival]) -> set[str]:
    """The plain lane: note successes on checks that are up and have no open run; the uuids that were so.

    What it does to a row is what `check.on_ping` would do: see tests/unit/test_lanes.py.
    """
    if db.dialect.name == "postgresql":
        columns = zip(*[_plain_row(a) for a in heard], strict=True)
        touched = db.exec_driver_sql(_PLAIN_POSTGRES, tuple(map(postgres_array, columns))).scalar()
        return set((touched or "").split())
    return _hear_plain_sqlite(db, heard)


def _plain_row(a: Arrival) -> tuple[object, ...]:
    return a.uuid, a.at, a.exit_status, a.rid, a.method, a.remote, a.agent, a.body


def _hear_plain_sqlite(db: Connection, heard: Sequence[Arrival]) -> set[str]:
    wanted = json.dumps([a.uuid for a in heard])
    healthy = {row[0]: (row[1], row[2]) for row in db.exec_driver_sql(_HEALTHY_SQLITE, (wanted,))}
    if not healthy:
        return set()
    by_check: dict[str, list[Arrival]] = {}
    for a in heard:
        if a.uuid in healthy:
            by_check.setdefault(a.uuid, []).append(a)
    touches = [
        (sqlite_instant(max(a.at for a in group)), len(group), healthy[uuid][0])
        for uuid, group in by_check.items()
    ]
    db.exec_driver_sql(_TOUCH_SQLITE, touches)
    numbered = [
        Numbered(healthy[uuid][0], healthy[uuid][1] + k, a, None)
        for uuid, group in by_check.items()
        for k, a in enumerate(group, 1)
    ]
    db.exec_driver_sql(_RING_SQLITE, [_sqlite_row(one) for one in numbered])
    return set(healthy)


def keep(db: Connection, numbered: Iterable[Numbered]) -> None:
    """Write pings to the ring; of those that would share a slot the newest stays."""
    newest = {(one.check_id, one.n % KEEP): one for one in numbered}
    if not newest:
        return
    if db.dialect.name == "postgresql":
        columns = zip(*(_ring_row(one) for one in newest.values()), strict=True)
        db.exec_driver_sql(_RING_POSTGRES, tuple(map(postgres_array, columns)))
    else:
        db.exec_driver_sql(_RING_SQLITE, [_sqlite_row(one) for one in newest.values()])


def last_pings(db: Connection, check_id: int, limit: int = KEEP) -> list[Kept]:
    """The last pings of a check, newest first."""
    query = select(pings).where(pings.c.check_id == check_id).order_by(pings.c.n.desc()).limit(limit)
    return [
        Kept(
            row.n,
            row.at,
            Signal(row.kind),
            row.exit_status,
            row.rid,
            None if row.duration is None else timedelta(seconds=row.duration),
            row.method,
            row.remote,
            row.agent,
            None if row.body is None else bytes(row.body),
        )
        for row in db.execute(query)
    ]


def _ring_row(one: Numbered) -> tuple[object, ...]:
    a = one.arrival
    seconds = None if one.duration is None else one.duration.total_seconds()
    where = (one.check_id, one.n % KEEP, one.n, a.at, a.signal.value)
    return (*where, a.exit_status, a.rid, seconds, a.method, a.remote, a.agent, a.body)


def _sqlite_row(one: Numbered) -> tuple[object, ...]:
    row = _ring_row(one)
    return (*row[:3], sqlite_instant(one.arrival.at), *row[4:])
