"""The callback of a provider: a page was delivered, was not delivered, or somebody acknowledged it there.

No sign-in is needed. The notifier verifies the call with its own settings.
"""

import asyncio
import logging
from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.responses import Response as HttpResponse

from alerting import desk
from alerting.notifiers.contract import (
    Acknowledgement,
    Call,
    Malformed,
    Receipt,
    Reply,
    Responder,
    Unsigned,
)
from heartbeat import delivery_receipts as receipts_of
from heartbeat.http import auth, problem
from heartbeat.http.callbacks import answers
from heartbeat.http.callbacks.answers import Caller
from heartbeat.http.context import Context
from heartbeat.http.problem import NoSuch

LOOKUPS = 3
RETRY_AFTER = 0.5
"""Lookups of the ids of a call, and the seconds between two. A provider can call before the courier has recorded
what the provider accepted."""

log = logging.getLogger(__name__)


def router(context: Context) -> APIRouter:
    """Return the route for notifiers whose providers call back."""
    routes = APIRouter()

    async def receive(request: Request) -> HttpResponse:
        kind = request.path_params["notifier"]
        if kind not in context.receivers.kinds:
            raise _not_found()
        call = Call(dict(request.headers), await request.body(), request.url.query, context.clock.now())
        notifier = context.receivers.of(kind, await context.database.read(desk.notifier_setups))
        if notifier is None:
            raise _not_found()
        said: list[str] = []
        match notifier.received(call):
            case Unsigned(reason):
                return problem.response(request, HTTPStatus.FORBIDDEN, reason)
            case Malformed(reason):
                return problem.response(request, HTTPStatus.BAD_REQUEST, reason)
            case receipts:
                said = await _record(context, Caller(kind, auth.client_of(request).remote), receipts)
        if isinstance(notifier, Responder):
            response = notifier.response(call, said)
            return HttpResponse(response.text, media_type=response.content_type)
        return PlainTextResponse("OK")

    routes.add_route("/callbacks/{notifier}", receive, methods=["POST"], include_in_schema=False)
    return routes


async def _record(context: Context, caller: Caller, receipts: Sequence[Receipt]) -> list[str]:
    """Apply the receipts in their order, and return what the answers among them did.

    Ids that are not known are counted in the log.
    """
    ids = {receipt.provider_id for receipt in receipts if not isinstance(receipt, Reply)} - {""}
    known_ids = await _known_ids(context, caller.kind, ids)
    said = []
    for receipt in receipts:
        match receipt:
            case Reply():
                said.append(await answers.replied(context, caller, receipt))
            case Acknowledgement() if receipt.notice or receipt.provider_id in known_ids:
                said.append(await answers.acknowledged(context, caller, receipt))
            case Acknowledgement():
                said.append(answers.UNKNOWN)
            case _ if receipt.provider_id in known_ids:
                await receipts_of.record(context.database, caller.kind, receipt, context.clock.now())
    if unknown := len(ids - known_ids):
        extra = {"notifier": caller.kind, "event": "unknown receipts", "count": unknown}
        log.info(
            "%s sent %d receipts for messages that were not sent from here", caller.kind, unknown, extra=extra
        )
    context.wake()
    return [sentence for sentence in said if sentence]


async def _known_ids(context: Context, kind: str, ids: set[str]) -> set[str]:
    """Return the ids under which pages were sent, after a short wait for the others."""
    if not ids:
        return set()
    known_ids = await context.database.read(lambda db: desk.known_ids(db, kind, ids))
    for _ in range(LOOKUPS - 1):
        if known_ids == ids:
            break
        await asyncio.sleep(RETRY_AFTER)
        known_ids = await context.database.read(lambda db: desk.known_ids(db, kind, ids))
    return known_ids


def _not_found() -> NoSuch:
    return NoSuch("This address does not exist.")
