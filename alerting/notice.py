"""Composes notices: the text that a person reads on the phone. Pure; `now` and the reader's zone are arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from alerting import outside, times
from alerting.incident import Describe, Incident, RaisedSymptom, State, Surroundings
from alerting.person import Person
from alerting.severity import Severity

TITLE_LIMIT = 60
SMS_LIMIT = 160
DETAILED = 5
"""The most symptoms with a line of their own; the others are named in one line."""
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


class NoticeKind(StrEnum):
    """The purpose of a notice. A `page` needs an answer; the others inform the people who were paged."""

    PAGE = "page"
    UPDATE = "update"
    ACKNOWLEDGED = "acknowledged"
    RECOVERED = "recovered"
    DIGEST = "digest"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to one person, in words, with the same facts for machines.

    `id` is the same across retries and after a crash. `dedup_key` is the same for every notice of an incident, so that
    providers form one thread. `lines` are the facts after the title, most important first; if space is short, the end
    is cut. `short` is the whole in at most 160 characters. `ack_url` is set if the notice can be acknowledged: GET
    shows a form, POST acts.
    """

    kind: NoticeKind
    id: str
    dedup_key: str
    severity: Severity
    title: str
    lines: tuple[str, ...]
    short: str
    at: datetime
    opened_at: datetime
    incident: int | None = None
    sequence: int = 0
    """Counts the notices of one incident to one person from 0: the first opens the thread."""
    reopens: bool = False
    """True for the first page of an occurrence to a contact that has a page of an earlier one. A provider with an
    incident of its own may have it acknowledged, and would notify nobody."""
    open_url: str | None = None
    ack_url: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    """The facts for machines, as JSON values."""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Links:
    """A person's links: `open_url` shows the incident, `ack_url` acknowledges this occurrence."""

    open_url: str
    ack_url: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The facts of a notice, as they are when it is sent."""

    kind: NoticeKind
    page: str
    """The id of the page outside."""
    sequence: int
    words: str
    step: int
    incident: Incident
    symptoms: Sequence[RaisedSymptom]
    surroundings: Surroundings
    describe: Describe
    person: Person
    next_people: Sequence[str]
    links: Links
    reopens: bool = False


def compose(subject: Subject, now: datetime) -> Notice:
    """Return the notice for one person: what and since when, what is alive, the last output, why you."""
    incident = subject.incident
    title = _title(subject, now)
    lines = tuple(line for line in _lines(subject, now) if line)
    answerable = subject.kind in (NoticeKind.PAGE, NoticeKind.UPDATE) and incident.state is State.OPEN
    return Notice(
        kind=subject.kind,
        id=subject.page,
        dedup_key=outside.of_incident(incident),
        severity=incident.severity,
        title=cut(title, TITLE_LIMIT),
        lines=lines,
        short=cut(". ".join([title, *lines[:1]]), SMS_LIMIT),
        at=now,
        opened_at=incident.opened_at,
        incident=incident.id,
        sequence=subject.sequence,
        reopens=subject.reopens,
        open_url=subject.links.open_url,
        ack_url=subject.links.ack_url if answerable else None,
        details=_details(subject),
    )


def digest(notices: Sequence[Notice], open_url: str, now: datetime) -> Notice:
    """Return many notices to one person as one: every cause by name, worst first, else in the order of `notices`."""
    worst_first = sorted(notices, key=lambda notice: notice.severity.rank)
    title = f"{len(notices)} notices held back by a rate limit"
    first = worst_first[0]
    own_id = outside.of_digest([notice.id for notice in worst_first])
    return Notice(
        kind=NoticeKind.DIGEST,
        id=own_id,
        dedup_key=own_id,
        severity=first.severity,
        title=cut(title, TITLE_LIMIT),
        lines=tuple(notice.title for notice in worst_first),
        short=cut(f"{title}. {first.title}", SMS_LIMIT),
        at=now,
        opened_at=min(notice.opened_at for notice in notices),
        open_url=open_url,
    )


def trial(person: Person, open_url: str, now: datetime, installation: str | None) -> Notice:
    """Return a notice that tests a contact. `installation` is the name of ours."""
    own_id = outside.of_test(person.id, installation, now)
    title = f"TEST page for {person.name}"
    line = "Nothing is wrong. This is a test of this contact, and it works."
    return Notice(
        kind=NoticeKind.TEST,
        id=own_id,
        dedup_key=own_id,
        severity=Severity.INFO,
        title=cut(title, TITLE_LIMIT),
        lines=(line,),
        short=cut(f"{title}. {line}", SMS_LIMIT),
        at=now,
        opened_at=now,
        open_url=open_url,
    )


def cut(text: str, limit: int) -> str:
    """Return the text in one line of at most `limit` characters, with an ellipsis if it was cut."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def extent(
    incident: Incident, symptoms: Sequence[RaisedSymptom], surroundings: Surroundings, describe: Describe
) -> str:
    """Return the extent within the group: "4 of 11 jobs silent", or "silent" if the group is one job."""
    raised = [symptom for symptom in symptoms if symptom.cleared_at is None]
    causes = {symptom.cause for symptom in raised}
    word = describe(causes.pop() if len(causes) == 1 else incident.cause).word
    if surroundings.total <= 1 and len(raised) <= 1:
        return word
    return f"{len(raised)} of {times.count(max(surroundings.total, len(raised)), 'job')} {word}"


def called(incident: Incident, symptoms: Sequence[RaisedSymptom], surroundings: Surroundings) -> str:
    """Return the name of an incident: the group, or the job's own name if the group is that one job."""
    titles = {symptom.title for symptom in symptoms}
    return titles.pop() if len(titles) == 1 and surroundings.total <= 1 else incident.title


