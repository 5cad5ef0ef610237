"""The console's stream of server-sent events: that something has changed, never what.

The page then fetches itself again, so that there is one way in which a page is made. An event's id names the version
of each topic, so that a browser that comes back misses nothing. Source: HTML, "Server-sent events".
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
"""Seconds after which a stream that has nothing to say says so, or what stands between would close it. Who has been
signed out meanwhile hears no more from then on."""
LASTS = 900.0
"""Seconds after which a stream ends. The browser comes back by itself, and is asked again who it is."""
AGAIN = 2000
"""Milliseconds after which a browser comes back."""
TOPICS = 4
"""Topics of one stream."""


class Stream(Response):
    """The events for one listener, who leaves when the browser does."""

    media_type = "text/event-stream"

    def __init__(self, live: Live, listener: Listener, may_hear: Callable[[], Awaitable[bool]]) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._live = live
        self._listener = listener
        self._may_hear = may_hear

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # as ASGI has it
        """Tell what is new until there is nobody to tell it to."""
        gone = asyncio.create_task(_gone(receive))
        gone.add_done_callback(lambda _: self._listener.end())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await _say(send, f"retry: {AGAIN}\n\n")
            with suppress(TimeoutError):
                async with asyncio.timeout(LASTS):
                    await self._tell(send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._live.leave(self._listener)
            gone.cancel()

    async def _tell(self, send: Send) -> None:
        while not self._listener.ended:
            known = await self._listener.next(BEAT)
            # At each beat, and before each piece of news, which makes the browser ask for a whole page anyway.
            if not await self._may_hear():
                return
            said = (
                f"id: {versions.written(known)}\ndata: {' '.join(sorted(known))}\n\n" if known else ": \n\n"
            )
            await _say(send, said)


async def listen(request: ConsoleRequest) -> Response:
    """Tell this browser when what it shows has changed."""
    asked = request.http.query_params
    topics = [topic for topic in asked.getlist("topic") if versions.is_topic(topic)][:TOPICS]
    if not topics:
        return PlainTextResponse("topic: must be what the page shows.", HTTPStatus.BAD_REQUEST)
    seen = versions.read(request.http.headers.get("last-event-id") or asked.get("since", ""))

    async def look(every: Collection[str]) -> Versions | None:
        try:
            return await request.read(lambda db: versions.versions(db, every))
        except Unavailable:
            return None

    live = request.context.live
    listener = live.join(topics, seen, look)
    if listener is None:
        words = "There is no place for another stream; the page renews itself without."
        return PlainTextResponse(words, HTTPStatus.SERVICE_UNAVAILABLE)
    return Stream(live, listener, lambda: auth.is_still_in(request.http))


READING: Mapping[str, Route] = {"/live": (Role.VIEWER, listen)}
ACTING: Mapping[str, Route] = {}


async def _say(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
