"""People in the API, with their contacts. A secret address goes in and never comes out."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from alerting import person
from heartbeat.definitions.edit import reachability
from heartbeat.definitions.edit.people import PERSON, is_secret
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.v1 import definition, fields
from heartbeat.http.v1.definition import Resource
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep

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
    """A contact of a person."""

    kind: str = Field(examples=["email"])
    address: str | None = Field(description="Null if the address is secret.", examples=["anna@example.com"])


class Person(ResponseModel):
    """A person who can be paged."""

    id: str = Field(examples=["anna"])
    name: str = Field(examples=["Anna"])
    timezone: str = Field(examples=["Europe/London"])
    contacts: list[Contact] = Field(description="They are tried in this order.")
    origin: str = Field(description="The owner of the definition: file or api.", examples=["api"])


class People(ResponseModel):
    """People by name."""

    people: list[Person]
    next: str | None = Field(description="Pass it as `after` for the next slice; null at the end.")


def _answer(_name: str, somebody: person.Person, _beside: object) -> Person:
    contacts = [
        Contact(kind=contact.kind, address=None if is_secret(contact) else contact.address)
        for contact in somebody.contacts
    ]
    return Person(
        id=somebody.id,
        name=somebody.name,
        timezone=somebody.timezone,
        contacts=contacts,
        origin=somebody.origin,
    )


PEOPLE = Resource(PERSON, "people", _answer)


@router.get("")
async def list_people(
    context: ContextDep,
    conditional: ConditionalReadDep,
    after: fields.AfterName = "",
    limit: fields.Limit = 50,
) -> People:
    """Return everybody who can be paged, with their contacts in the order of use."""
    people, following = await definition.listed(PEOPLE, context, conditional, after, limit)
    return People(people=people, next=following)


@router.get("/{name}")
async def show_person(name: fields.Slug, context: ContextDep, conditional: ConditionalReadDep) -> Person:
    """Return one person."""
    return await definition.show(PEOPLE, name, context, conditional)


@router.put("/{name}", responses={201: {"description": "The person is new.", "model": Person}})
async def define_person(
    name: fields.NewSlug,
    body: Definition,
    context: ContextDep,
    actor: Admin,
    precondition: PreconditionDep,
    response: Response,
) -> Person:
    """Create a person (201), or replace one as a whole.

    Send secret addresses in clear: they are encrypted at once and never shown again. Null in place of an address
    keeps the stored one of that kind. Waiting pages go to the new contacts. An equal body changes nothing. People
    of the configuration file cannot be changed here (409).
    """
    await reachability.vet_person(context.fence, name, body)
    answer = await definition.define(PEOPLE, name, body, context, actor, precondition, response)
    context.wake()
    return answer


@router.delete("/{name}", status_code=204)
async def delete_person(name: fields.Slug, context: ContextDep, actor: Admin) -> None:
    """Delete a person. Refused while a policy pages them (409)."""
    await definition.delete(PEOPLE, name, context, actor)
