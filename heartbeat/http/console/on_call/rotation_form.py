"""The form of a rotation, with who would be on call in the coming days."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from alerting import desk
from alerting.rotation import WEEKDAYS, Rotation
from heartbeat import installation
from heartbeat.definitions import rotation_schema
from heartbeat.definitions.edit import reachability
from heartbeat.definitions.edit.crew import ROTATION
from heartbeat.definitions.entry import MAX_LAYERS, MAX_WINDOWS
from heartbeat.definitions.single import Faulty
from heartbeat.http.console import definition_form
from heartbeat.http.console.definition_form import DefinitionForm, Filled
from heartbeat.http.console.on_call import offers, rotation_preview
from heartbeat.http.console.on_call.rotation_fields import RotationFields
from heartbeat.http.console.on_call.rotation_preview import RotationPreview
from heartbeat.http.console.request import ConsoleRequest
from heartbeat.on_call import planned

CHOSEN = 12
"""People of a layer of whom each has a list to choose from. If there are more, their names are written."""
LENGTHS = (*rotation_schema.WORDS, "12h", "2w")
"""Lengths of shifts that are suggested."""


def _facts(
    db: Connection, request: ConsoleRequest, filled: Filled[Rotation, RotationFields]
) -> dict[str, Any]:
    """Return the people to choose from, and the preview, or the problems with it."""
    fields, crew = filled.fields, desk.crew(db)
    preview: RotationPreview | None = None
    faults: list[str] = []
    try:
        if any(layer.people or layer.calendar for layer in fields.layers):
            entered, name = fields.entered(filled.definition), fields.slug or "preview"
            edit = definition_form.edit(request, db)
            defined = ROTATION.read(edit, name, entered)
            # A new one has no overrides, whatever its name is.
            own = filled.definition.name if filled.definition else ""
            rotation = planned.rotation_in(db, crew, replace(defined, name=own))
            preview = rotation_preview.of(rotation, crew, request.now)
    except Faulty as error:
        faults = [sentence for _, sentence in fields.located(error.problems)]
    return {
        "offers": offers.people(crew),
        "preview": preview,
        "faults": faults,
        "chosen": CHOSEN,
        "lengths": LENGTHS,
        "weekdays": WEEKDAYS,
        "most_layers": MAX_LAYERS,
        "most_times": MAX_WINDOWS,
    }


async def _vet(request: ConsoleRequest, _name: str, entered: Mapping[str, object]) -> None:
    """Raise `Faulty` if a calendar is where no request may go."""
    await reachability.vet_rotation(request.context.fence, entered)


FORM = DefinitionForm(
    kind=ROTATION,
    folder="/on-call",
    section="rotations",
    template="on_call/rotation_form.html",
    blank=lambda db, now: RotationFields.blank(installation.timezone(db), now),
    typed=RotationFields.typed,
    filled=RotationFields.of,
    entered=RotationFields.entered,
    title=lambda rotation: rotation.name,
    deletion="Its overrides and proposed swaps are deleted too. Its people stay.",
    facts=_facts,
    vet=_vet,
    # The address of a calendar is a secret, which is no part of its text.
    state=lambda rotation: (rotation, [calendar.mark for calendar in rotation.calendars]),
)

READING = definition_form.reading(FORM)
ACTING = definition_form.acting(FORM)
