"""The life of an incident: what is worse, what recovers and returns, and the end of every quiet."""

from dataclasses import replace
from datetime import datetime, timedelta

from alerting import incident as life
from alerting.incident import Pace, Reopened, State
from alerting.severity import Severity
from tests.unit.alerting.conftest import AN_INCIDENT as OPEN
from tests.unit.conftest import NOW

UNTIL = NOW + timedelta(hours=4)
ACKNOWLEDGED = replace(
    OPEN,
    state=State.ACKNOWLEDGED,
    acknowledged_by="Ann",
    acknowledged_at=NOW,
    next_at=UNTIL,
    seen=Severity.CRITICAL,
)
SNOOZED = replace(OPEN, state=State.SNOOZED, next_at=UNTIL, seen=Severity.CRITICAL)
RESOLVED = replace(OPEN, state=State.RESOLVED, next_at=None, resolved_by="recovery", resolved_at=NOW)


def test_an_incident_that_is_worse_than_what_people_know_pages_afresh() -> None:
    quiet = replace(ACKNOWLEDGED, seen=Severity.WARNING)
    assert life.worsened(quiet)
    assert life.on_worse(quiet, NOW) == Reopened(3, NOW, "it is critical now")
    assert not life.worsened(ACKNOWLEDGED)
    assert not life.worsened(OPEN), "nobody was told of anything yet"


def test_an_incident_settles_before_it_is_over_for_longer_with_each_return() -> None:
    pace = Pace()
    minutes = [timedelta(minutes=length) for length in (2, 4, 8, 16, 32, 60, 60)]
    falls: tuple[datetime, ...] = ()
    for length in minutes:
        assert life.settles_at(falls, NOW, pace) == NOW + length
        falls = (*falls, NOW - timedelta(minutes=10))
    long_ago = (NOW - timedelta(hours=1, seconds=1),) * 3
    assert life.settles_at(long_ago, NOW, pace) == NOW + pace.settling
    assert life.settles_at(falls, NOW, Pace(settling=timedelta())) == NOW


def test_a_policy_is_climbed_by_time_in_trouble() -> None:
    recovering = life.recovering(OPEN, NOW, Pace())
    assert (recovering.recovering, recovering.word, recovering.next_at) == (True, "recovering", OPEN.next_at)
    for minutes, later in ((1, 0), (2, 0), (12, 10)):  # The first page was due after 5 min.
        back = life.resumed(recovering, NOW + timedelta(minutes=minutes), Pace())
        assert back == replace(OPEN, next_at=NOW + timedelta(minutes=5 + later))
    quiet = life.resumed(life.recovering(SNOOZED, NOW, Pace()), NOW + timedelta(minutes=12), Pace())
    assert quiet == SNOOZED
    assert life.resumed(OPEN, NOW, Pace()) == OPEN


def test_trouble_ends_with_the_recovery_or_with_the_person_who_resolves_it() -> None:
    over = life.ended(life.recovering(OPEN, NOW, Pace()), "recovery", NOW + timedelta(minutes=2))
    assert (over.ended_at, over.resolved_at) == (NOW, NOW + timedelta(minutes=2))
    assert life.ended(OPEN, "Ann", UNTIL).ended_at == UNTIL
    assert OPEN.ended_at is None


def test_the_end_of_a_quiet_pages_from_the_first_step() -> None:
    assert life.on_quiet_over(ACKNOWLEDGED, UNTIL) == Reopened(3, UNTIL, "the acknowledgement has expired")
    assert life.on_quiet_over(SNOOZED, UNTIL) == Reopened(3, UNTIL, "the snooze is over")


def test_a_held_symptom_pages_at_the_end_of_its_hold_and_after_the_gathering_time() -> None:
    gathering, soon = timedelta(seconds=10), NOW + timedelta(seconds=1)
    assert life.pages_at(NOW, None, gathering) == NOW + gathering
    assert life.pages_at(NOW, UNTIL, gathering) == UNTIL
    assert life.pages_at(NOW, soon, gathering) == NOW + gathering


def test_only_an_open_incident_before_its_first_step_waits() -> None:
    assert life.waits(replace(OPEN, step=0))
    assert not any(life.waits(replace(incident, step=0)) for incident in (ACKNOWLEDGED, SNOOZED, RESOLVED))
    assert not life.waits(OPEN)
