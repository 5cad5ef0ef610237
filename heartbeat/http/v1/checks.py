"""Checks in the API: read them and their pings; define, pause, resume and delete them."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from heartbeat.actor import Actor, Role
from heartbeat.checks import actions, check, deadline, history, symptoms, zone_hint
from heartbeat.checks import store as check_store
from heartbeat.checks.check import State
from heartbeat.checks.definition import CheckDefinition
from heartbeat.definitions import entry as definition_entry
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import checks as edit
from heartbeat.http.auth import Admin, ContextDep, Reader, Responder
from heartbeat.http.context import Context
from heartbeat.http.problem import NoSuch
from heartbeat.http.v1 import fields
from heartbeat.http.v1.check_models import Check, Checks, Pings, Transitions
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep, set_put_headers, tag
from heartbeat.pings import store as ping_store

SCANNED = 1_000
"""Checks that one request examines, if the state depends on the time."""

router = APIRouter(prefix="/checks", tags=["checks"], route_class=KeyedRoute)

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
    actor: Reader,
    conditional: ConditionalReadDep,
    after: fields.AfterName = "",
    limit: fields.Limit = 50,
    state: fields.CheckState | None = None,
) -> Checks:
    """List checks by slug, all or those in one state."""
    now = context.clock.now()

    def read(db: Connection) -> Checks:
        listed, following = _slice(db, now, after, limit, state)
        incidents = _incidents(db, listed)
        conditional.set_tag(tag([_tagged_state(watched, now, incidents) for watched in listed], following))
        return Checks(
            checks=[_response(watched, now, incidents, context, actor) for watched in listed], next=following
        )

    return await context.database.read(read)


@router.get("/{name}")
async def show_check(
    name: fields.CheckName, context: ContextDep, actor: Reader, conditional: ConditionalReadDep
) -> Check:
    """Return one check, by its slug or uuid."""
    now = context.clock.now()

    def work(db: Connection) -> Check:
        watched = look_up(db, name)
        incidents = _incidents(db, [watched])
        conditional.set_tag(_tag(watched, now, incidents))
        began = ping_store.last_runs_began(db, watched.id, zone_hint.RUNS)
        question = zone_hint.question(watched.schedule, watched.grace, began)
        shown = _response(watched, now, incidents, context, actor)
        return shown.model_copy(update={"time_zone_question": question})

    return await context.database.read(work)


@router.put("/{name}", responses={201: {"description": "The check was created.", "model": Check}})
async def define_check(
    name: fields.NewSlug,
    body: Definition,
    context: ContextDep,
    actor: Admin,
    precondition: PreconditionDep,
    response: Response,
) -> Check:
    """Create a check (201) or replace its definition.

    The body is the entry of the configuration file. Fields that are left out get their defaults. A new schedule
    counts from now; pings are kept. Repeating the request changes nothing. A check of the configuration file
    cannot be changed here (409).
    """
    now = context.clock.now()

    def work(db: Connection) -> tuple[Check, str, bool]:
        slug = _slug_of(db, name)
        definition_store.wait_for_turn(db)
        current = check_store.load(db, slug)
        precondition.require(None if current is None else _tag(current, now, {}))
        defined = edit.define(db, actor, slug, edit.read(db, slug, body), now)
        incidents = _incidents(db, [defined.check])
        stored = _response(defined.check, now, incidents, context, actor)
        return stored, _tag(defined.check, now, incidents), defined.before is None

    stored, entity_tag, created = await context.database.write(work)
    context.wake()
    set_put_headers(
        response, entity_tag, f"{context.public_url}/v1/checks/{stored.slug}" if created else None
    )
    return stored


@router.post("/{name}/pause")
async def pause_check(name: fields.CheckName, context: ContextDep, actor: Responder) -> Check:
    """Pause a check until it is resumed or pinged. With `manual_resume`, a ping does not resume it.

    The check leaves its incident, which resolves unless another check in it is down. Pausing twice changes nothing.
    """
    now = context.clock.now()
    return await _changed(context, actor, name, lambda db, key: actions.pause(db, key, actor, now))


@router.post("/{name}/resume")
async def resume_check(name: fields.CheckName, context: ContextDep, actor: Responder) -> Check:
    """Resume a paused check. Its schedule counts from now. Resuming twice changes nothing."""
    now = context.clock.now()
    return await _changed(context, actor, name, lambda db, key: actions.resume(db, key, actor, now))


@router.post("/{name}/new-uuid")
async def renew_uuid(name: fields.CheckName, context: ContextDep, actor: Admin) -> Check:
    """Give a check a new uuid, for instance because strangers know the old one.

    Pings to the old address get 404 from now on. Its slug, history and state stay.
    """
    now = context.clock.now()
    return await _changed(
        context, actor, name, lambda db, key: actions.renew_uuid(db, key, actor, uuid4(), now)
    )


@router.delete("/{name}", status_code=204)
async def delete_check(name: fields.CheckName, context: ContextDep, actor: Admin) -> None:
    """Delete a check and its pings. A check of the configuration file cannot be deleted here (409)."""
    now = context.clock.now()
    await context.database.write(lambda db: _required(edit.delete(db, actor, _key(name), now), name))
    context.wake()


@router.get("/{name}/pings")
async def list_pings(
    name: fields.CheckName,
    context: ContextDep,
    conditional: ConditionalReadDep,
    limit: fields.Limit = 50,
    before: fields.BeforePing | None = None,
) -> Pings:
    """List the last pings of a check, newest first. The last 100 are kept."""
    pings = await context.database.read(
        lambda db: ping_store.pings_of(db, look_up(db, name).id, limit + 1, before)
    )
    following = pings[limit - 1]["n"] if len(pings) > limit else None
    return conditional.tagged(Pings.model_validate({"pings": pings[:limit], "next": following}))


@router.get(
    "/{name}/pings/{n}/body", response_class=Response, responses={200: {"content": {"text/plain": {}}}}
)
async def show_body(name: fields.CheckName, n: fields.PingNumber, context: ContextDep) -> Response:
    """Return the stored body of one ping, byte for byte."""

    def work(db: Connection) -> tuple[str, bytes | None]:
        watched = look_up(db, name)
        return watched.slug, ping_store.body_of(db, watched.id, n)

    slug, body = await context.database.read(work)
    if body is None:
        raise NoSuch(f"Ping {n} of {slug} has no stored body.")
    # The output of a job must stay inert: the browser must not guess its type or open it as a page.
    headers = {"Content-Disposition": f'attachment; filename="{slug}-{n}.txt"'}
    return Response(body, media_type="text/plain", headers=headers)


@router.get("/{name}/transitions")
async def list_transitions(
    name: fields.CheckName,
    context: ContextDep,
    conditional: ConditionalReadDep,
    limit: fields.Limit = 50,
    before: fields.BeforeTransition | None = None,
) -> Transitions:
    """List the changes of a check's state, newest first."""
    transitions = await context.database.read(
        lambda db: history.transitions_of(db, look_up(db, name).id, limit + 1, before)
    )
    following = transitions[limit - 1]["id"] if len(transitions) > limit else None
    return conditional.tagged(
        Transitions.model_validate({"transitions": transitions[:limit], "next": following})
    )


