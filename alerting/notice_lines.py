"""The lines of a notice, in the order of looks: since when, is it only this, last words, what to do, why you. Pure."""

from collections.abc import Sequence
from datetime import datetime

from alerting import escalation, recap, times
from alerting import surroundings as around
from alerting.escalation import Policy
from alerting.incident import Facts, RaisedSymptom, State
from alerting.notice_title import earlier, extent, had_it
from alerting.subject import (
    RESOLVED_BY,
    WELL,
    NoticeKind,
    Subject,
    cut,
    ending_of,
    headway_of,
    known,
    reported,
    standing,
    waiting,
)

DETAILED = 4
"""The most symptoms with a line of their own; the others are named in one line."""
NAMED_LIMIT = 2000
"""The most characters of that line."""
LONGEST_WORDS = 200
"""Characters of a job's last line and of its description."""
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def lines(subject: Subject, over: Sequence[str], now: datetime) -> tuple[str, ...]:
    """Return the facts after the title, most important first. `over` are the clauses that did not fit into it."""
    if text := reported(subject):
        return tuple(text[1:])
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
    new = _new(subject)
    return sorted(
        standing(subject.symptoms, now), key=lambda symptom: (symptom.id not in new, symptom.severity.rank)
    )


def _new(subject: Subject) -> set[int]:
    """Return the numbers of symptoms that are news and down."""
    return {*subject.joined, *subject.changed}


def runbook_of(subject: Subject, now: datetime) -> str:
    """Return the first runbook of what is down."""
    return next((s.facts.runbook for s in in_order(subject, now) if s.facts.runbook), "")


def _standing(subject: Subject, opened_with: int, now: datetime) -> list[str]:
    down = in_order(subject, now)
    detailed = DETAILED - opened_with
    clock = subject.clock(now)
    told = [_symptom(symptom, subject, now) for symptom in down[:detailed]]
    new = sum(symptom.id in _new(subject) for symptom in down[:detailed])
    return [
        _quiet(subject, now),
        *told[:new],
        *_no_longer_down(subject, now),
        *told[new:],
        _also_down(down[detailed:], subject),
        _waiting(subject, now),
        " ".join(around.sentences(subject.surroundings, len(down), clock)),
        _last_said(subject, len(down) > 1, now),
        _evidence(down),
        *_advice(down),
        why_you(subject, now),
    ]


def _ending(subject: Subject, now: datetime) -> list[str]:
    over = known(subject.symptoms, now)
    if subject.incident.merged_into is not None:
        return [f"It is not over: it goes on as a part of incident {subject.incident.merged_into}."]
    return [
        *(_of_one(over[0], subject, now) if len(over) == 1 else _by_reason(over, subject, now)),
        " ".join(around.sentences(subject.surroundings, 0, subject.clock(now))),
    ]


def _of_one(symptom: RaisedSymptom, subject: Subject, now: datetime) -> list[str]:
    headway, at = headway_of(symptom), subject.clock(now).at(symptom.cleared_at or now)
    return [f"At {at}: {headway}." if headway else "", _was_wrong(symptom, subject, now)]


def _was_wrong(symptom: RaisedSymptom, subject: Subject, now: datetime) -> str:
    """Return what was wrong with the one job of an incident that is over: "It failed at 03:07 UTC: exit status 1."."""
    facts, clock = symptom.facts, subject.clock(now)
    well = symptom.cleared_why == WELL
    still = " Not heard again yet." if (symptom.cleared_why or "").startswith(RESOLVED_BY) else ""
    if facts.expected_at is not None:
        heard = f", heard at {clock.at(symptom.cleared_at)}" if well and symptom.cleared_at else ""
        return f"It was due {clock.at(facts.expected_at)}{_repeats(facts)}{heard}.{still}"
    if facts.began_at is not None:
        return f"It started {clock.at(facts.began_at)}: {facts.why}.{still}"
    why = f": {facts.why}" if facts.why else ""
    words = subject.describe(symptom.cause)
    began = f"{words.past} from" if words.lasts else f"{words.verb} at"
    return f"It {began} {clock.at(facts.why_at)}{' on' if words.lasts else ''}{why}.{still}"


