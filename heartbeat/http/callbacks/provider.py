"""A provider calls back: what it accepted was delivered, or not, or somebody has answered it there.

No sign-in is needed: the notifier verifies the call with its own settings, or nothing happens.
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
from alerting.incident import Acknowledged, Missing, Resolved, Stale
from alerting.notifiers.contract import Acknowledgement, Malformed, Receipt, Unsigned
from alerting.notifiers.wording import quoted
from heartbeat.actor import Actor, Role
from heartbeat.checks import actions
from heartbeat.http import auth, problem
from heartbeat.http.context import Context
from heartbeat.http.pages import rows as view_rows
from heartbeat.http.problem import NoSuch

LOOKS = 3
LOOK_AGAIN = 0.5
"""Looks for the ids of a call, and seconds between two: a provider can call back before the courier has written down
what it accepted."""

Outcome = Acknowledged | Stale | Resolved | Missing

log = logging.getLogger(__name__)


def router(context: Context) -> APIRouter:
    """The address of each notifier whose provider answers back."""
    routes = APIRouter()

    async def called(request: Request) -> Response:
        kind = request.path_params["notifier"]
        if kind not in context.receivers.kinds:
            raise _nothing_here()
        body = await request.body()
        notifier = context.receivers.of(kind, await context.database.read(desk.fitted))
        if notifier is None:
            raise _nothing_here()
        match notifier.received(dict(request.headers), body):
            case Unsigned(reason):
                return problem.answer(request, HTTPStatus.FORBIDDEN, reason)
            case Malformed(reason):
                return problem.answer(request, HTTPStatus.BAD_REQUEST, reason)
            case receipts:
                await _receive(context, kind, receipts, auth.whence(request).remote)
        return PlainTextResponse("OK")

    routes.add_route("/callbacks/{notifier}", called, methods=["POST"], include_in_schema=False)
    return routes


async def _receive(context: Context, kind: str, receipts: Sequence[Receipt], remote: str) -> None:
    """Do what the receipts ask for, one after the other. Those about unknown ids are counted in the log."""
    known = await _known(context, kind, {receipt.provider_id for receipt in receipts})
    for receipt in receipts:
        if receipt.provider_id in known:
            await _apply(context, kind, receipt, remote)
    unknown = sum(receipt.provider_id not in known for receipt in receipts)
    if unknown:
        extra = {"notifier": kind, "event": "unknown receipts", "count": unknown}
        log.info("%d receipts by %s are about nothing that was sent from here", unknown, kind, extra=extra)
    context.wake()


async def _known(context: Context, kind: str, ids: set[str]) -> set[str]:
    """Return those of the provider's ids that something was sent under, after waiting for the others a little."""
    known = await context.database.read(lambda db: desk.known_ids(db, kind, ids))
    for _ in range(LOOKS - 1):
        if known == ids:
            break
        await asyncio.sleep(LOOK_AGAIN)
        known = await context.database.read(lambda db: desk.known_ids(db, kind, ids))
    return known


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
    """Answer every incident of the send, in the name that the provider gives, else of whoever was paged."""
    names = view_rows.names(desk.people(db))
    outcomes: list[Outcome] = []
    sent = {
        (page.incident_id, page.occurrence): page.person
        for page in desk.sent_as(db, kind, receipt.provider_id)
    }
    for (incident, occurrence), person in sorted(sent.items()):
        name = quoted(receipt.by) or names.get(person, person)
        actor = Actor(name, Role.RESPONDER, f"callback {kind}", remote)
        outcomes.append(actions.acknowledge(db, incident, actor, now, occurrence=occurrence))
    return outcomes


def _nothing_here() -> NoSuch:
    return NoSuch("There is nothing at this address.")
