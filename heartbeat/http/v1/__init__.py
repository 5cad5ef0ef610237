"""The API under /v1: everything that the pages show and do, for programs. All of it wants the admin key."""

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request

from alerting import desk, person
from alerting.notifiers import shelf
from heartbeat.http.auth import Given, known, needs
from heartbeat.http.problem import RESPONSES, Unacceptable
from heartbeat.http.v1 import checks, fields, incidents
from heartbeat.http.v1.answers import Changes, Contact, People, Person, Policies
from heartbeat.who import Role

router = APIRouter(prefix="/v1", dependencies=[Depends(known)], responses=RESPONSES)
router.include_router(checks.router)
router.include_router(incidents.router)

_YAML = {"requestBody": {"required": True, "content": {"application/yaml": {"schema": {"type": "string"}}}}}


@router.put("/configuration", tags=["configuration"], openapi_extra=_YAML, dependencies=[needs(Role.ADMIN)])
async def apply_configuration(
    request: Request, door: Given, name: fields.FileName = "heartbeat.yaml"
) -> Changes:
    """Make this configuration so, in one transaction.

    Where it has problems, nothing is changed and the answer lists them in `problems`.
    """
    try:
        text = (await request.body()).decode()
    except UnicodeDecodeError:
        raise Unacceptable("body: must be YAML in UTF-8.") from None
    return Changes(changes=list(await door.apply(text, Path(name))))


@router.get("/people", tags=["people"])
async def list_people(door: Given) -> People:
    """Everybody who can be paged, with their contacts in the order in which they are tried."""
    known = await door.database.read(desk.people)
    return People(people=[_shown(one) for _, one in sorted(known.items())])


@router.get("/policies", tags=["people"])
async def list_policies(door: Given) -> Policies:
    """Every policy: whom it pages, in which order, and how long each step waits for an answer."""
    known = await door.database.read(desk.policies)
    return Policies.model_validate({"policies": [one for _, one in sorted(known.items())]})


@router.get("/openapi.json", include_in_schema=False)
async def describe(request: Request) -> dict[str, Any]:
    """The description of this API in OpenAPI."""
    description: dict[str, Any] = request.app.openapi()
    return description


def _shown(one: person.Person) -> Person:
    contacts = [
        Contact(kind=contact.kind, address=contact.address if contact.kind in _open_kinds() else None)
        for contact in one.contacts
    ]
    return Person(id=one.id, name=one.name, timezone=one.timezone, contacts=contacts)


@cache
def _open_kinds() -> frozenset[str]:
    """The notifiers whose addresses are no secrets; of a kind that is not installed nothing is known."""
    return frozenset(kind for kind, notifier in shelf.known().kinds.items() if not notifier.secret_address)