def _slice(
    db: Connection, now: datetime, after: str, limit: int, state: State | None
) -> tuple[list[check.Check], str | None]:
    """Return the next checks in this state, and the last slug if there may be more.

    No index has the states that depend on the time. Their slice examines up to `SCANNED` checks and may be short.
    """
    wide = SCANNED if state in _DERIVED else limit + 1
    scanned = check_store.listed(db, limit=wide, after=after, state=None if state is State.LATE else state)
    listed = [watched for watched in scanned if state in (None, deadline.status(watched, now))]
    if len(listed) > limit:
        return listed[:limit], listed[limit - 1].slug
    return listed, scanned[-1].slug if len(scanned) == wide else None


async def _changed(
    context: Context, actor: Actor, name: str, work: Callable[[Connection, str | UUID], check.Check | None]
) -> Check:
    now = context.clock.now()

    def change(db: Connection) -> Check:
        changed = _required(work(db, _key(name)), name)
        return _response(changed, now, _incidents(db, [changed]), context, actor)

    stored = await context.database.write(change)
    context.wake()
    return stored


def _incidents(db: Connection, checks: list[check.Check]) -> dict[str, int]:
    """Return the open incidents of checks, by the keys of their symptoms."""
    return desk.incident_of(db, [symptoms.key_of(watched) for watched in checks])


def _response(
    watched: check.Check, now: datetime, incidents: Mapping[str, int], context: Context, actor: Actor
) -> Check:
    # Somebody who may only look must not be able to keep a check quiet.
    url = context.public_url if actor.role.may(Role.RESPONDER) else None
    return Check.of(watched, now, incidents.get(symptoms.key_of(watched)), url)


def _tagged_state(watched: check.Check, now: datetime, incidents: Mapping[str, int]) -> object:
    """Return everything that the response is made of. Only the state depends on the time."""
    return watched, deadline.status(watched, now), incidents.get(symptoms.key_of(watched))


def _tag(watched: check.Check, now: datetime, incidents: Mapping[str, int]) -> str:
    return tag((watched.id, CheckDefinition.of(watched)), _tagged_state(watched, now, incidents))


def _slug_of(db: Connection, name: str) -> str:
    """Return the slug to define. A uuid must be that of an existing check."""
    return look_up(db, name).slug if _UUID.fullmatch(name) else name


def look_up(db: Connection, name: str) -> check.Check:
    """Return the check of this slug or uuid. Raises `NoSuch`."""
    return _required(check_store.load(db, _key(name)), name)


def _required(watched: check.Check | None, name: str) -> check.Check:
    if watched is None:
        raise NoSuch(f"There is no check {name[:100]!r}.")
    return watched


def _key(name: str) -> str | UUID:
    """Return a name as a uuid or slug. Raises `NoSuch` for other names, which databases may not accept."""
    if _UUID.fullmatch(name):
        return UUID(name)
    if not _SLUG.fullmatch(name):
        raise NoSuch(f"There is no check {name[:100]!r}.")
    return name
