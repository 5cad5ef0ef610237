"""Is it only this: the sentences about everything beside an incident."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerting.surroundings import Elsewhere, GroupState, LateJob, OtherIncident, Surroundings, sentences
from alerting.times import Clock
from tests.unit.alerting.subjects import AT

CLOCK = Clock(AT, "UTC")
HOST = Surroundings(total=11, alive=7, newest_at=AT - timedelta(minutes=11), group="us")


def said(around: Surroundings, down: int = 4) -> str:
    return " ".join(sentences(around, down, CLOCK))


def test_the_fine_jobs_of_the_group_come_first() -> None:
    assert said(HOST) == "7 other jobs on us are fine, last heard 03:04 UTC."
    assert said(replace(HOST, alive=1)) == "1 other job on us is fine, last heard 03:04 UTC."
    assert said(HOST, 0) == "7 jobs on us are fine, last heard 03:04 UTC."
    assert said(replace(HOST, alive=11), 0) == "", "the title says that all are fine"


def test_a_group_without_a_fine_job_says_so_unless_the_incident_is_all_of_it() -> None:
    assert said(replace(HOST, alive=0, newest_at=None)) == "No job on us is fine."
    assert said(replace(HOST, total=4, alive=0, newest_at=None)) == ""


def test_a_late_job_is_named_and_not_called_fine() -> None:
    probe = LateJob("node-probe", AT - timedelta(seconds=30))
    late = replace(HOST, alive=6, late=1, late_jobs=(probe,))
    assert said(late).endswith("node-probe is late: it was due 30 s ago.")
    only = Surroundings(total=2, alive=0, group="us", late=1, late_jobs=(probe,))
    assert said(only, 1) == "node-probe is late: it was due 30 s ago."
    assert said(replace(HOST, alive=0, late=7, newest_at=None)) == "7 are late and may follow."


def test_another_incident_of_the_group_is_named_in_one_line() -> None:
    both = replace(HOST, incidents=(OtherIncident(12, "Import feed failed"),))
    assert said(both).endswith("Also on us: incident 12, Import feed failed.")
    more = replace(both, more_incidents=4)
    assert said(more).endswith("Also on us: incident 12, Import feed failed; and 4 more incidents.")


def test_the_same_jobs_elsewhere_are_told_apart() -> None:
    assert said(replace(HOST, same_jobs=(GroupState("eu", 11, 10),))).endswith("eu: 10 of 11 fine.")


@pytest.mark.parametrize(
    ("elsewhere", "words"),
    [
        (Elsewhere("hosts", 38, 38), "All 38 other hosts are fine."),
        (Elsewhere("hosts", 1_200, 1_200), "All 1,200 other hosts are fine."),
        (Elsewhere("hosts", 2, 2), "Both other hosts are fine."),
        (Elsewhere("hosts", 1, 1), "The other host is fine."),
        (Elsewhere("hosts", 0, 0), ""),
        (Elsewhere("hosts", 2, 1, ("web-3 (late)",)), "1 of 2 other hosts is fine; not fine: web-3 (late)."),
        (
            Elsewhere("hosts", 38, 36, ("web-3 (incident 12)", "db-2 (incident 14)")),
            "36 of 38 other hosts are fine; not fine: web-3 (incident 12) and db-2 (incident 14).",
        ),
        (
            Elsewhere("hosts", 38, 30, ("web-3 (incident 12)", "db-2 (late)")),
            "30 of 38 other hosts are fine; not fine: web-3 (incident 12), db-2 (late) and 6 more.",
        ),
        (Elsewhere("hosts and jobs", 1, 1), "The other host or job is fine."),
        (Elsewhere("hosts and jobs", 3, 0), "None of the 3 other hosts and jobs is fine."),
        (
            Elsewhere("hosts", 2, 0, ("web-3 (late)",)),
            "Neither of the 2 other hosts is fine: web-3 (late) and 1 more.",
        ),
        (
            Elsewhere("hosts", 1, 0, ("web-3 (incident 12)",)),
            "The other host is not fine: web-3 (incident 12).",
        ),
        (
            Elsewhere("schedulers", 6, 4, ("us-housekeeping (incident 3)",), covered=2),
            "4 of 6 other schedulers are fine; not fine: us-housekeeping (incident 3).",
        ),
        (
            Elsewhere("hosts", 9, 7, recovering=("r1 (incident 1)", "r4 (incident 2)"), settling=2),
            "7 of 9 other hosts are fine; recovering: r1 (incident 1) and r4 (incident 2).",
        ),
        (
            Elsewhere("hosts", 9, 2, ("r1 (incident 1)",), recovering=tuple("abcd"), settling=4),
            "2 of 9 other hosts are fine; not fine: r1 (incident 1) and 2 more; recovering: a, b, c and 1 more.",
        ),
        (
            Elsewhere("hosts", 2, 0, recovering=("a", "b"), settling=2),
            "Both other hosts are recovering: a and b.",
        ),
    ],
)
def test_all_other_groups_are_one_phrase(elsewhere: Elsewhere, words: str) -> None:
    assert said(Surroundings(elsewhere=elsewhere)) == words


def test_a_job_with_a_tolerated_fault_is_not_called_fine() -> None:
    assert said(replace(HOST, alive=6, tolerated=1)) == (
        "6 other jobs on us are fine, last heard 03:04 UTC. "
        "1 has failed or missed a run, not often enough to be down."
    )


def test_a_group_that_is_told_apart_is_not_among_the_others() -> None:
    eu = GroupState("eu", 3, 1, "incident 4")
    bad = Surroundings(same_jobs=(eu,), elsewhere=Elsewhere("hosts", 4, 1, ("web-3 (incident 5)",)))
    assert said(bad) == (
        "eu: 1 of 3 fine (incident 4). 1 of 3 other hosts is fine; not fine: web-3 (incident 5) and 1 more."
    )
    fine = replace(bad, same_jobs=(GroupState("eu", 3, 3),), elsewhere=Elsewhere("hosts", 4, 4))
    assert said(fine) == "eu: 3 of 3 fine. All 3 other hosts are fine."


def test_the_only_other_group_is_told_once() -> None:
    around = Surroundings(same_jobs=(GroupState("eu", 11, 11),), elsewhere=Elsewhere("hosts", 1, 1))
    assert said(around) == "eu: 11 of 11 fine."
