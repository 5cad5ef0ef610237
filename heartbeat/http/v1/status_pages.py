"""Definitions of status pages in the API. The pages themselves have addresses of their own."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from heartbeat.definitions import status_page
from heartbeat.definitions.edit.status_pages import STATUS_PAGE
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.v1 import definition, fields
from heartbeat.http.v1.definition import Resource
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep

router = APIRouter(prefix="/status-pages", tags=["status pages"], route_class=KeyedRoute)

_EXAMPLE = {
    "title": "Example status",
    "components": [{"name": "Backups", "match": {"host": "vault-1"}}],
}
Definition = Annotated[
    dict[str, Any], fields.definition_schema("status_page"), fields.definition_body(One_row=_EXAMPLE)
]


class StatusPage(ResponseModel):
    """A status page for customers."""

    slug: str = Field(examples=["backups"])
    title: str = Field(examples=["Example status"])
    origin: str = Field(
        description="The owner of the definition: file, or api for the API and the console.", examples=["api"]
    )
    definition: dict[str, Any] = Field(
        description="The body that `PUT` takes, with the fields of the configuration file.",
        examples=[_EXAMPLE],
    )
    url: str = Field(examples=["https://heartbeat.example.com/status/backups"])


class StatusPages(ResponseModel):
    """Status pages by name."""

    status_pages: list[StatusPage]
    next: str | None = Field(description="Pass it as `after` for the next slice; null at the end.")


def _answer(slug: str, page: status_page.StatusPage, public_url: str) -> StatusPage:
    return StatusPage(
        slug=slug,
        title=page.title,
        origin=page.origin,
        definition=STATUS_PAGE.written(slug, page),
        url=f"{public_url}/status/{slug}",
    )


STATUS_PAGES = Resource(STATUS_PAGE, "status-pages", _answer, lambda _db, context: context.public_url)


@router.get("")
async def list_status_pages(
    context: ContextDep,
    conditional: ConditionalReadDep,
    after: fields.AfterName = "",
    limit: fields.Limit = 50,
) -> StatusPages:
    """Return the status pages by name."""
    status_pages, following = await definition.listed(STATUS_PAGES, context, conditional, after, limit)
    return StatusPages(status_pages=status_pages, next=following)


@router.get("/{name}")
async def show_status_page(
    name: fields.Slug, context: ContextDep, conditional: ConditionalReadDep
) -> StatusPage:
    """Return one status page."""
    return await definition.show(STATUS_PAGES, name, context, conditional)


@router.put("/{name}", responses={201: {"description": "The status page is new.", "model": StatusPage}})
async def define_status_page(
    name: fields.NewSlug,
    body: Definition,
    context: ContextDep,
    actor: Admin,
    precondition: PreconditionDep,
    response: Response,
) -> StatusPage:
    """Create a status page (201), or replace one as a whole.

    An equal body changes nothing. Status pages of the configuration file cannot be changed here (409).
    """
    return await definition.define(STATUS_PAGES, name, body, context, actor, precondition, response)


@router.delete("/{name}", status_code=204)
async def delete_status_page(name: fields.Slug, context: ContextDep, actor: Admin) -> None:
    """Delete a status page. Those of the configuration file stay (409)."""
    await definition.delete(STATUS_PAGES, name, context, actor)
