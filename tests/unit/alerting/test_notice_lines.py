"""The lines of a notice, read as a tired person reads them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerting import escalation, notice
from alerting.escalation import Policy, Step
from alerting.incident import Facts, RaisedSymptom, State
from alerting.notice_lines import DETAILED, NAMED_LIMIT
from alerting.person import Person
from alerting.recap import PastAnswer, Recap
from alerting.severity import Severity
from alerting.subject import NoticeKind, Subject, told_apart
from alerting.surroundings import Surroundings
from heartbeat.checks import cause
from tests.unit.alerting.subjects import (
    ACKNOWLEDGED,
    ANNA,
    AT,
    BEN,
    CLEO,
    FAILED,
    INCIDENT,
    JOBS,
    JOINED,
    SILENT,
    ended,
    failed,
    one_job,
    subject,
    symptom,
    well,
)


def lines(about: Subject) -> tuple[str, ...]:
    return notice.compose(about, AT).lines


def test_the_facts_come_in_the_order_of_need() -> None:
    described = replace(
        JOBS[0].facts, description="Resets CPU allowances.", runbook="https://wiki.example/cpu"
    )
    about = subject(symptoms=[replace(JOBS[0], facts=described), *JOBS[1:]])
    assert lines(about) == (
        "daily-cpu-reset: due 03:00 UTC, last heard 02 May 03:01 UTC (24 h ago)",
        "log-rotation: due 03:00 UTC, last heard 02 May 03:01 UTC (24 h ago)",
        "quota-report: due 03:00 UTC, last heard 02 May 03:01 UTC (24 h ago)",
        "stale-session-sweep: due 03:00 UTC, last heard 02 May 03:01 UTC (24 h ago)",
        "7 other jobs on us-housekeeping are fine, last heard 03:04 UTC. eu-housekeeping: 11 of 11 fine. "
        "All 38 other hosts are fine.",
        "daily-cpu-reset last said: reset 18 211 accounts",
        "About daily-cpu-reset: Resets CPU allowances.",
        "Runbook of daily-cpu-reset: https://wiki.example/cpu",
        "You are first on call (ops), with Ben. If nobody answers, Cleo is paged at 03:20 UTC.",
    )


def test_times_are_in_the_readers_zone_with_the_zone_named() -> None:
    londoner = replace(ANNA, timezone="Europe/London")
    assert lines(subject(person=londoner))[0].startswith(
        "daily-cpu-reset: due 04:00 BST, last heard 02 May 04:01 BST"
    )


MINUTE_AGO = AT - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (
            Facts(AT, last_heard_at=AT, last_well_at=MINUTE_AGO, why="exit status 1"),
            "backup: exit status 1 at 03:15 UTC (just now), last succeeded 03:14 UTC (1 min ago)",
        ),
        (FAILED, "backup: exit status 1 at 03:07 UTC (8 min ago), has never succeeded"),
        (
            replace(FAILED, newest_at=AT),
            "backup: exit status 1 at 03:15 UTC (just now), down since 03:07 UTC, has never succeeded",
        ),
        (
            Facts(AT, last_heard_at=AT, why="reported failure"),
            "backup: reported failure at 03:15 UTC (just now)",
        ),
        (
            Facts(AT, began_at=MINUTE_AGO, why="still running after its maximum run time of 10 s"),
            "backup: still running after its maximum run time of 10 s, started 03:14 UTC (1 min ago)",
        ),
        (Facts(AT, expected_at=MINUTE_AGO, never_well=True), "backup: due 03:14 UTC, never heard"),
        (
            Facts(AT, expected_at=MINUTE_AGO, earlier_cause="failed", earlier_at=FAILED.since),
            "backup: due 03:14 UTC, never heard; it failed at 03:07 UTC",
        ),
    ],
)
def test_each_cause_tells_its_own_facts(facts: Facts, line: str) -> None:
    assert lines(one_job(job=failed("backup", facts=facts)))[0] == line


def test_what_was_found_says_when_it_was_noticed() -> None:
    """A gap of next week is no gap at the time at which it was found."""
    facts = Facts(AT, why="Fri 10 May 09:00 to 17:00 UTC: nobody is on call")
    job = replace(failed("Policy office", facts=facts), cause=cause.UNCOVERED)
    told = "Policy office: Fri 10 May 09:00 to 17:00 UTC: nobody is on call; noticed 03:15 UTC (just now)"
    assert lines(one_job(job=job))[0] == told
    over = lines(one_job(NoticeKind.RECOVERED, well([job])[0], incident=ended("recovery"), words="recovery"))
    assert "It was uncovered from 03:15 UTC on: Fri 10 May 09:00 to 17:00 UTC: nobody is on call." in over


def test_what_waits_is_named_after_what_is_down_and_counts_as_nothing() -> None:
    def waiting(number: int, title: str) -> RaisedSymptom:
        return replace(
            JOBS[0],
            id=number,
            key=f"check:{number}",
            title=title,
            held_until=AT + timedelta(hours=24),
            waits_for=JOBS[0].key,
            facts=replace(JOBS[0].facts, parent="daily-cpu-reset"),
        )

    about = subject(symptoms=[JOBS[0], waiting(20, "report"), waiting(21, "mail")])
    assert notice.compose(about, AT).title == "CRITICAL daily-cpu-reset silent (us-housekeeping)"
    assert lines(about)[1] == "report and mail wait for daily-cpu-reset."
    assert "report waits for daily-cpu-reset." in lines(subject(symptoms=[JOBS[0], waiting(20, "report")]))
    many = subject(symptoms=[JOBS[0], *(waiting(20 + n, f"report-{n}") for n in range(30))])
    assert lines(many)[1].endswith("report-19 and 10 more wait for daily-cpu-reset.")


def test_what_has_waited_says_since_when_its_parent_is_well() -> None:
    facts = replace(JOBS[0].facts, parent="nightly-backup", parent_well_since=AT - timedelta(minutes=5))
    about = subject(symptoms=[replace(JOBS[0], facts=facts)])
    assert lines(about)[0] == (
        "daily-cpu-reset: due 03:00 UTC, last heard 02 May 03:01 UTC (24 h ago); "
        "nightly-backup has been well since 03:10 UTC"
    )


def test_new_jobs_come_first_and_are_marked() -> None:
    update = subject(NoticeKind.UPDATE, symptoms=[*JOBS, *JOINED], joined=(5, 6), incident=ACKNOWLEDGED)
    told = lines(update)
    assert told[0].startswith("new: mail-queue: due 03:00 UTC")
    assert told[1].startswith("new: node-probe: due")
    assert told[2].startswith("daily-cpu-reset: due")
    assert told[DETAILED] == "also silent: quota-report, stale-session-sweep"
    assert told[-1] == (
        "Acknowledged by Anna until 07:20 UTC. You were paged for it (ops). Severity: critical."
    )


def test_an_update_says_that_nobody_has_answered_or_until_when_it_is_snoozed() -> None:
    update = subject(NoticeKind.UPDATE, symptoms=[*JOBS, *JOINED], joined=(5, 6))
    assert lines(update)[-1].startswith("Nobody has answered yet. Cleo is paged at 03:20 UTC.")
    snoozed = replace(ACKNOWLEDGED, state=State.SNOOZED)
    assert lines(replace(update, incident=snoozed))[-1].startswith("Snoozed until 07:20 UTC.")
    handed_on = PastAnswer("acknowledged", "Ben", AT - timedelta(minutes=5), end="handed on", ended_by="Ben")
    past = replace(update, recap=Recap(2, None, handed_on))
    assert lines(past)[-1].startswith("Ben acknowledged it at 03:10 UTC and handed it on. Cleo is paged at")


def test_an_update_says_why_you_hear_of_it_and_how_bad_it_is() -> None:
    update = subject(NoticeKind.UPDATE, symptoms=[*JOBS, *JOINED], joined=(5, 6))
    assert lines(update)[-1].endswith("You were paged for it (ops). Severity: critical.")
    shared = replace(update, shared=True)
    assert lines(shared)[-1].endswith("Anna was paged for it (ops). Severity: critical.")
    milder = replace(INCIDENT, severity=Severity.WARNING, seen=Severity.CRITICAL)
    assert lines(replace(update, incident=milder))[-1].endswith("Severity: warning, no longer critical.")


def test_an_update_names_who_is_back() -> None:
    back = subject(NoticeKind.UPDATE, symptoms=[*well(JOBS[:3]), JOBS[3]], back=(1, 2, 3))
    assert lines(back)[0] == "Fine again: daily-cpu-reset, log-rotation and quota-report."
    paused = [*well(JOBS[:1]), *well(JOBS[1:3], why="paused by Ann"), JOBS[3]]
    told = lines(subject(NoticeKind.UPDATE, symptoms=paused, back=(1, 2, 3)))
    assert told[:2] == ("Fine again: daily-cpu-reset.", "Paused by Ann: log-rotation and quota-report.")


def test_new_jobs_come_before_those_that_are_back() -> None:
    symptoms = [*well(JOBS[:2]), *JOBS[2:], JOINED[0]]
    told = lines(subject(NoticeKind.UPDATE, symptoms=symptoms, joined=(5,), back=(1, 2)))
    assert told[0].startswith("new: mail-queue: due")
    assert told[1:3] == (
        "Fine again: daily-cpu-reset and log-rotation.",
        "quota-report: due 03:00 UTC, last heard 02 May 03:01 UTC (24 h ago)",
    )


def test_a_page_marks_what_is_new_since_the_one_before() -> None:
    again = subject(symptoms=[*JOBS, failed("mail-queue", 5)], joined=(5,), step=1, recap=Recap(2, AT))
    assert lines(again)[1].startswith("new: mail-queue: exit status 1")


def test_a_recovery_tells_the_newest_fault_with_its_own_time() -> None:
    job = well([failed("backup", facts=replace(FAILED, newest_at=AT))])
    assert lines(one_job(NoticeKind.RECOVERED, job[0], incident=ended()))[0].startswith(
        "It failed at 03:15 UTC: exit status 1."
    )


def test_jobs_of_one_name_are_told_apart() -> None:
    twins = [
        symptom("cpu-reset", number, key=f"check:{number}", facts=replace(SILENT, slug=slug))
        for number, slug in ((1, "us-web-cpu-reset"), (2, "us-db-cpu-reset"))
    ]
    told = [one.title for one in told_apart([*twins, JOBS[1]])]
    assert told == ["cpu-reset (us-web-cpu-reset)", "cpu-reset (us-db-cpu-reset)", "log-rotation"]
    again = replace(twins[0], id=9)
    assert told_apart([twins[0], again]) == [twins[0], again]


def test_a_held_job_is_not_listed() -> None:
    held = [replace(job, held_until=AT + timedelta(hours=1)) for job in JOINED]
    assert "mail-queue" not in " ".join(lines(subject(symptoms=[JOBS[0], *held])))


def test_runs_that_were_missed_in_a_row_are_told() -> None:
    facts = replace(SILENT, repeats="missed 2 runs in a row")
    assert lines(one_job(job=symptom("backup", facts=facts)))[0] == (
        "backup: due 03:00 UTC, missed 2 runs in a row, last heard 02 May 03:01 UTC (24 h ago)"
    )


def test_every_silent_job_is_named_however_many_there_are() -> None:
    many = [symptom(f"job-{n}", n) for n in range(200)]
    page = notice.compose(subject(symptoms=many, surroundings=Surroundings(200, 0, group="us")), AT)
    assert page.title == "CRITICAL us-housekeeping is silent: all 200 jobs"
    assert all(f"job-{n}" in page.text for n in range(200))
    assert len(page.lines) <= 10


def test_the_line_of_names_is_bounded_and_says_how_many_there_are() -> None:
    many = [symptom(f"a-job-with-a-long-name-{n}", n) for n in range(2000)]
    (line,) = [line for line in lines(subject(symptoms=many)) if line.startswith("also silent")]
    assert len(line) < NAMED_LIMIT + 30
    assert line.endswith(f"… ({2000 - DETAILED:,} in all)")


def test_jobs_that_are_down_for_other_causes_are_named_by_cause() -> None:
    mixed = [*JOBS, symptom("mail-queue", 5), failed("node-probe", 6)]
    assert "also silent: mail-queue; also failed: node-probe" in lines(subject(symptoms=mixed))


def test_the_last_words_of_one_job_need_no_name() -> None:
    assert "Last said: disk full" in lines(one_job())


def test_a_long_description_is_cut() -> None:
    job = failed("backup", facts=replace(FAILED, description="word " * 100, runbook="Call the data team"))
    told = lines(one_job(job=job))
    assert f"About: {('word ' * 40)[:199].rstrip()}…" in told
    assert "Runbook: Call the data team" in told


def test_a_runbook_that_all_jobs_share_needs_no_name() -> None:
    facts = replace(JOBS[0].facts, runbook="https://wiki.example/hosts")
    jobs = [replace(job, facts=facts) for job in JOBS]
    assert "Runbook: https://wiki.example/hosts" in lines(subject(symptoms=jobs))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "You are first on call (ops), with Ben. If nobody answers, Cleo is paged at 03:20 UTC."),
        (
            {"step": 1, "with_people": (), "next_people": [BEN, CLEO]},
            "You are second on call (ops). If nobody answers, Ben and Cleo are paged at 03:20 UTC.",
        ),
        (
            {"next_people": [ANNA], "with_people": ()},
            "You are first on call (ops). If nobody answers, you are paged again at 03:20 UTC.",
        ),
        (
            {"next_people": [ANNA, CLEO]},
            "You are first on call (ops), with Ben. "
            "If nobody answers, Cleo is paged and you are paged again at 03:20 UTC.",
        ),
        (
            {"step": 1, "with_people": (), "next_people": [BEN, CLEO], "paged": ["anna", "ben", "cleo"]},
            "You are second on call (ops). If nobody answers, Ben and Cleo are paged again at 03:20 UTC.",
        ),
        (
            {"step": 1, "with_people": (), "next_people": [BEN, ANNA], "paged": ["anna", "ben"]},
            "You are second on call (ops). If nobody answers, you and Ben are paged again at 03:20 UTC.",
        ),
        (
            {"next_people": [ANNA, BEN]},
            "You are first on call (ops), with Ben. If nobody answers, you and Ben are paged again at 03:20 UTC.",
        ),
        (
            {"shared": True},
            "Anna is first on call (ops), with Ben. If nobody answers, Cleo is paged at 03:20 UTC.",
        ),
        (
            {"shared": True, "next_people": [ANNA], "with_people": ()},
            "Anna is first on call (ops). If nobody answers, Anna is paged again at 03:20 UTC.",
        ),
    ],
)
def test_a_page_says_why_you_and_who_is_next(changes: dict[str, Any], line: str) -> None:
    assert lines(subject(**changes))[-1] == line


ROUND = Policy("ops", (Step(("anna", "ben", "cleo"), timedelta(minutes=5), round_robin=True),) * 2)


@pytest.mark.parametrize(
    ("next_people", "following"),
    [
        ([BEN, CLEO], "Ben or Cleo is paged"),
        ([ANNA, BEN, CLEO], "Ben, Cleo or you are paged"),
        ([CLEO], "Cleo is paged"),
        ([ANNA], "you are paged again"),
        ([ANNA, *[CLEO] * 5], "one of 6 people is paged"),
    ],
)
def test_a_page_in_turn_says_so_and_names_whose_turn_may_be_next(
    next_people: list[Person], following: str
) -> None:
    about = subject(
        incident=replace(INCIDENT, policy=ROUND), with_people=(), next_people=next_people, next_draws=True
    )
    assert lines(about)[-1] == (
        f"You are first on call, in turn (ops). If nobody answers, {following} at 03:20 UTC."
    )


@pytest.mark.parametrize(
    ("step", "place"), [(9, "tenth on call"), (10, "on call in step 11"), (99, "on call in step 12")]
)
def test_a_place_in_a_long_policy_is_counted(step: int, place: str) -> None:
    long = replace(INCIDENT, policy=Policy("ops", (Step(("anna",), timedelta(minutes=5)),) * 12))
    assert lines(subject(step=step, incident=long, with_people=()))[-1].startswith(f"You are {place} (ops).")


@pytest.mark.parametrize("state", [State.ACKNOWLEDGED, State.SNOOZED])
def test_an_acknowledgement_tells_the_end_of_the_quiet(state: State) -> None:
    quiet = replace(ACKNOWLEDGED, state=state)
    about = subject(NoticeKind.ACKNOWLEDGED, incident=quiet, words="acknowledged by Anna")
    assert lines(about)[0] == (
        "4 of 11 jobs silent, critical. No more pages until 07:20 UTC, unless something new breaks."
    )
    assert not any("If nobody answers" in line for line in lines(about))
    reopened = replace(about, incident=INCIDENT)
    assert "No more pages" not in lines(reopened)[0]


def test_a_recovery_names_the_jobs() -> None:
    recovery = subject(NoticeKind.RECOVERED, incident=ended(), symptoms=well(JOBS))
    assert "Fine again: daily-cpu-reset, log-rotation, quota-report and stale-session-sweep." in lines(
        recovery
    )


def test_an_end_by_hand_names_what_was_not_heard_again() -> None:
    symptoms = [*well(JOBS[:2]), *well(JOBS[2:], why="resolved by Ann")]
    told = lines(
        subject(NoticeKind.RECOVERED, incident=ended("Ann"), symptoms=symptoms, words="resolved by Ann")
    )
    assert "Fine again: daily-cpu-reset and log-rotation." in told
    assert "Not heard again yet: quota-report and stale-session-sweep." in told


def test_a_recovery_of_one_job_says_what_was_wrong() -> None:
    def told(job: RaisedSymptom, by: str = "recovery") -> str:
        words = job.cleared_why or ""
        told = lines(one_job(NoticeKind.RECOVERED, job, incident=ended(by), words=words))
        return next(line for line in told if "03:00" in line or "failed at" in line)

    later = AT + timedelta(minutes=2)
    assert told(well([symptom("backup")], later)[0]) == "It was due 03:00 UTC, heard at 03:17 UTC."
    assert told(well([failed("backup")])[0]) == "It failed at 03:07 UTC: exit status 1."
    assert told(well([failed("backup")], why="resolved by Ann")[0], "Ann") == (
        "It failed at 03:07 UTC: exit status 1. Not heard again yet."
    )
    why = "deleted from the configuration"
    assert told(well([symptom("backup")], why=why)[0], "Ann") == "It was due 03:00 UTC."


def test_an_end_by_deletion_names_the_deleted_jobs() -> None:
    symptoms = [*well(JOBS[:2]), *well(JOBS[2:], why="deleted by Ann")]
    told = lines(
        subject(NoticeKind.RECOVERED, incident=ended("Ann"), symptoms=symptoms, words="deleted by Ann")
    )
    assert told[1:3] == (
        "Fine again: daily-cpu-reset and log-rotation.",
        "Deleted by Ann: quota-report and stale-session-sweep.",
    )


def test_a_person_without_a_name_in_common_is_next() -> None:
    stranger = Person("anna-b", "Anna B.", ())
    assert "Anna B. is paged at" in lines(subject(next_people=[stranger]))[-1]


def test_whoever_it_is_assigned_to_reads_so() -> None:
    assigned = replace(INCIDENT, policy=escalation.led_by(INCIDENT.policy, "anna"))
    line = lines(subject(incident=assigned, with_people=[], next_people=[BEN]))[-1]
    assert line == "You are assigned to it (ops). If nobody answers, Ben is paged at 03:20 UTC."
    second = lines(subject(incident=assigned, step=1))[-1]
    assert second.startswith("You are first on call (ops), with Ben.")


MOVING = "moving again: 200 of 1,000 (20 %) done, about 3 a minute, about 4 h to go"


def test_the_end_of_a_stuck_run_that_moves_says_how_far_it_is_and_that_it_goes_on() -> None:
    facts = Facts(AT, began_at=AT - timedelta(minutes=9), why="no progress for 1 min, at 160 of 1,000 (16 %)")
    stuck = well([symptom("repair", cause="stuck", facts=facts)], why=MOVING)
    assert lines(one_job(NoticeKind.RECOVERED, stuck[0], incident=ended()))[-3:-1] == (
        "At 03:15 UTC: 200 of 1,000 (20 %) done, about 3 a minute, about 4 h to go.",
        "It started 03:06 UTC: no progress for 1 min, at 160 of 1,000 (16 %).",
    )


def test_the_end_of_an_unfinished_run_says_when_it_was_due_and_by_when_it_had_to_be_done() -> None:
    facts = Facts(AT, expected_at=AT - timedelta(minutes=9), repeats="not finished by 03:10 UTC")
    job = well([symptom("report", cause="unfinished", facts=facts)])
    told = lines(one_job(NoticeKind.RECOVERED, job[0], incident=ended()))
    assert told[-2] == "It was due 03:06 UTC, not finished by 03:10 UTC, heard at 03:15 UTC."


def test_of_several_runs_that_move_again_each_says_how_far_it_is() -> None:
    moves = well([symptom(f"repair-{number}", number) for number in range(1, 4)], why=MOVING)
    over = subject(NoticeKind.RECOVERED, incident=ended(), symptoms=[*well(JOBS[3:]), *moves])
    far = "200 of 1,000 (20 %) done, about 3 a minute, about 4 h to go"
    assert lines(over)[-6:-1] == (
        "Fine again: stale-session-sweep.",
        "Moving again: repair-1, repair-2 and repair-3.",
        *(f"At 03:15 UTC, repair-{number}: {far}." for number in range(1, 4)),
    )
    many = well([symptom(f"repair-{number}", number) for number in range(1, 40)], why=MOVING)
    told = lines(subject(NoticeKind.RECOVERED, incident=ended(), symptoms=many))
    assert sum(line.startswith("At ") for line in told) == DETAILED
