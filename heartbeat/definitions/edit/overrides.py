"""What people change in a rotation: overrides, leaves and swaps. Each is audited, whoever owns the rotation.

They work inside the caller's transaction. Equal ones are made once, so that a repeated request changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sqlalchemy import Connection

from alerting import desk
from alerting.desk import Kept, Swap
from alerting.rotation import Change, Override, Rotation, shifts
from heartbeat import audit
from heartbeat.actor import Actor, Role
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.kind import InUse
from heartbeat.definitions.single import Faulty

LONGEST = timedelta(days=366)
"""The longest span of an override, a leave or a swap."""
MOST = 5_000
"""Overrides and leaves that are not over, at most."""


class NotTheirs(Exception):
    """Somebody else has to answer."""


T = TypeVar("T", Kept, Swap)


@dataclass(frozen=True, slots=True)
class _Fields:
    """What the fields of an override are called by whoever writes them."""

    on: str = "on"
    off: str = "off"
    starts: str = "starts_at"
    ends: str = "ends_at"


_OVERRIDE, _LEAVE = _Fields(), _Fields("substitute", "person")
_SWAP = (
    _Fields("asked", "offered_by", "offered_from", "offered_until"),
    _Fields("offered_by", "asked", "asked_from", "asked_until"),
)


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """An override, a leave or a swap as it is stored now. `fresh` if it was made by this request."""

    stored: T
    fresh: bool


def override(db: Connection, actor: Actor, name: str, change: Override, now: datetime) -> Made[Kept] | None:
    """Change a rotation for a span; None if there is no such rotation. Raises `Faulty`."""
    definition_store.wait_for_turn(db)
    if name not in desk.rotations(db):
        return None
    return _make(db, actor, name, change, now)


def leave(
    db: Connection, actor: Actor, person: str, substitute: str, span: tuple[datetime, datetime], now: datetime
) -> Made[Kept]:
    """Take a person off call in every rotation: `substitute` stands in, or whoever comes next. Raises `Faulty`."""
    definition_store.wait_for_turn(db)
    return _make(db, actor, None, Override(Change.REMOVE, *span, on=substitute, off=person), now)


def cancel(db: Connection, actor: Actor, number: int, now: datetime) -> Kept | None:
    """Delete an override or a leave and return it; None if it is not there."""
    definition_store.wait_for_turn(db)
    kept = desk.remove_override(db, number)
    if kept is not None:
        audit.record(
            db,
            actor,
            f"{_noun(kept)}.delete",
            _target(kept.rotation, kept.override),
            now,
            before=to_json(kept),
        )
    return kept


def propose(db: Connection, actor: Actor, swap: Swap, now: datetime) -> Made[Swap] | None:
    """Propose a swap of two shifts; None if there is no such rotation. Raises `Faulty`."""
    definition_store.wait_for_turn(db)
    rotation = desk.rotations(db).get(swap.rotation)
    if rotation is None:
        return None
    each = zip(swap.overrides, _SWAP, strict=True)
    faults = list(dict.fromkeys(fault for one, fields in each for fault in _faults(db, one, fields, now)))
    if swap.offered_by == swap.asked:
        faults.append("asked: a swap needs two people.")
    if not faults:
        faults = _given_up(rotation, swap)
    if faults:
        raise Faulty([f"swap.{fault}" for fault in faults])
    for other in desk.proposed_swaps(db, swap.rotation):
        if (other.offered_by, other.offered, other.asked, other.taken) == (
            swap.offered_by,
            swap.offered,
            swap.asked,
            swap.taken,
        ):
            return Made(other, False)
    stored = desk.propose_swap(db, swap, actor.name, now)
    audit.record(db, actor, "swap.propose", f"rotation {swap.rotation}", now, after=swap_to_json(stored))
    return Made(stored, True)


def answer(db: Connection, actor: Actor, number: int, accept: bool, now: datetime) -> Swap | None:
    """Accept or decline a swap and return it; None if it was answered already.

    Only the person who is asked may accept, and either of the two may decline, or an admin. Raises `NotTheirs`, and
    `InUse` if one of the two is no longer on call then.
    """
    definition_store.wait_for_turn(db)
    swap = next((one for one in desk.proposed_swaps(db) if one.id == number), None)
    if swap is None:
        return None
    theirs = (swap.asked,) if accept else (swap.asked, swap.offered_by)
    if actor.person not in theirs and not actor.role.may(Role.ADMIN):
        raise NotTheirs(f"Only {' and '.join(theirs)} can answer this. Nothing was changed.")
    if accept:
        rotation = desk.rotations(db)[swap.rotation]
        if _given_up(rotation, swap):
            raise InUse("One of the two is no longer on call for all of their shift. Propose another swap.")
        for change in swap.overrides:
            desk.add_override(db, swap.rotation, change, actor.name, now)
    desk.answer_swap(db, number)
    audit.record(
        db,
        actor,
        "swap.accept" if accept else "swap.decline",
        f"rotation {swap.rotation}",
        now,
        before=swap_to_json(swap),
    )
    return swap


def to_json(kept: Kept) -> Mapping[str, str]:
    """Return an override or a leave as the audit log and the API have it."""
    change = kept.override
    who = {"on": change.on, "off": change.off}
    return {
        "change": change.change.value,
        **{word: name for word, name in who.items() if name},
        "starts_at": change.start.isoformat(),
        "ends_at": change.end.isoformat(),
    }


def swap_to_json(swap: Swap) -> Mapping[str, str]:
    """Return a swap as the audit log has it."""
    return {
        "offered_by": swap.offered_by,
        "offered": " to ".join(at.isoformat() for at in swap.offered),
        "asked": swap.asked,
        "taken": " to ".join(at.isoformat() for at in swap.taken),
    }


def _make(db: Connection, actor: Actor, rotation: str | None, change: Override, now: datetime) -> Made[Kept]:
    noun, fields = ("leave", _LEAVE) if rotation is None else ("override", _OVERRIDE)
    if faults := [f"{noun}.{fault}" for fault in _faults(db, change, fields, now)]:
        raise Faulty(faults)
    coming = desk.overrides(db, since=now)
    for kept in coming:
        one = kept.override
        if kept.rotation == rotation and (one.change, one.start, one.end, one.on, one.off) == (
            change.change,
            change.start,
            change.end,
            change.on,
            change.off,
        ):
            return Made(kept, False)
    if len(coming) >= MOST:
        raise Faulty([f"{noun}: there are {MOST:,} overrides and leaves already, the most there can be."])
    stored = Kept(rotation, desk.add_override(db, rotation, change, actor.name, now), actor.name)
    audit.record(db, actor, f"{noun}.make", _target(rotation, change), now, after=to_json(stored))
    return Made(stored, True)


def _faults(db: Connection, change: Override, fields: _Fields, now: datetime) -> list[str]:
    """Return what is wrong with an override, each in a sentence that names the field."""
    faults = []
    people = desk.people(db)
    for field, name in ((fields.on, change.on), (fields.off, change.off)):
        if name and (name not in people or people[name].channel):
            faults.append(f"{field}: there is no person {name[:100]!r}.")
    takes_off = change.change is Change.REMOVE
    if not (change.off if takes_off else change.on):
        faults.append(f"{fields.off if takes_off else fields.on}: write the name of a person.")
    if change.change is Change.ADD and change.off:
        faults.append(f"{fields.off}: nobody goes off call by an addition; leave it empty, or replace them.")
    if change.on and change.on == change.off:
        faults.append(f"{fields.on}: nobody can stand in for themselves.")
    if change.end <= change.start:
        faults.append(f"{fields.ends}: must be later than {fields.starts}.")
    elif change.end <= now:
        faults.append(f"{fields.ends}: is past; write a later time.")
    elif change.end - change.start > LONGEST:
        faults.append(f"{fields.ends}: is more than {LONGEST.days} days after {fields.starts}.")
    return faults


def _given_up(rotation: Rotation, swap: Swap) -> list[str]:
    """Return why one of the two cannot give their shift away: they are not on call then."""
    return [
        *_not_on_call("offered_by", rotation, swap.offered_by, swap.offered),
        *_not_on_call("asked", rotation, swap.asked, swap.taken),
    ]


def _not_on_call(field: str, rotation: Rotation, person: str, span: tuple[datetime, datetime]) -> list[str]:
    if all(person in shift.people for shift in shifts(rotation, *span)):
        return []
    return [
        f"{field}: {person} is not on call for all of {span[0]:%Y-%m-%d %H:%M} to {span[1]:%Y-%m-%d %H:%M} UTC."
    ]


def _noun(kept: Kept) -> str:
    return "leave" if kept.rotation is None else "override"


def _target(rotation: str | None, change: Override) -> str:
    return f"person {change.off}" if rotation is None else f"rotation {rotation}"
