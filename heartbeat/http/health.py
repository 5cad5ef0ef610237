"""The operator's endpoints: alive, ready, metrics."""

import asyncio

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from heartbeat.database import Database, Unavailable, reachable
from heartbeat.http.asgi import Receive, Scope, Send
from heartbeat.http.auth import scrape_actor
from heartbeat.http.context import Context
from heartbeat.http.prometheus import checks as check_series
from heartbeat.http.prometheus import text as exposition

PATHS = frozenset({"/readyz", "/metrics"})
PROBE_BOUND = 1.0
"""Seconds within which the database must answer, or the service is not ready."""
SCRAPE_BOUND = 5.0
"""Seconds within which the database must have told what a scrape wants; a Prometheus waits 10 by default."""

_OK = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"2")],
}
_NOT_HERE = b"This process has not the role that serves this address."


async def livez(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # as ASGI has it
    """The process answers. Nothing else is said by this: see /readyz."""
    await send(_OK)
    await send({"type": "http.response.body", "body": b"OK"})


async def not_here(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # the same
    """This process was not given the role `api`."""
    length = str(len(_NOT_HERE)).encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": _NOT_HERE})


class Probe:
    """Asks the database whether it answers, one question at a time: while it hangs, all wait for the same."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking: asyncio.Task[bool] | None = None

    async def answers(self) -> bool:
        """Whether the database answers within `PROBE_BOUND`."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        asking = self._asking
        await asyncio.wait([asking], timeout=PROBE_BOUND)
        return asking.done() and asking.result()

    async def _ask(self) -> bool:
        try:
            return await self._database.read(reachable)
        except Unavailable:
            return False


def router(context: Context) -> APIRouter:
    """/readyz and /metrics."""
    routes = APIRouter(include_in_schema=False)
    probe = Probe(context.database)

    @routes.api_route("/readyz", methods=["GET", "HEAD"])
    async def readyz() -> Response:
        """Whether silence is noticed here: the checking goes on and the database answers."""
        answers = await probe.answers()
        wrong = [
            *(() if context.ready() else ("the checking has not completed a round in time",)),
            *(() if answers else ("the database does not answer",)),
        ]
        if wrong:
            return PlainTextResponse(f"not ready: {' and '.join(wrong)}", 503)
        return PlainTextResponse("ready")

    @routes.get("/metrics", dependencies=[Depends(scrape_actor)])
    async def metrics(request: Request) -> Response:
        """What a Prometheus scrapes. With the database away, the process tells of itself."""
        now = context.clock.now()
        wanted = exposition.asked(request.headers.get("Accept", ""))
        zipped = exposition.takes_gzip(request.headers.get("Accept-Encoding", ""))
        context.metrics.ticking.ready.set(context.ready())
        try:
            async with asyncio.timeout(SCRAPE_BOUND):
                # Written out in the thread that reads, since thousands of lines would hold up the event loop.
                text = await context.database.read(
                    lambda db: check_series.exposition(db, context.metrics, now, wanted)
                )
        except (Unavailable, TimeoutError):
            text = await asyncio.to_thread(check_series.without_database, context.metrics, wanted)
        headers = {"Content-Type": wanted.value, "Vary": "Accept, Accept-Encoding"}
        if zipped:
            text = await asyncio.to_thread(exposition.compressed, text)
            headers["Content-Encoding"] = "gzip"
        return Response(text, headers=headers)

    return routes