def _no_longer_down(subject: Subject, now: datetime) -> list[str]:
    """Return who is back, in an update: "Fine again: backup and report."."""
    back = [symptom for symptom in subject.symptoms if symptom.id in subject.back]
    return _by_reason(back, subject, now)


def _by_reason(over: Sequence[RaisedSymptom], subject: Subject, now: datetime) -> list[str]:
    """Return a line for each reason for which jobs are no longer down, with their names, and how far runs are."""
    titles: dict[str, list[str]] = {}
    for symptom in over:
        why = ending_of(symptom)
        told = "fine again" if why == WELL else "not heard again yet" if why.startswith(RESOLVED_BY) else why
        titles.setdefault(told, []).append(symptom.title)
    reasons = [cut(f"{_capital(told)}: {times.names(names)}.", NAMED_LIMIT) for told, names in titles.items()]
    clock = subject.clock(now)
    moving = [
        f"At {clock.at(symptom.cleared_at or now)}, {symptom.title}: {headway_of(symptom)}."
        for symptom in over
        if headway_of(symptom)
    ]
    return [*reasons, *moving[:DETAILED]]


def _quiet(subject: Subject, now: datetime) -> str:
    """Return how bad it is that somebody has answered, and for how long nobody is paged."""
    incident = subject.incident
    if (
        subject.kind is not NoticeKind.ACKNOWLEDGED
        or incident.next_at is None
        or incident.state is State.OPEN
    ):
        return ""
    how_much = _capital(extent(subject.symptoms, subject.surroundings, subject.describe, now))
    until = subject.clock(now).at(incident.next_at)
    return f"{how_much}, {incident.severity}. No more pages until {until}, unless something new breaks."


def _symptom(symptom: RaisedSymptom, subject: Subject, now: datetime) -> str:
    """Return since when a job is down and what was expected: "backup: due 03:00 UTC, never heard"."""
    new = "new: " if symptom.id in subject.joined else ""
    before = earlier(symptom, subject, now)
    facts = symptom.facts
    well = facts.parent_well_since
    parts = [before, f"{facts.parent} has been well since {subject.clock(now).at(well)}" if well else ""]
    return "; ".join([f"{new}{symptom.title}: {_fault(symptom, subject, now)}", *filter(None, parts)])


def _fault(symptom: RaisedSymptom, subject: Subject, now: datetime) -> str:
    facts, clock = symptom.facts, subject.clock(now)
    if facts.expected_at is not None:
        heard = f"last heard {clock.aged(facts.last_heard_at)}" if facts.last_heard_at else "never heard"
        return f"due {clock.at(facts.expected_at)}{_repeats(facts)}, {heard}"
    if facts.began_at is not None:
        return f"{facts.why}, started {clock.aged(facts.began_at)}"
    words = subject.describe(symptom.cause)
    fault = f"{facts.why or words.alone}{words.since} {clock.aged(facts.why_at)}"
    if clock.at(facts.why_at) != clock.at(facts.since):
        fault += f", down since {clock.at(facts.since)}"
    if facts.last_well_at:
        return f"{fault}, last succeeded {clock.aged(facts.last_well_at)}"
    return f"{fault}, has never succeeded" if facts.never_well else fault


def _repeats(facts: Facts) -> str:
    return f", {facts.repeats}" if facts.repeats else ""


def _also_down(others: Sequence[RaisedSymptom], subject: Subject) -> str:
    by_word: dict[str, list[str]] = {}
    for symptom in others:
        by_word.setdefault(subject.describe(symptom.cause).word, []).append(symptom.title)
    listed = "; ".join(f"also {word}: {', '.join(titles)}" for word, titles in by_word.items())
    return listed if len(listed) <= NAMED_LIMIT else f"{cut(listed, NAMED_LIMIT)} ({len(others):,} in all)"


