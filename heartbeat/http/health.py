"""The operator's endpoints: /livez, /readyz and /metrics."""

import asyncio

from fastapi import APIRouter
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
"""Seconds for the database to answer; after that the service is not ready."""
SCRAPE_BOUND = 5.0
"""Seconds for the database to answer a scrape. Prometheus waits 10 by default."""

_OK = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"2")],
}
_NOT_SERVED = b"This process does not serve this address: it does not have the role api."


async def livez(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # as ASGI has it
    """Answer that the process is alive. /readyz says more."""
    await send(_OK)
    await send({"type": "http.response.body", "body": b"OK"})


async def not_served(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # as ASGI has it
    """Refuse a request: this process does not have the role `api`."""
    length = str(len(_NOT_SERVED)).encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": _NOT_SERVED})


class Probe:
    """Asks the database whether it answers. All requests share one query while the database hangs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._query_task: asyncio.Task[bool] | None = None

    async def answers(self) -> bool:
        """Return whether the database answers within `PROBE_BOUND`."""
        if self._query_task is None or self._query_task.done():
            self._query_task = asyncio.create_task(self._ask())
        query = self._query_task
        await asyncio.wait([query], timeout=PROBE_BOUND)
        return query.done() and query.result()

    async def _ask(self) -> bool:
        try:
            return await self._database.read(reachable)
        except Unavailable:
            return False


def router(context: Context) -> APIRouter:
    """Return the routes /readyz and /metrics."""
    routes = APIRouter()
    probe = Probe(context.database)

    async def readyz(_request: Request) -> Response:
        """Return 200 while checks are watched: the ticker runs and the database answers."""
        answers = await probe.answers()
        faults = [
            *(() if context.ready() else ("nothing was judged and stored in time",)),
            *(() if answers else ("the database does not answer",)),
        ]
        if faults:
            return PlainTextResponse(f"not ready: {' and '.join(faults)}", 503)
        return PlainTextResponse("ready")

    async def metrics(request: Request) -> Response:
        """Return the metrics. While the database is away, they are those of the process only."""
        await scrape_actor(request, context)
        now = context.clock.now()
        text_format = exposition.preferred_format(request.headers.get("Accept", ""))
        zipped = exposition.takes_gzip(request.headers.get("Accept-Encoding", ""))
        context.metrics.ticking.ready.set(context.ready())
        try:
            async with asyncio.timeout(SCRAPE_BOUND):
                # Encoded in the reading thread: thousands of lines would hold up the event loop.
                text = await context.database.read(
                    lambda db: check_series.exposition(db, context.metrics, now, text_format)
                )
        except (Unavailable, TimeoutError):
            text = await asyncio.to_thread(check_series.without_database, context.metrics, text_format)
        headers = {"Content-Type": text_format.value, "Vary": "Accept, Accept-Encoding"}
        if zipped:
            text = await asyncio.to_thread(exposition.compressed, text)
            headers["Content-Encoding"] = "gzip"
        return Response(text, headers=headers)

    # The framework would keep the dependencies of its own kind of route for ever, and with them this context.
    routes.add_route("/readyz", readyz, methods=["GET"], include_in_schema=False)
    routes.add_route("/metrics", metrics, methods=["GET"], include_in_schema=False)
    return routes
