"""The SQL of the history of numbers: the days of each check and name, and how far its pings are counted."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, delete, select, update

from alerting.sql import among, insert_many
from heartbeat.measurements.history import KEPT_DAYS, Day, Sample, Spread
from heartbeat.measurements.tables import measured_checks, measured_days

Key: TypeAlias = tuple[int, str, date]
"""A check, the name of a number, and a day."""

ByName: TypeAlias = dict[str, dict[date, Day]]
"""The days of a check by the name of the number, oldest first."""

_VALUES = ("count", "low", "middle", "high", "hours", "samples")
_REPLACE = "ON CONFLICT (check_id, day, name) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in _VALUES
)


def of_check(db: Connection, check_id: int, since: date, names: Collection[str] | None = None) -> ByName:
    """Return the history of a check from a day on, oldest day first, by name. With `names`, only that of these."""
    return of_checks(db, [check_id], since, names=names)[check_id]


def of_checks(
    db: Connection,
    check_ids: Collection[int],
    since: date,
    until: date | None = None,
    names: Collection[str] | None = None,
) -> dict[int, ByName]:
    """Return the history of each of these checks between two days, in one statement."""
    query = select(measured_days).where(
        among(db, measured_days.c.check_id, check_ids), measured_days.c.day >= since.isoformat()
    )
    if until is not None:
        query = query.where(measured_days.c.day <= until.isoformat())
    if names is not None:
        query = query.where(among(db, measured_days.c.name, names))
    days: dict[int, ByName] = {number: {} for number in check_ids}
    for row in db.execute(query.order_by(measured_days.c.day)) if check_ids else ():
        days[row.check_id].setdefault(row.name, {})[date.fromisoformat(row.day)] = _day(row)
    return days


def lock(db: Connection, check_ids: Collection[int]) -> dict[int, int]:
    """Return the last ping of each check whose numbers are counted, locked until the transaction ends."""
    new = [{"check_id": number, "n": 0} for number in sorted(check_ids)]
    insert_many(db, measured_checks, new, on_conflict="ON CONFLICT (check_id) DO NOTHING")
    query = select(measured_checks).where(among(db, measured_checks.c.check_id, check_ids))
    rows = db.execute(query.order_by(measured_checks.c.check_id).with_for_update())
    return {row.check_id: row.n for row in rows}


def days(db: Connection, check_ids: Collection[int], of: Collection[date]) -> dict[Key, Day]:
    """Return these days of these checks."""
    query = select(measured_days).where(
        among(db, measured_days.c.check_id, check_ids),
        measured_days.c.day.in_([day.isoformat() for day in of]),
    )
    return {(row.check_id, row.name, date.fromisoformat(row.day)): _day(row) for row in db.execute(query)}


def put(db: Connection, changed: Mapping[Key, Day], counted: Mapping[int, int]) -> None:
    """Write days, and the last ping of each check that is counted in them."""
    rows = [
        {"check_id": check_id, "day": day.isoformat(), "name": name, **_row(value)}
        for (check_id, name, day), value in changed.items()
    ]
    insert_many(db, measured_days, rows, on_conflict=_REPLACE)
    last = [{"check_id": check_id, "n": n} for check_id, n in counted.items()]
    insert_many(db, measured_checks, last, on_conflict="ON CONFLICT (check_id) DO UPDATE SET n = excluded.n")


def end_days(db: Connection, check_ids: Collection[int], before: date) -> None:
    """Forget the samples of earlier days of these checks, and the days that are too old."""
    of_these = among(db, measured_days.c.check_id, check_ids)
    earlier = measured_days.c.day < before.isoformat(), measured_days.c.samples.is_not(None)
    db.execute(update(measured_days).where(of_these, *earlier).values(samples=None))
    forget(db, check_ids, before)


def forget(db: Connection, check_ids: Collection[int], today: date) -> int:
    """Delete the days of these checks that are older than `KEPT_DAYS`. Return their number."""
    of_these = among(db, measured_days.c.check_id, check_ids)
    horizon = (today - timedelta(days=KEPT_DAYS)).isoformat()
    return db.execute(delete(measured_days).where(of_these, measured_days.c.day < horizon)).rowcount


def aged(db: Connection, after: int, last: int, today: date) -> list[int]:
    """Return the checks with numbers in a range that have days older than `KEPT_DAYS`."""
    horizon = (today - timedelta(days=KEPT_DAYS)).isoformat()
    query = select(measured_days.c.check_id).where(
        measured_days.c.check_id > after, measured_days.c.check_id <= last, measured_days.c.day < horizon
    )
    return list(db.execute(query.distinct()).scalars())


def _day(row: Row[Any]) -> Day:
    whole = Spread(row._mapping["count"], row.low, row.middle, row.high)
    hours = {hour: Spread(*values) for hour, *values in row.hours}
    if row.samples is None:
        return Day(whole, hours)
    (stride, values), (hour, hour_stride, hour_values) = row.samples
    return Day(whole, hours, Sample(tuple(values), stride), hour, Sample(tuple(hour_values), hour_stride))


def _row(day: Day) -> dict[str, Any]:
    whole, of_hour = day.whole, day.of_hour
    samples = day.sample and [
        [day.sample.stride, day.sample.values],
        [day.hour, of_hour.stride, of_hour.values],
    ]
    hours = [[hour, of.count, of.low, of.middle, of.high] for hour, of in sorted(day.hours.items())]
    return {
        "count": whole.count,
        "low": float(whole.low),
        "middle": float(whole.middle),
        "high": float(whole.high),
        "hours": hours,
        "samples": samples,
    }
