"""The form of a person who can be paged."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from alerting.notifiers import registry
from alerting.person import Person
from heartbeat import installation
from heartbeat.definitions.edit import reachability
from heartbeat.definitions.edit.people import PERSON, is_secret
from heartbeat.http.console import definition_form
from heartbeat.http.console.definition_form import DefinitionForm, Filled
from heartbeat.http.console.on_call import kinds
from heartbeat.http.console.on_call.person_fields import PersonFields
from heartbeat.http.console.request import ConsoleRequest


async def _vet(request: ConsoleRequest, name: str, entered: Mapping[str, object]) -> None:
    await reachability.vet_person(request.context.fence, name, entered)


def _facts(_db: Connection, _visit: ConsoleRequest, _filled: Filled[Person, PersonFields]) -> dict[str, Any]:
    return {"kinds": kinds.grouped(registry.installed().kinds)}


FORM = DefinitionForm(
    kind=PERSON,
    folder="/on-call",
    section="people",
    template="on_call/person_form.html",
    blank=lambda db: PersonFields(timezone=installation.timezone(db)),
    typed=PersonFields.typed,
    filled=lambda person: PersonFields.of(person, is_secret),
    entered=PersonFields.entered,
    title=lambda person: person.name,
    deletion="They are no longer paged, and their contacts are deleted. Past pages stay in the timelines.",
    facts=_facts,
    vet=_vet,
)

READING = definition_form.reading(FORM)
ACTING = definition_form.acting(FORM)
