"""The lines of a notice, in the order of looks: since when, is it only this, last words, what to do, why you. Pure."""

from collections.abc import Sequence
from datetime import datetime

from alerting import surroundings as around
from alerting import times
from alerting.incident import RaisedSymptom, State
from alerting.notice_title import earlier
from alerting.subject import WELL, NoticeKind, Subject, cut, jobs, standing

DETAILED = 4
"""The most symptoms with a line of their own; the others are named in one line."""
NAMED_LIMIT = 2000
"""The most characters of that line."""
LONGEST_WORDS = 200
"""Characters of a job's last line and of its description."""
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def lines(subject: Subject, over: Sequence[str], now: datetime) -> tuple[str, ...]:
    """Return the facts after the title, most important first. `over` are the clauses that did not fit into it."""
    ending = subject.kind is NoticeKind.RECOVERED
    rest = ", ".join(over)
    opening = [f"It was {rest.removeprefix('was ')}." if ending else f"{_capital(rest)}."] if over else []
    body = _ending(subject, now) if ending else _standing(subject, len(opening), now)
    return tuple(line for line in [*opening, *body] if line)


def speaker(subject: Subject, now: datetime) -> RaisedSymptom | None:
    """Return the symptom whose job's last words are told: the first that has any."""
    down = in_order(subject, now)
    return next((symptom for symptom in down if symptom.facts.last_said), None)


def in_order(subject: Subject, now: datetime) -> list[RaisedSymptom]:
    """Return what is down: the news first, then the most severe, then in the order in which they turned down."""
    new = {*subject.joined, *subject.changed}
    return sorted(
        standing(subject.symptoms, now), key=lambda symptom: (symptom.id not in new, symptom.severity.rank)
    )


def runbook_of(subject: Subject, now: datetime) -> str:
    """Return the first runbook of what is down."""
    return next((s.facts.runbook for s in in_order(subject, now) if s.facts.runbook), "")


def _standing(subject: Subject, opened_with: int, now: datetime) -> list[str]:
    down = in_order(subject, now)
    detailed = DETAILED - opened_with
    clock = subject.clock(now)
    return [
        _quiet(subject, now),
        *(_symptom(symptom, subject, now) for symptom in down[:detailed]),
        _also_down(down[detailed:], subject),
        " ".join(around.sentences(subject.surroundings, len(down), clock)),
        _last_said(subject, len(down) > 1, now),
        *_advice(down),
        why_you(subject, now),
    ]


def _ending(subject: Subject, now: datetime) -> list[str]:
    about = jobs(subject.symptoms)
    clock = subject.clock(now)
    names = times.names([symptom.title for symptom in about if symptom.cleared_why == WELL])
    unheard = [symptom.title for symptom in about if symptom.cleared_why != WELL]
    by_hand = subject.incident.resolved_by != "recovery"
    return [
        cut(f"Fine again: {names}.", NAMED_LIMIT) if names and len(about) > 1 else "",
        cut(f"Not heard again yet: {times.names(unheard)}.", NAMED_LIMIT) if unheard and by_hand else "",
        " ".join(around.sentences(subject.surroundings, 0, clock)),
    ]


def _quiet(subject: Subject, now: datetime) -> str:
    until = subject.incident.next_at
    if subject.kind is not NoticeKind.ACKNOWLEDGED or until is None or subject.incident.state is State.OPEN:
        return ""
    return f"No more pages until {subject.clock(now).at(until)}, unless something new breaks."


def _symptom(symptom: RaisedSymptom, subject: Subject, now: datetime) -> str:
    """Return since when a job is down and what was expected: "backup: due 03:00 UTC, never heard"."""
    new = "new: " if symptom.id in subject.joined else ""
    before = earlier(symptom, subject, now)
    return f"{new}{symptom.title}: {_fault(symptom, subject, now)}{f'; {before}' if before else ''}"


