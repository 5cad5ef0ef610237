"""The rows of the lists of checks and incidents, made from facts. Pure.

Every state has a word, which is the same everywhere, and a mark: a drawing in marks.html, or in the table of causes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerting import escalation, next_page, times
from alerting.crew import Crew
from alerting.escalation import NOBODY, Turnout
from alerting.incident import Incident, RaisedSymptom
from alerting.incident import State as Life
from alerting.next_page import WORKING_HOURS, Coming
from alerting.notice import called, extent
from alerting.person import OPERATOR, Person
from alerting.regrouping import went_to
from alerting.subject import RESOLVED_BY, WELL, known, runbook_link
from alerting.surroundings import Surroundings
from heartbeat.checks import deadline, maintenance
from heartbeat.checks.cause import Cause, in_words
from heartbeat.checks.check import Check, State
from heartbeat.checks.history import Transition
from heartbeat.checks.maintenance import Window
from heartbeat.http.pages import check_summary, run_strip, under_way
from heartbeat.http.pages.run_strip import Cell, EndedRun
from heartbeat.http.pages.sentence import Words


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
    tolerated: str = ""
    """The faults that do not turn it down yet, such as "missed 1 of 2"."""
    progress: Words = ()
    """How far its run is, such as "41 % done, ends about 02:00 UTC"."""
    quiet_until: datetime | None = None
    """The end of the maintenance or the silence that holds its pages, if there is one."""
    quiet_by: str = ""
    """Its kind and title."""

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
        """The strip for those who cannot see it, below a heading with the number of runs."""
        return run_strip.counted(self.cells)


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job in an incident. `slug` is None if its check does not exist, or if nothing leads there."""

    symptom: RaisedSymptom
    slug: str | None
    word: str
    down: bool
    """True if it was down when this incident last heard of it: somebody who resolves an incident repairs nothing."""
    moved_to: int | None
    """The incident to which somebody moved it, by a merge or a split."""
    runbook_url: str | None


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


def word(check: Check, now: datetime) -> str:
    """Return the state of a check in one word, which is also the name of its mark. A check that is down has the
    word of its cause."""
    return check.cause.words.word if check.cause else deadline.status(check, now).value


def cause_word(cause: str) -> str:
    """Return the word of a stored cause."""
    return in_words(cause).word


def job_row(symptom: RaisedSymptom, slug: str | None = None) -> JobRow:
    """Return the row of a job in an incident."""
    why, moved_to = symptom.cleared_why, went_to(symptom)
    word = _job_word(symptom) if moved_to is None else "moved"
    down = why is None or why.startswith(RESOLVED_BY)
    return JobRow(symptom, slug, word, down, moved_to, runbook_link(symptom.facts.runbook))


def _job_word(symptom: RaisedSymptom) -> str:
    """Return the state of a job in an incident: resolved only if it is well again, else the word of its cause."""
    return Life.RESOLVED.value if symptom.cleared_why == WELL else cause_word(symptom.cause)


def check_row(
    check: Check,
    runs: Sequence[EndedRun],
    changes: Sequence[Transition],
    now: datetime,
    windows: Sequence[Window] = (),
) -> CheckRow:
    """Return the row of a check. `windows` are the active and upcoming ones."""
    held = maintenance.hold(windows, check.labels, now)
    return CheckRow(
        id=check.id,
        slug=check.slug,
        name=check.name,
        labels=check.labels,
        word=word(check, now),
        heard_at=check.last_heard_at,
        due_at=_due_at(check, now),
        cells=run_strip.cells(check, runs, changes, now),
        tolerated=check_summary.tolerated(check),
        progress=under_way.in_short(check, now),
        quiet_until=held.until if held else None,
        quiet_by=held.why if held else "",
    )


def _due_at(check: Check, now: datetime) -> datetime | None:
    """Return when the next run is due; of a silent check, when the run that it misses was due."""
    if check.state is State.PAUSED:
        return None
    missed = check_summary.expected_at(check) if check.cause is Cause.SILENT else None
    return missed or check_summary.next_due(check, now) or check_summary.expected_at(check)


