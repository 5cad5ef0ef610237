"""The link in a test page: its holder says that the page arrived, without signing in.

GET shows the question and changes nothing, because mail scanners follow links. POST answers.
"""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from alerting import desk
from alerting.person import Contact, Person
from heartbeat import audit, signed_link, trial
from heartbeat.actor import Actor, Role
from heartbeat.http import auth
from heartbeat.http.callbacks import reply
from heartbeat.http.context import Context
from heartbeat.http.pages import render
from heartbeat.signed_link import BadLink, TestedContact

GONE = "This contact has changed since the test page was sent. Nothing was changed. Send a new test page."
THANKS = "Thank you. heartbeat now knows that pages reach you here."


@dataclass(frozen=True, slots=True)
class _Found:
    """The contact of a link. `proven_at` is set if a page arrived since the link's own was sent."""

    person: Person
    contact: Contact
    proven_at: datetime | None


def router(context: Context) -> APIRouter:
    """Return the routes of the links in test pages."""
    routes = APIRouter()

    async def look(request: Request) -> Response:
        now = context.clock.now()
        tested = signed_link.read_test(context.link_keys, request.path_params["token"], now)
        if isinstance(tested, BadLink):
            return reply.screen(tested.why, HTTPStatus.GONE, now)
        found = await context.database.read(lambda db: _found(db, tested))
        if found is None:
            return reply.screen(GONE, HTTPStatus.GONE, now)
        return render.render(
            "callbacks/proof_link.html",
            headers=reply.PRIVATE,
            now=now,
            person=found.person,
            contact=found.contact,
            sent_at=tested.sent_at,
            proven_at=found.proven_at,
        )

    async def confirm(request: Request) -> Response:
        now, remote = context.clock.now(), auth.client_of(request).remote
        tested = signed_link.read_test(context.link_keys, request.path_params["token"], now)
        if isinstance(tested, BadLink):
            return reply.refused(request, HTTPStatus.GONE, "bad link", tested.why, now)
        person = await context.database.write(lambda db: _prove(db, tested, remote, context))
        if person is None:
            return reply.refused(request, HTTPStatus.GONE, "bad link", GONE, now)
        if reply.is_browser(request):
            return render.see_other(request.url.path, reply.PRIVATE)
        return reply.line(request, HTTPStatus.OK, "proven", THANKS)

    routes.add_route("/answer/test/{token}", look, methods=["GET"], include_in_schema=False)
    routes.add_route("/answer/test/{token}", confirm, methods=["POST"], include_in_schema=False)
    return routes


def _found(db: Connection, tested: TestedContact) -> _Found | None:
    person = trial.everybody(db).get(tested.person)
    contacts = person.all_contacts if person else ()
    contact = next((contact for contact in contacts if contact.mark == tested.mark), None)
    if person is None or contact is None:
        return None
    proof = desk.contact_proofs(db, [person.id]).get((person.id, contact.mark), desk.NO_PROOF)
    arrived = proof.proven_at is not None and proof.proven_at >= tested.sent_at
    return _Found(person, contact, proof.proven_at if arrived else None)


def _prove(db: Connection, tested: TestedContact, remote: str, context: Context) -> Person | None:
    now = context.clock.now()
    proven = desk.prove(db, tested.person, tested.mark, now)
    if proven is None:
        return None
    person, contact = proven
    actor = Actor(person.name, Role.VIEWER, "signed link", remote)
    audit.record(db, actor, "person.prove", f"person {person.id}", now, after={"contact": contact.kind})
    return person
