"""The forecast of a check: the people that it would page, when, through which contacts, and the text of the page.

It only reads. The rooms that decide in earnest compose every answer: `check`, `alerting.gather`,
`alerting.escalation`, `alerting.notice`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from alerting import desk, escalation, next_page, notice, round_robin, times
from alerting import incident as life
from alerting.crew import Crew
from alerting.escalation import Decision, Policy
from alerting.incident import Hold, Incident, RaisedSymptom
from alerting.notice import Links, Notice, NoticeKind, Subject
from alerting.person import Contact, Person
from alerting.severity import Severity
from heartbeat import installation
from heartbeat.checks import cause, deadline, surroundings, symptoms, waiting
from heartbeat.checks import life as check_life
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Change, Check, Raised, State
from heartbeat.checks.groups import AllGroups
from heartbeat.checks.symptoms import Fall


@dataclass(frozen=True, slots=True)
class Call:
    """One step: these people are paged at `at` unless somebody has answered, each through their contacts in order.

    `number` counts the policy's steps from 1. `again` marks a repetition of the last step. The contacts are those for
    `severity`. If it `draws`, only one of the people is paged: the one whose turn it is then.
    """

    at: datetime
    number: int
    again: bool
    people: tuple[Person, ...]
    severity: Severity = Severity.CRITICAL
    draws: bool = False

    @property
    def names(self) -> list[str]:
        """The names of the people, without those whose quiet hours hold the page."""
        loud = [person for person in self.people if person.quiet_until(self.severity, self.at) is None]
        return [person.name for person in loud or self.people]

    @property
    def paged(self) -> str:
        """The people with the verb: "Anna and Ben are paged"."""
        return f"{times.people(self.names, self.draws)} {times.are(self.names, self.draws)} paged"

    def ways(self, person: Person) -> list[tuple[Contact, datetime | None]]:
        """Return the contacts of a person with the time at which each is paged unless somebody has answered.

        It is None for a contact that is only paged if the one before it fails.
        """

        def at(after: timedelta) -> datetime:
            paged = self.at + after
            return person.quiet_until(self.severity, paged) or paged

        first, *others = person.ways(self.severity)
        later = [(way, None if way.after is None else at(way.after)) for way in others]
        return [(first, at(timedelta())), *later]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The pages that would follow if a check fell silent now, or that will follow if it is down.

    `incident` is the one that it is in or would join, None if a new one would open. `told` are people who were paged
    before, and get the news at `told_at` in the same thread that this check has joined. `page` is the first page.
    """

    check: Check
    words: tuple[str | datetime, ...]
    """The forecast as a sentence, in parts: text, and the instants in it."""
    now: datetime
    policy: Policy | None = None
    incident: Incident | None = None
    held: Hold | None = None
    told: tuple[Person, ...] = ()
    told_at: datetime | None = None
    calls: tuple[Call, ...] = ()
    page: Notice | None = None

    @property
    def sentence(self) -> str:
        """The forecast as a sentence, with instants in UTC."""
        return "".join(part if isinstance(part, str) else _instant(part, self.now) for part in self.words)


