"""Notifiers in the API: how the ways to people are set up. A secret goes in and never comes out."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from alerting.notifiers.registry import Setup
from heartbeat.definitions import store as definition_store
from heartbeat.definitions.edit import notifiers as edit
from heartbeat.definitions.edit import reachability
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.problem import NoSuch
from heartbeat.http.v1 import fields
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep, set_put_headers, tag

router = APIRouter(prefix="/notifiers", tags=["people"])

Definition = Annotated[
    dict[str, Any],
    fields.definition_schema("notifier"),
    fields.definition_body(
        A_token={"token": "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2"},
        A_mail_server={
            "smtp": "smtp://mail.example.com",
            "from": "Heartbeat <heartbeat@example.com>",
            "username": "heartbeat",
            "password": None,
        },
    ),
]


class Notifier(ResponseModel):
    """How one notifier is set up."""

    kind: str = Field(examples=["ntfy"])
    settings: dict[str, str | None] = Field(
        description="By name; null where the value is a secret, which is set and not shown.",
        examples=[{"token": None}],
    )
    origin: str = Field(description="Who owns it: file or api.", examples=["api"])
    changed_at: datetime | None = Field(description="When it was last entered; null for the file's.")
    changed_by: str | None = Field(description="By whom.", examples=["anna"])


class Notifiers(ResponseModel):
    """Notifiers by kind."""

    notifiers: list[Notifier]


@router.get("")
async def list_notifiers(context: ContextDep, conditional: ConditionalReadDep) -> Notifiers:
    """Every notifier that is set up, without its secrets. Others are there as well where they need no settings."""

    def work(db: Connection) -> Notifiers:
        found = desk.notifier_settings.load(db)
        conditional.set_tag(tag(found))
        return Notifiers(notifiers=[_shown(kind, setup) for kind, setup in found.items()])

    return await context.database.read(work)


@router.get("/{kind}")
async def show_notifier(kind: fields.Slug, context: ContextDep, conditional: ConditionalReadDep) -> Notifier:
    """How one notifier is set up, without its secrets."""

    def work(db: Connection) -> Notifier:
        found = desk.notifier_settings.load(db).get(kind)
        if found is None:
            raise _missing(kind)
        conditional.set_tag(tag(found))
        return _shown(kind, found)

    return await context.database.read(work)


@router.put("/{kind}", responses={201: {"description": "It was not set up before.", "model": Notifier}})
async def define_notifier(
    kind: fields.NewSlug,
    given: Definition,
    context: ContextDep,
    actor: Admin,
    precondition: PreconditionDep,
    response: Response,
) -> Notifier:
    """Set it up: all of its settings, as the configuration file has them (201 where it was not set up before).

    Secrets are given in clear, encrypted at once and never shown again. Null in place of one keeps the one that
    there is. Addresses in it may lead to the internet only, unless the operator allows more. The same again
    changes nothing. What the configuration file sets up stays (409).
    """
    await reachability.vet_notifier(context.fence, kind, given)
    now = context.clock.now()

    def work(db: Connection) -> tuple[Setup, bool]:
        definition_store.wait_for_turn(db)
        before = desk.notifier_settings.load(db).get(kind)
        precondition.require(None if before is None else tag(before))
        wanted = edit.read(db, context.vault, actor, kind, given, now)
        return edit.define(db, actor, kind, wanted, now), before is None

    kept, made = await context.database.write(work)
    set_put_headers(response, tag(kept), f"{context.public_url}/v1/notifiers/{kind}" if made else None)
    return _shown(kind, kept)


@router.delete("/{kind}", status_code=204)
async def delete_notifier(kind: fields.Slug, context: ContextDep, actor: Admin) -> None:
    """Forget how it is set up. Refused while a person is reached by it and it cannot do without (409)."""
    now = context.clock.now()
    if await context.database.write(lambda db: edit.delete(db, actor, kind, now)) is None:
        raise _missing(kind)


def _shown(kind: str, setup: Setup) -> Notifier:
    settings = {name: None if edit.is_secret(kind, name) else text for name, text in setup.settings.items()}
    return Notifier(
        kind=kind,
        settings=settings,
        origin=setup.origin,
        changed_at=setup.changed_at,
        changed_by=setup.changed_by,
    )


def _missing(kind: str) -> NoSuch:
    return NoSuch(f"The notifier {kind[:100]!r} is not set up.")
