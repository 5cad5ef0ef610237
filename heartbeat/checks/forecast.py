"""What would happen: who would be paged for a check, when, through what, and what the page would say.

Only reads. Every answer is composed by the rooms that decide in earnest: `check`, `alerting.gather`,
`alerting.escalation`, `alerting.notice`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import desk, escalation, notice, times
from alerting import incident as life
from alerting.escalation import Decision, Policy
from alerting.incident import Hold, Incident, RaisedSymptom, Surroundings
from alerting.notice import Kind, Links, Notice, Subject
from alerting.person import Person
from heartbeat import installation
from heartbeat.checks import cause, check, symptoms
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Change, Check, Raised, State


@dataclass(frozen=True, slots=True)
class Call:
    """One step: these people are paged at `at`, each through their contacts in order, unless somebody has answered.

    `number` counts the policy's steps from 1; `again` where the last one repeats, on and on.
    """

    at: datetime
    number: int
    again: bool
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """Who would be paged for a check that turned down silent now; or who will be, where it is down.

    `incident` is the one it is in or would join, None where a new one would open. `told` are those who were paged
    already and hear in the same thread at `told_at` that this check has joined. `page` is the first page.
    """

    check: Check
    words: tuple[str | datetime, ...]
    """All of it in short, for who reads only this: words, and the instants among them."""
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
        """The words as text, with instants in UTC."""
        return "".join(one if isinstance(one, str) else _instant(one, self.now) for one in self.words)


def of(db: Connection, one: Check, now: datetime, open_url: str) -> Forecast:
    """What would happen now. `open_url` is where pages say that the incident is."""
    if one.state is State.PAUSED:
        return Forecast(one, ("It is paused: nothing is expected of it, and nobody is paged.",), now)
    (symptom,) = symptoms.completed(db, [symptoms.of_change(_fallen(one, now), one)], now)
    incident, raised = _incident(db, one, symptom, now)
    people = desk.people(db)
    ahead = _ahead(incident, raised)
    calls = tuple(_call(incident.policy, at, decision, people) for at, decision in ahead)
    held = symptom.hold if symptom.hold is not None and calls[0].at >= symptom.hold.until else None
    joins = one.state is not State.DOWN and incident.tell_at is not None
    return Forecast(
        check=one,
        words=_words(one, incident, held, calls[0]),
        now=now,
        policy=incident.policy,
        incident=incident if incident.id else None,
        held=held,
        told=tuple(people[name] for name in desk.told(db, incident.id) if name in people) if joins else (),
        told_at=incident.tell_at if joins else None,
        calls=calls,
        page=_page(db, one, incident, raised, ahead[0], people, open_url),
    )


def by(db: Connection, policy: Policy, now: datetime) -> tuple[Call, ...]:
    """Whom this policy would page for an incident that opened now, step by step."""
    people, at = desk.people(db), now + installation.gathering(db)
    return tuple(_call(policy, at, decision, people) for at, decision in escalation.ahead(policy, 0, at))


def _fallen(one: Check, now: datetime) -> Change:
    """The check as it is down, or as it would be if it were silent now."""
    if one.state is State.DOWN:
        down_for = one.cause or Cause.SILENT
        return Change(one, Raised(down_for, down_for.words.verb))
    return check.fallen_silent(one, now)


def _incident(
    db: Connection, one: Check, symptom: life.Symptom, now: datetime
) -> tuple[Incident, list[RaisedSymptom]]:
    """The incident that it is in, or the one that it would join or open; with all that is wrong in it."""
    key = symptoms.key_of(one)
    number = desk.incident_of(db, [key]).get(key) if one.state is State.DOWN else None
    found = desk.dossier(db, number) if number is not None else None
    if found is not None:
        return found.incident, found.symptoms
    return desk.foresee(db, symptom, now, installation.gathering(db))


def _ahead(incident: Incident, symptoms: Sequence[RaisedSymptom]) -> list[tuple[datetime, Decision]]:
    """Every step from its next action on. The end of a quiet begins with the first step."""
    at = incident.next_at or incident.opened_at
    if incident.state is life.State.OPEN:
        return escalation.ahead(incident.policy, incident.step, at)
    holds = [one.held_until for one in symptoms if one.cleared_at is None]
    ends = [until for until in holds if until is not None]
    all_held = min(ends) if ends and len(ends) == len(holds) else None
    return escalation.ahead(incident.policy, 0, life.on_quiet_over(incident, at, all_held).next_at)


def _call(policy: Policy, at: datetime, decision: Decision, people: Mapping[str, Person]) -> Call:
    steps = len(policy.steps)
    number = min(decision.step, steps - 1) + 1
    return Call(
        at, number, decision.step >= steps, tuple(escalation.recipients(decision.targets, people, at))
    )


def _page(
    db: Connection,
    one: Check,
    incident: Incident,
    raised: Sequence[RaisedSymptom],
    first: tuple[datetime, Decision],
    people: Mapping[str, Person],
    open_url: str,
) -> Notice:
    """The first page, as its first reader would see it."""
    at, decision = first
    around = symptoms.surroundings(db, [incident]).get(incident.id, Surroundings())
    if one.state is State.UP:
        around = replace(around, alive=max(around.alive - 1, 0))
    after = replace(incident, state=life.State.OPEN, step=decision.step + 1, next_at=decision.next_at)
    about = Subject(
        kind=Kind.PAGE,
        page=0,
        sequence=0,
        words=decision.reason,
        step=decision.step,
        incident=after,
        symptoms=raised,
        surroundings=around,
        describe=cause.in_words,
        person=escalation.recipients(decision.targets, people, at)[0],
        next_people=escalation.names_of(decision.next_targets, people, decision.next_at),
        links=Links(open_url, ""),
    )
    return notice.compose(about, at)


def _words(one: Check, incident: Incident, held: Hold | None, first: Call) -> tuple[str | datetime, ...]:
    actor = times.names([person.name for person in first.people])
    if one.state is State.DOWN and one.cause is not None:
        are = "is" if len(first.people) == 1 else "are"
        return (f"It {one.cause.words.verb}. Unless somebody answers, {actor} {are} paged at ", first.at, ".")
    where = f"it would join incident {incident.id}" if incident.id else "a new incident would open"
    why = f", at the end of {held.why}" if held is not None else ""
    return (f"If it fell silent now, {where}, and {actor} would be paged at ", first.at, f"{why}.")


def _instant(at: datetime, now: datetime) -> str:
    return f"{times.instant(at, now, 'UTC')} UTC"
