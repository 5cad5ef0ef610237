"""People in the API, with their contacts. A secret address goes in and never comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from alerting import desk, person
from alerting.desk import Proof
from alerting.severity import Severity
from heartbeat import trial, verification
from heartbeat.actor import Actor
from heartbeat.definitions.edit import reachability
from heartbeat.definitions.edit.people import PERSON, is_secret
from heartbeat.http.auth import Admin, ContextDep, Responder
from heartbeat.http.context import Context
from heartbeat.http.problem import Forbidden, NoSuch, TooMany, Unacceptable
from heartbeat.http.v1 import definition, fields
from heartbeat.http.v1.definition import Resource
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel, Seconds
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep
from heartbeat.trial import TooSoon
from heartbeat.verification import ReadByMachine, TooManyCodes

router = APIRouter(prefix="/people", tags=["people"], route_class=KeyedRoute)

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
        Later_contacts_and_others_for_warnings={
            "name": "Anna",
            "contacts": [
                {"ntfy": "https://ntfy.sh/anna-vK3pQ9"},
                {"slack": "https://hooks.slack.com/services/T0000/B0000/vK3pQ9", "after": "2m"},
            ],
            "warnings": [{"email": "anna@example.com"}],
            "quiet_hours": "22:00-07:00",
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
    after: Seconds | None = Field(
        default=None,
        description="It is paged too once a page is unanswered for so long. Null: only if the one before it fails.",
        examples=[120],
    )


class ProvenContact(Contact):
    """A contact of a person, with the last test page and the last proof that a page arrives."""

    id: str = Field(
        description="It names the contact in addresses of the API. A corrected address gets another one.",
        examples=["41c84d7a9b7cfa20"],
    )
    tested_at: datetime | None = Field(description="The last test page.", examples=["2026-05-02T08:00:00Z"])
    proven_at: datetime | None = Field(
        description="When somebody last confirmed that a test page, or a code, arrived.",
        examples=["2026-05-02T08:01:12Z"],
    )


class Device(ResponseModel):
    """A device that a person has added on the console, with its last test page and proof."""

    id: str = Field(
        description="It names the contact in addresses of the API.", examples=["9f2b6c0d1e3a4857"]
    )
    name: str = Field(description="Its browser.", examples=["Chrome on Android"])
    added_at: datetime = Field(examples=["2026-05-02T07:58:00Z"])
    tested_at: datetime | None = Field(description="The last test page.", examples=["2026-05-02T08:00:00Z"])
    proven_at: datetime | None = Field(
        description="When somebody last confirmed that a test page, or a code, arrived.",
        examples=["2026-05-02T08:01:12Z"],
    )


class Person(ResponseModel):
    """A person who can be paged."""

    id: str = Field(examples=["anna"])
    name: str = Field(examples=["Anna"])
    timezone: str = Field(examples=["Europe/London"])
    user: str = Field(description="The name with which they sign in.", examples=["anna"])
    quiet_hours: str | None = Field(
        description="The hours of each day in which only what is critical pages them, in their time zone.",
        examples=["22:00-07:00"],
    )
    contacts: list[ProvenContact] = Field(description="They are tried in this order, after the devices.")
    warnings: list[ProvenContact] = Field(
        description="The contacts for what is not critical. Empty if `contacts` are for that too."
    )
    devices: list[Device] = Field(description="They are tried in this order. Only the person changes them.")
    origin: str = Field(
        description="The owner of the definition: file, or api for the API and the console.", examples=["api"]
    )


class People(ResponseModel):
    """People by name."""

    people: list[Person]
    next: str | None = Field(description="Pass it as `after` for the next slice; null at the end.")


class TestedContact(ResponseModel):
    """The outcome of a test page at one contact."""

    kind: str = Field(examples=["ntfy"])
    outcome: str = Field(description="accepted, refused or unreachable.", examples=["accepted"])
    said: str = Field(description="The provider's answer, or the reason.", examples=["200 OK"])


class TestPage(ResponseModel):
    """A test page that was sent."""

    person: str = Field(examples=["anna"])
    severity: Severity = Field(description="As loud as the worst page that can reach the person.")
    contacts: list[TestedContact]


class CodeToContact(ResponseModel):
    """A code that was sent to a contact."""

    person: str = Field(examples=["anna"])
    contact: str = Field(description="The id of the contact.", examples=["41c84d7a9b7cfa20"])
    kind: str = Field(examples=["sms"])
    outcome: str = Field(description="accepted, refused or unreachable.", examples=["accepted"])
    said: str = Field(description="The provider's answer, or the reason.", examples=["201 Created"])
    expires_at: datetime = Field(examples=["2026-05-02T08:10:00Z"])


class TypedCode(BaseModel):
    """The code that arrived at a contact."""

    model_config = ConfigDict(extra="forbid", strict=True)

    code: str = Field(max_length=20, examples=["482913"])


class ProofOfContact(ResponseModel):
    """A contact that was proven by a code."""

    person: str = Field(examples=["anna"])
    contact: str = Field(description="The id of the contact.", examples=["41c84d7a9b7cfa20"])
    kind: str = Field(examples=["sms"])
    proven_at: datetime = Field(examples=["2026-05-02T08:01:12Z"])


ContactId = Annotated[str, Path(description="The `id` of a contact, as its person shows it.")]


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands beside the definitions of people."""

    proofs: Mapping[tuple[str, str], Proof]
    devices: Sequence[desk.Device]


