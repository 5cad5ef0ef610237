"""The SQL of pings: the plain lane in one statement a batch, and the ring of last pings.

Ping n of a check lies in slot n modulo `KEEP`, so the ring is bounded by construction. The statements are written out
because every ping pays for them. On PostgreSQL, the plain lane is one round trip for a whole batch, one HOT update a
check and one row of the ring a ping. On SQLite, it is a select and two prepared statements.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, func, select

from alerting.sql import among, postgres_array, sqlite_instant
from heartbeat.checks import finished_run
from heartbeat.checks.check import Signal
from heartbeat.checks.finished_run import FinishedRun
from heartbeat.pings.arrival import Arrival, NumberedPing, Resolved, StoredPing
from heartbeat.pings.tables import pings

_ENDED = (Signal.SUCCESS.value, Signal.FAIL.value)
_OF_RUNS = ("check_id", "at", "kind", "duration", "exit_status", "measurements")

KEEP = 100
"""Pings stored for each check."""

_COLUMNS = "check_id, slot, n, at, kind, exit_status, rid, duration, method, remote, agent, body, measurements, misread"
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
    AND c.failures = 0 AND c.missed = 0 AND c.plain
  RETURNING c.id, c.uuid, h.many, c.pings - h.many AS before
), ring AS (
  INSERT INTO pings ({_COLUMNS})
  SELECT t.id, (t.before + h.k) %% {KEEP}, t.before + h.k, h.at, 'success', h.exit_status, h.rid, NULL,
         h.method, h.remote, h.agent, h.body, NULL, NULL
  FROM heard h JOIN touched t ON t.uuid = h.uuid
  WHERE t.many - h.k < {KEEP}
  ON CONFLICT (check_id, slot) DO UPDATE SET {_OVERWRITE}
)
SELECT string_agg(replace(uuid::text, '-', ''), ' ') FROM touched
"""

_HEALTHY_SQLITE = """
SELECT uuid, id, pings FROM checks
WHERE uuid IN (SELECT value FROM json_each(?)) AND state = 'up' AND runs IS NULL
AND failures = 0 AND missed = 0 AND plain
"""
_TOUCH_SQLITE = (
    "UPDATE checks SET last_ok_at = max(coalesce(last_ok_at, ''), ?), pings = pings + ? WHERE id = ?"
)
# Replacing a row leaves what is not named empty: the duration and the numbers, which plain pings have none of.
_PLAIN_RING_SQLITE = (
    "INSERT OR REPLACE INTO pings (check_id, slot, n, at, kind, exit_status, rid, method, remote, agent, body) "
    f"VALUES ({', '.join('?' * 11)})"
)
_RING_SQLITE = f"INSERT OR REPLACE INTO pings ({_COLUMNS}) VALUES ({', '.join('?' * 14)})"
_RING_POSTGRES = f"""
INSERT INTO pings ({_COLUMNS})
SELECT * FROM unnest(%s::bigint[], %s::int[], %s::bigint[], %s::timestamptz[], %s::text[], %s::int[], %s::uuid[],
                     %s::float8[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::json[], %s::text[])
ON CONFLICT (check_id, slot) DO UPDATE SET {_OVERWRITE}
"""


def hear_plain(db: Connection, plain: Sequence[Resolved]) -> set[str]:
    """Store successes on checks that are up, with no open run, failure or missed run; return the uuids of these checks.

    The effect on a row is that of `life.on_ping`: see tests/unit/pings/test_lanes.py.
    """
    if db.dialect.name == "postgresql":
        columns = zip(*[_plain_row(uuid, arrival) for uuid, arrival in plain], strict=True)
        touched = db.exec_driver_sql(_PLAIN_POSTGRES, tuple(map(postgres_array, columns))).scalar()
        return set((touched or "").split())
    return _hear_plain_sqlite(db, plain)


def _plain_row(uuid: str, a: Arrival) -> tuple[object, ...]:
    return uuid, a.at, a.exit_status, a.rid, a.method, a.remote, a.agent, a.body