def _called(subject: Subject) -> str:
    return called(subject.incident, subject.symptoms, subject.surroundings)


def _title(subject: Subject, now: datetime) -> str:
    incident = subject.incident
    concerned = extent(incident, subject.symptoms, subject.surroundings, subject.describe)
    if subject.kind is NoticeKind.RECOVERED:
        return _ending(subject, now)
    if subject.kind is NoticeKind.ACKNOWLEDGED:
        return f"{_called(subject)}: {subject.words}"
    if subject.kind is NoticeKind.UPDATE:
        return f"{subject.words} on {_called(subject)} ({concerned})"
    return f"{incident.severity.upper()} {_called(subject)}: {concerned}"


def _ending(subject: Subject, now: datetime) -> str:
    incident, group = subject.incident, subject.surroundings
    if incident.resolved_by != "recovery":
        return f"CLOSED {_called(subject)}: {subject.words}"
    since = times.instant(incident.resolved_at or now, now, subject.person.timezone)
    alive = f"all {group.total} alive" if group.alive >= group.total > 1 else "alive"
    if group.total > 1 and group.alive < group.total:
        alive = f"{group.alive} of {group.total} alive"
    return f"OK {_called(subject)}: {alive} since {since}"


def _lines(subject: Subject, now: datetime) -> list[str]:
    if subject.kind is NoticeKind.RECOVERED:
        incident = subject.incident
        lasted = times.duration((incident.resolved_at or now) - incident.opened_at)
        names = ", ".join(dict.fromkeys(symptom.title for symptom in subject.symptoms))
        return [f"It {subject.describe(incident.cause).past} for {lasted}: {names}."]
    raised = [symptom for symptom in subject.symptoms if symptom.cleared_at is None]
    names = ", ".join(symptom.title for symptom in raised[DETAILED:])
    return [
        _quiet_line(subject, now),
        *(_symptom_line(symptom, subject, now) for symptom in raised[:DETAILED]),
        f"also {subject.describe(subject.incident.cause).word}: {names}" if names else "",
        _alive_line(subject, now),
        _last_said(raised),
        _why_you(subject, now),
    ]


def _quiet_line(subject: Subject, now: datetime) -> str:
    until = subject.incident.next_at
    if subject.kind is not NoticeKind.ACKNOWLEDGED or until is None or subject.incident.state is State.OPEN:
        return ""
    return f"No more pages until {_zoned(until, subject, now)}. If it is not over by then, it pages again."


def _symptom_line(symptom: RaisedSymptom, subject: Subject, now: datetime) -> str:
    facts, timezone = symptom.facts, subject.person.timezone

    def aged(event: str, at: datetime) -> str:
        return f"{event} {_zoned(at, subject, now)} ({times.ago(at, now)})"

    if facts.expected_at is not None:
        heard = aged("last heard", facts.last_heard_at) if facts.last_heard_at else "never heard"
        return f"{symptom.title} due {times.instant(facts.expected_at, now, timezone)}, {heard}"
    if facts.began_at is not None:
        return f"{symptom.title} {facts.why}, {aged('started', facts.began_at)}"
    fault = facts.why or subject.describe(symptom.cause).word
    line = f"{symptom.title}: {fault} at {times.instant(facts.since, now, timezone)}"
    if facts.last_well_at:
        return f"{line}, {aged('last succeeded', facts.last_well_at)}"
    return f"{line}, has never succeeded" if facts.never_well else line


def _alive_line(subject: Subject, now: datetime) -> str:
    group = subject.surroundings
    parts = []
    if group.total > 1:
        jobs = "job" if group.alive == 1 else "jobs"
        alive = f"{group.alive or 'no'} {jobs} on {subject.incident.title} alive"
        newest = group.newest_at if group.alive else None
        timezone = subject.person.timezone
        parts.append(f"{alive}, newest {times.instant(newest, now, timezone)}" if newest else alive)
    return "; ".join([*parts, *group.others])


def _last_said(raised: Sequence[RaisedSymptom]) -> str:
    output = next((symptom.facts.last_said for symptom in raised if symptom.facts.last_said), "")
    return f"last said: {cut(output, 200)}" if output else ""


def _why_you(subject: Subject, now: datetime) -> str:
    incident = subject.incident
    if subject.kind is not NoticeKind.PAGE or incident.next_at is None:
        return ""
    step = min(subject.step, len(incident.policy.steps) - 1)
    place = f"{_ORDINALS[step]} on call" if step < len(_ORDINALS) else f"on call in step {step + 1}"
    verb = "is" if len(subject.next_people) == 1 else "are"
    at = _zoned(incident.next_at, subject, now)
    return (
        f"You are {place} ({incident.policy.name}). "
        f"If nobody answers, {times.names(subject.next_people)} {verb} paged at {at}"
    )


def _zoned(at: datetime, subject: Subject, now: datetime) -> str:
    timezone = subject.person.timezone
    return f"{times.instant(at, now, timezone)} {times.zone_name(at, timezone)}"


def _details(subject: Subject) -> dict[str, object]:
    incident, group = subject.incident, subject.surroundings
    return {
        "incident": incident.id,
        "occurrence": incident.occurrence,
        "state": incident.state.value,
        "cause": incident.cause,
        "title": incident.title,
        "opened_at": incident.opened_at.isoformat(),
        "person": subject.person.id,
        "total": group.total,
        "alive": group.alive,
        "symptoms": [
            {
                "key": symptom.key,
                "title": symptom.title,
                "cause": symptom.cause,
                "severity": symptom.severity.value,
                "raised_at": symptom.raised_at.isoformat(),
                "cleared_at": symptom.cleared_at.isoformat() if symptom.cleared_at else None,
            }
            for symptom in subject.symptoms
        ],
    }
