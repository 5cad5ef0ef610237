"""The renewal of a device: its browser has a new subscription, and says so for itself, signed in or not.

The old subscription is the proof. Its keys were told to us alone, so nobody else can replace a device.
"""

import json
from http import HTTPStatus

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from alerting.desk import Device
from alerting.notifiers import push
from alerting.notifiers.push import Subscription
from alerting.notifiers.transport import egress
from alerting.person import Person
from heartbeat.actor import Actor, Role
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import devices
from heartbeat.definitions.kind import Edit
from heartbeat.http import auth, problem
from heartbeat.http.context import Context

UNREADABLE = 'The body must be {"old": SUBSCRIPTION, "new": SUBSCRIPTION}, each as its browser writes it.'
UNKNOWN = "No device has the old subscription. Nothing was changed: add this device on the console."


def router(context: Context) -> APIRouter:
    """Return the route by which browsers renew their subscriptions."""
    routes = APIRouter()

    async def renew(request: Request) -> Response:
        try:
            old, new = _subscriptions(await request.body())
        except ValueError:
            return problem.response(request, HTTPStatus.BAD_REQUEST, UNREADABLE)
        if not await _is_held(context, old):
            # A browser that got no answer asks again.
            if await _is_held(context, new):
                return Response(status_code=HTTPStatus.NO_CONTENT)
            return problem.response(request, HTTPStatus.NOT_FOUND, UNKNOWN)
        if fault := await egress.fault(context.fence, new.endpoint):
            message = f"Pages cannot go to this browser: {fault}. Nothing was changed."
            return problem.response(request, HTTPStatus.UNPROCESSABLE_ENTITY, message)
        remote = auth.client_of(request).remote
        await context.database.write(lambda db: _renew(db, context, old, new, remote))
        context.wake()
        return Response(status_code=HTTPStatus.NO_CONTENT)

    routes.add_route("/callbacks/push/renewal", renew, methods=["POST"], include_in_schema=False)
    return routes


async def _is_held(context: Context, subscription: Subscription) -> bool:
    return bool(await context.database.read(lambda db: devices.held(db, context.vault, subscription)))


def _subscriptions(body: bytes) -> tuple[Subscription, Subscription]:
    """Read the old subscription and the new one. Raises ValueError."""
    try:
        fields = json.loads(body)
        return push.subscription(json.dumps(fields["old"])), push.subscription(json.dumps(fields["new"]))
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError(UNREADABLE) from error


def _renew(db: Connection, context: Context, old: Subscription, new: Subscription, remote: str) -> None:
    definition_store.wait_for_turn(db)
    now = context.clock.now()
    for person, device in devices.held(db, context.vault, old):
        devices.renew(Edit(db, _actor(person, device, remote), now, context.vault), person, device, new)


def _actor(person: Person, device: Device, remote: str) -> Actor:
    return Actor(person.name, Role.VIEWER, f"device {device.name}", remote, person=person.id)
