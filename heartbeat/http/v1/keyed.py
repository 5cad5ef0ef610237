"""The routes of the API: the caller is known before anything of the body is read."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from heartbeat.http import auth
from heartbeat.http.asgi import ACTOR


class KeyedRoute(APIRoute):
    """A route of the API. The framework itself would read and parse the body before it asks for the key."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # no coroutine
        """Return the handler of a request. It raises `KeyRequired`."""
        handle: Callable[[Request], Awaitable[Any]] = super().get_route_handler()

        async def handle_known(request: Request) -> Response:
            setattr(request.state, ACTOR, await auth.reader(request))
            response: Response = await handle(request)
            return response

        return handle_known
