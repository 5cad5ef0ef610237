"""The callback of a provider: a page was delivered, was not delivered, or somebody acknowledged it there.

No sign-in is needed. The notifier verifies the call with its own settings.
"""

import asyncio
import logging
import random
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from alerting import desk
from alerting.answer import Acknowledged, Missing, Resolved, Stale
from alerting.notifiers.contract import Acknowledgement, Malformed, Receipt, Unsigned
from alerting.notifiers.wording import quoted
from heartbeat.actor import Actor, Role
from heartbeat.checks import actions
from heartbeat.http import auth, problem
from heartbeat.http.context import Context
from heartbeat.http.pages import rows as view_rows
from heartbeat.http.problem import NoSuch

LOOKUPS = 3
RETRY_AFTER = 0.5
"""Lookups of the ids of a call, and the seconds between two. A provider can call before the courier has recorded
what the provider accepted."""

Outcome = Acknowledged | Stale | Resolved | Missing

log = logging.getLogger(__name__)


def router(context: Context) -> APIRouter:
    """Return the route for notifiers whose providers call back."""
    routes = APIRouter()

    async def receive(request: Request) -> Response:
        kind = request.path_params["notifier"]
        if kind not in context.receivers.kinds:
            raise _not_found()
        body = await request.body()
        notifier = context.receivers.of(kind, await context.database.read(desk.notifier_setups))
        if notifier is None:
            raise _not_found()
        match notifier.received(dict(request.headers), body):
            case Unsigned(reason):
                return problem.response(request, HTTPStatus.FORBIDDEN, reason)
            case Malformed(reason):
                return problem.response(request, HTTPStatus.BAD_REQUEST, reason)
            case receipts:
                await _record(context, kind, receipts, auth.client_of(request).remote)
        return PlainTextResponse("OK")

    routes.add_route("/callbacks/{notifier}", receive, methods=["POST"], include_in_schema=False)
    return routes


async def _record(context: Context, kind: str, receipts: Sequence[Receipt], remote: str) -> None:
    """Apply the receipts in their order, and log how many have an unknown id."""
    known_ids = await _known_ids(context, kind, {receipt.provider_id for receipt in receipts})
    for receipt in receipts:
        if receipt.provider_id in known_ids:
            await _apply(context, kind, receipt, remote)
    unknown = sum(receipt.provider_id not in known_ids for receipt in receipts)
    if unknown:
        extra = {"notifier": kind, "event": "unknown receipts", "count": unknown}
        log.info("%s sent %d receipts for messages that were not sent from here", kind, unknown, extra=extra)
    context.wake()


async def _known_ids(context: Context, kind: str, ids: set[str]) -> set[str]:
    """Return the ids under which pages were sent, after a short wait for the others."""
    known_ids = await context.database.read(lambda db: desk.known_ids(db, kind, ids))
    for _ in range(LOOKUPS - 1):
        if known_ids == ids:
            break
        await asyncio.sleep(RETRY_AFTER)
        known_ids = await context.database.read(lambda db: desk.known_ids(db, kind, ids))
    return known_ids


async def _apply(context: Context, kind: str, receipt: Receipt, remote: str) -> None:
    now = context.clock.now()
    if isinstance(receipt, Acknowledgement):
        for outcome in await context.database.write(lambda db: _acknowledge(db, kind, receipt, remote, now)):
            context.metrics.paging.observe_answer(outcome)
    else:
        jitter = random.random()
        await context.database.write(lambda db: desk.receipt(db, kind, receipt, now, jitter))


def _acknowledge(
    db: Connection, kind: str, receipt: Acknowledgement, remote: str, now: datetime
) -> list[Outcome]:
    """Acknowledge every incident of the message, as the person named by the provider, or else the person paged."""
    names = view_rows.names(desk.people(db))
    outcomes: list[Outcome] = []
    people_paged = {
        (page.incident_id, page.occurrence): page.person
        for page in desk.sent_as(db, kind, receipt.provider_id)
    }
    for (incident, occurrence), person in sorted(people_paged.items()):
        by = quoted(receipt.by)
        name, themself = by or names.get(person, person), "" if by else person
        actor = Actor(name, Role.RESPONDER, f"callback {kind}", remote, person=themself)
        outcomes.append(actions.acknowledge(db, incident, actor, now, by=by or None, occurrence=occurrence))
    return outcomes


def _not_found() -> NoSuch:
    return NoSuch("This address does not exist.")