def _waiting(subject: Subject, now: datetime) -> str:
    """Return what waits for what is down, and pages only if it stays down once that is well."""
    return cut(" ".join(waiting(subject.symptoms, now)), NAMED_LIMIT)


def _last_said(subject: Subject, several: bool, now: datetime) -> str:
    symptom = speaker(subject, now)
    if symptom is None:
        return ""
    name = f"{symptom.title} last said" if several else "Last said"
    return f"{name}: {cut(symptom.facts.last_said, LONGEST_WORDS)}"


def _evidence(down: Sequence[RaisedSymptom]) -> str:
    """Return the values behind the first fault that has any: "Rule: rows > 0. Last rows: 12, 4, 0 (falling)."."""
    symptom = next((symptom for symptom in down if symptom.facts.evidence), None)
    if symptom is None:
        return ""
    return f"{symptom.title}: {symptom.facts.evidence}" if len(down) > 1 else symptom.facts.evidence


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
    """Return why the reader hears of it, who has it, and who is next."""
    incident = subject.incident
    if incident.next_at is None or subject.kind not in (NoticeKind.PAGE, NoticeKind.UPDATE):
        return ""
    pages_at = (
        incident.next_at if incident.state is not State.OPEN else subject.next_page_at or incident.next_at
    )
    at = subject.clock(now).at(pages_at)
    if subject.kind is NoticeKind.PAGE and incident.state is State.OPEN:
        return f"{_place(subject)}. If nobody answers, {_next(subject)} at {at}."
    paged = f"{subject.person.name} was" if subject.shared else "You were"
    return f"{_has_it(subject, at, now)} {paged} paged for it ({incident.policy.name}). {_how_bad(subject)}"


def _has_it(subject: Subject, at: str, now: datetime) -> str:
    """Return who has the incident, or who is next: "Acknowledged by Anna until 07:20 UTC."."""
    incident = subject.incident
    if incident.state is State.ACKNOWLEDGED:
        return f"Acknowledged by {incident.acknowledged_by or 'somebody'} until {at}."
    if incident.state is State.SNOOZED:
        return f"Snoozed until {at}."
    before = had_it(subject, now, recap.sentence) or "Nobody has answered yet"
    return f"{before}. {_capital(_next(subject))} at {at}."


def _how_bad(subject: Subject) -> str:
    """Return the severity, and that it has fallen: "Severity: warning, no longer critical."."""
    severity, worst = subject.incident.severity, subject.incident.seen
    fallen = worst is not None and worst.rank < severity.rank
    return f"Severity: {severity}{f', no longer {worst}' if fallen else ''}."


def place(policy: Policy, step: int, others: Sequence[str], who: str = "You are") -> str:
    """Return the place of somebody in a policy: "You are first on call (ops), with Ben"."""
    number = escalation.number_of(policy, step)
    where = (
        "assigned to it"
        if number == 0
        else f"{_ORDINALS[number - 1]} on call"
        if number <= len(_ORDINALS)
        else f"on call in step {number}"
    )
    where += ", in turn" if escalation.step_at(policy, step).round_robin else ""
    return f"{who} {where} ({policy.name}){f', with {times.names(others)}' if others else ''}"


def _place(subject: Subject) -> str:
    if subject.words.startswith(unreached := escalation.nobody_reached(subject.incident.policy)):
        who = f"{subject.person.name} is" if subject.shared else "you are"
        return f"{_capital(unreached)}, so {who} paged, as the catch-all"
    who = f"{subject.person.name} is" if subject.shared else "You are"
    return place(subject.incident.policy, subject.step, [person.name for person in subject.with_people], who)


def _next(subject: Subject) -> str:
    """Return who is paged next: "Cleo is paged", "you are paged again"."""
    earlier = {subject.person.id, *(person.id for person in subject.with_people), *subject.paged}
    called = [
        ("you" if person.id == subject.person.id and not subject.shared else person.name, person.id)
        for person in subject.next_people
    ]
    called.sort(key=lambda each: each[0] != "you")
    return times.paged(
        [name for name, _ in called],
        [name for name, person in called if person in earlier],
        subject.next_draws,
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
