"""Lets web applications press the buttons of pages. The one of ntfy, on a site of its own, does it by script (CORS).

Only POST is allowed. The right to answer is in the link, and never in a cookie: whoever has the link can answer anyway.
"""

from collections.abc import Awaitable, Callable

from heartbeat.http.asgi import Message, Receive, Scope, Send

BELOW = "/answer/"
"""The path of every signed link."""

_ORIGIN = (b"access-control-allow-origin", b"*")
_PREFLIGHT = [
    _ORIGIN,
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", b"Content-Type"),
    (b"access-control-max-age", b"86400"),
    (b"content-length", b"0"),
]


class CrossOrigin:
    """Answers preflights, and lets scripts of every site read the responses to POST, also those of errors."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request for a signed link."""

        async def send_readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), _ORIGIN]}
            await send(message)

        if _is_preflight(scope):
            await send({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, send_readable if scope.get("method") == "POST" else send)


def _is_preflight(scope: Scope) -> bool:
    asked = any(name == b"access-control-request-method" for name, _ in scope["headers"])
    return scope.get("method") == "OPTIONS" and asked