def _hear_plain_sqlite(db: Connection, plain: Sequence[Resolved]) -> set[str]:
    uuids = json.dumps([uuid for uuid, _ in plain])
    healthy = {row[0]: (row[1], row[2]) for row in db.exec_driver_sql(_HEALTHY_SQLITE, (uuids,))}
    if not healthy:
        return set()
    by_check: dict[str, list[Arrival]] = {}
    for uuid, arrival in plain:
        if uuid in healthy:
            by_check.setdefault(uuid, []).append(arrival)
    touches = [
        (sqlite_instant(max(a.at for a in arrivals)), len(arrivals), healthy[uuid][0])
        for uuid, arrivals in by_check.items()
    ]
    db.exec_driver_sql(_TOUCH_SQLITE, touches)
    rows = [
        _plain_sqlite_row(healthy[uuid][0], n, arrival)
        for uuid, arrivals in by_check.items()
        for n, arrival in enumerate(arrivals, healthy[uuid][1] + 1)
    ]
    db.exec_driver_sql(_PLAIN_RING_SQLITE, rows)
    return set(healthy)


def _plain_sqlite_row(check_id: int, n: int, a: Arrival) -> tuple[object, ...]:
    place = (check_id, n % KEEP, n, sqlite_instant(a.at), a.signal.value)
    return (*place, a.exit_status, a.rid, a.method, a.remote, a.agent, a.body)


def keep(db: Connection, numbered: Iterable[NumberedPing]) -> None:
    """Write pings to the ring. Of pings that share a slot, the newest stays."""
    newest = {(ping.check_id, ping.n % KEEP): ping for ping in numbered}
    if not newest:
        return
    if db.dialect.name == "postgresql":
        columns = zip(*(_ring_row(ping) for ping in newest.values()), strict=True)
        db.exec_driver_sql(_RING_POSTGRES, tuple(map(postgres_array, columns)))
    else:
        db.exec_driver_sql(_RING_SQLITE, [_sqlite_row(ping) for ping in newest.values()])


def holds(db: Connection, check_id: int, ping: Arrival, within: timedelta) -> bool:
    """Return whether the ring has a ping of this kind and run, at most so long before or after this one."""
    rid = pings.c.rid.is_(None) if ping.rid is None else pings.c.rid == UUID(ping.rid)
    same = pings.c.check_id == check_id, pings.c.kind == ping.signal.value, rid
    near = pings.c.at.between(ping.at - within, ping.at + within)
    return db.execute(select(pings.c.n).where(*same, near).limit(1)).scalar() is not None


def last_pings(db: Connection, check_id: int, limit: int = KEEP) -> list[StoredPing]:
    """Return the last pings of a check, newest first."""
    query = select(pings).where(pings.c.check_id == check_id).order_by(pings.c.n.desc()).limit(limit)
    return [
        StoredPing(
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
            row.measurements,
            row.misread,
        )
        for row in db.execute(query)
    ]


def finished_runs(
    db: Connection, check_ids: Collection[int], count: int, *, bodies: bool = False
) -> dict[int, list[FinishedRun]]:
    """Return the last `count` finished runs of each of these checks, oldest first, as far as the ring has them.

    A check without any has an empty list. With `bodies`, each run has its body as text.
    """
    nth = func.row_number().over(partition_by=pings.c.check_id, order_by=pings.c.n.desc()).label("nth")
    ended = among(db, pings.c.check_id, check_ids), pings.c.kind.in_(_ENDED)
    last = select(pings.c.check_id, pings.c.slot, nth).where(*ended).subquery()
    columns: list[Any] = [pings.c[name] for name in _OF_RUNS]
    query = (
        select(*columns, func.length(pings.c.body).label("size"), *([pings.c.body] if bodies else []))
        .join(last, (last.c.check_id == pings.c.check_id) & (last.c.slot == pings.c.slot))
        .where(last.c.nth <= count)
        .order_by(pings.c.n)
    )
    runs: dict[int, list[FinishedRun]] = {number: [] for number in check_ids}
    for row in db.execute(query) if check_ids else ():
        runs[row.check_id].append(_finished(row, bytes(row.body or b"") if bodies else None))
    return runs


