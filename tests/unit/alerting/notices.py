"""Every kind of notice, with the phrases that answer what a tired person asks."""

from dataclasses import dataclass, replace
from datetime import timedelta

from alerting.incident import State
from alerting.recap import PastAnswer, Recap
from alerting.severity import Severity
from alerting.subject import NoticeKind, Subject
from alerting.surroundings import LateJob, OtherIncident, Surroundings
from tests.unit.alerting.subjects import (
    ACKNOWLEDGED,
    ANNA,
    AROUND,
    AT,
    FAILED,
    INCIDENT,
    JOBS,
    JOINED,
    ON_DB,
    SILENT,
    ended,
    failed,
    one_job,
    subject,
    symptom,
    well,
)

OUTPUT = "\n".join(f"line {number}: copied part {number}" for number in range(1, 20)) + "\ndisk full"
BACKUP = failed(
    "Nightly backup",
    facts=replace(
        FAILED,
        output=OUTPUT,
        description="Copies the customers' databases to the other site. Nothing is lost if one night is missed.",
        runbook="https://wiki.example.com/nightly-backup",
        last_well_at=AT - timedelta(hours=24),
    ),
)
NEVER = symptom("Weekly report", facts=replace(SILENT, last_heard_at=None, last_said="", never_well=True))
OVERRAN = symptom(
    "Import feed",
    cause="overrun",
    facts=replace(
        SILENT,
        expected_at=None,
        began_at=AT - timedelta(minutes=31),
        why="still running after its maximum run time of 30 min",
    ),
)
TOO = symptom(
    "Import feed", 3, facts=replace(SILENT, earlier_cause="failed", earlier_at=AT - timedelta(minutes=10))
)
LONG = ended(opened_at=AT - timedelta(hours=4, minutes=38))
WHOLE = replace(AROUND, alive=11)
BESIDE = replace(
    AROUND,
    alive=3,
    late=1,
    late_jobs=(LateJob("node-probe", AT - timedelta(seconds=30)),),
    incidents=(OtherIncident(14, "Import feed failed"),),
    down_besides={"failed": 1},
)
MANY = [*JOBS, JOINED[0], failed("dns-export", 8)]
MINUTES_AGO = AT - timedelta(minutes=12)
HAD_IT = PastAnswer("acknowledged", "Ben", AT - timedelta(hours=4), "reopened")
HANDED_ON = PastAnswer("acknowledged", "Ben", MINUTES_AGO, "handed on", "Ben")
WORSE = PastAnswer("acknowledged", "Ben", MINUTES_AGO, "reopened", worse=True)
MILD = [replace(job, severity=Severity.WARNING) for job in JOBS[:1]]
FALLEN = replace(INCIDENT, severity=Severity.WARNING, seen=Severity.CRITICAL)
AGAIN = replace(
    INCIDENT,
    opened_at=AT - timedelta(minutes=10),
    falls=tuple(AT - timedelta(minutes=minutes) for minutes in (7, 4, 0)),
)
TOLERANT = symptom("Weekly report", facts=replace(SILENT, repeats="missed 2 runs in a row"))
THRICE = failed("Import feed", facts=replace(FAILED, why="exit status 1, 3 failures in a row"))
LONDON = replace(ANNA, timezone="Europe/London")


@dataclass(frozen=True)
class Case:
    """A notice with the phrases that answer what people ask.

    A page answers ten questions: what, how many, since when, how bad, expected when, what is alive, last heard, why me,
    who is next, how do I acknowledge. The first four are answered in a short text too.
    """

    name: str
    about: Subject
    answers: tuple[str, ...] = ()


