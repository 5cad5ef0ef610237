"""Checks that run after others: who is a parent, who would wait for themselves, and for how long one waits."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from alerting.escalation import Policy, Step
from alerting.incident import CauseWords, Facts, Incident, RaisedSymptom, State, Symptom
from alerting.severity import Severity
from heartbeat.checks import dependency
from heartbeat.checks.dependency import NO_PARENTS, After
from heartbeat.checks.schedule import Cron, Every
from tests.unit.conftest import NOW

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Job:
    slug: str
    after: After = NO_PARENTS
    labels: dict[str, str] = field(default_factory=dict)
    formerly: tuple[str, ...] = ()


def after(*names: str, **match: str) -> After:
    return After(names, (match,) if match else ())


def test_a_parent_is_named_by_its_slug_a_former_one_or_its_labels() -> None:
    backup = Job("backup", labels={"job": "backup", "region": "us"}, formerly=("dump",))
    for named in (
        after("backup"),
        after("other", "dump"),
        after(job="backup"),
        after(job="backup", region="us"),
    ):
        assert dependency.is_parent(backup, Job("report", named))
    for other in (NO_PARENTS, after("report2"), after(job="backup", region="eu"), after(job="import")):
        assert not dependency.is_parent(backup, Job("report", other))


def test_no_check_runs_after_itself() -> None:
    assert not dependency.is_parent(Job("a", labels={"team": "x"}), Job("a", after(team="x"), {"team": "x"}))


def test_parents_are_kept_as_json_and_written_in_lines() -> None:
    both = After(("backup",), ({"job": "import", "region": "us"},))
    assert dependency.from_json(dependency.to_json(both)) == both
    assert dependency.to_json(NO_PARENTS) is None
    assert dependency.from_json(None) == NO_PARENTS
    lines = dependency.in_words(both)
    assert lines == ["backup", "job=import, region=us"]
    assert [dependency.of_line(line) for line in lines] == ["backup", {"job": "import", "region": "us"}]
    with pytest.raises(ValueError, match="is no parent"):
        dependency.of_line("job=import, us")


def test_a_circle_is_found_however_it_is_named() -> None:
    jobs = [
        Job("a", after("b")),
        Job("b", after(team="x")),
        Job("c", after("a"), {"team": "x"}),
        Job("d", after("a")),
        Job("e"),
    ]
    (circle,) = dependency.cycles(jobs)
    assert circle == ["a", "b", "c"]
    assert dependency.circle_in_words(circle) == (
        "makes a circle: a runs after b, which runs after c, which runs after a."
    )


def test_a_diamond_and_a_long_chain_are_no_circles() -> None:
    diamond = [Job("a", after("b", "c")), Job("b", after("d")), Job("c", after("d")), Job("d")]
    chain = [Job(f"n{n}", after(f"n{n + 1}")) for n in range(3_000)]
    assert dependency.cycles([*diamond, *chain]) == []


def test_parents_turn_down_before_their_children() -> None:
    jobs = [Job("c", after("b")), Job("a"), Job("b", after("a")), Job("other")]
    assert dependency.waves(jobs) == [[1, 3], [2], [0]]
    # A circle that was never defined keeps nobody from being paged.
    assert dependency.waves([Job("a", after("b")), Job("b", after("a"))]) == [[0, 1]]


@pytest.mark.parametrize(
    ("schedule", "grace", "expected"),
    [
        (Every(10 * MINUTE), MINUTE, 11 * MINUTE),
        (Cron("0 3 * * *", "UTC"), 5 * MINUTE, HOUR + 5 * MINUTE),
        (Every(timedelta(seconds=5)), timedelta(seconds=1), 2 * MINUTE),
        (Cron("0 3 * * *", "UTC"), timedelta(days=20), timedelta(hours=24)),
    ],
)
def test_a_check_whose_parent_is_well_has_one_chance_to_run(
    schedule: Every | Cron, grace: timedelta, expected: timedelta
) -> None:
    since = NOW.replace(hour=9, minute=0, second=0, microsecond=0)
    assert dependency.chance_until(schedule, grace, since, 2 * MINUTE) - since == expected


PARENT = RaisedSymptom(1, 1, "check:1", "backup", "silent", Severity.ERROR, Facts(NOW), NOW, None, None)
OPS = Policy("ops", (Step(("anna",), HOUR),))
INCIDENT = Incident(
    id=1,
    cause_key="silent:ops:check=backup",
    title="backup",
    cause="silent",
    state=State.OPEN,
    severity=Severity.ERROR,
    occurrence=1,
    policy=OPS,
    step=0,
    opened_at=NOW,
    next_at=NOW,
)
CHILD = Symptom(
    "check:2",
    "failed:ops:check=report",
    "report",
    "report",
    "failed",
    CauseWords("failed", "failed", "was failing"),
    Severity.ERROR,
    "ops",
    Facts(NOW),
)


def test_a_parent_holds_while_its_people_hear_of_it_in_place_of_those_of_the_child() -> None:
    assert dependency.holds(PARENT, INCIDENT, CHILD, NOW)
    held = replace(PARENT, held_until=NOW + HOUR)
    assert not dependency.holds(held, INCIDENT, CHILD, NOW)
    assert dependency.holds(held, INCIDENT, CHILD, NOW + HOUR)
    # A parent that waits itself holds, and so does one that may still run.
    assert dependency.holds(replace(held, waits_for="check:0"), INCIDENT, CHILD, NOW)
    assert dependency.holds(replace(held, waited_for="check:0"), INCIDENT, CHILD, NOW)
    assert not dependency.holds(PARENT, replace(INCIDENT, state=State.RESOLVED), CHILD, NOW)
    assert not dependency.holds(PARENT, replace(INCIDENT, cause_key="silent:office:check=backup"), CHILD, NOW)
    # A key from before 0.4 names no policy.
    assert not dependency.holds(PARENT, replace(INCIDENT, cause_key="silent:check=backup"), CHILD, NOW)


def test_only_a_more_severe_check_outranks_its_parent() -> None:
    assert dependency.outranks(replace(CHILD, severity=Severity.CRITICAL), PARENT)
    assert not dependency.outranks(CHILD, PARENT)
    assert not dependency.outranks(replace(CHILD, severity=Severity.WARNING), PARENT)