def _finished(row: Any, body: bytes | None) -> FinishedRun:
    duration = None if row.duration is None else timedelta(seconds=row.duration)
    values = finished_run.values(row.measurements, duration, row.exit_status, row.size or 0)
    text = None if body is None else body.decode(errors="replace")
    return FinishedRun(row.at, values, row.kind == Signal.FAIL, text)


def misread(db: Connection, check_id: int) -> tuple[int, datetime, str] | None:
    """Return the number and time of the newest ping with numbers, and what was not understood. None if all was."""
    has_numbers = pings.c.measurements.is_not(None) | pings.c.misread.is_not(None)
    query = (
        select(pings.c.n, pings.c.at, pings.c.misread)
        .where(pings.c.check_id == check_id, has_numbers)
        .order_by(pings.c.n.desc())
        .limit(1)
    )
    row = db.execute(query).one_or_none()
    return None if row is None or row.misread is None else (row.n, row.at, row.misread)


def last_runs_began(db: Connection, check_id: int, limit: int) -> list[datetime]:
    """Return when the last successful runs of a check began, as far as is known, newest first."""
    successes = pings.c.check_id == check_id, pings.c.kind == Signal.SUCCESS.value
    query = select(pings.c.at, pings.c.duration).where(*successes).order_by(pings.c.n.desc()).limit(limit)
    return [row.at - timedelta(seconds=row.duration or 0) for row in db.execute(query)]


def last_bodies(db: Connection, check_ids: Collection[int]) -> dict[int, bytes]:
    """Return the newest body of each of these checks, by the check's id. Checks without one are left out."""
    newest = (
        select(pings.c.check_id, func.max(pings.c.n).label("n"))
        .where(among(db, pings.c.check_id, check_ids), pings.c.body.is_not(None))
        .group_by(pings.c.check_id)
        .subquery()
    )
    query = select(pings.c.check_id, pings.c.body).join(
        newest, (newest.c.check_id == pings.c.check_id) & (newest.c.n == pings.c.n)
    )
    return {row.check_id: bytes(row.body) for row in db.execute(query)}


def _ring_row(ping: NumberedPing) -> tuple[object, ...]:
    a = ping.arrival
    seconds = None if ping.duration is None else ping.duration.total_seconds()
    place = (ping.check_id, ping.n % KEEP, ping.n, a.at, a.signal.value)
    sent = (a.method, a.remote, a.agent, a.body)
    numbers = None if a.measurements is None else json.dumps(dict(a.measurements))
    return (*place, a.exit_status, a.rid, seconds, *sent, numbers, a.misread)


def _sqlite_row(ping: NumberedPing) -> tuple[object, ...]:
    row = _ring_row(ping)
    return (*row[:3], sqlite_instant(ping.arrival.at), *row[4:])


def pings_of(db: Connection, check_id: int, limit: int, before_n: int | None = None) -> list[RowMapping]:
    """Return the last pings of a check, newest first, each with the length of its body instead of the body.

    With `before_n`, only pings with a lower number.
    """
    columns: list[Any] = [column for column in pings.c if column is not pings.c.body]
    length = func.coalesce(func.length(pings.c.body), 0).label("body_bytes")
    query = (
        select(*columns, length).where(pings.c.check_id == check_id).order_by(pings.c.n.desc()).limit(limit)
    )
    if before_n is not None:
        query = query.where(pings.c.n < before_n)
    return list(db.execute(query).mappings())


def body_of(db: Connection, check_id: int, n: int) -> bytes | None:
    """Return the body of ping `n` of a check. None if it had no body or is no longer stored."""
    query = select(pings.c.body).where(pings.c.check_id == check_id, pings.c.n == n)
    body = db.execute(query).scalar()
    return None if body is None else bytes(body)