CASES = [
    Case(
        "several jobs of a host are silent",
        subject(),
        (
            "us-housekeeping",
            "4 of 11",
            "due 03:00 UTC",
            "CRITICAL",
            "due 03:00 UTC",
            "7 other jobs on us-housekeeping are fine",
            "last heard 02 May 03:01 UTC",
            "You are first on call (ops), with Ben",
            "Cleo is paged at 03:20 UTC",
            "Acknowledge: ",
        ),
    ),
    Case(
        "one job failed",
        one_job(job=BACKUP),
        (
            "Nightly backup",
            "Nightly backup failed (db-1)",
            "at 03:07 UTC (8 min ago)",
            "CRITICAL",
            "last succeeded 02 May 03:15 UTC (24 h ago)",
            "All 38 other hosts are fine",
            "last succeeded 02 May 03:15 UTC",
            "You are first on call (ops)",
            "Cleo is paged at 03:20 UTC",
            "Acknowledge: ",
        ),
    ),
    Case(
        "one job was never heard, read in London",
        one_job(job=NEVER, person=LONDON),
        (
            "Weekly report",
            "Weekly report silent (db-1)",
            "due 04:00 BST",
            "CRITICAL",
            "due 04:00 BST",
            "All 38 other hosts are fine",
            "never heard",
            "You are first on call (ops)",
            "Cleo is paged at 04:20 BST",
            "Acknowledge: ",
        ),
    ),
    Case(
        "one job overran, on a channel of several people",
        one_job(job=OVERRAN, shared=True),
        (
            "Import feed",
            "Import feed overran (db-1)",
            "started 02:44 UTC (31 min ago)",
            "CRITICAL",
            "maximum run time of 30 min",
            "All 38 other hosts are fine",
            "started 02:44 UTC",
            "Anna is first on call (ops), with Ben",
            "Cleo is paged at 03:20 UTC",
            "Acknowledge: ",
        ),
    ),
    Case(
        "the third page of mixed causes, with another incident and a late job",
        subject(
            symptoms=MANY,
            surroundings=BESIDE,
            step=2,
            recap=Recap(3, AT - timedelta(minutes=12)),
            next_people=[ANNA],
            with_people=(),
        ),
        (
            "us-housekeeping",
            "5 of 11 jobs silent, 2 failed",
            "3rd page, unanswered for 12 min",
            "CRITICAL",
            "due 03:00 UTC",
            "3 other jobs on us-housekeeping are fine",
            "last heard 02 May 03:01 UTC",
            "You are second on call (ops)",
            "you are paged again at 03:20 UTC",
            "Acknowledge: ",
        ),
    ),
    Case(
        "a page after an acknowledgement has expired",
        subject(recap=Recap(2, None, HAD_IT)),
        (
            "us-housekeeping",
            "4 of 11",
            "2nd page: Ben's acknowledgement of 02 May 23:15 UTC has expired",
            "CRITICAL",
            "due 03:00 UTC",
            "7 other jobs on us-housekeeping are fine",
            "last heard 02 May 03:01 UTC",
            "You are first on call (ops), with Ben",
            "Cleo is paged at 03:20 UTC",
            "Acknowledge: ",
        ),
    ),
    Case(
        "a page that Ben handed on",
        one_job(job=BACKUP, step=1, with_people=(), next_people=[ANNA], recap=Recap(2, None, HANDED_ON)),
        (
            "Nightly backup",
            "Nightly backup failed (db-1)",
            "Ben acknowledged it at 03:03 UTC and handed it on",
            "CRITICAL",
            "exit status 1 at 03:07 UTC (8 min ago)",
            "All 38 other hosts are fine",
            "last succeeded 02 May 03:15 UTC",
            "You are second on call (ops)",
            "you are paged again at 03:20 UTC",
            "Acknowledge: ",
        ),
    ),
    Case(
        "down again and again",
        one_job(job=BACKUP, incident=replace(AGAIN, title="Nightly backup")),
        (
            "Nightly backup",
            "Nightly backup failed (db-1)",
            "4th time in 10 min",
            "CRITICAL",
            "exit status 1 at 03:07 UTC (8 min ago)",
            "All 38 other hosts are fine",
            "last succeeded 02 May 03:15 UTC",
            "You are first on call (ops), with Ben",
            "Cleo is paged at 03:20 UTC",
            "Acknowledge: ",
        ),
    ),
    Case(
        "a job that may miss one run has missed two",
        one_job(job=TOLERANT),
        (
            "Weekly report",
            "Weekly report silent (db-1)",
            "missed 2 runs in a row",
            "CRITICAL",
            "due 03:00 UTC",
            "All 38 other hosts are fine",
            "last heard 02 May 03:01 UTC",
            "You are first on call (ops), with Ben",
            "Cleo is paged at 03:20 UTC",
            "Acknowledge: ",
        ),
    ),
    Case(
        "a job that may fail twice has failed three times",
        one_job(job=THRICE),
        (
            "Import feed",
            "Import feed failed (db-1)",
            "3 failures in a row at 03:07 UTC",
            "CRITICAL",
            "exit status 1",
            "All 38 other hosts are fine",
            "has never succeeded",
            "You are first on call (ops), with Ben",
            "Cleo is paged at 03:20 UTC",
            "Acknowledge: ",
        ),
    ),
    Case(
        "a maintenance window has ended, and a worse job is still down",
        subject(
            symptoms=[*MILD, failed("dns-export", 8)],
            joined=(8,),
            recap=Recap(2, None, WORSE),
            surroundings=replace(AROUND, alive=9),
        ),
        (
            "us-housekeeping",
            "1 of 11 jobs silent, 1 failed",
            "worse than when Ben acknowledged it at 03:03 UTC",
            "CRITICAL",
            "new: dns-export: exit status 1 at 03:07 UTC (8 min ago)",
            "9 other jobs on us-housekeeping are fine",
            "last heard 02 May 03:01 UTC",
            "You are first on call (ops), with Ben",
            "Cleo is paged at 03:20 UTC",
            "Acknowledge: ",
        ),
    ),
    Case(
        "two more jobs, acknowledged",
        subject(
            NoticeKind.UPDATE,
            symptoms=[*JOBS, *JOINED],
            joined=(5, 6),
            incident=ACKNOWLEDGED,
            surroundings=replace(AROUND, alive=5),
        ),
        (
            "+2 on us-housekeeping (6 of 11 silent)",
            "new: mail-queue: due 03:00 UTC",
            "Acknowledged by Anna until",
        ),
    ),
    Case(
        "two more jobs, not answered",
        subject(
            NoticeKind.UPDATE, symptoms=[*JOBS, *JOINED], joined=(5, 6), surroundings=replace(AROUND, alive=5)
        ),
        ("+2 on us-housekeeping (6 of 11 silent)", "Nobody has answered yet. Cleo is paged at 03:20 UTC."),
    ),
    Case(
        "one more job and two back",
        subject(
            NoticeKind.UPDATE,
            symptoms=[*well(JOBS[:2]), *JOBS[2:], JOINED[0]],
            joined=(5,),
            back=(1, 2),
            surroundings=replace(AROUND, alive=8),
        ),
        ("+1, 2 back on us-housekeeping (3 of 11 silent)", "Fine again: daily-cpu-reset and log-rotation."),
    ),
    Case(
        "three are back, and it is no longer critical",
        subject(
            NoticeKind.UPDATE,
            symptoms=[*well(JOBS[:3]), JOBS[3]],
            back=(1, 2, 3),
            incident=FALLEN,
            surroundings=replace(AROUND, alive=10),
        ),
        (
            "3 back on us-housekeeping (1 of 11 silent)",
            "Fine again: daily-cpu-reset, log-rotation and quota-report.",
            "Severity: warning, no longer critical.",
        ),
    ),
    Case(
        "a failed job is silent too",
        one_job(NoticeKind.UPDATE, TOO, changed=(3,)),
        ("Import feed (db-1): now silent", "it failed at 03:05 UTC"),
    ),
    Case(
        "acknowledged",
        subject(NoticeKind.ACKNOWLEDGED, incident=ACKNOWLEDGED, words="acknowledged by Anna"),
        ("acknowledged by Anna until 07:20 UTC", "4 of 11 jobs silent, critical."),
    ),
    Case(
        "snoozed",
        subject(
            NoticeKind.ACKNOWLEDGED,
            incident=replace(ACKNOWLEDGED, state=State.SNOOZED, acknowledged_by=None, acknowledged_at=None),
            words="snoozed by Ben until 03 May 07:20 UTC",
        ),
        ("snoozed by Ben until 07:20 UTC", "4 of 11 jobs silent, critical.", "No more pages until 07:20 UTC"),
    ),
    Case(
        "a host is fine again",
        subject(NoticeKind.RECOVERED, incident=LONG, symptoms=well(JOBS), surroundings=WHOLE),
    ),
    Case(
        "a job is fine again",
        one_job(NoticeKind.RECOVERED, well([BACKUP])[0], incident=LONG, surroundings=replace(ON_DB, alive=1)),
    ),
    Case(
        "jobs are back and another is not",
        subject(
            NoticeKind.RECOVERED, incident=LONG, symptoms=well(JOBS), surroundings=replace(BESIDE, alive=9)
        ),
    ),
    Case(
        "resolved by hand",
        subject(
            NoticeKind.RECOVERED,
            incident=ended("Ann"),
            symptoms=well(JOBS, why="resolved by Ann"),
            words="resolved by Ann",
        ),
    ),
    Case(
        "deleted",
        one_job(
            NoticeKind.RECOVERED,
            well([NEVER], why="deleted from the configuration")[0],
            incident=ended("heartbeat.yaml", opened_at=AT - timedelta(hours=4, minutes=38)),
            surroundings=Surroundings(0, 0, group="db-1"),
            words="deleted from the configuration",
        ),
        ("Weekly report (db-1): deleted from the configuration", "silent for 4 h 38 min"),
    ),
    Case(
        "a job that failed and then fell silent is fine again",
        one_job(NoticeKind.RECOVERED, well([TOO])[0], incident=LONG, surroundings=replace(ON_DB, alive=1)),
        ("OK Import feed (db-1): fine since 03:15 UTC", "down for 4 h 38 min"),
    ),
    Case(
        "paused",
        one_job(
            NoticeKind.RECOVERED,
            well([BACKUP], why="paused by Ann")[0],
            incident=LONG,
            surroundings=Surroundings(0, 0, group="db-1"),
        ),
    ),
]
