"""What a line of a list shows, computed from facts. Pure.

Every state has a mark (a drawing in marks.html, or of a cause in its table) and a word, which is used everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from alerting import escalation, times
from alerting.incident import Incident, RaisedSymptom, Surroundings
from alerting.incident import State as Life
from alerting.notice import called, extent
from alerting.person import OPERATOR, Person
from heartbeat.checks import check, maintenance
from heartbeat.checks.cause import in_words
from heartbeat.checks.check import Check, State
from heartbeat.checks.history import Transition
from heartbeat.checks.maintenance import Window
from heartbeat.http.pages import run_strip, summary
from heartbeat.http.pages.run_strip import Cell, Heard
from heartbeat.http.pages.summary import Words


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check in a list."""

    id: int
    slug: str
    name: str
    labels: Mapping[str, str]
    word: str
    heard_at: datetime | None
    due_at: datetime | None
    cells: Sequence[Cell]
    quiet_until: datetime | None = None
    """Until when maintenance holds its pages; None where it is under none."""

    @property
    def drawn(self) -> list[tuple[str, str]]:
        """The strip's paths."""
        return run_strip.paths(self.cells)

    @property
    def cells_in_words(self) -> str:
        """The strip for those who cannot see it."""
        return run_strip.in_words(self.cells)

    @property
    def cells_in_short(self) -> str:
        """The same under a heading that says how many runs they are."""
        return run_strip.counted(self.cells)


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident in a list."""

    id: int
    title: str
    word: str
    severity: str
    extent: str
    occurrence: int
    opened_at: datetime
    next: Words


def word(one: Check, now: datetime) -> str:
    """A check's state in one word, which is its mark's name too; where it is down, the cause is the word."""
    return one.cause.words.word if one.cause else check.status(one, now).value


def cause_word(cause: str) -> str:
    """What people call a cause."""
    return in_words(cause).word


def check_row(
    one: Check,
    heard: Sequence[Heard],
    changes: Sequence[Transition],
    now: datetime,
    windows: Sequence[Window] = (),
) -> CheckRow:
    """A check's line. `windows` are those that are active or to come."""
    held = maintenance.hold(windows, one.labels, now)
    return CheckRow(
        id=one.id,
        slug=one.slug,
        name=one.name,
        labels=one.labels,
        word=word(one, now),
        heard_at=one.last_heard_at,
        due_at=None if one.state is State.PAUSED else summary.next_due(one, now) or summary.expected_at(one),
        cells=run_strip.cells(one, heard, changes, now),
        quiet_until=held.until if held else None,
    )


def incident_row(
    incident: Incident,
    symptoms: Sequence[RaisedSymptom],
    around: Surroundings,
    people: Mapping[str, Person],
) -> IncidentRow:
    """An incident's line."""
    return IncidentRow(
        id=incident.id,
        title=called(incident, symptoms, around),
        word=incident.state.value,
        severity=incident.severity.value,
        extent=how_much(incident, symptoms, around),
        occurrence=incident.occurrence,
        opened_at=incident.opened_at,
        next=_next(incident, people),
    )


def how_much(incident: Incident, symptoms: Sequence[RaisedSymptom], around: Surroundings) -> str:
    """How much is concerned, or once it is over was: "4 of 11 jobs silent", "4 jobs silent"."""
    if incident.state is not Life.RESOLVED:
        return extent(incident, symptoms, around, in_words)
    many = len({symptom.key for symptom in symptoms})
    said = cause_word(incident.cause)
    return f"{times.count(many, 'job')} {said}" if many > 1 else said


def next_people(incident: Incident, people: Mapping[str, Person]) -> list[str]:
    """Who is paged next unless somebody answers, by name; the catch-all where none of them can be reached."""
    targets = escalation.step_at(incident.policy, incident.step).targets
    at = incident.next_at or incident.opened_at
    return [person.name for person in escalation.recipients(targets, people, at)]


def names(people: Mapping[str, Person]) -> dict[str, str]:
    """What everybody who can be paged is called."""
    return {OPERATOR.id: OPERATOR.name} | {short: person.name for short, person in people.items()}


def _next(incident: Incident, people: Mapping[str, Person]) -> Words:
    if incident.state is Life.RESOLVED:
        ended = incident.resolved_at or incident.opened_at
        return (times.duration(ended - incident.opened_at),)
    at = incident.next_at or incident.opened_at
    if incident.state is Life.ACKNOWLEDGED:
        return (f"by {incident.acknowledged_by}, until ", at)
    if incident.state is Life.SNOOZED:
        return ("until ", at)
    return (f"pages {times.names(next_people(incident, people))} at ", at)