def _fault(symptom: RaisedSymptom, subject: Subject, now: datetime) -> str:
    facts, clock = symptom.facts, subject.clock(now)
    if facts.expected_at is not None:
        heard = f"last heard {clock.aged(facts.last_heard_at)}" if facts.last_heard_at else "never heard"
        return f"due {clock.at(facts.expected_at)}, {heard}"
    if facts.began_at is not None:
        return f"{facts.why}, started {clock.aged(facts.began_at)}"
    fault = f"{facts.why or subject.describe(symptom.cause).word} at {clock.aged(facts.since)}"
    if facts.last_well_at:
        return f"{fault}, last succeeded {clock.aged(facts.last_well_at)}"
    return f"{fault}, has never succeeded" if facts.never_well else fault


def _also_down(others: Sequence[RaisedSymptom], subject: Subject) -> str:
    by_word: dict[str, list[str]] = {}
    for symptom in others:
        by_word.setdefault(subject.describe(symptom.cause).word, []).append(symptom.title)
    listed = "; ".join(f"also {word}: {', '.join(titles)}" for word, titles in by_word.items())
    return listed if len(listed) <= NAMED_LIMIT else f"{cut(listed, NAMED_LIMIT)} ({len(others)} in all)"


def _last_said(subject: Subject, several: bool, now: datetime) -> str:
    symptom = speaker(subject, now)
    if symptom is None:
        return ""
    name = f"{symptom.title} last said" if several else "Last said"
    return f"{name}: {cut(symptom.facts.last_said, LONGEST_WORDS)}"


def _advice(down: Sequence[RaisedSymptom]) -> list[str]:
    """Return what the job is and what to do, of the first job that says so."""
    several = len(down) > 1
    described = next((symptom for symptom in down if symptom.facts.description), None)
    guided = next((symptom for symptom in down if symptom.facts.runbook), None)
    runbooks = {symptom.facts.runbook for symptom in down}
    about = f"About {described.title}" if described and several else "About"
    runbook = f"Runbook of {guided.title}" if guided and len(runbooks) > 1 else "Runbook"
    return [
        f"{about}: {cut(described.facts.description, LONGEST_WORDS)}" if described else "",
        f"{runbook}: {guided.facts.runbook}" if guided else "",
    ]


def why_you(subject: Subject, now: datetime) -> str:
    incident = subject.incident
    if incident.next_at is None or subject.kind not in (NoticeKind.PAGE, NoticeKind.UPDATE):
        return ""
    at = subject.clock(now).at(incident.next_at)
    if incident.state is State.ACKNOWLEDGED:
        return f"Acknowledged by {incident.acknowledged_by or 'somebody'} until {at}."
    if incident.state is State.SNOOZED:
        return f"Snoozed until {at}."
    if subject.kind is NoticeKind.UPDATE:
        return f"Nobody has answered yet. {_capital(_next(subject))} at {at}."
    return f"{_place(subject)}. If nobody answers, {_next(subject)} at {at}."


def _place(subject: Subject) -> str:
    policy = subject.incident.policy
    step = min(subject.step, len(policy.steps) - 1)
    place = f"{_ORDINALS[step]} on call" if step < len(_ORDINALS) else f"on call in step {step + 1}"
    who = f"{subject.person.name} is" if subject.shared else "You are"
    others = (
        f", with {times.names([person.name for person in subject.with_people])}"
        if subject.with_people
        else ""
    )
    return f"{who} {place} ({policy.name}){others}"


def _next(subject: Subject) -> str:
    """Return who is paged next: "Cleo is paged", "you are paged again"."""
    people = {person.id: person for person in subject.next_people}
    again = people.pop(subject.person.id, None)
    names = [person.name for person in people.values()]
    if again is None:
        return f"{times.names(names)} {'is' if len(names) == 1 else 'are'} paged"
    you = subject.person.name if subject.shared else "you"
    verb = "is" if subject.shared and not names else "are"
    again_ = " again" if people.keys() <= {person.id for person in subject.with_people} else ""
    return f"{times.names([you, *names])} {verb} paged{again_}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