def of(
    db: Connection, job: Check, now: datetime, open_url: str, all_groups: AllGroups | None = None
) -> Forecast:
    """Return the forecast of a check. `open_url` is the address of the incident in the page.

    It reads all groups, unless they are given.
    """
    if job.state is State.PAUSED:
        return Forecast(job, ("It is paused: nothing is expected of it, and nobody is paged.",), now)
    fall = Fall(_fallen(job, now), job)
    (symptom,) = symptoms.of_falls(db, [fall], now)
    (symptom,) = waiting.consequences(db, [(fall, symptom)], [(fall, symptom)], now)
    incident, raised = _incident(db, job, symptom, now)
    crew = desk.crew(db)
    due = _ahead(incident, raised, crew)
    ahead, waits_for = _awake(due, crew, incident), _waits_for(due[0], crew, incident)
    calls = tuple(
        replace(_call(incident.policy, at, decision, crew), severity=incident.severity)
        for at, decision in ahead
    )
    held = symptom.hold if symptom.hold is not None and calls[0].at >= symptom.hold.until else None
    joins = job.state is not State.DOWN and incident.tell_at is not None
    return Forecast(
        check=job,
        words=_waits(job, incident, symptom, raised, now)
        or _sentence_parts(job, incident, held, calls[0], waits_for, now),
        now=now,
        policy=incident.policy,
        incident=incident if incident.id else None,
        held=held,
        told=tuple(crew.people[name] for name in desk.paged_people(db, incident.id) if name in crew.people)
        if joins
        else (),
        told_at=incident.tell_at if joins else None,
        calls=calls,
        page=_page(db, job, incident, raised, ahead[0], crew, open_url, all_groups, now),
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """The steps of a policy for an incident of any of these severities."""

    severities: tuple[Severity, ...]
    calls: tuple[Call, ...]


def outlooks(db: Connection, policy: Policy, now: datetime) -> list[Outlook]:
    """Return the steps of a policy for an incident that opens now, the worst severity first.

    Severities for which the same people are paged at the same times have one outlook, with the contacts for the worst.
    """
    crew, at = desk.crew(db), now + installation.pace(db).gathering
    distinct: list[Outlook] = []
    for severity in Severity:
        ahead = _put_off(escalation.ahead(policy, 0, at, crew, severity), crew, policy, severity)
        calls = tuple(
            replace(_call(policy, due, decision, crew), severity=severity) for due, decision in ahead
        )
        alike = next((place for place, outlook in enumerate(distinct) if _alike(outlook.calls, calls)), None)
        if alike is None:
            distinct.append(Outlook((severity,), calls))
        else:
            distinct[alike] = replace(distinct[alike], severities=(*distinct[alike].severities, severity))
    return distinct


def _alike(calls: Sequence[Call], others: Sequence[Call]) -> bool:
    """Return whether calls differ in nothing but the severity."""
    return len(calls) == len(others) and all(
        replace(call, severity=other.severity) == other for call, other in zip(calls, others, strict=True)
    )


def _fallen(job: Check, now: datetime) -> Change:
    """Return the check as it is down, or as it would be if it fell silent now."""
    if job.state is State.DOWN:
        down_for = job.cause or Cause.SILENT
        return Change(job, Raised(down_for, down_for.words.verb))
    return check_life.fallen_silent(job, now)


def _incident(
    db: Connection, job: Check, symptom: life.Symptom, now: datetime
) -> tuple[Incident, list[RaisedSymptom]]:
    """Return the incident that it is in, or that it would join or open, with the symptoms of that incident."""
    key = symptoms.key_of(job)
    number = desk.incident_of(db, [key]).get(key) if job.state is State.DOWN else None
    dossier = desk.dossier(db, number) if number is not None else None
    if dossier is not None:
        return dossier.incident, dossier.symptoms
    return desk.foresee(db, symptom, now, installation.pace(db))


def _ahead(
    incident: Incident, symptoms: Sequence[RaisedSymptom], crew: Crew
) -> list[tuple[datetime, Decision]]:
    """Return every step from the incident's next action on. After a quiet, the first step comes first."""
    at = incident.next_at or incident.opened_at
    if incident.state is life.State.OPEN:
        step = incident.step
        return escalation.ahead(incident.policy, step, at, crew, incident.severity, incident.turns)
    holds = [symptom.held_until for symptom in symptoms if symptom.cleared_at is None]
    ends = [until for until in holds if until is not None]
    all_held = min(ends) if ends and len(ends) == len(holds) else None
    at, turns = max(at, all_held or at), round_robin.rested(incident.turns)
    return escalation.ahead(incident.policy, 0, at, crew, incident.severity, turns)


def _awake(
    ahead: Sequence[tuple[datetime, Decision]], crew: Crew, incident: Incident
) -> list[tuple[datetime, Decision]]:
    """Return the steps of an incident as they come with what they wait for."""
    waits_until = incident.waits_until if incident.state is life.State.OPEN else None
    return _put_off(ahead, crew, incident.policy, incident.severity, waits_until)


def _waits_for(first: tuple[datetime, Decision], crew: Crew, incident: Incident) -> str:
    """Return what the next page of an incident waits for if that is no person: "working hours". Else empty."""
    at, decision = first
    if incident.state is not life.State.OPEN:
        return ""
    if incident.waits_until is not None:
        return incident.waits_for if incident.waits_for == next_page.WORKING_HOURS else ""
    people = escalation.recipients(decision.targets, crew, at)
    wait = next_page.wait(incident.policy.warnings_wait_for, people, incident.severity, at)
    return wait.why if wait is not None and wait.why == next_page.WORKING_HOURS else ""


def _put_off(
    ahead: Sequence[tuple[datetime, Decision]],
    crew: Crew,
    policy: Policy,
    severity: Severity,
    waited_until: datetime | None = None,
) -> list[tuple[datetime, Decision]]:
    """Return steps as they come if each waits for working hours, and while everybody in it has quiet hours."""
    put_off, later = [], timedelta()
    for due, decision in ahead:
        at = due + later
        people = escalation.recipients(decision.targets, crew, at)
        wait = next_page.wait(policy.warnings_wait_for, people, severity, at, waited_until)
        until = wait.until if wait is not None else at
        later += until - at
        put_off.append((until, replace(decision, next_at=decision.next_at + later)))
        waited_until = None
    return put_off


def _call(policy: Policy, at: datetime, decision: Decision, crew: Crew) -> Call:
    people = tuple(escalation.recipients(decision.targets, crew, at))
    return Call(at, decision.number, decision.step >= len(policy.steps), people, draws=decision.draws)


def _page(
    db: Connection,
    job: Check,
    incident: Incident,
    raised: Sequence[RaisedSymptom],
    first: tuple[datetime, Decision],
    crew: Crew,
    open_url: str,
    all_groups: AllGroups | None,
    now: datetime,
) -> Notice:
    """Return the first page, as its first recipient would read it."""
    at, decision = first
    around = surroundings.of(db, [incident], {incident.id: raised}, now, all_groups)[incident.id]
    if job.state is not State.DOWN:
        around = surroundings.without(around, job, now)
    recipient, *others = escalation.recipients(decision.targets, crew, at)
    others = [] if decision.draws else others
    paging = replace(incident, state=life.State.OPEN, step=decision.step + 1, next_at=decision.next_at)
    subject = Subject(
        kind=NoticeKind.PAGE,
        page="forecast",
        sequence=0,
        words=decision.reason,
        step=escalation.reaching(incident.policy, decision.step, crew, incident.severity, at),
        incident=paging,
        symptoms=raised,
        surroundings=around,
        describe=cause.in_words,
        person=recipient,
        with_people=others,
        next_people=escalation.recipients(decision.next_targets, crew, decision.next_at),
        next_draws=decision.next_draws,
        links=Links(open_url, ""),
    )
    return notice.compose(subject, at)


def expectations(db: Connection, jobs: Sequence[Check], now: datetime) -> list[str]:
    """Return by when each of these checks must ping, and who is paged otherwise. Those never due are left out."""
    policies, crew, default = desk.policies(db), desk.crew(db), installation.default_policy(db)
    gathering = installation.pace(db).gathering
    sentences = []
    for job in jobs:
        if (limit := deadline.of(job)) is None:
            continue
        policy = policies.get(job.policy or "") or policies.get(default or "", escalation.CATCH_ALL)
        steps = escalation.ahead(policy, 0, limit + gathering, crew, job.severity)[:1]
        ((paged_at, decision),) = _put_off(steps, crew, policy, job.severity)
        first = _call(policy, paged_at, decision, crew)
        by, at = _instant(limit, now), _instant(first.at, now)
        later = "" if by == at else f" {times.duration(first.at - limit)} later"
        sentences.append(f"{job.slug} must ping by {by}, or {first.paged}{later}.")
    return sentences


def _waits(
    job: Check,
    incident: Incident,
    symptom: life.Symptom,
    raised: Sequence[RaisedSymptom],
    now: datetime,
) -> tuple[str | datetime, ...]:
    """Return that it waits for its parent, or would; empty if it does not."""
    if job.state is not State.DOWN and symptom.waits_for is not None:
        return (
            f"If it fell silent now, it would wait for {symptom.facts.parent} in incident {incident.id}.",
        )
    for row in raised:
        if row.key == symptom.key and row.waits(now) and row.held_until is not None:
            where = f"It waits for {row.facts.parent} in incident {incident.id}, until "
            return (where, row.held_until, " at the latest.")
    return ()


def _sentence_parts(
    job: Check, incident: Incident, held: Hold | None, first: Call, waits_for: str, now: datetime
) -> tuple[str | datetime, ...]:
    waits = f", because it waits for {waits_for}" if waits_for else ""
    names = times.people(first.names, first.draws)
    if job.state is State.DOWN and job.cause is not None:
        ends = f"{first.paged} {_preposition(first.at, now)} "
        return (f"It {job.cause.words.verb}. Unless somebody answers, {ends}", first.at, f"{waits}.")
    where = f"it would join incident {incident.id}" if incident.id else "a new incident would open"
    on = _preposition(first.at, now)
    why = f", at the end of {held.why}" if held is not None else waits
    return (f"If it fell silent now, {where}, and {names} would be paged {on} ", first.at, f"{why}.")


def _preposition(at: datetime, now: datetime) -> str:
    """Return "at" before a time of today, "on" before another day."""
    return "on" if times.day(at.astimezone(UTC), now.astimezone(UTC)) else "at"


def _instant(at: datetime, now: datetime) -> str:
    return f"{times.instant(at, now, 'UTC')} UTC"
