"""A provider calls back: what it accepted was delivered, or not, or somebody has answered it there.

No sign-in is needed: the notifier verifies the call with its own settings, or nothing happens.
"""

import asyncio
import logging
import random
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
from heartbeat import hand
from heartbeat.http import auth, problem, view
from heartbeat.http.door import Door
from heartbeat.http.problem import NoSuch
from heartbeat.who import Role, Who

LOOKS = 3
LOOK_AGAIN = 0.5
"""How often an id is looked up, and after how many seconds again: a provider can call back before the courier has
written down what it accepted."""

Outcome = Acknowledged | Stale | Resolved | Missing

log = logging.getLogger(__name__)


def router(door: Door) -> APIRouter:
    """The address of each notifier whose provider answers back."""
    routes = APIRouter()

    async def called(request: Request) -> Response:
        kind = request.path_params["notifier"]
        if kind not in door.receivers.kinds:
            raise _nothing_here()
        body = await request.body()
        notifier = door.receivers.of(kind, await door.database.read(desk.fitted))
        if notifier is None:
            raise _nothing_here()
        match notifier.received(dict(request.headers), body):
            case Unsigned(reason):
                return problem.answer(request, HTTPStatus.FORBIDDEN, reason)
            case Malformed(reason):
                return problem.answer(request, HTTPStatus.BAD_REQUEST, reason)
            case receipts:
                for receipt in receipts:
                    await _receive(door, kind, receipt, auth.whence(request).remote)
        return PlainTextResponse("OK")

    routes.add_route("/callbacks/{notifier}", called, methods=["POST"], include_in_schema=False)
    return routes


async def _receive(door: Door, kind: str, receipt: Receipt, remote: str) -> None:
    """Do what one receipt asks for; one about an unknown id is logged."""
    now = door.clock.now()
    if not await _is_known(door, kind, receipt.provider_id):
        extra = {"notifier": kind, "event": "unknown receipt"}
        log.info("a receipt by %s is about nothing that was sent from here", kind, extra=extra)
    elif isinstance(receipt, Acknowledgement):
        for outcome in await door.database.write(lambda db: _acknowledge(db, kind, receipt, remote, now)):
            door.metrics.paging.observe_answer(outcome)
    else:
        # Spread as any retry is.
        jitter = random.random()
        await door.database.write(lambda db: desk.receipt(db, kind, receipt, now, jitter))
    door.wake()


async def _is_known(door: Door, kind: str, provider_id: str) -> bool:
    for _ in range(LOOKS - 1):
        if await door.database.read(lambda db: desk.sent_as(db, kind, provider_id)):
            return True
        await asyncio.sleep(LOOK_AGAIN)
    return bool(await door.database.read(lambda db: desk.sent_as(db, kind, provider_id)))


def _acknowledge(
    db: Connection, kind: str, receipt: Acknowledgement, remote: str, now: datetime
) -> list[Outcome]:
    """Answer every incident of the send, in the name that the provider gives, else of whoever was paged."""
    names = view.names(desk.people(db))
    outcomes: list[Outcome] = []
    sent = {
        (page.incident_id, page.occurrence): page.person
        for page in desk.sent_as(db, kind, receipt.provider_id)
    }
    for (incident, occurrence), person in sorted(sent.items()):
        name = quoted(receipt.by) or names.get(person, person)
        who = Who(name, Role.RESPONDER, f"callback {kind}", remote)
        outcomes.append(hand.acknowledge(db, incident, who, now, occurrence=occurrence))
    return outcomes


def _nothing_here() -> NoSuch:
    return NoSuch("There is nothing at this address.")
