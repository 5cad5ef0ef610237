"""What would happen, in the API: who would be paged now for a check."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from alerting.person import Person
from heartbeat.checks import forecast
from heartbeat.definitions.edit import people as edit
from heartbeat.http.auth import ContextDep
from heartbeat.http.v1 import checks, fields
from heartbeat.http.v1.people import Contact
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep

router = APIRouter(prefix="/checks", tags=["checks"])


class Reached(ResponseModel):
    """Somebody who would be paged, with their contacts in the order in which they are tried."""

    id: str = Field(examples=["anna"])
    name: str = Field(examples=["Anna"])
    contacts: list[Contact]


class Call(ResponseModel):
    """One step of the policy, unless somebody has answered before."""

    at: datetime
    step: int = Field(description="Which step of the policy, counted from 1.", examples=[1])
    again: bool = Field(description="Whether this is the last step once more; it goes on like this.")
    people: list[Reached]


class Hold(ResponseModel):
    """What holds the page."""

    until: datetime
    why: str = Field(examples=["maintenance Database move"])


class Words(ResponseModel):
    """What the first page would say."""

    title: str = Field(examples=["ERROR vault-1: 1 of 4 jobs silent"])
    lines: list[str]


class WhatWouldHappen(ResponseModel):
    """Who would be paged now. Nothing is sent."""

    check: str = Field(examples=["nightly-backup"])
    sentence: str = Field(
        description="All of it in short.",
        examples=["If it fell silent now, a new incident would open, and Anna would be paged at 03:00 UTC."],
    )
    policy: str | None = Field(description="Null where nobody would be paged.", examples=["ops"])
    incident: int | None = Field(description="The open incident that it is in, or would join.")
    held: Hold | None = Field(description="What holds the first page, such as maintenance.")
    told: list[Reached] = Field(
        description="Who was paged for that incident already, and would hear in the thread that it has joined."
    )
    told_at: datetime | None
    calls: list[Call] = Field(description="Each step to come. The last one repeats until somebody answers.")
    page: Words | None


@router.get("/{name}/who")
async def who_would_be_paged(
    name: fields.Name, context: ContextDep, conditional: ConditionalReadDep
) -> WhatWouldHappen:
    """Who would be paged now for this check, step by step, through what, and what the page would say.

    Asked of a check that is well, it is as if the check fell silent now. Asked of one that is down, it is what will
    happen unless somebody answers. Nothing is sent and nothing is changed.
    """
    now = context.clock.now()
    url = f"{context.public_url}/incidents"
    told = await context.database.read(lambda db: forecast.of(db, checks.look_up(db, name), now, url))
    page = told.page
    answer = WhatWouldHappen(
        check=told.check.slug,
        sentence=told.sentence,
        policy=told.policy.name if told.policy else None,
        incident=told.incident.id if told.incident else None,
        held=Hold.model_validate(told.held) if told.held else None,
        told=[_reached(person) for person in told.told],
        told_at=told.told_at,
        calls=[_call(one) for one in told.calls],
        page=Words(title=page.title, lines=list(page.lines)) if page else None,
    )
    return conditional.tagged(answer)


def _call(one: forecast.Call) -> Call:
    return Call(at=one.at, step=one.number, again=one.again, people=[_reached(p) for p in one.people])


def _reached(person: Person) -> Reached:
    contacts = [
        Contact(kind=contact.kind, address=None if edit.is_secret(contact) else contact.address)
        for contact in person.contacts
    ]
    return Reached(id=person.id, name=person.name, contacts=contacts)