def _answer(_name: str, somebody: person.Person, beside: _Beside) -> Person:
    proofs = beside.proofs

    def proven(contact: person.Contact) -> ProvenContact:
        proof = proofs.get((somebody.id, contact.mark), desk.NO_PROOF)
        return ProvenContact(
            id=contact.mark,
            kind=contact.kind,
            address=None if is_secret(contact) else contact.address,
            after=contact.after,
            tested_at=proof.sent_at,
            proven_at=proof.proven_at,
        )

    return Person(
        id=somebody.id,
        name=somebody.name,
        timezone=somebody.timezone,
        user=somebody.user or somebody.id,
        quiet_hours=str(somebody.quiet_hours) if somebody.quiet_hours else None,
        contacts=[proven(contact) for contact in somebody.contacts],
        warnings=[proven(contact) for contact in somebody.warnings],
        devices=[
            _device(device, proofs.get((somebody.id, device.contact.mark), desk.NO_PROOF))
            for device in beside.devices
            if device.person == somebody.id
        ],
        origin=somebody.origin,
    )


def _device(device: desk.Device, proof: Proof) -> Device:
    return Device(
        id=device.contact.mark,
        name=device.name,
        added_at=device.added_at,
        tested_at=proof.sent_at,
        proven_at=proof.proven_at,
    )


PEOPLE = Resource(
    PERSON,
    "people",
    _answer,
    lambda db, _context: _Beside(desk.contact_proofs(db), desk.devices_of(db)),
)


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


@router.post("/{name}/test-page", responses={429: {"description": "The last one was sent just now."}})
async def send_test_page(name: fields.Slug, context: ContextDep, actor: Responder) -> TestPage:
    """Send a test page to every contact of a person, as loud as the worst page that can reach them.

    It has a link, *I got it*. Once somebody has pressed it, `proven_at` of the contact has the time.
    """
    match await context.test_page(name, actor):
        case None:
            raise PEOPLE.no_such(name)
        case TooSoon():
            raise TooMany(f"A test page was sent to {name} just now. Nothing was sent: wait 10 seconds.")
        case page:
            contacts = [
                TestedContact(kind=contact.kind, outcome=trial.word(outcome), said=trial.said(outcome))
                for contact, outcome in page.outcomes
            ]
            return TestPage(person=page.person.id, severity=page.severity, contacts=contacts)


@router.post(
    "/{name}/contacts/{contact}/verify",
    responses={429: {"description": "The contact, or the person, was sent several codes lately."}},
)
async def send_contact_code(
    name: fields.Slug, contact: ContactId, context: ContextDep, actor: Responder
) -> CodeToContact:
    """Send a code of six digits to one contact. Typed within 10 minutes, it proves the contact.

    A person has codes sent to their own contacts, an admin to everybody's. Only the newest code counts.
    """
    await _require_own(context, actor, name)
    match await context.send_code(name, contact, actor):
        case None:
            raise NoSuch(f"{name} has no contact {contact}. Nothing was sent.")
        case TooManyCodes(next_at) as refused:
            now = context.clock.now()
            raise TooMany(refused.sentence(now), ceil((next_at - now).total_seconds()))
        case ReadByMachine() as refused:
            raise Unacceptable(refused.sentence)
        case sent:
            return CodeToContact(
                person=sent.person.id,
                contact=sent.contact.mark,
                kind=sent.contact.kind,
                outcome=trial.word(sent.outcome),
                said=trial.said(sent.outcome),
                expires_at=sent.until,
            )


@router.post("/{name}/contacts/{contact}/confirm")
async def confirm_contact(
    name: fields.Slug, contact: ContactId, body: TypedCode, context: ContextDep, actor: Responder
) -> ProofOfContact:
    """Prove a contact by the code that arrived there. A code can be used once, and stands five wrong tries."""
    await _require_own(context, actor, name)
    now = context.clock.now()
    verdict = await context.database.write(
        lambda db: verification.confirm(db, context.link_keys, name, contact, body.code, actor, now)
    )
    match verdict:
        case None:
            raise NoSuch(f"{name} has no contact {contact}. Nothing was changed.")
        case person.Contact():
            return ProofOfContact(person=name, contact=verdict.mark, kind=verdict.kind, proven_at=now)
        case refused:
            raise Unacceptable(verification.refusal(refused))


async def _require_own(context: Context, actor: Actor, name: str) -> None:
    if verification.may_verify(actor, name):
        return
    if name not in await context.database.read(desk.people):
        raise PEOPLE.no_such(name)
    raise Forbidden(f"{name} proves their own contacts, or an admin does. Nothing was changed.")


@router.delete("/{name}", status_code=204)
async def delete_person(name: fields.Slug, context: ContextDep, actor: Admin) -> None:
    """Delete a person. Refused while a policy pages them (409)."""
    await definition.delete(PEOPLE, name, context, actor)
