"""Pings that name the time of their run: whether that was a blindness, and whether the same ping is stored already."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from heartbeat.checks import blindness_store, history, replay
from heartbeat.checks.blindness import Blind
from heartbeat.checks.check import Change, Check, Ping
from heartbeat.checks.schedule import Every
from heartbeat.pings import store
from heartbeat.pings.arrival import Arrival, NumberedPing
from heartbeat.pings.rulings import Rulings


def placed(db: Connection, sent: Arrival) -> tuple[Arrival, Blind | None]:
    """Return a ping at the time of its run, and the blindness of that time. Without one, it counts from its arrival."""
    at = sent.sent_at
    if at is None or replay.is_now(at, sent.at):
        return sent, None
    blind = blindness_store.around(db, at, sent.at, replay.AROUND)
    why = replay.refusal(at, sent.at, blind)
    if why is not None:
        return replace(sent, misread=f"{why} {sent.misread}" if sent.misread else why), None
    return replace(sent, at=at), blind


def is_stored(db: Connection, check: Check, ping: Arrival, batch: Iterable[NumberedPing]) -> bool:
    """Return whether the same ping was stored before, or is in this batch. Sent again, it is no other run."""
    within = replay.SAME
    if isinstance(check.schedule, Every):
        within = min(within, check.schedule.period / 2)
    stored = any(
        stored_ping.check_id == check.id and _is_same(stored_ping.arrival, ping, within)
        for stored_ping in batch
    )
    return stored or store.holds(db, check.id, ping, within)


def hear(
    db: Connection, check: Check, ping: Ping, arrival: Arrival, blind: Blind, rulings: Rulings, now: datetime
) -> tuple[Change, Check]:
    """Return the change that a ping of the past makes, and the check before it.

    A time in which the check was unknown is known afterwards: its row says what the check was, and no other is written.
    """
    if replay.is_news(check, ping):
        ping = rulings.judged(check, ping, arrival)
    change = replay.on_ping(check, ping, blind, now)
    known = replay.known(check, ping, blind)
    settled = known is not None and history.settle(db, known.change, ping.at, known.until)
    if settled and change.event is None:
        check = replace(check, state=change.check.state, cause=change.check.cause)
    return change, check


def _is_same(one: Arrival, other: Arrival, within: timedelta) -> bool:
    return (one.signal, one.rid) == (other.signal, other.rid) and abs(one.at - other.at) <= within
