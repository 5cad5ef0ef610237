"""The SQL of blindness: the beats of processes that take pings, and the times in which no ping could be heard."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)

from alerting.clock_step import Step
from alerting.sql import Utc, insert_many, update_many
from heartbeat.checks import blindness
from heartbeat.checks.blindness import Beat, Blind, Seen, Sight, Unheard, Why
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import State
from heartbeat.checks.tables import UNKNOWN, beats, blind_spans, checks
from heartbeat.clock_reading import Reading

KNOWN = 200
"""Blind times that are looked at to judge checks, the newest."""
KEPT = 1_000
KEPT_FOR = timedelta(days=400)
"""Blind times that are kept."""
GONE_AFTER = timedelta(days=1)
"""The time after which the beat of a process is deleted that is no longer there."""
# Made once: they run each second, and making them costs more than running them.
_LAST = select(func.max(beats.c.at, type_=Utc()))
_BEATS = select(beats)
_NEWEST = select(blind_spans).order_by(blind_spans.c.ended_at.desc()).limit(bindparam("most"))
_NEXT_TOLD = select(func.min(blind_spans.c.tell_at, type_=Utc()))
_UNTOLD = (
    select(blind_spans)
    .where(blind_spans.c.tell_at.is_not(None))
    .order_by(blind_spans.c.began_at)
    .with_for_update(skip_locked=True)
)
_WRITTEN = ("at", "elapsed", "boot", "stopped")
_AGAIN = (
    update(beats)
    .where(beats.c.process == bindparam("of"))
    .values({name: bindparam(f"new_{name}", type_=beats.c[name].type) for name in _WRITTEN})
)


def beat(db: Connection, process: str, now: Reading, seen: Seen, *, stopped: bool = False) -> Blind | None:
    """Write the beat of a process. Return the blindness that it ends, if there was one.

    `stopped` says that it is the last one of a process that ends in an orderly way.
    """
    last = [_beat_of(row) for row in db.execute(_BEATS)]
    _write(db, Beat(process, now, stopped), known=any(beat.process == process for beat in last))
    span = blindness.noticed(last, now, seen)
    if seen.first:
        # The newest of the others is looked at above.
        db.execute(delete(beats).where(beats.c.process != process, beats.c.at < now.at - GONE_AFTER))
    return _note(db, span) if span else None


def sight(db: Connection, now: datetime) -> Sight:
    """Return the times in which no ping could be heard, and whether none can be heard now.

    Without any beat nothing is known, and everything counts as heard.
    """
    return Sight(lost=True) if is_lost(db, now) else Sight(_newest(db))


def is_lost(db: Connection, now: datetime) -> bool:
    """Return whether no process can hear pings now."""
    return lost_since(db, now) is not None


def lost_since(db: Connection, now: datetime) -> datetime | None:
    """Return the last beat of all processes if none can hear pings now, else None."""
    last: datetime | None = db.execute(_LAST).scalar()
    return last if last is not None and now - last > blindness.BLIND_AFTER else None


def around(db: Connection, at: datetime, now: datetime, margin: timedelta) -> Blind | None:
    """Return the newest blindness that this time lies in, or next to; also one that lasts."""
    last = lost_since(db, now)
    if last is not None and at >= last - margin:
        return Blind(last, now, Why.ENDED)
    beside = blind_spans.c.ended_at >= at - margin, blind_spans.c.began_at <= at + margin
    query = select(blind_spans).where(*beside).order_by(blind_spans.c.ended_at.desc()).limit(1)
    row = db.execute(query).one_or_none()
    return _blind_of(row) if row else None


def is_heard_without(db: Connection, last: datetime) -> bool:
    """Return whether pings were stored although no process beats since this last beat: one of 0.3.0 takes them."""
    later = checks.c.last_ok_at > last + blindness.BLIND_AFTER
    return db.execute(select(checks.c.id).where(later).limit(1)).scalar() is not None


def count(db: Connection, spans: Iterable[int]) -> None:
    """Count one check that was due and not heard for each of these numbers."""
    numbers = list(spans)
    for number in set(numbers):
        more = blind_spans.c.checks + numbers.count(number)
        db.execute(update(blind_spans).where(blind_spans.c.id == number).values(checks=more))


def next_told(db: Connection) -> datetime | None:
    """Return the time at which people are to be told of a blindness next."""
    at: datetime | None = db.execute(_NEXT_TOLD).scalar()
    return at


def claim_untold(db: Connection) -> list[Blind]:
    """Lock and return what people were not told of yet, oldest first; nothing if another process has it."""
    return [_blind_of(row) for row in db.execute(_UNTOLD)]


def put_off(db: Connection, spans: Collection[Blind], until: datetime | None) -> None:
    """Tell people of these at a later time, or (None) no more."""
    update_many(db, blind_spans, [{"id": span.id, "tell_at": until} for span in spans])


def unheard(db: Connection, spans: Sequence[Blind], limit: int) -> Unheard:
    """Return the checks that could not be heard in these times, and were not heard since. Up to `limit` are named.

    A ping that was lost and came again counts as heard.
    """
    since, until = spans[0].began_at, max(span.ended_at for span in spans)
    after = checks.c.armed_at > since, checks.c.armed_at <= until
    lost = _lost(spans)
    never = [or_(at.is_(None), at < lost) for at in (checks.c.last_ok_at, checks.c.last_fail_at)]
    down = and_(checks.c.state == State.DOWN, checks.c.cause == Cause.SILENT, *never)
    wakes = func.max(checks.c.wake_at, type_=Utc())
    soon = until + blindness.LONGEST
    query = select(
        func.count().filter(UNKNOWN),
        func.count().filter(down),
        func.max(checks.c.grace).filter(UNKNOWN),
        wakes.filter(UNKNOWN, checks.c.wake_at <= soon),
    )
    unknown, fallen, grace, wake_at = db.execute(query.select_from(checks).where(*after)).one()
    named = select(checks.c.name).where(*after, or_(UNKNOWN, down))
    named = named.order_by(checks.c.severity_rank, checks.c.name).limit(limit)
    names = list(db.execute(named).scalars())
    bound = blindness.bound(timedelta(seconds=grace or 0.0), until)
    return Unheard(names, unknown, fallen, max(filter(None, (bound, wake_at))))


def _lost(spans: Sequence[Blind]) -> ColumnElement[datetime]:
    """Return the time from which on a ping of a check was lost if it was not sent again.

    A ping may have been stored after the last beat, as beats are a second apart. While only some pings are refused,
    the others are stored all the time.
    """
    begins = {
        span.ended_at: span.began_at + timedelta(seconds=blindness.EVERY)
        for span in spans[-KNOWN:]
        if span.why != Why.REFUSED
    }
    whens = [(checks.c.armed_at == ended_at, literal(at, Utc())) for ended_at, at in begins.items()]
    return case(*whens, else_=checks.c.armed_at) if whens else checks.c.armed_at


def is_unjudged(db: Connection, since: datetime, until: datetime) -> bool:
    """Return whether a check was not heard since then and has its deadline soon: its ping may be a lost one."""
    heard_before = [or_(at.is_(None), at <= since) for at in (checks.c.last_ok_at, checks.c.last_fail_at)]
    watched = checks.c.state.in_((State.NEW, State.UP)), not_(checks.c.unheard), checks.c.armed_at <= since
    soon = checks.c.wake_at <= until + blindness.LONGEST
    query = select(checks.c.id).where(soon, *watched, *heard_before).limit(1)
    return db.execute(query).first() is not None


def listed(db: Connection, since: datetime, limit: int = KNOWN) -> list[Blind]:
    """Return the blind times that ended after `since`, oldest first; of very many, the newest."""
    query = select(blind_spans).where(blind_spans.c.ended_at > since)
    rows = db.execute(query.order_by(blind_spans.c.ended_at.desc()).limit(limit)).all()
    return [_blind_of(row) for row in reversed(rows)]


def retime(db: Connection, step: Step) -> None:
    """Move the times after a step of the clock."""
    moved = [(span, step.fact(span.ended_at)) for span in _newest(db)]
    rows = [{"id": span.id, "began_at": at - span.length, "ended_at": at} for span, at in moved]
    update_many(db, blind_spans, rows)
    for row in db.execute(select(beats)).all():
        db.execute(update(beats).where(beats.c.process == row.process).values(at=step.fact(row.at)))


def forget_beats(db: Connection) -> None:
    """Forget who was there. Everything counts as heard until a process beats."""
    db.execute(delete(beats))


def forget_old(db: Connection, now: datetime) -> None:
    """Delete blind times that are too old, or too many."""
    first = select(blind_spans.c.ended_at).order_by(blind_spans.c.ended_at.desc()).offset(KEPT).limit(1)
    horizon = max(filter(None, (now - KEPT_FOR, db.execute(first).scalar())))
    db.execute(delete(blind_spans).where(blind_spans.c.ended_at <= horizon, blind_spans.c.tell_at.is_(None)))


def _note(db: Connection, span: Blind) -> Blind:
    newest = _newest(db, 1)
    tell_at = span.ended_at + blindness.SHORTEST
    if newest and blindness.continues(newest[0], span):
        values = {"ended_at": span.ended_at, "tell_at": tell_at}
        db.execute(update(blind_spans).where(blind_spans.c.id == newest[0].id).values(values))
        return span
    row = {
        "began_at": span.began_at,
        "ended_at": span.ended_at,
        "why": str(span.why),
        "checks": 0,
        "tell_at": tell_at,
    }
    insert_many(db, blind_spans, [row], on_conflict="ON CONFLICT (began_at) DO NOTHING")
    return span


def _write(db: Connection, beat: Beat, *, known: bool) -> None:
    values = {
        "at": beat.reading.at,
        "elapsed": beat.reading.elapsed,
        "boot": beat.reading.boot,
        "stopped": beat.stopped,
    }
    if known:
        db.execute(_AGAIN, {"of": beat.process} | {f"new_{name}": value for name, value in values.items()})
    else:
        db.execute(beats.insert().values(process=beat.process, **values))


def _newest(db: Connection, limit: int = KNOWN) -> Sequence[Blind]:
    rows = db.execute(_NEWEST, {"most": limit}).all()
    return [_blind_of(row) for row in reversed(rows)]


def _beat_of(row: Row[Any]) -> Beat:
    return Beat(row.process, Reading(row.at, row.elapsed, row.boot), row.stopped)


def _blind_of(row: Row[Any]) -> Blind:
    return Blind(row.began_at, row.ended_at, row.why, row.id, row.checks)
