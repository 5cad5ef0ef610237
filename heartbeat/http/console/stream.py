"""The console's stream of server-sent events. An event says that a topic has changed; it carries no content.

The browser then fetches its page again, so a page is rendered in one way only. The id of an event names the version
of each topic, so a browser that reconnects misses nothing. Source: HTML, "Server-sent events".
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from http import HTTPStatus

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from heartbeat.actor import Role
from heartbeat.database import Unavailable
from heartbeat.http import auth
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import versions
from heartbeat.http.pages.live import Listener, Live, Versions

BEAT = 15.0
"""Seconds between signs of life on a quiet stream, which proxies would close otherwise. At each one, the stream ends if
its user has been signed out."""
LASTS = 900.0
"""Seconds after which a stream ends. The browser reconnects by itself, and is authenticated again."""
RECONNECT_AFTER = 2000
"""Milliseconds after which a browser reconnects."""
MAX_TOPICS = 4
"""The most topics of one stream."""


class Stream(Response):
    """The events for one listener. It ends when the browser disconnects."""

    media_type = "text/event-stream"

    def __init__(self, live: Live, listener: Listener, may_hear: Callable[[], Awaitable[bool]]) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._live = live
        self._listener = listener
        self._may_hear = may_hear

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # as ASGI has it
        """Send events until the stream or the browser ends."""
        disconnect = asyncio.create_task(_wait_for_disconnect(receive))
        disconnect.add_done_callback(lambda _: self._listener.end())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await _send_text(send, f"retry: {RECONNECT_AFTER}\n\n")
            with suppress(TimeoutError):
                async with asyncio.timeout(LASTS):
                    await self._send_changes(send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._live.leave(self._listener)
            disconnect.cancel()

    async def _send_changes(self, send: Send) -> None:
        while not self._listener.ended:
            current = await self._listener.next(BEAT)
            # Before each event too: it makes the browser ask for a whole page anyway.
            if not await self._may_hear():
                return
            event = f"id: {versions.written(current)}\ndata: {' '.join(sorted(current))}\n\n"
            await _send_text(send, event if current else ": \n\n")


async def listen(request: ConsoleRequest) -> Response:
    """Stream the changes of what this browser shows."""
    query = request.http.query_params
    topics = [topic for topic in query.getlist("topic") if versions.is_topic(topic)][:MAX_TOPICS]
    if not topics:
        return PlainTextResponse(
            "topic: must be a topic of the console, such as checks.", HTTPStatus.BAD_REQUEST
        )
    since = versions.read(request.http.headers.get("last-event-id") or query.get("since", ""))

    async def current_versions(all_topics: Collection[str]) -> Versions | None:
        try:
            return await request.read(lambda db: versions.versions(db, all_topics))
        except Unavailable:
            return None

    live = request.context.live
    listener = live.join(topics, since, current_versions, request.actor.account)
    if listener is None:
        message = "Too many streams are open. The page reloads by itself instead."
        return PlainTextResponse(message, HTTPStatus.SERVICE_UNAVAILABLE)
    return Stream(live, listener, lambda: auth.is_still_signed_in(request.http))


READING: Mapping[str, Route] = {"/live": (Role.VIEWER, listen)}
ACTING: Mapping[str, Route] = {}


async def _send_text(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
