"""The public status page: what customers are told, in their words. No sign-in, and little work however many look."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from heartbeat.clock import Clock
from heartbeat.config import StatusPage
from heartbeat.database import Database, Unavailable
from heartbeat.http import component, glance, page
from heartbeat.http.component import Health, Row
from heartbeat.http.door import Door

FRESH = timedelta(seconds=5)
"""How long one look at the database serves everybody."""
_MARKS = {
    Health.NORMAL.value: "up",
    Health.DELAYED.value: "late",
    Health.STOPPED.value: "failed",
    Health.UNKNOWN.value: "new",
}
_NONE = "No status page has been set up at this address yet."
_NO_SUCH = "There is no status page of this name. The address may have been changed or mistyped."


@dataclass(frozen=True, slots=True)
class Seen:
    """A status page as it stood at an instant."""

    title: str
    rows: tuple[Row, ...]
    at: datetime


class Lookout:
    """Looks at the database at most once in `FRESH`, and remembers what it saw while the database is away."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._seen: dict[str, Seen] = {}
        self._fresh = False
        self._tried: datetime | None = None
        self._looking = asyncio.Lock()

    async def look(self) -> tuple[dict[str, Seen], bool]:
        """Every status page by its slug, and whether that is how things stand now."""
        async with self._looking:
            now = self._clock.now()
            if self._tried is None or now - self._tried >= FRESH:
                self._tried = now
                await self._try(now)
        if not self._fresh and not self._seen:
            raise Unavailable("nothing has been seen yet")
        return self._seen, self._fresh

    async def _try(self, now: datetime) -> None:
        try:
            self._seen = await self._database.read(lambda db: _read(db, now))
            self._fresh = True
        except Unavailable:
            self._fresh = False


def router(door: Door) -> APIRouter:
    """The status pages; /status alone is the first of them."""
    routes = APIRouter()
    lookout = Lookout(door.database, door.clock)

    async def first(request: Request) -> Response:
        seen, fresh = await lookout.look()
        return _answer(request, next(iter(seen.values()), None), fresh, _NONE)

    async def named(request: Request) -> Response:
        seen, fresh = await lookout.look()
        return _answer(request, seen.get(request.path_params["slug"]), fresh, _NO_SUCH)

    def _answer(request: Request, seen: Seen | None, fresh: bool, otherwise: str) -> Response:
        if seen is None:
            return page.error_page(request, 404, "Nothing here", otherwise)
        return _shown(seen, fresh, door.clock.now())

    routes.add_route("/status", first, methods=["GET"], include_in_schema=False)
    routes.add_route("/status/{slug}", named, methods=["GET"], include_in_schema=False)
    return routes


def _shown(seen: Seen, fresh: bool, now: datetime) -> Response:
    return page.render(
        "status.html",
        headers={"Refresh": str(page.REFRESH), "Cache-Control": f"public, max-age={FRESH.seconds}"},
        headline=component.headline(seen.rows),
        seen=seen,
        fresh=fresh,
        marks=_MARKS,
        now=now,
    )


def _read(db: Connection, now: datetime) -> dict[str, Seen]:
    return {one.slug: Seen(one.title, _rows(db, one), now) for one in glance.pages(db)}


def _rows(db: Connection, one: StatusPage) -> tuple[Row, ...]:
    rows = []
    for part in one.components:
        standing = glance.standing(db, part.match)
        rows.append(Row(part.name, part.description, component.health(standing), standing.down_since))
    return tuple(rows)
