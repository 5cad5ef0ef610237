"""Checks in the API: how they stand, what was heard of them, pause, resume, delete."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from heartbeat import check, checker, config, hand, store
from heartbeat.check import State
from heartbeat.config import entry
from heartbeat.http import reading
from heartbeat.http.auth import Admin, Given, Responder, needs
from heartbeat.http.door import Door
from heartbeat.http.problem import NoSuch, OwnedByFile
from heartbeat.http.v1 import fields
from heartbeat.http.v1.answers import Check, Checks, Pings, Transitions
from heartbeat.who import Role

SCANNED = 1_000
"""Checks that are looked at for one page, where what is asked for follows from the time."""

router = APIRouter(prefix="/checks", tags=["checks"])

_DERIVED: Final = (State.NEW, State.UP, State.LATE)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SLUG = re.compile(entry.SLUG)


@router.get("")
async def list_checks(
    door: Given, after: fields.After = "", limit: fields.Limit = 50, state: fields.Shown | None = None
) -> Checks:
    """Checks by slug, all or those in one state."""
    now = door.clock.now()

    def page(db: Connection) -> Checks:
        found, following = _page(db, now, after, limit, state)
        return Checks(checks=_shown(db, found, door, now), next=following)

    return await door.database.read(page)


@router.get("/{name}")
async def show_check(name: fields.Name, door: Given) -> Check:
    """One check, by its slug or uuid."""
    now = door.clock.now()
    return await door.database.read(lambda db: _shown(db, [_found(db, name)], door, now)[0])


@router.post("/{name}/pause")
async def pause_check(name: fields.Name, door: Given, who: Responder) -> Check:
    """Expect nothing of it until it is resumed or, unless that is forbidden, heard again.

    An incident of it ends or goes on without it. Pausing what is paused changes nothing.
    """
    now = door.clock.now()
    return await _changed(door, name, lambda db, named: hand.pause(db, named, who.name, now), now)


@router.post("/{name}/resume", dependencies=[needs(Role.RESPONDER)])
async def resume_check(name: fields.Name, door: Given) -> Check:
    """Expect a paused check afresh from now on. Resuming what is not paused changes nothing."""
    now = door.clock.now()
    return await _changed(door, name, lambda db, named: hand.resume(db, named, now), now)


@router.delete("/{name}", status_code=204)
async def delete_check(name: fields.Name, door: Given, who: Admin) -> None:
    """End the watch over it and forget what was heard. What the configuration file declares stays (409)."""
    now = door.clock.now()

    def work(db: Connection) -> None:
        gone = _known(hand.delete(db, _named(name), who.name, now), name)
        if gone.origin == config.ORIGIN:
            # Looked at once the row is locked, so that nobody changes it meanwhile; this undoes the deletion.
            raise OwnedByFile(f"The configuration file declares {gone.slug}: delete it there.")

    await door.database.write(work)
    door.wake()


@router.get("/{name}/pings")
async def list_pings(name: fields.Name, door: Given, limit: fields.Limit = 50) -> Pings:
    """Its last pings, newest first. The last 100 are kept."""
    found = await door.database.read(lambda db: reading.pings_of(db, _found(db, name).id, limit))
    return Pings.model_validate({"pings": found})


@router.get(
    "/{name}/pings/{n}/body", response_class=Response, responses={200: {"content": {"text/plain": {}}}}
)
async def show_body(name: fields.Name, n: fields.Nth, door: Given) -> Response:
    """The body of one ping, byte for byte as it was kept."""

    def work(db: Connection) -> tuple[str, bytes | None]:
        one = _found(db, name)
        return one.slug, reading.body_of(db, one.id, n)

    slug, body = await door.database.read(work)
    if body is None:
        raise NoSuch(f"No body is kept of ping {n} of {slug}.")
    # Whatever a job has sent must stay inert: never guessed to be something else, never opened as a page.
    headers = {"Content-Disposition": f'attachment; filename="{slug}-{n}.txt"'}
    return Response(body, media_type="text/plain", headers=headers)


@router.get("/{name}/transitions")
async def list_transitions(name: fields.Name, door: Given, limit: fields.Limit = 50) -> Transitions:
    """The newest changes of its state, newest first."""
    found = await door.database.read(lambda db: store.transitions_of(db, _found(db, name).id, limit))
    return Transitions.model_validate({"transitions": found})


def _page(
    db: Connection, now: datetime, after: str, limit: int, state: State | None
) -> tuple[list[check.Check], str | None]:
    """The next checks in this state, and the slug to go on from.

    No index knows what follows from the time: a bounded number of checks is looked at; a page may be short.
    """
    wide = SCANNED if state in _DERIVED else limit + 1
    scanned = store.listed(db, limit=wide, after=after, state=None if state is State.LATE else state)
    found = [one for one in scanned if state in (None, check.status(one, now))]
    if len(found) > limit:
        return found[:limit], found[limit - 1].slug
    return found, scanned[-1].slug if len(scanned) == wide else None


async def _changed(
    door: Door, name: str, work: Callable[[Connection, str | UUID], check.Check | None], now: datetime
) -> Check:
    shown = await door.database.write(
        lambda db: _shown(db, [_known(work(db, _named(name)), name)], door, now)[0]
    )
    door.wake()
    return shown


def _shown(db: Connection, found: list[check.Check], door: Door, now: datetime) -> list[Check]:
    incidents = desk.incident_of(db, [checker.symptom_key(one) for one in found])
    return [Check.of(one, now, incidents.get(checker.symptom_key(one)), door.public_url) for one in found]


def _found(db: Connection, name: str) -> check.Check:
    return _known(store.load(db, _named(name)), name)


def _known(one: check.Check | None, name: str) -> check.Check:
    if one is None:
        raise NoSuch(f"There is no check {name[:100]!r}.")
    return one


def _named(name: str) -> str | UUID:
    """What cannot name a check is not looked for: it may hold what no database takes."""
    if _UUID.fullmatch(name):
        return UUID(name)
    if not _SLUG.fullmatch(name):
        raise NoSuch(f"There is no check {name[:100]!r}.")
    return name
