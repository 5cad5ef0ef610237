"""A batch of pings in one transaction: the plain lane in one statement, the other lane through `life.on_ping`.

Pings by slug find their checks here, and create them if they ask for it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias
from uuid import UUID, uuid4

from sqlalchemy import Connection

from alerting import after_commit, desk
from alerting.origin import Origin
from heartbeat import audit, installation
from heartbeat.actor import Actor, Role
from heartbeat.checks import cause, definition, former_slugs, level_store, life, placing, progress, symptoms
from heartbeat.checks import history as check_history
from heartbeat.checks import store as checks
from heartbeat.checks.check import Change, Check, Cleared, Measure, Ping, Raised, Signal
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.level import GroupBy
from heartbeat.checks.schedule import Every
from heartbeat.pings import creation, keys, measurement, replays, store, usage, usage_store
from heartbeat.pings.arrival import Arrival, BySlug, ByToken, ByUuid, NumberedPing, PingResult, Resolved
from heartbeat.pings.creation import CreationLimit
from heartbeat.pings.measurement import Reading
from heartbeat.pings.rulings import Rulings

NEW_PERIOD = timedelta(days=1)
NEW_GRACE = timedelta(hours=1)
"""The schedule of a check created by its first ping: once a day, until somebody defines it."""


Note: TypeAlias = Callable[[Collection[str]], None]
"""Takes the uuids of checks that have got pings with numbers, once they are committed. It must not fail."""


def note_nothing(_uuids: Collection[str]) -> None:
    """Note no check."""


def hear(
    db: Connection,
    arrivals: Sequence[Arrival],
    limit: CreationLimit = creation.BY_DEFAULT,
    note_measured: Note = note_nothing,
) -> tuple[list[PingResult], bool]:
    """Store the pings of one transaction in order. Return the result of each, and True if the ticker should wake.

    Pings create no checks beyond the limit. Checks whose pings have numbers are noted after the commit.
    """
    pings, created, refused = _resolve(db, arrivals, limit)
    plain = _plain(pings)
    heard = store.hear_plain(db, plain) if plain else set()
    singly, urgent = _hear_singly(
        db, [ping for ping in pings if ping[0] not in heard and ping[0]], note_measured
    )
    heard |= singly
    if with_body := {uuid for uuid, arrival in plain if arrival.body}:
        after_commit.then(db, partial(note_measured, with_body))
    urgent = urgent or bool(created)
    return [_result(ping, heard, created, refused) for ping in pings], urgent


def _result(
    ping: Resolved, heard: Collection[str], created: set[str], refused: Collection[BySlug]
) -> PingResult:
    uuid, arrival = ping
    target = arrival.target
    if uuid not in heard:
        return PingResult.REFUSED if target in refused else PingResult.UNKNOWN
    if created and isinstance(target, BySlug) and target.create and target.slug in created:
        # Of several first pings in one batch, one has created the check, and the others have found it.
        created.remove(target.slug)
        return PingResult.CREATED
    return PingResult.HEARD


def _plain(pings: Sequence[Resolved]) -> list[Resolved]:
    """Return the plain ones, on checks that get no other ping in this batch: their order does not matter."""
    others = {uuid for uuid, arrival in pings if not arrival.is_plain}
    return [ping for ping in pings if ping[0] and ping[0] not in others]


def _resolve(
    db: Connection, arrivals: Sequence[Arrival], limit: CreationLimit
) -> tuple[list[Resolved], set[str], set[BySlug]]:
    """Return each ping with the uuid of its check, the slugs of the checks that were created for pings, and the targets
    of those for which none was created."""
    by_slug = [(target, arrival) for arrival in arrivals if isinstance(target := arrival.target, BySlug)]
    names = keys.names(db, {target.key_hash for target, _ in by_slug}) if by_slug else {}
    known = [ping for ping in by_slug if ping[0].key_hash in names]
    uuids, created, refused = _look_up(db, known, names, limit)
    pings = []
    for arrival in arrivals:
        match arrival.target:
            case ByUuid() as target:
                pings.append((target.uuid, arrival))
            case BySlug(key_hash, slug) if key_hash in names:
                pings.append((uuids.get(slug, ""), arrival))
            case BySlug() | ByToken():
                pings.append(("", arrival))
    return pings, created, refused


def _look_up(
    db: Connection,
    pings: Sequence[tuple[BySlug, Arrival]],
    names: Mapping[str, str],
    limit: CreationLimit,
) -> tuple[dict[str, str], set[str], set[BySlug]]:
    """Return the uuids of checks by slug, the slugs of those that were created because a ping asks for it, and the
    targets of pings that may not create theirs."""
    if not pings:
        return {}, set(), set()
    slugs = {target.slug for target, _ in pings}
    uuids = checks.uuids(db, slugs)
    if unknown := slugs - uuids.keys():
        # Only a slug that no check has costs a second look.
        former = former_slugs.uuids(db, unknown)
        if former:
            former_slugs.touch(db, former.keys(), max(arrival.at for _, arrival in pings))
        uuids |= former
    firsts = {
        target.slug: _FirstPing(target.slug, arrival.at, arrival.remote, names[target.key_hash])
        for target, arrival in pings
        if target.create and target.slug not in uuids
    }
    created = _admitted(db, firsts, limit) if firsts else set()
    if created:
        _create(db, {slug: firsts[slug] for slug in created})
        uuids |= checks.uuids(db, created)
    refused = {target for target, _ in pings if target.create and target.slug in firsts.keys() - created}
    return uuids, created, refused


def _admitted(db: Connection, firsts: "Mapping[str, _FirstPing]", limit: CreationLimit) -> set[str]:
    """Return the slugs of the checks that may be created, and count them."""
    keys_by_slug = [(slug, first.key_name) for slug, first in firsts.items()]
    subjects = {usage.CREATED, *(usage.of_key(name) for _, name in keys_by_slug)}
    now = max(first.at for first in firsts.values())
    if not creation.admitted(keys_by_slug, usage_store.load(db, subjects), limit, now)[0]:
        # A flood of refused pings waits for no lock.
        return set()
    slugs, used = creation.admitted(keys_by_slug, usage_store.lock(db, subjects, now), limit, now)
    usage_store.put(db, used)
    return slugs


@dataclass(frozen=True, slots=True)
class _FirstPing:
    """A ping that creates its check."""

    slug: str
    at: datetime
    remote: str
    key_name: str

    @property
    def sender(self) -> Actor:
        """The key that it came with. An API key that pings has a ping key of its own: see `access.keys`."""
        kind, _, name = self.key_name.rpartition(":")
        return Actor(name, Role.VIEWER, f"{kind or 'ping key'} {name}", self.remote)


def _create(db: Connection, firsts: Mapping[str, _FirstPing]) -> None:
    group_by = level_store.group_by(db)
    new = {slug: _new_check(slug, first.at, group_by) for slug, first in firsts.items()}
    created = checks.insert(db, list(new.values()))
    audit.record_all(
        db,
        (
            (first.sender, "check.make", f"check {slug}", definition.written(CheckDefinition.of(new[slug])))
            for slug, first in firsts.items()
            if slug in created
        ),
        max(first.at for first in firsts.values()),
    )


def _new_check(slug: str, at: datetime, group_by: GroupBy) -> Check:
    return life.rearmed(
        Check(
            id=0,
            uuid=uuid4(),
            slug=slug,
            name=slug,
            schedule=Every(NEW_PERIOD),
            grace=NEW_GRACE,
            since=at,
            armed_at=at,
            group_key=cause.group_key(slug, {}, group_by),
            origin=Origin.PING,
        ),
        at,
    )


def _hear_singly(
    db: Connection, pings: Sequence[Resolved], note_measured: Note = note_nothing
) -> tuple[set[str], bool]:
    """Pass each ping through `life.on_ping`, in rounds of one ping a check so that order is kept.

    Return the uuids of the checks that exist, and True if the ticker should wake.
    """
    locked = checks.lock_uuids(db, {UUID(uuid) for uuid, _ in pings}) if pings else []
    by_uuid = {check.uuid.hex: check for check in locked}
    line = [ping for ping in pings if ping[0] in by_uuid]
    numbered: list[NumberedPing] = []
    measured: set[str] = set()
    rulings = Rulings(db, locked, [arrival.sent_at or arrival.at for _, arrival in pings])
    urgent = False
    while line:
        round_, line = _first_of_each(line)
        changes = []
        for uuid, sent in round_:
            check = by_uuid[uuid]
            arrival, blind = replays.placed(db, _read(check, sent))
            if blind is not None and replays.is_stored(db, check, arrival, numbered):
                continue
            ping = _ping(arrival)
            if blind is None:
                change, before = life.on_ping(check, rulings.judged(check, ping, arrival)), check
            else:
                change, before = replays.hear(db, check, ping, arrival, blind, rulings, sent.at)
            by_uuid[uuid] = change.check
            if arrival.signal is not Signal.PROGRESS:
                # The run keeps its progress. A report a minute would soon push all ended runs out of the ring.
                by_uuid[uuid] = replace(change.check, pings=check.pings + 1)
                kept = _measured_here(arrival, change.duration)
                numbered.append(NumberedPing(check.id, check.pings + 1, kept, change.duration))
            if change.duration is not None or arrival.is_measured or arrival.exit_status or arrival.body:
                measured.add(uuid)
            changes.append((change, before, sent))
        urgent |= _alert(db, changes)
    checks.save(db, by_uuid.values())
    store.keep(db, numbered)
    if measured:
        after_commit.then(db, partial(note_measured, measured))
    return set(by_uuid), urgent


def _ping(arrival: Arrival) -> Ping:
    """Return what a ping means to its check."""
    ping = Ping(arrival.signal, arrival.at, arrival.rid, arrival.exit_status)
    if arrival.measurements is None:
        return ping
    amount = progress.amount_of(arrival.measurements)
    if arrival.signal is not Signal.PROGRESS:
        return replace(ping, amount=amount)
    numbers = {name: value for name, value in arrival.measurements.items() if name not in progress.AMOUNT}
    return replace(ping, amount=amount, numbers=numbers, misread=arrival.misread)


def _read(check: Check, arrival: Arrival) -> Arrival:
    """Return the ping with the numbers in the lines of its body, if the check has such lines."""
    if check.measure is Measure.JSON or not arrival.body:
        return arrival
    read = measurement.with_lines(Reading(arrival.measurements, arrival.misread), arrival.body)
    return replace(arrival, measurements=read.values, misread=read.misread)


def _measured_here(arrival: Arrival, duration: timedelta | None) -> Arrival:
    """Return the ping without the duration that it reports, where heartbeat has measured one."""
    if duration is None or not arrival.measurements:
        return arrival
    reading = Reading(arrival.measurements, arrival.misread)
    read = measurement.where_measured(reading, duration.total_seconds())
    return arrival if read is reading else replace(arrival, measurements=read.values, misread=read.misread)


def _first_of_each(line: Sequence[Resolved]) -> tuple[list[Resolved], list[Resolved]]:
    """Split off the first ping of each check; return these, and the rest in its order."""
    first: dict[str, Resolved] = {}
    rest = []
    for ping in line:
        if ping[0] in first:
            rest.append(ping)
        else:
            first[ping[0]] = ping
    return list(first.values()), rest


def _alert(db: Connection, changes: Sequence[tuple[Change, Check, Arrival]]) -> bool:
    """Write the changes of state, and raise and clear their symptoms. Return True if the ticker should wake."""
    check_history.write(db, [(change, check, arrival.at) for change, check, arrival in changes])
    raised = [(change, check, a) for change, check, a in changes if isinstance(change.event, Raised)]
    cleared = {
        symptoms.key_of(change.check): change.event.why
        for change, _, _ in changes
        if isinstance(change.event, Cleared)
    }
    if raised:
        falls = [symptoms.Fall(change, check, arrival.body) for change, check, arrival in raised]
        placing.raise_(db, falls, max(arrival.at for *_, arrival in raised))
    if cleared:
        desk.clear(db, cleared, max(a.at for _, _, a in changes), installation.pace(db))
    return bool(raised or cleared) or any(
        a.signal is Signal.START or (a.signal is Signal.PROGRESS and _is_sooner(change.check, check))
        for change, check, a in changes
    )


def _is_sooner(check: Check, before: Check) -> bool:
    return check.wake_at is not None and (before.wake_at is None or check.wake_at < before.wake_at)
