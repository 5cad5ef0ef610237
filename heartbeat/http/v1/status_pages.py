"""Status pages in the API: their definitions. What customers see of them has its own addresses."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from heartbeat.definitions import status_page
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import status_pages as edit
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.problem import NoSuch
from heartbeat.http.v1 import fields, listing
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep, set_put_headers, tag

router = APIRouter(prefix="/status-pages", tags=["status pages"])

_EXAMPLE = {
    "title": "Example status",
    "components": [{"name": "Backups", "match": {"host": "vault-1"}}],
}
Definition = Annotated[
    dict[str, Any], fields.definition_schema("status_page"), fields.definition_body(One_row=_EXAMPLE)
]


class StatusPage(ResponseModel):
    """A page for customers."""

    slug: str = Field(examples=["backups"])
    title: str = Field(examples=["Example status"])
    origin: str = Field(description="Who owns the definition: file or api.", examples=["api"])
    definition: dict[str, Any] = Field(
        description="What `PUT` takes, and what the configuration file would have.", examples=[_EXAMPLE]
    )
    url: str = Field(examples=["https://heartbeat.example.com/status/backups"])


class StatusPages(ResponseModel):
    """Status pages by name."""

    status_pages: list[StatusPage]
    next: str | None = Field(description="Give this as `after` for more; null where there is no more.")


@router.get("")
async def list_status_pages(
    context: ContextDep,
    conditional: ConditionalReadDep,
    after: fields.AfterName = "",
    limit: fields.Limit = 50,
) -> StatusPages:
    """Every status page by name."""

    def work(db: Connection) -> StatusPages:
        found, following = listing.slice_after(definition_store.status_pages_of(db), after, limit)
        conditional.set_tag(tag((found, following)))
        shown = [_shown(one, context.public_url) for one in found]
        return StatusPages(status_pages=shown, next=following)

    return await context.database.read(work)


@router.get("/{name}")
async def show_status_page(
    name: fields.Slug, context: ContextDep, conditional: ConditionalReadDep
) -> StatusPage:
    """One status page."""

    def work(db: Connection) -> StatusPage:
        one = _known(definition_store.status_pages_of(db).get(name), name)
        conditional.set_tag(tag(one))
        return _shown(one, context.public_url)

    return await context.database.read(work)


@router.put("/{name}", responses={201: {"description": "It is new.", "model": StatusPage}})
async def define_status_page(
    name: fields.NewSlug,
    given: Definition,
    context: ContextDep,
    actor: Admin,
    precondition: PreconditionDep,
    response: Response,
) -> StatusPage:
    """Make it so: the whole page, added where it is not there yet (201).

    The same again changes nothing. What the configuration file declares stays (409).
    """
    now = context.clock.now()

    def work(db: Connection) -> tuple[status_page.StatusPage, bool, StatusPage]:
        definition_store.wait_for_turn(db)
        before = definition_store.status_pages_of(db).get(name)
        precondition.require(None if before is None else tag(before))
        wanted = edit.read(name, given)
        edit.define(db, actor, wanted, now)
        return wanted, before is None, _shown(wanted, context.public_url)

    kept, made, shown = await context.database.write(work)
    set_put_headers(response, tag(kept), f"{context.public_url}/v1/status-pages/{name}" if made else None)
    return shown


@router.delete("/{name}", status_code=204)
async def delete_status_page(name: fields.Slug, context: ContextDep, actor: Admin) -> None:
    """Take the page away. What the configuration file declares stays (409)."""
    now = context.clock.now()
    _known(await context.database.write(lambda db: edit.delete(db, actor, name, now)), name)


def _shown(one: status_page.StatusPage, public_url: str) -> StatusPage:
    return StatusPage(
        slug=one.slug,
        title=one.title,
        origin=one.origin,
        definition=edit.written(one),
        url=f"{public_url}/status/{one.slug}",
    )


def _known(one: status_page.StatusPage | None, name: str) -> status_page.StatusPage:
    if one is None:
        raise NoSuch(f"There is no status page {name[:100]!r}.")
    return one
