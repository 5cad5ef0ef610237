"""The forecast in the API: who would be paged now for a check."""

from collections.abc import Iterable
from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from alerting import person as person_room
from alerting.person import Person
from heartbeat.checks import forecast
from heartbeat.definitions.edit import people as edit
from heartbeat.http.auth import ContextDep
from heartbeat.http.v1 import checks, fields
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.people import Contact
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep

router = APIRouter(prefix="/checks", tags=["checks"], route_class=KeyedRoute)


class ForecastContact(Contact):
    """A contact of a person who would be paged."""

    at: datetime | None = Field(
        description="The time at which it is paged unless somebody has answered. Null: only if the one before it fails."
    )


class Recipient(ResponseModel):
    """A person who would be paged, with their contacts in the order in which they are tried."""

    id: str = Field(examples=["anna"])
    name: str = Field(examples=["Anna"])
    contacts: list[ForecastContact]


class ForecastStep(ResponseModel):
    """One step of the policy, unless somebody answers before it."""

    at: datetime
    step: int = Field(description="The step of the policy, counted from 1.", examples=[1])
    again: bool = Field(
        description="Whether this is the last step repeated. It repeats until somebody answers."
    )
    draws: bool = Field(
        description="Whether only one of the people is paged: the one whose turn it is then.",
        examples=[False],
    )
    people: list[Recipient]


class Hold(ResponseModel):
    """The reason why the page waits."""

    until: datetime
    why: str = Field(examples=["maintenance Database move"])


class PageText(ResponseModel):
    """The text of the first page."""

    title: str = Field(examples=["ERROR vault-1: 1 of 4 jobs silent"])
    lines: list[str]


class Forecast(ResponseModel):
    """The people who would be paged now. Nothing is sent."""

    check: str = Field(examples=["nightly-backup"])
    sentence: str = Field(
        description="The forecast in one sentence.",
        examples=["If it fell silent now, a new incident would open, and Anna would be paged at 03:00 UTC."],
    )
    policy: str | None = Field(description="Null if nobody would be paged.", examples=["ops"])
    incident: int | None = Field(description="The open incident that the check is in or would join.")
    held: Hold | None = Field(description="The reason why the first page waits, such as maintenance.")
    told: list[Recipient] = Field(
        description="The people who were already paged for that incident. They would get a notice in the same thread."
    )
    told_at: datetime | None
    calls: list[ForecastStep] = Field(
        description="The next steps. The last one repeats until somebody answers."
    )
    page: PageText | None


@router.get("/{name}/who")
async def who_would_be_paged(
    name: fields.CheckName, context: ContextDep, conditional: ConditionalReadDep
) -> Forecast:
    """Return who would be paged for a check, step by step, by which contacts and with which text.

    For a check that is not down, the forecast assumes that it falls silent now. For a check that is down, it shows the
    next steps unless somebody answers. Nothing is sent and nothing is changed.
    """
    now = context.clock.now()
    url = f"{context.public_url}/incidents"
    outlook = await context.database.read(lambda db: forecast.of(db, checks.look_up(db, name), now, url))
    page = outlook.page
    response = Forecast(
        check=outlook.check.slug,
        sentence=outlook.sentence,
        policy=outlook.policy.name if outlook.policy else None,
        incident=outlook.incident.id if outlook.incident else None,
        held=Hold.model_validate(outlook.held) if outlook.held else None,
        told=[
            _recipient(person, [(contact, None) for contact in person.contacts]) for person in outlook.told
        ],
        told_at=outlook.told_at,
        calls=[_step(call) for call in outlook.calls],
        page=PageText(title=page.title, lines=list(page.lines)) if page else None,
    )
    return conditional.tagged(response)


def _step(call: forecast.Call) -> ForecastStep:
    people = [_recipient(person, call.ways(person)) for person in call.people]
    return ForecastStep(at=call.at, step=call.number, again=call.again, draws=call.draws, people=people)


def _recipient(person: Person, ways: Iterable[tuple[person_room.Contact, datetime | None]]) -> Recipient:
    contacts = [
        ForecastContact(
            kind=contact.kind,
            address=None if edit.is_secret(contact) else contact.address,
            after=contact.after,
            at=at,
        )
        for contact, at in ways
    ]
    return Recipient(id=person.id, name=person.name, contacts=contacts)
