"""Reports of past pages in the API."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from heartbeat.http.auth import ContextDep
from heartbeat.http.v1 import fields
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel, Seconds
from heartbeat.http.v1.tags import ConditionalReadDep
from heartbeat.review import paging, paging_report

router = APIRouter(prefix="/reports", tags=["people"], route_class=KeyedRoute)


class PagesOfPerson(ResponseModel):
    """The pages that reached a person."""

    person: str
    name: str
    pages: int = Field(
        description="A page counts once, however many attempts it took. A digest counts as one."
    )
    night: int = Field(description="Those between 22:00 and 07:00 in the person's time zone.")
    acknowledged: int = Field(description="The incidents that they acknowledged first.")
    median: Seconds | None = Field(description="The median of the seconds until they acknowledged these.")


class Acknowledgements(ResponseModel):
    """How soon the incidents were acknowledged, from their first page on."""

    acknowledged: int
    unanswered: int = Field(description="Incidents that nobody acknowledged.")
    median: Seconds | None = Field(description="In seconds.")
    worst: Seconds | None = Field(description="In seconds.")
    worst_incident: int | None


class NoisyCheck(ResponseModel):
    """A check, with the pages and incidents that it was part of."""

    title: str
    slug: str | None = Field(description="Null if the check was deleted.")
    incidents: int
    pages: int


class PageReport(ResponseModel):
    """The pages between two times."""

    start: datetime
    end: datetime
    pages: int
    night: int
    people: list[PagesOfPerson] = Field(description="Those with the most pages first.")
    answers: Acknowledgements
    noisiest: list[NoisyCheck] = Field(description="The 10 checks with the most pages.")


@router.get("/pages")
async def report_pages(
    context: ContextDep,
    conditional: ConditionalReadDep,
    since: fields.Since | None = None,
    until: fields.Until | None = None,
) -> PageReport:
    """Return who was paged how often, by day and by night, how soon incidents were acknowledged, and what paged most.

    Without `until`, up to now. Without `since`, the 7 days before.
    """
    end = until or context.clock.now()
    start = since or end - paging.LENGTH
    report = await context.database.read(lambda db: paging_report.read(db, start, end))
    return conditional.tagged(PageReport.model_validate(report))
