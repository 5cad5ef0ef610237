"""Maintenance windows: made, changed, ended early and deleted, with their effect on checks that are down now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from alerting import desk
from heartbeat import audit, duration, installation
from heartbeat.actor import Actor
from heartbeat.checks import maintenance, maintenance_store, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.maintenance import Kind, Phase, Window, WindowDefinition
from heartbeat.checks.recurrence import Recurrence
from heartbeat.definitions import single as single_definition
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.single import Faulty

MAX_STANDING = 1_000
"""Windows that are active or to come, at most: each check that turns down is compared with all of them."""


@dataclass(frozen=True, slots=True)
class Arranged:
    """A window as it is now. `ringing` has the incidents that keep paging, by the slugs of their checks.

    `fresh` tells whether anything was changed.
    """

    window: Window
    ringing: Mapping[str, int]
    fresh: bool = True


class Ended(Exception):
    """The window is over and cannot be changed."""


def read(fields: Mapping[str, object], now: datetime) -> WindowDefinition:
    """Return the window that these fields define. Raises `Faulty`."""
    return single_definition.read_window(fields, now)


def make(
    db: Connection, actor: Actor, target: WindowDefinition, now: datetime, request: str | None = None
) -> Arranged:
    """Add a window. The same `request` adds it once.

    Checks that are down, but not paged for yet, are held. Raises `Faulty`.
    """
    definition_store.wait_for_turn(db)
    earlier = maintenance_store.asked_before(db, request, now) if request else None
    if earlier is not None:
        return Arranged(earlier, {}, fresh=False)
    if len(maintenance_store.standing(db, now)) >= MAX_STANDING:
        raise Faulty(
            [f"maintenance: {MAX_STANDING:,} windows are active or upcoming already, the most there can be."]
        )
    window = maintenance_store.add(db, target, actor.name, now, request)
    audit.record(db, actor, "maintenance.make", _target(window), now, after=written(window))
    return Arranged(window, _hold(db, now, window))


def change(
    db: Connection, actor: Actor, number: int, target: WindowDefinition, now: datetime
) -> Arranged | None:
    """Change a window; return None if there is none. Equal fields change nothing.

    Held first pages wait for the new end. Raises `Ended` if the window is over.
    """
    definition_store.wait_for_turn(db)
    previous = maintenance_store.load(db, number, now)
    if previous is None:
        return None
    _refuse_if_over(previous, now)
    target = _going_on(previous, target, now)
    current = replace(previous, **{name: getattr(target, name) for name in WindowDefinition.__slots__})
    if current == previous:
        return Arranged(previous, {}, fresh=False)
    maintenance_store.save(db, number, target)
    audit.record(
        db,
        actor,
        "maintenance.change",
        _target(current),
        now,
        before=written(previous),
        after=written(current),
    )
    return Arranged(current, _hold(db, now, previous, current))


def end(db: Connection, actor: Actor, number: int, now: datetime) -> Arranged | None:
    """End a window now and page for what it held; return None if there is none. A second call changes nothing.

    One that recurs goes on with its next occurrence. Raises `Ended` if it has not begun: delete it instead.
    """
    definition_store.wait_for_turn(db)
    previous = maintenance_store.load(db, number, now)
    if previous is None:
        return None
    if maintenance.phase(previous, now) is Phase.UPCOMING:
        if previous.recurrence is not None and previous.recurrence.since is not None:
            return Arranged(previous, {}, fresh=False)
        raise Ended(f"Maintenance {number} has not begun: delete it instead.")
    if maintenance.phase(previous, now) is Phase.PAST:
        return Arranged(previous, {}, fresh=False)
    current = maintenance.ended(previous, now)
    maintenance_store.save(db, number, current)
    audit.record(
        db, actor, "maintenance.end", _target(current), now, before=written(previous), after=written(current)
    )
    return Arranged(current, _hold(db, now, previous))


def delete(db: Connection, actor: Actor, number: int, now: datetime) -> Window | None:
    """Delete a window and page for what it held; return None if there is none."""
    definition_store.wait_for_turn(db)
    window = maintenance_store.load(db, number, now)
    if window is not None:
        maintenance_store.remove(db, number)
        audit.record(db, actor, "maintenance.delete", _target(window), now, before=written(window))
        _hold(db, now, window)
    return window


def written(window: WindowDefinition) -> dict[str, Any]:
    """Return the window as `read` takes it."""
    description = {"description": window.description} if window.description else {}
    if window.kind is Kind.SILENCE:
        description |= {"kind": window.kind.value}
    times: dict[str, Any] = {"starts_at": window.starts_at.isoformat(), "ends_at": window.ends_at.isoformat()}
    if window.recurrence is not None:
        times = {"repeats": repeats(window.recurrence)}
    return {"title": window.title, **description, "match": window.match, **times}


def holding(db: Connection, window: Window, now: datetime) -> list[str]:
    """Return the slugs of the checks that are down and that a window holds now. They page at its end."""
    if maintenance.phase(window, now) is not Phase.ACTIVE:
        return []
    down = {symptoms.key_of(check): check for check in check_store.down_with(db, [window.match])}
    raised = desk.raised(db, down)
    return sorted(
        down[symptom.key].slug for symptom in raised if symptom.held(now) and symptom.waits_for is None
    )


def repeats(recurrence: Recurrence) -> dict[str, str]:
    """Return a recurrence as `read` takes it."""
    return {
        "rrule": recurrence.rule,
        "starts": recurrence.starts.isoformat(timespec="minutes"),
        "timezone": recurrence.timezone,
        "duration": duration.written(recurrence.duration),
    }


def _going_on(previous: Window, target: WindowDefinition, now: datetime) -> WindowDefinition:
    """Return the new definition of a window. What somebody has ended of it does not begin again."""
    if target.recurrence is None or previous.recurrence is None:
        return target
    return maintenance.at(
        replace(target, recurrence=replace(target.recurrence, since=previous.recurrence.since)), now
    )


def _hold(db: Connection, now: datetime, *touched: Window) -> dict[str, int]:
    """Hold the down checks that are in a window now, and release those that are in none any more."""
    windows = maintenance_store.standing(db, now)
    down = {
        symptoms.key_of(check): check
        for check in check_store.down_with(db, [window.match for window in touched])
    }
    holds = {key: maintenance.hold(windows, check.labels, now) for key, check in down.items()}
    ringing = desk.hold(db, holds, now, installation.pace(db))
    return {down[key].slug: number for key, number in sorted(ringing.items())}


def _refuse_if_over(window: Window, now: datetime) -> None:
    if maintenance.phase(window, now) is Phase.PAST:
        raise Ended(f"Maintenance {window.id} is over: make another one.")


def _target(window: Window) -> str:
    return f"maintenance {window.id}"
