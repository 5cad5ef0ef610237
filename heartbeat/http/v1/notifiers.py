"""Notifiers in the API, with their settings. A secret goes in and never comes out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import Connection
from starlette.responses import Response

from alerting import desk
from alerting.notifiers import registry
from alerting.notifiers.registry import Setup
from heartbeat.definitions.edit import reachability
from heartbeat.definitions.edit.notifiers import NOTIFIER, is_secret
from heartbeat.http.auth import Admin, ContextDep
from heartbeat.http.context import Context
from heartbeat.http.v1 import definition, fields
from heartbeat.http.v1.definition import Resource
from heartbeat.http.v1.keyed import KeyedRoute
from heartbeat.http.v1.response_models import ResponseModel
from heartbeat.http.v1.tags import ConditionalReadDep, PreconditionDep

router = APIRouter(prefix="/notifiers", tags=["people"], route_class=KeyedRoute)

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
    """The settings of a notifier."""

    kind: str = Field(examples=["ntfy"])
    settings: dict[str, str | None] = Field(
        description="The settings by name. A secret is null: it is set, and not shown.",
        examples=[{"token": None}],
    )
    origin: str = Field(
        description="The owner of the settings: file, or api for the API and the console.", examples=["api"]
    )
    changed_at: datetime | None = Field(description="The time of the last change; null for the file's.")
    changed_by: str | None = Field(description="The author of the last change.", examples=["anna"])
    passed_over_since: datetime | None = Field(
        description="The time since which the notifier has failed for everybody, so that notices go past it to the "
        "next contact; null if they do not."
    )


class Notifiers(ResponseModel):
    """Notifiers by kind."""

    notifiers: list[Notifier]


def _passed_over(db: Connection, _context: Context) -> Mapping[str, datetime]:
    """Return since when notices go past a notifier, by kind."""
    return desk.failing_notifiers(db, registry.kinds_that("server_in_settings"))


def _answer(kind: str, setup: Setup, passed_over: Mapping[str, datetime]) -> Notifier:
    settings = {name: None if is_secret(kind, name) else text for name, text in setup.settings.items()}
    return Notifier(
        kind=kind,
        settings=settings,
        origin=setup.origin,
        changed_at=setup.changed_at,
        changed_by=setup.changed_by,
        passed_over_since=passed_over.get(kind),
    )


NOTIFIERS = Resource(
    NOTIFIER, "notifiers", _answer, _passed_over, missing="The notifier {name!r} is not set up."
)


@router.get("")
async def list_notifiers(context: ContextDep, conditional: ConditionalReadDep) -> Notifiers:
    """Return the notifiers with settings, without their secrets. Notifiers that need no settings also work.

    `passed_over_since` says which of them fail for everybody, by the last notices.
    """
    notifiers, _ = await definition.listed(NOTIFIERS, context, conditional)
    return Notifiers(notifiers=notifiers)


@router.get("/{kind}")
async def show_notifier(kind: fields.Slug, context: ContextDep, conditional: ConditionalReadDep) -> Notifier:
    """Return the settings of one notifier, without its secrets."""
    return await definition.show(NOTIFIERS, kind, context, conditional)


@router.put(
    "/{kind}", responses={201: {"description": "The notifier had no settings before.", "model": Notifier}}
)
async def define_notifier(
    kind: fields.NewSlug,
    body: Definition,
    context: ContextDep,
    actor: Admin,
    precondition: PreconditionDep,
    response: Response,
) -> Notifier:
    """Replace all settings of a notifier, with the fields of the configuration file (201 if it had none before).

    Send secrets in clear: they are encrypted at once and never shown again. Null in place of a secret keeps the
    stored one. Addresses may lead to the internet only, unless the operator allows more. An equal body changes
    nothing. Notifiers of the configuration file cannot be changed here (409).
    """
    await reachability.vet_notifier(context.fence, kind, body)
    return await definition.define(NOTIFIERS, kind, body, context, actor, precondition, response)


@router.delete("/{kind}", status_code=204)
async def delete_notifier(kind: fields.Slug, context: ContextDep, actor: Admin) -> None:
    """Delete the settings. Refused while a person is reached by a notifier that needs them (409)."""
    await definition.delete(NOTIFIERS, kind, context, actor)
