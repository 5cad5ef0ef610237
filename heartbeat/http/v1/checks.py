"""Checks in the API: how they stand, what was heard of them; define, delete, pause, resume."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from heartbeat.checks import actions, check, history, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.check import State
from heartbeat.checks.definition import CheckDefinition
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import checks as edit
from heartbeat.http.auth import Admin, ContextDep, Responder
from heartbeat.http.context import Context
from heartbeat.http.problem import NoSuch
from heartbeat.http.v1 import fields
from heartbeat.http.v1.response_models import Check, Checks, Pings, Transitions
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep, set_put_headers, tag
from heartbeat.pings import store as ping_store

SCANNED = 1_000
"""Checks that are looked at for one page, where what is asked for follows from the time."""

router = APIRouter(prefix="/checks", tags=["checks"])

Definition = Annotated[
    dict[str, Any],
    fields.definition_schema("check"),
    fields.definition_body(
        A_cron_job_on_one_host={
            "name": "Nightly backup",
            "schedule": "30 1 * * *",
            "timezone": "Europe/London",
            "grace": "10m",
            "max_runtime": "3h",
            "labels": {"host": "vault-1"},
            "policy": "ops",
        },
        Every_five_minutes={"every": "5m", "grace": "2m", "severity": "critical"},
    ),
]

_DERIVED: Final = (State.NEW, State.UP, State.LATE)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SLUG = re.compile(definition_entry.SLUG)


@router.get("")
async def list_checks(
    context: ContextDep,
    conditional: ConditionalReadDep,
    after: fields.After = "",
    limit: fields.Limit = 50,
    state: fields.Shown | None = None,
) -> Checks:
    """Checks by slug, all or those in one state."""
    now = context.clock.now()

    def page(db: Connection) -> Checks:
        found, following = _page(db, now, after, limit, state)
        incidents = _incidents(db, found)
        conditional.set_tag(tag([_life(one, now, incidents) for one in found], following))
        return Checks(checks=[_shown(one, now, incidents, context) for one in found], next=following)

    return await context.database.read(page)


@router.get("/{name}")
async def show_check(name: fields.Name, context: ContextDep, conditional: ConditionalReadDep) -> Check:
    """One check, by its slug or uuid."""
    now = context.clock.now()

    def work(db: Connection) -> Check:
        one = look_up(db, name)
        incidents = _incidents(db, [one])
        conditional.set_tag(_tag(one, now, incidents))
        return _shown(one, now, incidents, context)

    return await context.database.read(work)


@router.put("/{name}", responses={201: {"description": "It was made.", "model": Check}})
async def define_check(
    name: fields.NewSlug,
    given: Definition,
    context: ContextDep,
    actor: Admin,
    precondition: PreconditionDep,
    response: Response,
) -> Check:
    """Make it so: the whole definition, made where it is not there yet (201).

    The fields, their words and their limits are those of the configuration file. What is left out has its
    default. A new schedule is expected from now on; nothing else that was heard is forgotten. The same again
    changes nothing. What the configuration file declares stays as it is (409).
    """
    now = context.clock.now()

    def work(db: Connection) -> tuple[Check, str, bool]:
        slug = _slug_of(db, name)
        definition_store.wait_for_turn(db)
        before = check_store.load(db, slug)
        precondition.require(None if before is None else _tag(before, now, {}))
        done = edit.define(db, actor, slug, edit.read(db, slug, given), now)
        incidents = _incidents(db, [done.check])
        shown = _shown(done.check, now, incidents, context)
        return shown, _tag(done.check, now, incidents), done.before is None

    shown, tagged, made = await context.database.write(work)
    context.wake()
    set_put_headers(response, tagged, f"{context.public_url}/v1/checks/{shown.slug}" if made else None)
    return shown


@router.post("/{name}/pause")
async def pause_check(name: fields.Name, context: ContextDep, actor: Responder) -> Check:
    """Expect nothing of it until it is resumed or, unless that is forbidden, heard again.

    An incident of it ends or goes on without it. Pausing what is paused changes nothing.
    """
    now = context.clock.now()
    return await _changed(context, name, lambda db, named: actions.pause(db, named, actor, now))


@router.post("/{name}/resume")
async def resume_check(name: fields.Name, context: ContextDep, actor: Responder) -> Check:
    """Expect a paused check afresh from now on. Resuming what is not paused changes nothing."""
    now = context.clock.now()
    return await _changed(context, name, lambda db, named: actions.resume(db, named, actor, now))


@router.delete("/{name}", status_code=204)
async def delete_check(name: fields.Name, context: ContextDep, actor: Admin) -> None:
    """End the watch over it and forget what was heard. What the configuration file declares stays (409)."""
    now = context.clock.now()
    await context.database.write(lambda db: _known(edit.delete(db, actor, _named(name), now), name))
    context.wake()


@router.get("/{name}/pings")
async def list_pings(
    name: fields.Name,
    context: ContextDep,
    conditional: ConditionalReadDep,
    limit: fields.Limit = 50,
    before: fields.BeforePing | None = None,
) -> Pings:
    """Its last pings, newest first. The last 100 are kept."""
    found = await context.database.read(
        lambda db: ping_store.pings_of(db, look_up(db, name).id, limit + 1, before)
    )
    following = found[limit - 1]["n"] if len(found) > limit else None
    return conditional.tagged(Pings.model_validate({"pings": found[:limit], "next": following}))


@router.get(
    "/{name}/pings/{n}/body", response_class=Response, responses={200: {"content": {"text/plain": {}}}}
)
async def show_body(name: fields.Name, n: fields.Nth, context: ContextDep) -> Response:
    """The body of one ping, byte for byte as it was kept."""

    def work(db: Connection) -> tuple[str, bytes | None]:
        one = look_up(db, name)
        return one.slug, ping_store.body_of(db, one.id, n)

    slug, body = await context.database.read(work)
    if body is None:
        raise NoSuch(f"No body is kept of ping {n} of {slug}.")
    # Whatever a job has sent must stay inert: never guessed to be something else, never opened as a page.
    headers = {"Content-Disposition": f'attachment; filename="{slug}-{n}.txt"'}
    return Response(body, media_type="text/plain", headers=headers)


@router.get("/{name}/transitions")
async def list_transitions(
    name: fields.Name,
    context: ContextDep,
    conditional: ConditionalReadDep,
    limit: fields.Limit = 50,
    before: fields.BeforeTransition | None = None,
) -> Transitions:
    """The changes of its state, newest first."""
    found = await context.database.read(
        lambda db: history.transitions_of(db, look_up(db, name).id, limit + 1, before)
    )
    following = found[limit - 1]["id"] if len(found) > limit else None
    return conditional.tagged(Transitions.model_validate({"transitions": found[:limit], "next": following}))


def _page(
    db: Connection, now: datetime, after: str, limit: int, state: State | None
) -> tuple[list[check.Check], str | None]:
    """The next checks in this state, and the slug to go on from.

    No index knows what follows from the time: a bounded number of checks is looked at; a page may be short.
    """
    wide = SCANNED if state in _DERIVED else limit + 1
    scanned = check_store.listed(db, limit=wide, after=after, state=None if state is State.LATE else state)
    found = [one for one in scanned if state in (None, check.status(one, now))]
    if len(found) > limit:
        return found[:limit], found[limit - 1].slug
    return found, scanned[-1].slug if len(scanned) == wide else None


async def _changed(
    context: Context, name: str, work: Callable[[Connection, str | UUID], check.Check | None]
) -> Check:
    """A check after what somebody has done to it."""
    now = context.clock.now()

    def done(db: Connection) -> Check:
        one = _known(work(db, _named(name)), name)
        return _shown(one, now, _incidents(db, [one]), context)

    shown = await context.database.write(done)
    context.wake()
    return shown


def _incidents(db: Connection, found: list[check.Check]) -> dict[str, int]:
    """By the keys of their symptoms, the open incidents that these checks belong to."""
    return desk.incident_of(db, [symptoms.key_of(one) for one in found])


def _shown(one: check.Check, now: datetime, incidents: Mapping[str, int], context: Context) -> Check:
    return Check.of(one, now, incidents.get(symptoms.key_of(one)), context.public_url)


def _life(one: check.Check, now: datetime, incidents: Mapping[str, int]) -> object:
    """All of a check that its answer is made of; what follows from the time is only its state."""
    return one, check.status(one, now), incidents.get(symptoms.key_of(one))


def _tag(one: check.Check, now: datetime, incidents: Mapping[str, int]) -> str:
    return tag((one.id, CheckDefinition.of(one)), _life(one, now, incidents))


def _slug_of(db: Connection, name: str) -> str:
    """What is to be called so. A uuid names only a check that there is."""
    return look_up(db, name).slug if _UUID.fullmatch(name) else name


def look_up(db: Connection, name: str) -> check.Check:
    """The check of this slug or uuid. Raises `NoSuch`."""
    return _known(check_store.load(db, _named(name)), name)


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
