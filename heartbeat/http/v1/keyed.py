"""The routes of the API: the caller is known before anything of the body is read."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from heartbeat.http import auth
from heartbeat.http.asgi import ACTOR

PARSED_AT_ONCE = 16_000
"""Bytes of a body that the event loop parses itself. The longest one that is allowed would take over 5 ms."""


class _LongRequest(Request):
    """A request whose body is parsed in a thread if it is long."""

    async def json(self) -> Any:
        body = await self.body()
        return _parsed(body) if len(body) <= PARSED_AT_ONCE else await asyncio.to_thread(_parsed, body)


class KeyedRoute(APIRoute):
    """A route of the API. The framework itself would read and parse the body before it asks for the key."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # no coroutine
        """Return the handler of a request. It raises `KeyRequired`."""
        handle: Callable[[Request], Awaitable[Any]] = super().get_route_handler()

        async def handle_known(request: Request) -> Response:
            setattr(request.state, ACTOR, await auth.reader(request))
            response: Response = await handle(_LongRequest(request.scope, request.receive))
            return response

        return handle_known


def _parsed(body: bytes) -> Any:
    return json.loads(body)
