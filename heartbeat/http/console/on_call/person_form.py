"""The form of a person who can be paged."""

from collections.abc import Mapping

from heartbeat import installation
from heartbeat.definitions.edit import reachability
from heartbeat.definitions.edit.people import PERSON, is_secret
from heartbeat.http.console import definition_form
from heartbeat.http.console.definition_form import DefinitionForm
from heartbeat.http.console.on_call import kinds
from heartbeat.http.console.on_call.person_fields import PersonFields
from heartbeat.http.console.request import ConsoleRequest


async def vet(request: ConsoleRequest, name: str, entered: Mapping[str, object]) -> None:
    """Raise `Faulty` if a contact leads to where no page may go."""
    await reachability.vet_person(request.context.fence, name, entered)


FORM = DefinitionForm(
    kind=PERSON,
    folder="/on-call",
    section="people",
    template="on_call/person_form.html",
    blank=lambda db, _now: PersonFields(timezone=installation.timezone(db)),
    typed=PersonFields.typed,
    filled=lambda person: PersonFields.of(person, is_secret),
    entered=PersonFields.entered,
    title=lambda person: person.name,
    deletion="They are no longer paged, and their contacts are deleted. Past pages stay in the timelines.",
    facts=lambda _db, _request, _filled: {"kinds": kinds.installed()},
    vet=vet,
)

READING = definition_form.reading(FORM)
ACTING = definition_form.acting(FORM)
