"""What the phone shows. Pure: facts in, words out; `now` and the reader's zone are arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from alerting import times
from alerting.incident import Describe, Incident, RaisedSymptom, State, Surroundings
from alerting.person import Person
from alerting.severity import Severity

TITLE_LIMIT = 60
SMS_LIMIT = 160
DETAILED = 5
"""How many symptoms have a line of their own; the others are named in one line."""


class Kind(StrEnum):
    """What a notice is for. A `page` wants a human; the others tell those who were paged."""

    PAGE = "page"
    UPDATE = "update"
    ACKNOWLEDGED = "acknowledged"
    RECOVERED = "recovered"
    DIGEST = "digest"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one person, in words, with what machines need beside them.

    `id` is the same across retries and after a crash; `dedup_key` is the same for every notice of one
    incident, so that providers form one thread. `lines` are the facts after the title, most needed first:
    cut from the end where space is short. `short` is the whole in at most 160 characters.
    `ack_url` is set where pressing Acknowledge makes sense: GET shows a form, POST acts.
    """

    kind: Kind
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
    """Whether this is the first page since a quiet came to its end. A provider that keeps an incident of its own
    has it acknowledged still, and would tell nobody."""
    open_url: str | None = None
    ack_url: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    """The same facts for machines: JSON-able."""

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Links:
    """Where this person answers: `open_url` shows the incident, `ack_url` acknowledges this occurrence."""

    open_url: str
    ack_url: str


@dataclass(frozen=True, slots=True)
class Subject:
    """All that a notice is made from, as it is when the notice is sent."""

    kind: Kind
    page: int
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


def compose(about: Subject, now: datetime) -> Notice:
    """The notice for one person, facts in the order of need: what, since when, what is alive, last words, why you."""
    incident = about.incident
    title = _title(about, now)
    lines = tuple(line for line in _lines(about, now) if line)
    answerable = about.kind in (Kind.PAGE, Kind.UPDATE) and incident.state is State.OPEN
    return Notice(
        kind=about.kind,
        id=f"page-{about.page}",
        dedup_key=f"heartbeat-incident-{incident.id}",
        severity=incident.severity,
        title=cut(title, TITLE_LIMIT),
        lines=lines,
        short=cut(". ".join([title, *lines[:1]]), SMS_LIMIT),
        at=now,
        opened_at=incident.opened_at,
        incident=incident.id,
        sequence=about.sequence,
        reopens=about.kind is Kind.PAGE and incident.occurrence > 1 and about.step == 0,
        open_url=about.links.open_url,
        ack_url=about.links.ack_url if answerable else None,
        details=_details(about),
    )


def digest(notices: Sequence[Notice], open_url: str, now: datetime) -> Notice:
    """Many notices to one person as one: every cause by name, worst first. The order of `notices` is kept within."""
    worst_first = sorted(notices, key=lambda notice: notice.severity.rank)
    title = f"{len(notices)} notices held back by a rate limit"
    first = worst_first[0]
    return Notice(
        kind=Kind.DIGEST,
        id=f"digest-{first.id}-{len(notices)}",
        dedup_key=f"digest-{first.id}",
        severity=first.severity,
        title=cut(title, TITLE_LIMIT),
        lines=tuple(notice.title for notice in worst_first),
        short=cut(f"{title}. {first.title}", SMS_LIMIT),
        at=now,
        opened_at=min(notice.opened_at for notice in notices),
        open_url=open_url,
    )


def trial(person: Person, open_url: str, now: datetime) -> Notice:
    """A notice that only proves that a contact works."""
    title = f"TEST page for {person.name}"
    line = "Nothing is wrong. Somebody asked whether this contact can be reached; it can."
    return Notice(
        kind=Kind.TEST,
        id=f"test-{person.id}-{now:%Y%m%d%H%M%S}",
        dedup_key=f"heartbeat-test-{person.id}",
        severity=Severity.INFO,
        title=cut(title, TITLE_LIMIT),
        lines=(line,),
        short=cut(f"{title}. {line}", SMS_LIMIT),
        at=now,
        opened_at=now,
        open_url=open_url,
    )


def cut(text: str, limit: int) -> str:
    """The text in one line of at most `limit` characters; what was cut is marked by an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def extent(
    incident: Incident, symptoms: Sequence[RaisedSymptom], around: Surroundings, describe: Describe
) -> str:
    """How much of the group is concerned: "4 of 11 jobs silent", "silent" where the group is one job."""
    standing = [symptom for symptom in symptoms if symptom.cleared_at is None]
    causes = {symptom.cause for symptom in standing}
    word = describe(causes.pop() if len(causes) == 1 else incident.cause).word
    if around.total <= 1 and len(standing) <= 1:
        return word
    return f"{len(standing)} of {times.count(max(around.total, len(standing)), 'job')} {word}"


def called(incident: Incident, symptoms: Sequence[RaisedSymptom], around: Surroundings) -> str:
    """What an incident is about: the group, or the job's own name where the group is that one job."""
    titles = {symptom.title for symptom in symptoms}
    return titles.pop() if len(titles) == 1 and around.total <= 1 else incident.title


def _called(about: Subject) -> str:
    return called(about.incident, about.symptoms, about.surroundings)


