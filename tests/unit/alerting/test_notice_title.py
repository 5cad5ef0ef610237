"""Titles: what is wrong and how bad, in 60 characters."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerting import notice, times
from alerting.incident import CauseWords, State
from alerting.notice_title import TITLE_LIMIT, clauses, fitted, returned
from alerting.recap import PastAnswer, Recap
from alerting.subject import NoticeKind, Subject
from alerting.surroundings import OtherIncident, Surroundings
from tests.unit.alerting.subjects import (
    ACKNOWLEDGED,
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

SINCE = AT - timedelta(minutes=12)
MORNING = datetime(2024, 5, 3, 7, 42, tzinfo=UTC)


def said(about: Subject, now: datetime = AT) -> str:
    """All clauses of a title."""
    return ", ".join(clauses(about, now))


def test_several_jobs_are_called_by_their_group_with_its_extent() -> None:
    assert said(subject()) == "CRITICAL us-housekeeping: 4 of 11 jobs silent"


def test_one_job_is_called_by_its_own_name_with_its_group() -> None:
    assert said(one_job()) == "CRITICAL Nightly backup failed (db-1)"
    assert said(one_job(surroundings=Surroundings())) == "CRITICAL Nightly backup failed"
    alone = subject(symptoms=JOBS[:1])
    assert said(alone) == "CRITICAL daily-cpu-reset silent (us-housekeeping)"


def test_a_group_in_the_name_of_its_job_is_not_repeated() -> None:
    for name in ("backup of db-1", "db-1: backup", "backup (db-1)"):
        assert said(one_job(job=failed(name))) == f"CRITICAL {name} failed"


def test_a_group_that_is_only_a_part_of_a_word_is_named() -> None:
    on_a = replace(ON_DB, group="a")
    for name in ("plain", "vitamin-a", "a.example.org"):
        assert said(one_job(job=failed(name), surroundings=on_a)) == f"CRITICAL {name} failed (a)"


def test_a_long_name_is_cut_and_the_cause_stays() -> None:
    title = said(one_job(job=failed("a very long name of a job that somebody gave to it")))
    assert len(title) == TITLE_LIMIT
    assert title.endswith("… failed (db-1)")


def test_mixed_causes_are_told_in_words() -> None:
    mixed = [*JOBS[:3], symptom("node-probe", 4, cause="overrun")]
    assert said(subject(symptoms=mixed)) == "CRITICAL us-housekeeping: 3 of 11 jobs silent, 1 overran"


def test_silent_jobs_of_the_group_in_other_incidents_count_too() -> None:
    whole = replace(AROUND, alive=0, down_besides={"silent": 1, "failed": 3})
    jobs = [symptom(f"job-{n}", n) for n in range(10)]
    assert (
        said(subject(symptoms=jobs, surroundings=whole)) == "CRITICAL us-housekeeping is silent: all 11 jobs"
    )


def test_held_symptoms_are_not_counted() -> None:
    held = [replace(job, held_until=AT + timedelta(hours=1)) for job in JOINED]
    assert said(subject(symptoms=[*JOBS, *held])) == "CRITICAL us-housekeeping: 4 of 11 jobs silent"


def test_a_repeat_says_how_often_and_for_how_long() -> None:
    again = one_job(step=2, recap=Recap(3, AT - timedelta(minutes=12)))
    assert said(again) == "CRITICAL Nightly backup failed (db-1), 3rd page, unanswered for 12 min"
    assert said(replace(again, recap=Recap(1))) == "CRITICAL Nightly backup failed (db-1)"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            PastAnswer("acknowledged", "Ben", SINCE, "reopened"),
            "Ben's acknowledgement of 03:03 UTC has expired",
        ),
        (
            PastAnswer("acknowledged", "Anna", SINCE, "reopened"),
            "your acknowledgement of 03:03 UTC has expired",
        ),
        (PastAnswer("snoozed", "Ben", SINCE, "reopened"), "Ben's snooze of 03:03 UTC is over"),
        (
            PastAnswer("acknowledged", "Ben", SINCE, "handed on", "Ben"),
            "Ben acknowledged it at 03:03 UTC and handed it on",
        ),
        (
            PastAnswer("acknowledged", "Ben", SINCE, "handed on", "Anna"),
            "Ben acknowledged it at 03:03 UTC, and you handed it on",
        ),
        (PastAnswer("handed on", "Ben", SINCE, "handed on", "Ben"), "Ben handed it on at 03:03 UTC"),
        (
            PastAnswer("acknowledged", "Ben", SINCE, "reopened", worse=True),
            "worse than when Ben acknowledged it at 03:03 UTC",
        ),
    ],
)
def test_a_page_after_an_answer_says_who_had_it(answer: PastAnswer, words: str) -> None:
    again = subject(recap=Recap(2, None, answer))
    assert clauses(again, AT)[1] == f"2nd page: {words}"
    later = subject(recap=Recap(3, AT - timedelta(minutes=5), answer))
    assert clauses(later, AT)[1] == f"3rd page, unanswered for 5 min: {words}"


def test_one_job_left_of_several_is_called_by_its_own_name() -> None:
    left = subject(symptoms=[*well(JOBS[:3]), JOBS[3]])
    assert said(left) == "CRITICAL stale-session-sweep silent (us-housekeeping)"


def test_held_jobs_do_not_rename_an_incident() -> None:
    held = [replace(job, held_until=AT + timedelta(hours=1)) for job in JOBS[1:]]
    assert said(subject(symptoms=[JOBS[0], *held])) == "CRITICAL daily-cpu-reset silent (us-housekeeping)"
    over = subject(NoticeKind.RECOVERED, incident=ended(), symptoms=well([JOBS[0], *held]))
    assert said(over).startswith("OK daily-cpu-reset (us-housekeeping): fine since 03:15 UTC")


def test_an_incident_that_recovers_is_called_by_its_job_and_not_by_what_still_waits() -> None:
    report = symptom("report", 9, held_until=AT + timedelta(hours=24), waits_for=JOBS[0].key)
    back = [*well([JOBS[0]]), report]
    over = subject(NoticeKind.RECOVERED, incident=ended(), symptoms=back)
    assert said(over).startswith("OK daily-cpu-reset (us-housekeeping): fine since 03:15 UTC")
    settling = subject(NoticeKind.ACKNOWLEDGED, symptoms=back, words="acknowledged by Anna")
    assert said(settling) == "daily-cpu-reset (us-housekeeping): acknowledged by Anna"


def test_large_numbers_have_separators() -> None:
    many = [symptom(f"job-{n}", n) for n in range(1200)]
    about = subject(symptoms=many, surroundings=Surroundings(1500, 300, group="us"))
    assert said(about) == "CRITICAL us-housekeeping: 1,200 of 1,500 jobs silent"


def test_what_does_not_fit_into_a_title_begins_the_text() -> None:
    again = subject(step=1, recap=Recap(2, AT - timedelta(minutes=5)))
    page = notice.compose(again, AT)
    assert page.title == "CRITICAL us-housekeeping: 4 of 11 jobs silent"
    assert page.lines[0] == "2nd page, unanswered for 5 min."
    assert page.short.startswith(f"{page.title}, 2nd page, unanswered for 5 min. daily-cpu-reset: due")


def test_a_clause_that_fits_stands_in_the_title() -> None:
    assert fitted(["OK backup: fine", "silent for 2 min"]) == ("OK backup: fine, silent for 2 min", [])
    assert fitted(["x" * 59, "more"]) == ("x" * 59, ["more"])


def test_a_page_of_trouble_that_comes_back_says_how_often() -> None:
    falls = tuple(AT - timedelta(minutes=minutes) for minutes in (7, 4, 0))
    incident = replace(INCIDENT, title="feed", opened_at=AT - timedelta(minutes=10), falls=falls)
    about = one_job(job=failed("feed"), incident=incident, surroundings=Surroundings())
    assert said(about) == "CRITICAL feed failed, down again, 4th time in 10 min"
    assert fitted(clauses(about, AT))[1] == []


def test_failures_that_are_no_group_of_checks_are_counted_alone() -> None:
    several = [failed("one", 1), failed("two", 2)]
    about = subject(symptoms=several, surroundings=Surroundings(total=0))
    assert said(about) == "CRITICAL us-housekeeping: 2 jobs failed"


@pytest.mark.parametrize(
    ("falls", "open_for", "words"),
    [
        ([], 10, ""),
        ([7, 4, 0], 10, "down again, 4th time in 10 min"),
        ([1], 2, "down again, 2nd time in 2 min"),
        ([50, 20, 0], 300, "down again, 3rd time in 50 min"),
    ],
)
def test_a_return_says_how_often(falls: list[int], open_for: int, words: str) -> None:
    times = [AT - timedelta(minutes=minutes) for minutes in falls]
    assert returned(times, AT - timedelta(minutes=open_for), AT) == words


def test_joiners_and_returns_are_told_in_short() -> None:
    joined = subject(NoticeKind.UPDATE, symptoms=[*JOBS, *JOINED], joined=(5, 6))
    assert said(joined) == "+2 on us-housekeeping (6 of 11 silent)"
    back = subject(NoticeKind.UPDATE, symptoms=[*well(JOBS[:3]), JOBS[3]], back=(1, 2, 3))
    assert said(back) == "3 back on us-housekeeping (1 of 11 silent)"
    overran = [*JOBS[:3], replace(JOBS[3], cause="overrun")]
    paused = [*well(JOBS[:2]), *well(JOBS[2:3], why="paused by Ann"), JOBS[3]]
    gone = subject(NoticeKind.UPDATE, symptoms=paused, back=(1, 2, 3))
    assert said(gone) == "2 back, 1 paused by Ann on us-housekeeping (1 of 11 silent)"
    both = subject(NoticeKind.UPDATE, symptoms=[*overran, JOINED[0]], joined=(5,), changed=(4,))
    assert said(both) == "+1, 1 overran on us-housekeeping (4 of 11 silent, 1 overran)"


def test_a_failed_job_that_falls_silent_says_both() -> None:
    since = datetime(2024, 5, 2, 21, 9, tzinfo=UTC)
    facts = replace(SILENT, earlier_cause="failed", earlier_at=since)
    feed = symptom("Import feed", 3, facts=facts)
    changed = one_job(NoticeKind.UPDATE, feed, changed=(3,), surroundings=replace(ON_DB, group="twohost"))
    evening = datetime(2024, 5, 2, 21, 19, tzinfo=UTC)
    feed = symptom("Feed", 3, facts=facts)
    assert said(replace(changed, symptoms=[feed]), evening) == (
        "Feed (twohost): now silent too; it failed at 21:09 UTC"
    )
    assert said(changed, evening) == "Import feed (twohost): now silent; it failed at 21:09 UTC"


def test_a_silent_job_that_fails_says_since_when_it_was_silent() -> None:
    facts = replace(FAILED, earlier_cause="silent", earlier_at=AT - timedelta(minutes=6))
    changed = one_job(NoticeKind.UPDATE, failed("feed", facts=facts), changed=(1,))
    assert said(changed) == "feed (db-1): failed now; it was silent from 03:09 UTC"


def test_an_acknowledgement_says_by_whom_and_until_when() -> None:
    told = subject(NoticeKind.ACKNOWLEDGED, incident=ACKNOWLEDGED, words="acknowledged by Anna")
    assert said(told) == "us-housekeeping: acknowledged by Anna until 07:20 UTC"
    reopened = replace(told, incident=INCIDENT)
    assert said(reopened) == "us-housekeeping: acknowledged by Anna"
    snoozed = replace(ACKNOWLEDGED, state=State.SNOOZED)
    words = "snoozed by Ben until 03 May 07:20 UTC"
    assert said(replace(told, incident=snoozed, words=words)).endswith(": snoozed by Ben until 07:20 UTC")


def test_a_long_acknowledgement_keeps_the_names_in_its_title() -> None:
    told = subject(
        NoticeKind.ACKNOWLEDGED, incident=ACKNOWLEDGED, words="acknowledged by the second responder"
    )
    assert said(told) == "us-housekeeping: acknowledged by the second responder"


def test_a_recovery_says_since_when_all_is_fine_and_how_long_it_was_not() -> None:
    over = ended(at=MORNING, opened_at=MORNING - timedelta(hours=4, minutes=38))
    whole = replace(AROUND, alive=11)
    recovery = subject(NoticeKind.RECOVERED, incident=over, symptoms=well(JOBS), surroundings=whole)
    assert said(recovery, MORNING) == (
        "OK us-housekeeping: all 11 jobs fine since 07:42 UTC, silent for 4 h 38 min"
    )
    assert notice.compose(recovery, MORNING).fine


@pytest.mark.parametrize(
    ("cause", "words"),
    [("failed", "failing"), ("overrun", "overrunning"), ("overlap", "down"), ("too_short", "down")],
)
def test_the_recovery_of_one_job_names_its_cause_in_the_past(cause: str, words: str) -> None:
    job = well([failed("Nightly backup", cause=cause)])
    recovery = one_job(NoticeKind.RECOVERED, job[0], incident=ended(opened_at=AT - timedelta(minutes=2)))
    assert said(recovery) == f"OK Nightly backup (db-1): fine since 03:15 UTC, {words} for 2 min"


def test_a_group_that_is_not_fine_as_a_whole_is_not_called_ok() -> None:
    around = replace(AROUND, alive=10, incidents=(OtherIncident(14, "Import feed failed"),))
    recovery = subject(NoticeKind.RECOVERED, incident=ended(), symptoms=well(JOBS), surroundings=around)
    assert said(recovery).startswith("us-housekeeping: 4 jobs fine again since 03:15 UTC, silent for")
    assert not notice.compose(recovery, AT).fine


def test_a_paused_job_is_not_called_fine() -> None:
    paused = one_job(
        NoticeKind.RECOVERED, well([failed("Nightly backup")], why="paused by Ann")[0], incident=ended()
    )
    assert said(paused).startswith("Nightly backup (db-1): paused by Ann, was failing for")
    assert not notice.compose(paused, AT).fine
    some = [*well(JOBS[:3]), *well(JOBS[3:], why="paused by Ann")]
    mixed = subject(NoticeKind.RECOVERED, incident=ended(), symptoms=some)
    assert said(mixed).startswith("us-housekeeping: 3 jobs fine again, 1 paused by Ann")


def test_a_run_that_moves_again_is_not_called_fine() -> None:
    moves = well([symptom("repair", 9, cause="stuck")], why="moving again: 200 of 1,000 (20 %) done")
    over = ended(opened_at=AT - timedelta(minutes=2))
    one = one_job(NoticeKind.RECOVERED, moves[0], incident=over)
    assert said(one) == "repair (db-1): moving again since 03:15 UTC, stuck for 2 min"
    assert not notice.compose(one, AT).fine
    several = subject(NoticeKind.RECOVERED, incident=over, symptoms=[*well(JOBS[:3]), *moves])
    assert said(several).startswith("us-housekeeping: 3 jobs fine again, 1 moving again")
    update = subject(NoticeKind.UPDATE, symptoms=[*JOBS, *moves], back={moves[0].id})
    assert said(update).startswith("1 moving again on us-housekeeping (")


@pytest.mark.parametrize(
    ("job", "group", "title"),
    [
        (
            "nightly-backup",
            "web-frontend-17 cron",
            "OK nightly-backup (web-frontend-17 c…): fine since 03:15 UTC",
        ),
        ("nightly-backup-of-the-ledgers", "web-17", "OK nightly-backup-of-the-ledgers: fine since 03:15 UTC"),
        ("a (b) c" * 7, "web-17", "OK a (b) ca (b) ca (b) ca (b) ca (b)…: fine since 03:15 UTC"),
    ],
)
def test_a_group_in_a_title_that_is_too_long_keeps_its_bracket_or_is_left_out(
    job: str, group: str, title: str
) -> None:
    about = one_job(
        NoticeKind.RECOVERED,
        well([symptom(job)])[0],
        incident=ended(),
        surroundings=replace(AROUND, group=group),
    )
    assert said(about).startswith(title)


def test_an_incident_that_somebody_resolved_says_who() -> None:
    by_hand = subject(
        NoticeKind.RECOVERED,
        incident=ended("Ann"),
        symptoms=well(JOBS, why="resolved by Ann"),
        words="resolved by Ann",
    )
    assert said(by_hand) == "us-housekeeping: resolved by Ann, was silent for 10 s"
    assert not notice.compose(by_hand, AT).fine


def test_an_incident_whose_job_was_deleted_says_so() -> None:
    over = ended("Ann", opened_at=AT - timedelta(minutes=2))
    job = well([failed("Old one")], why="deleted from the configuration")[0]
    about = one_job(NoticeKind.RECOVERED, job, incident=over, words="deleted from the configuration")
    assert said(about) == "Old one (db-1): deleted from the configuration, was failing for 2 min"


def test_a_job_that_was_down_for_two_causes_was_down() -> None:
    silent = symptom("feed", facts=replace(SILENT, earlier_cause="failed", earlier_at=SINCE))
    again = symptom("feed", told=("failed", "silent"))
    for job in well([silent, again]):
        over = one_job(NoticeKind.RECOVERED, job, incident=ended(opened_at=AT - timedelta(minutes=2)))
        assert said(over) == "OK feed (db-1): fine since 03:15 UTC, down for 2 min"


def test_a_title_uses_the_words_of_any_cause() -> None:
    """A cause that alerting has never heard of reads as well as any other."""

    def describe(_: str) -> CauseWords:
        return CauseWords("ineffective", "ran without effect", "was without effect")

    new = [replace(job, cause="no_effect") for job in JOBS]
    about = subject(incident=replace(INCIDENT, cause="no_effect"), symptoms=new, describe=describe)
    assert said(about) == "CRITICAL us-housekeeping: 4 of 11 jobs ineffective"
    recovery = replace(about, kind=NoticeKind.RECOVERED, incident=ended(), symptoms=well(new))
    assert "without effect for 10 s" in said(recovery)


@pytest.mark.parametrize("about", [subject, one_job])
def test_what_somebody_did_is_told_in_their_words(about: Callable[..., Subject]) -> None:
    told = about(NoticeKind.UPDATE, words="Anna reassigned it to Ben")
    assert said(told).endswith(": Anna reassigned it to Ben")


def test_an_incident_with_jobs_of_several_hosts_names_them_and_no_share() -> None:
    around = Surroundings(total=0, title="us and eu")
    page = subject(surroundings=around)
    assert said(page).startswith("CRITICAL us and eu: 4 jobs silent")
    update = subject(NoticeKind.UPDATE, joined=(3, 4), surroundings=around)
    assert said(update) == "+2 on us and eu (4 silent)"


def test_a_job_that_was_split_off_was_down_for_as_long_as_it_was() -> None:
    job = well(JOBS[:1])
    split_off = replace(ended("recovery"), cause_key="split 7 of silent:ops:host=us", opened_at=AT)
    told = subject(NoticeKind.RECOVERED, incident=split_off, symptoms=job)
    assert split_off.ended_at is not None
    length = times.duration(split_off.ended_at - job[0].facts.since)
    assert said(told).endswith(f"silent for {length}")


def test_a_merged_incident_is_not_called_over() -> None:
    over = replace(ended("Anna"), merged_into=14)
    told = subject(NoticeKind.RECOVERED, incident=over, words="merged into incident 14 by Anna")
    assert said(told) == "us-housekeeping: merged into incident 14 by Anna"
    notice_ = notice.compose(told, AT)
    assert notice_.lines == ("It is not over: it goes on as a part of incident 14.",)
    assert not notice_.fine
