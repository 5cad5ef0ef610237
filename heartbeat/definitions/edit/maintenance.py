"""Maintenance windows: made, changed, ended early, deleted; and what each of that means for what is down now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from alerting import desk
from heartbeat import audit, installation
from heartbeat.actor import Actor
from heartbeat.checks import maintenance, maintenance_store, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.maintenance import Phase, Window, WindowDefinition
from heartbeat.definitions import single as single_definition
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.single import Faulty

MAX_STANDING = 1_000
"""Windows that are active or to come, at most: each check that turns down is compared with all of them."""


@dataclass(frozen=True, slots=True)
class Arranged:
    """A window as it is now. `ringing` are checks, by slug, whose incident pages already and goes on to page.

    `fresh` is whether anything was changed.
    """

    window: Window
    ringing: Mapping[str, int]
    fresh: bool = True


class Ended(Exception):
    """The window is over: what was, is not changed."""


def read(given: Mapping[str, object], now: datetime) -> WindowDefinition:
    """What these fields want. Raises `Faulty`."""
    return single_definition.read_window(given, now)


def make(
    db: Connection, actor: Actor, wanted: WindowDefinition, now: datetime, request: str | None = None
) -> Arranged:
    """A new window. Asked again under the same `request` it is made once.

    What is down and not paged for yet is held. Raises `Faulty`.
    """
    definition_store.wait_for_turn(db)
    known = maintenance_store.asked_before(db, request) if request else None
    if known is not None:
        return Arranged(known, {}, fresh=False)
    if maintenance_store.count_standing(db, now) >= MAX_STANDING:
        raise Faulty([f"maintenance: {MAX_STANDING:,} windows are active or to come, and can be no more."])
    made = maintenance_store.add(db, wanted, actor.name, now, request)
    audit.record(db, actor, "maintenance.make", _target(made), now, after=written(made))
    return Arranged(made, _hold(db, now, made))


def change(
    db: Connection, actor: Actor, number: int, wanted: WindowDefinition, now: datetime
) -> Arranged | None:
    """Make the window so; None where there is none. The same once more changes nothing.

    What waits for its first page waits for the new end. Raises `Ended` where it is over.
    """
    definition_store.wait_for_turn(db)
    before = maintenance_store.load(db, number)
    if before is None:
        return None
    _refuse_if_over(before, now)
    after = replace(before, **{name: getattr(wanted, name) for name in WindowDefinition.__slots__})
    if after == before:
        return Arranged(before, {}, fresh=False)
    maintenance_store.save(db, number, wanted)
    audit.record(
        db, actor, "maintenance.change", _target(after), now, before=written(before), after=written(after)
    )
    return Arranged(after, _hold(db, now, before, after))


def end(db: Connection, actor: Actor, number: int, now: datetime) -> Arranged | None:
    """End a window now: what it held is paged for. None where there is none. Ended twice it ends once.

    Raises `Ended` where it has not begun: that one is deleted.
    """
    definition_store.wait_for_turn(db)
    before = maintenance_store.load(db, number)
    if before is None:
        return None
    if maintenance.phase(before, now) is Phase.UPCOMING:
        raise Ended(f"Maintenance {number} has not begun: delete it instead.")
    if maintenance.phase(before, now) is Phase.PAST:
        return Arranged(before, {}, fresh=False)
    after = replace(before, ends_at=now)
    maintenance_store.save(db, number, after)
    audit.record(
        db, actor, "maintenance.end", _target(after), now, before=written(before), after=written(after)
    )
    return Arranged(after, _hold(db, now, before))


def delete(db: Connection, actor: Actor, number: int, now: datetime) -> Window | None:
    """Forget a window; what it held is paged for. None where there is none."""
    definition_store.wait_for_turn(db)
    before = maintenance_store.load(db, number)
    if before is not None:
        maintenance_store.remove(db, number)
        audit.record(db, actor, "maintenance.delete", _target(before), now, before=written(before))
        _hold(db, now, before)
    return before


def written(one: WindowDefinition) -> dict[str, Any]:
    """The window as `read` takes it."""
    words = {"description": one.description} if one.description else {}
    times = {"starts_at": one.starts_at.isoformat(), "ends_at": one.ends_at.isoformat()}
    return {"title": one.title, **words, "match": one.match, **times}


def _hold(db: Connection, now: datetime, *touched: Window) -> dict[str, int]:
    """Hold what is down and now in a window, and no longer what is in none any more."""
    standing = maintenance_store.standing(db, now)
    down = {
        symptoms.key_of(one): one for one in check_store.down_with(db, [window.match for window in touched])
    }
    holds = {key: maintenance.hold(standing, one.labels, now) for key, one in down.items()}
    ringing = desk.hold(db, holds, now, installation.gathering(db))
    return {down[key].slug: number for key, number in sorted(ringing.items())}


def _refuse_if_over(window: Window, now: datetime) -> None:
    if maintenance.phase(window, now) is Phase.PAST:
        raise Ended(f"Maintenance {window.id} is over: make another one.")


def _target(window: Window) -> str:
    return f"maintenance {window.id}"
