"""The screen of past pages: who got how many, how soon they were answered, and what paged most."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from starlette.responses import Response

from heartbeat.actor import Role
from heartbeat.http.console.request import ConsoleRequest, Route
from heartbeat.http.pages import render
from heartbeat.review import paging, paging_report
from heartbeat.review.paging_report import InvalidSpan

_DAY = timedelta(days=1)


async def look(request: ConsoleRequest) -> Response:
    """Show the pages of the last 7 days, or from one day to another one, in UTC."""
    params = request.http.query_params
    first, last = _day(params.get("from", "")), _day(params.get("to", ""))
    end = datetime.combine(last, time(), UTC) + _DAY if last else request.now
    start = datetime.combine(first, time(), UTC) if first else end - paging.LENGTH
    try:
        report = await request.read(lambda db: paging_report.read(db, start, end))
    except InvalidSpan:
        sentence = (
            f"The last day must not be before the first, and at most {paging.LONGEST.days} days after it."
        )
        return render.error_page(request.http, 400, "Which days?", sentence)
    return request.show(
        "on_call/report.html",
        report=report,
        sentences=paging.sentences(report),
        people=report.people[: paging.PEOPLE_LISTED],
        first=start.date(),
        last=(end - timedelta(microseconds=1)).date(),
        chosen=bool(first or last),
    )


def _day(text: str) -> date | None:
    """Return a day as a date field sends it, None for anything else. Years are those that a report can end in."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year < 2200 else None


READING: Mapping[str, Route] = {"/on-call/report": (Role.VIEWER, look)}
ACTING: Mapping[str, Route] = {}
