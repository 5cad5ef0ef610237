"""An incident of four silent jobs on a host of eleven, and a notice about it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from alerting.escalation import Policy, Step
from alerting.incident import Facts, Incident, RaisedSymptom, State
from alerting.person import Contact, Person
from alerting.severity import Severity
from alerting.subject import WELL, Links, NoticeKind, Subject
from alerting.surroundings import Elsewhere, GroupState, Surroundings
from heartbeat.checks import cause

AT = datetime(2024, 5, 3, 3, 15, 10, tzinfo=UTC)
DUE = datetime(2024, 5, 3, 3, 0, tzinfo=UTC)
HEARD = datetime(2024, 5, 2, 3, 1, tzinfo=UTC)
ANNA = Person("anna", "Anna", (Contact("console", "terminal"),))
BEN = Person("ben", "Ben", (Contact("console", "terminal-2"),))
CLEO = Person("cleo", "Cleo", (Contact("console", "terminal-3"),))
OPS = Policy("ops", (Step(("anna", "ben"), timedelta(minutes=5)), Step(("cleo",), timedelta(minutes=5))))
INCIDENT = Incident(
    id=12,
    cause_key="silent:host=us-housekeeping",
    title="us-housekeeping",
    cause="silent",
    state=State.OPEN,
    severity=Severity.CRITICAL,
    occurrence=1,
    policy=OPS,
    step=1,
    opened_at=AT - timedelta(seconds=10),
    next_at=datetime(2024, 5, 3, 3, 20, tzinfo=UTC),
)
ACKNOWLEDGED = replace(
    INCIDENT,
    state=State.ACKNOWLEDGED,
    acknowledged_by="Anna",
    acknowledged_at=AT,
    next_at=datetime(2024, 5, 3, 7, 20, tzinfo=UTC),
)
SILENT = Facts(
    since=AT,
    expected_at=DUE,
    last_heard_at=HEARD,
    last_said="reset 18 211 accounts",
    why="was not heard in time",
)
FAILED = Facts(
    since=AT - timedelta(minutes=8),
    last_heard_at=AT - timedelta(minutes=8),
    never_well=True,
    last_said="disk full",
    why="exit status 1",
)


def symptom(title: str, number: int = 1, **changes: object) -> RaisedSymptom:
    """A silent job."""
    template = RaisedSymptom(
        id=number,
        incident_id=12,
        key=f"check:{title}",
        title=title,
        cause="silent",
        severity=Severity.CRITICAL,
        facts=SILENT,
        raised_at=AT,
        cleared_at=None,
        cleared_why=None,
    )
    made = replace(template, **changes)  # type: ignore[arg-type]  # the test names the fields
    return made if made.facts.slug else replace(made, facts=_of_check(title, made.facts))


def _of_check(title: str, facts: Facts) -> Facts:
    """The facts with those of the check itself."""
    slug = title.lower().replace(" ", "-")
    labels = {"host": "us-housekeeping", "team": "billing"}
    return replace(facts, slug=slug, uuid=str(uuid5(NAMESPACE_URL, slug)), labels=labels)


def failed(title: str, number: int = 1, **changes: object) -> RaisedSymptom:
    """A failed job."""
    return replace(symptom(title, number, cause="failed", facts=FAILED), **changes)  # type: ignore[arg-type]  # as above


NAMES = ("daily-cpu-reset", "log-rotation", "quota-report", "stale-session-sweep")
JOBS = [symptom(name, number) for number, name in enumerate(NAMES, 1)]
JOINED = [symptom("mail-queue", 5), symptom("node-probe", 6)]
AROUND = Surroundings(
    total=11,
    alive=7,
    newest_at=datetime(2024, 5, 3, 3, 4, tzinfo=UTC),
    group="us-housekeeping",
    same_jobs=(GroupState("eu-housekeeping", 11, 11),),
    elsewhere=Elsewhere("hosts", 39, 39),
)
ON_DB = Surroundings(total=1, alive=0, group="db-1", elsewhere=Elsewhere("hosts", 38, 38))
LINKS = Links("https://h.example/incidents/12", "https://h.example/answer/token")


def subject(kind: NoticeKind = NoticeKind.PAGE, **changes: object) -> Subject:
    """A notice to Anna, who is paged first, with Ben."""
    template = Subject(
        kind=kind,
        page="page-5",
        sequence=0,
        words="",
        step=0,
        incident=INCIDENT,
        symptoms=JOBS,
        surroundings=AROUND,
        describe=cause.in_words,
        person=ANNA,
        next_people=[CLEO],
        links=LINKS,
        with_people=[BEN],
    )
    return replace(template, **changes)  # type: ignore[arg-type]  # the test names the fields


def one_job(
    kind: NoticeKind = NoticeKind.PAGE, job: RaisedSymptom | None = None, **changes: object
) -> Subject:
    """A notice about one failed job on a host."""
    incident = replace(INCIDENT, title="Nightly backup", cause="failed", cause_key="failed:check=backup")
    template = subject(
        kind, incident=incident, symptoms=[job or failed("Nightly backup")], surroundings=ON_DB
    )
    return replace(template, **changes)  # type: ignore[arg-type]  # as above


def ended(by: str = "recovery", at: datetime = AT, **changes: object) -> Incident:
    """The incident, over."""
    over = replace(INCIDENT, state=State.RESOLVED, next_at=None, resolved_by=by, resolved_at=at)
    return replace(over, **changes)  # type: ignore[arg-type]  # as above


def well(jobs: list[RaisedSymptom], at: datetime = AT, why: str = WELL) -> list[RaisedSymptom]:
    """The jobs, cleared."""
    return [replace(job, cleared_at=at, cleared_why=why) for job in jobs]
