"""People in the API: who can be paged, and how. A secret address goes in and never comes out."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk, person
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import people as edit
from heartbeat.definitions.edit import reachability
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.problem import NoSuch
from heartbeat.http.v1 import fields, listing
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep, set_put_headers, tag

router = APIRouter(prefix="/people", tags=["people"])

Definition = Annotated[
    dict[str, Any],
    fields.definition_schema("person"),
    fields.definition_body(
        Two_contacts={
            "name": "Anna",
            "timezone": "Europe/London",
            "contacts": [
                {"ntfy": "https://ntfy.sh/anna-vK3pQ9"},
                {"slack": "https://hooks.slack.com/services/T0000/B0000/vK3pQ9"},
            ],
        },
        Keep_a_secret_address={
            "name": "Anna",
            "contacts": [{"slack": None}, {"ntfy": "https://ntfy.sh/anna-vK3pQ9"}],
        },
    ),
]


class Contact(ResponseModel):
    """One way to reach a person."""

    kind: str = Field(examples=["email"])
    address: str | None = Field(
        description="Null where the address is a secret.", examples=["anna@example.com"]
    )


class Person(ResponseModel):
    """Somebody who can be paged."""

    id: str = Field(examples=["anna"])
    name: str = Field(examples=["Anna"])
    timezone: str = Field(examples=["Europe/London"])
    contacts: list[Contact] = Field(description="In the order in which they are tried.")
    origin: str = Field(description="Who owns the definition: file or api.", examples=["api"])


class People(ResponseModel):
    """People by name."""

    people: list[Person]
    next: str | None = Field(description="Give this as `after` for more; null where there is no more.")


@router.get("")
async def list_people(
    context: ContextDep,
    conditional: ConditionalReadDep,
    after: fields.AfterName = "",
    limit: fields.Limit = 50,
) -> People:
    """Everybody who can be paged, with their contacts in the order in which they are tried."""

    def work(db: Connection) -> People:
        found, following = listing.slice_after(desk.people(db), after, limit)
        conditional.set_tag(tag((found, following)))
        return People(people=[_shown(one) for one in found], next=following)

    return await context.database.read(work)


@router.get("/{name}")
async def show_person(name: fields.Slug, context: ContextDep, conditional: ConditionalReadDep) -> Person:
    """One person."""

    def work(db: Connection) -> Person:
        one = desk.people(db).get(name)
        if one is None:
            raise _missing(name)
        conditional.set_tag(tag(one))
        return _shown(one)

    return await context.database.read(work)


@router.put("/{name}", responses={201: {"description": "They are new.", "model": Person}})
async def define_person(
    name: fields.NewSlug,
    given: Definition,
    context: ContextDep,
    actor: Admin,
    precondition: PreconditionDep,
    response: Response,
) -> Person:
    """Make it so: the whole person, added where they are not there yet (201).

    Secret addresses are given in clear, encrypted at once and never shown again. Null in place of an address
    keeps the one of that kind that there is. Pages that wait go to the new contacts. The same again changes
    nothing. Whom the configuration file declares stays (409).
    """
    await reachability.vet_person(context.fence, name, given)
    now = context.clock.now()

    def work(db: Connection) -> tuple[person.Person, bool, Person]:
        definition_store.wait_for_turn(db)
        before = desk.people(db).get(name)
        precondition.require(None if before is None else tag(before))
        wanted = edit.read(db, context.vault, name, given)
        edit.define(db, actor, wanted, now)
        return wanted, before is None, _shown(wanted)

    kept, made, shown = await context.database.write(work)
    context.wake()
    set_put_headers(response, tag(kept), f"{context.public_url}/v1/people/{name}" if made else None)
    return shown


@router.delete("/{name}", status_code=204)
async def delete_person(name: fields.Slug, context: ContextDep, actor: Admin) -> None:
    """Nobody can be paged by this name any more. Refused while a policy pages them (409)."""
    now = context.clock.now()
    if await context.database.write(lambda db: edit.delete(db, actor, name, now)) is None:
        raise _missing(name)


def _shown(one: person.Person) -> Person:
    contacts = [
        Contact(kind=contact.kind, address=None if edit.is_secret(contact) else contact.address)
        for contact in one.contacts
    ]
    return Person(id=one.id, name=one.name, timezone=one.timezone, contacts=contacts, origin=one.origin)


def _missing(name: str) -> NoSuch:
    return NoSuch(f"There is no person {name[:100]!r}.")
