"""The form of a team: people who are paged together."""

from typing import Any

from sqlalchemy import Connection

from alerting import desk
from alerting.crew import Team
from heartbeat.definitions.edit.crew import TEAM
from heartbeat.http.console import definition_form
from heartbeat.http.console.definition_form import DefinitionForm, Filled
from heartbeat.http.console.on_call import offers
from heartbeat.http.console.on_call.team_fields import TeamFields
from heartbeat.http.console.request import ConsoleRequest


def _facts(db: Connection, _request: ConsoleRequest, _filled: Filled[Team, TeamFields]) -> dict[str, Any]:
    return {"offers": offers.people(desk.crew(db))}


FORM = DefinitionForm(
    kind=TEAM,
    folder="/on-call",
    section="teams",
    template="on_call/team_form.html",
    blank=lambda _db, _now: TeamFields(),
    typed=TeamFields.typed,
    filled=TeamFields.of,
    entered=TeamFields.entered,
    title=lambda team: team.name,
    deletion="Steps of open incidents that page it skip it. Its people stay.",
    facts=_facts,
)

READING = definition_form.reading(FORM)
ACTING = definition_form.acting(FORM)