def incident_row(
    incident: Incident,
    symptoms: Sequence[RaisedSymptom],
    surroundings: Surroundings,
    crew: Crew,
    now: datetime,
) -> IncidentRow:
    """Return the row of an incident."""
    return IncidentRow(
        id=incident.id,
        title=called(incident, symptoms, surroundings, now),
        word=incident.word,
        severity=incident.severity.value,
        extent=how_much(incident, symptoms, surroundings, now),
        occurrence=incident.occurrence,
        opened_at=incident.opened_at,
        next=_next(incident, crew),
    )


def how_much(
    incident: Incident, symptoms: Sequence[RaisedSymptom], surroundings: Surroundings, now: datetime
) -> str:
    """Return the extent of an incident: "4 of 11 jobs silent" while it is open, "4 jobs silent" afterwards."""
    if incident.state is not Life.RESOLVED:
        return extent(symptoms, surroundings, in_words, now)
    jobs = known(symptoms, now)
    if len(jobs) == 1:
        return in_words(jobs[0].cause).alone
    words = {cause_word(job.cause) for job in jobs}
    word = words.pop() if len(words) == 1 else "down"
    return f"{times.count(len(jobs), 'job')} {word}" if jobs else word


def held_by(symptoms: Sequence[RaisedSymptom], now: datetime) -> str:
    """Return what holds all that is down: "Maintenance Move holds its pages". Empty if anything may page."""
    down = [symptom for symptom in symptoms if symptom.standing and not symptom.waits(now)]
    if not down or not all(symptom.held(now) for symptom in down):
        return ""
    well = [symptom.facts.parent for symptom in down if symptom.facts.parent_well_since is not None]
    if well:
        return f"It may still run, because {well[0]} is well again"
    why = min(down, key=lambda symptom: symptom.held_until or now).held_why or "maintenance"
    return f"{why[:1].upper()}{why[1:]} holds its pages"


def before(symptom: RaisedSymptom) -> str:
    """Return the words in front of the time at which a job went down before: "it failed at". Empty if it was well."""
    if not symptom.facts.earlier_cause:
        return ""
    words = in_words(symptom.facts.earlier_cause)
    return f"it {words.past} from" if words.lasts else f"it {words.verb} at"


def noticed(symptom: RaisedSymptom) -> str:
    """Return the words between why a symptom stands and its time: " at", or "; noticed" of what lasts."""
    return in_words(symptom.cause).since


def coming(incident: Incident, crew: Crew) -> Coming:
    """Return the next page if nobody answers, that of the catch-all if nobody can be reached."""
    at = incident.next_at or incident.opened_at
    policy, step, severity = incident.policy, incident.step, incident.severity
    page = next_page.coming(policy, step, at, crew, severity, incident.turns, incident.waits_until)
    return replace(page, hours=page.hours or incident.waits_for == WORKING_HOURS)


def pageable(incident: Incident, crew: Crew, now: datetime) -> Turnout:
    """Return the people whom a press of *Page … now* pages. Nobody, if quiet hours hold all of them."""
    policy, severity = incident.policy, incident.severity
    decision = next_page.pageable(policy, incident.step, crew, severity, now, incident.turns)
    if decision is None:
        return NOBODY
    people = escalation.recipients(decision.targets, crew, now)
    return Turnout([person for person in people if person.quiet_until(severity, now) is None], decision.draws)


def names(people: Mapping[str, Person]) -> dict[str, str]:
    """Return the names of all who can be paged, by their short names."""
    return {OPERATOR.id: OPERATOR.name} | {short: person.name for short, person in people.items()}


def _next(incident: Incident, crew: Crew) -> Words:
    if incident.state is Life.RESOLVED:
        return (times.duration((incident.ended_at or incident.opened_at) - incident.opened_at),)
    if incident.settles_at is not None:
        return ("fine, over at ", incident.settles_at)
    at = incident.next_at or incident.opened_at
    if incident.state is Life.ACKNOWLEDGED:
        return (f"by {incident.acknowledged_by}, until ", at)
    if incident.state is Life.SNOOZED:
        return ("until ", at)
    page = coming(incident, crew)
    waits = f"waits for {WORKING_HOURS}, " if page.hours else ""
    return (f"{waits}pages {times.people([person.name for person in page.people], page.draws)} at ", page.at)
