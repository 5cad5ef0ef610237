"""How much a request may send. What is more is refused as soon as that is known, and never gathered."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heartbeat.http import problem

BODY_LIMIT = 1_000_000
"""Bytes that a request's body may have."""
CONFIGURATION_LIMIT = 5_000_000
"""Bytes that a configuration may have."""
CALLBACK_LIMIT = 64_000
"""Bytes that a provider's callback may have."""

_OTHERS: Mapping[str, int] = {"/v1/configuration": CONFIGURATION_LIMIT}


class BodyLimit:
    """Refuses bodies that are too large, by what their length is said to be, and by what comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = _limit(scope["path"])
        words = f"The body is too large: this address takes at most {_size(limit)}."
        seen = 0

        async def receive_within_limit() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                # Of all exceptions, only those of this kind are not taken for a body that is no JSON.
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words)
            return message

        if _declared(scope) > limit:
            refusal = problem.answer(Request(scope), HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive_within_limit, send)


def _limit(path: str) -> int:
    return CALLBACK_LIMIT if path.startswith("/callbacks/") else _OTHERS.get(path, BODY_LIMIT)


def _size(limit: int) -> str:
    return f"{limit // 1_000_000} MB" if limit >= 1_000_000 else f"{limit // 1_000} kB"


def _declared(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0