def _title(about: Subject, now: datetime) -> str:
    incident, around = about.incident, about.surroundings
    much = extent(incident, about.symptoms, around, about.describe)
    if about.kind is Kind.RECOVERED:
        return _ending(about, now)
    if about.kind is Kind.ACKNOWLEDGED:
        return f"{_called(about)}: {about.words}"
    if about.kind is Kind.UPDATE:
        return f"{about.words} on {_called(about)} ({much})"
    return f"{incident.severity.upper()} {_called(about)}: {much}"


def _ending(about: Subject, now: datetime) -> str:
    incident, around = about.incident, about.surroundings
    if incident.resolved_by != "recovery":
        return f"CLOSED {_called(about)}: {about.words}"
    since = times.instant(incident.resolved_at or now, now, about.person.timezone)
    alive = f"all {around.total} alive" if around.alive >= around.total > 1 else "alive"
    if around.total > 1 and around.alive < around.total:
        alive = f"{around.alive} of {around.total} alive"
    return f"OK {_called(about)}: {alive} since {since}"


def _lines(about: Subject, now: datetime) -> list[str]:
    if about.kind is Kind.RECOVERED:
        incident = about.incident
        lasted = times.duration((incident.resolved_at or now) - incident.opened_at)
        names = ", ".join(dict.fromkeys(symptom.title for symptom in about.symptoms))
        return [f"It {about.describe(incident.cause).past} for {lasted}: {names}."]
    standing = [symptom for symptom in about.symptoms if symptom.cleared_at is None]
    told = [_symptom_line(symptom, about, now) for symptom in standing[:DETAILED]]
    rest = [symptom.title for symptom in standing[DETAILED:]]
    more = f"and {about.describe(about.incident.cause).word} too: {', '.join(rest)}" if rest else ""
    return [
        _quiet_line(about, now),
        *told,
        more,
        _alive_line(about, now),
        _last_said(standing),
        _why_you(about, now),
    ]


def _quiet_line(about: Subject, now: datetime) -> str:
    """Of an answer, until when it holds."""
    until, timezone = about.incident.next_at, about.person.timezone
    if about.kind is not Kind.ACKNOWLEDGED or until is None or about.incident.state is State.OPEN:
        return ""
    at = f"{times.instant(until, now, timezone)} {times.zone_name(until, timezone)}"
    return f"Quiet until {at}; it pages again then unless it is over."


def _symptom_line(symptom: RaisedSymptom, about: Subject, now: datetime) -> str:
    facts, timezone = symptom.facts, about.person.timezone

    def told(words: str, at: datetime) -> str:
        return f"{words} {times.instant(at, now, timezone)} {times.zone_name(at, timezone)} ({times.ago(at, now)})"

    if facts.expected_at is not None:
        heard = told("last heard", facts.last_heard_at) if facts.last_heard_at else "never heard"
        return f"{symptom.title} due {times.instant(facts.expected_at, now, timezone)}, {heard}"
    if facts.began_at is not None:
        return f"{symptom.title} {facts.why}, {told('started', facts.began_at)}"
    since = times.instant(facts.since, now, timezone)
    well = (
        told(", last well", facts.last_well_at) if facts.last_well_at else ", never well" * facts.never_well
    )
    return f"{symptom.title} {facts.why or about.describe(symptom.cause).word} at {since}{well}"


def _alive_line(about: Subject, now: datetime) -> str:
    around = about.surroundings
    parts = []
    if around.total > 1:
        newest = times.instant(around.newest_at, now, about.person.timezone) if around.newest_at else None
        alive = (
            f"{around.alive or 'no'} {'job' if around.alive == 1 else 'jobs'} on {about.incident.title} alive"
        )
        parts.append(f"{alive}, newest {newest}" if newest and around.alive else alive)
    return "; ".join([*parts, *around.others])


def _last_said(standing: Sequence[RaisedSymptom]) -> str:
    said = next((symptom.facts.last_said for symptom in standing if symptom.facts.last_said), "")
    return f"last said: {cut(said, 200)}" if said else ""


def _why_you(about: Subject, now: datetime) -> str:
    incident = about.incident
    if about.kind is not Kind.PAGE or incident.next_at is None:
        return ""
    step = min(about.step, len(incident.policy.steps) - 1) + 1
    at = times.instant(incident.next_at, now, about.person.timezone)
    zone = times.zone_name(incident.next_at, about.person.timezone)
    return f"You are step {step} of {incident.policy.name}; {', '.join(about.next_people)} at {at} {zone}"


def _details(about: Subject) -> dict[str, object]:
    incident, around = about.incident, about.surroundings
    return {
        "incident": incident.id,
        "occurrence": incident.occurrence,
        "state": incident.state.value,
        "cause": incident.cause,
        "title": incident.title,
        "opened_at": incident.opened_at.isoformat(),
        "person": about.person.id,
        "total": around.total,
        "alive": around.alive,
        "symptoms": [
            {
                "key": symptom.key,
                "title": symptom.title,
                "cause": symptom.cause,
                "severity": symptom.severity.value,
                "raised_at": symptom.raised_at.isoformat(),
                "cleared_at": symptom.cleared_at.isoformat() if symptom.cleared_at else None,
            }
            for symptom in about.symptoms
        ],
    }
