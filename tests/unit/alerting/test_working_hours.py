"""Warnings wait for the working hours of their policy, and nothing critical does."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection

from alerting import (
    clock_step,
    desk,
    escalation,
    escalator,
    next_page,
    outbox,
    retiming,
    rotation,
    working_hours,
)
from alerting.crew import Crew
from alerting.escalation import Policy, Step
from alerting.incident import State
from alerting.notice import NoticeKind
from alerting.person import Contact, Person
from alerting.quiet_hours import QuietHours
from alerting.rotation import Window
from alerting.severity import Severity
from alerting.working_hours import WorkingHours
from tests.unit.alerting.conftest import HOUR, MINUTE, a_symptom, incident_of, story_of

WEEKDAYS = (0, 1, 2, 3, 4)
OFFICE = WorkingHours((Window(WEEKDAYS, 9 * HOUR, 17 * HOUR),), "UTC")
ANNA, BEN = (Person(name, name.title(), (Contact("pager", name),)) for name in ("anna", "ben"))
OPS = Policy("ops", (Step(("anna",), 5 * MINUTE), Step(("ben",), 5 * MINUTE)), warnings_wait_for=OFFICE)
SATURDAY = datetime.fromisoformat("2026-12-05T10:00:00+00:00")
MONDAY = datetime.fromisoformat("2026-12-07T09:00:00+00:00")
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL
SOON = timedelta(seconds=10)


def opened(
    db: Connection, at: datetime = SATURDAY, severity: Severity = WARNING, policy: Policy = OPS
) -> None:
    """Open incident 1, and let it page if it may."""
    desk.install(db, [ANNA, BEN], [policy], {})
    desk.raise_(db, [a_symptom(severity=severity)], at)
    escalator.sweep(db, at + SOON)


def paged(db: Connection) -> list[str]:
    return [page.person for page in outbox.pages_of(db, 1) if page.kind is NoticeKind.PAGE]


# --- Pure: the hours, and what a page waits for.


def test_hours_open_at_once_within_them_and_at_their_next_beginning_outside() -> None:
    assert OFFICE.open_at(MONDAY) == MONDAY
    assert OFFICE.open_at(MONDAY + 8 * HOUR - SOON) == MONDAY + 8 * HOUR - SOON
    assert OFFICE.open_at(MONDAY - SOON) == OFFICE.open_at(SATURDAY) == MONDAY
    assert OFFICE.open_at(MONDAY + 8 * HOUR) == MONDAY + 24 * HOUR


@pytest.mark.parametrize(
    "zone", ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]
)
def test_hours_are_kept_on_the_clock_on_the_wall_over_a_year(zone: str) -> None:
    hours = WorkingHours((Window(WEEKDAYS, 9 * HOUR, 17 * HOUR),), zone)
    at = SATURDAY
    while at < SATURDAY + timedelta(days=370):
        opens = hours.open_at(at)
        wall = opens.astimezone(ZoneInfo(zone))
        assert at <= opens <= at + timedelta(days=4)
        assert opens == at or (wall.time() == time(9) and wall.weekday() in WEEKDAYS)
        at += 7 * HOUR


def test_one_day_a_week_is_found_from_anywhere_in_it() -> None:
    monday = WorkingHours((Window((0,), 9 * HOUR, 10 * HOUR),), "UTC")
    assert monday.open_at(MONDAY + HOUR) == MONDAY + timedelta(days=7)


def test_hours_come_back_from_a_row() -> None:
    assert working_hours.from_json(working_hours.to_json(OFFICE)) == OFFICE
    assert working_hours.from_json(working_hours.to_json(None)) is None
    assert escalation.from_json(escalation.to_json(OPS)) == OPS


@pytest.mark.parametrize("severity", [Severity.ERROR, WARNING, Severity.INFO])
def test_what_is_not_critical_waits(severity: Severity) -> None:
    wait = next_page.wait(OFFICE, [ANNA], severity, SATURDAY)
    assert wait == next_page.Wait(MONDAY, MONDAY, "working hours")


def test_what_is_critical_never_waits() -> None:
    assert next_page.wait(OFFICE, [ANNA], CRITICAL, SATURDAY) is None


def test_a_wait_that_is_over_is_not_begun_again_though_the_hours_have_passed() -> None:
    assert next_page.wait(OFFICE, [ANNA], WARNING, MONDAY + 12 * HOUR, waited_until=MONDAY) is None


def test_both_hours_of_work_and_quiet_hours_are_waited_for() -> None:
    late = replace(ANNA, quiet_hours=QuietHours(time(22), time(11)))
    wait = next_page.wait(OFFICE, [late], WARNING, SATURDAY)
    assert wait == next_page.Wait(MONDAY + 2 * HOUR, MONDAY, "working hours")
    at_nine = next_page.wait(OFFICE, [late], WARNING, MONDAY, waited_until=MONDAY + 2 * HOUR)
    assert at_nine is not None
    assert (at_nine.until, at_nine.why) == (MONDAY + 2 * HOUR, "quiet hours of Anna")
    assert next_page.wait(OFFICE, [late], WARNING, MONDAY + 2 * HOUR, MONDAY + 2 * HOUR) is None


def test_hours_that_never_agree_with_quiet_hours_are_not_waited_for() -> None:
    never = replace(ANNA, quiet_hours=QuietHours(time(8), time(18)))
    wait = next_page.wait(OFFICE, [never], WARNING, SATURDAY)
    assert wait is not None
    assert (wait.until, wait.why) == (SATURDAY + 8 * HOUR, "quiet hours of Anna")
    assert next_page.wait(OFFICE, [never], WARNING, SATURDAY - 3 * HOUR) is None


def test_the_next_page_says_that_it_waits_for_working_hours() -> None:
    crew = Crew({"anna": ANNA, "ben": BEN})
    coming = next_page.coming(OPS, 0, SATURDAY, crew, WARNING)
    assert (coming.at, coming.people, coming.hours) == (MONDAY, (ANNA,), True)
    assert next_page.coming(OPS, 0, SATURDAY, crew, CRITICAL).at == SATURDAY


# --- In the database.


def test_a_warning_outside_is_held_visibly_and_pages_when_the_hours_begin(db: Connection) -> None:
    opened(db)
    incident = incident_of(db)
    assert paged(db) == []
    assert (incident.state, incident.next_at, incident.waits_until) == (State.OPEN, MONDAY, MONDAY)
    assert incident.waits_for == "working hours"
    assert story_of(db)[-1] == ("held", "held until 07 Dec 09:00 UTC: working hours")
    assert escalator.sweep(db, MONDAY - SOON) == 0
    escalator.sweep(db, MONDAY)
    assert paged(db) == ["anna"]
    assert (incident_of(db).waits_until, incident_of(db).waits_for) == (None, "")
    escalator.sweep(db, MONDAY + 5 * MINUTE)
    assert paged(db) == ["anna", "ben"]


def test_a_warning_pages_although_the_service_was_down_while_the_hours_lasted(db: Connection) -> None:
    opened(db)
    escalator.sweep(db, MONDAY + 12 * HOUR)
    assert paged(db) == ["anna"]


def test_a_step_that_comes_after_work_waits_for_the_next_day(db: Connection) -> None:
    evening = MONDAY + 8 * HOUR - MINUTE
    opened(db, evening)
    escalator.sweep(db, evening + SOON + 5 * MINUTE)
    assert paged(db) == ["anna"]
    escalator.sweep(db, MONDAY + 24 * HOUR)
    assert paged(db) == ["anna", "ben"]


def test_a_rise_to_critical_pages_at_once(db: Connection) -> None:
    opened(db)
    desk.raise_(db, [a_symptom(severity=CRITICAL)], SATURDAY + HOUR)
    escalator.sweep(db, SATURDAY + HOUR + SOON)
    assert paged(db) == ["anna"]


def test_a_critical_job_that_joins_pages_at_once(db: Connection) -> None:
    opened(db)
    desk.raise_(db, [a_symptom("check:2", severity=CRITICAL)], SATURDAY + HOUR)
    escalator.sweep(db, SATURDAY + HOUR + SOON)
    assert paged(db) == ["anna"]


def test_a_later_step_that_waits_pages_at_once_if_it_rises(db: Connection) -> None:
    evening = MONDAY + 8 * HOUR - MINUTE
    opened(db, evening)
    at = evening + SOON + 5 * MINUTE
    escalator.sweep(db, at)
    desk.raise_(db, [a_symptom(severity=CRITICAL)], at + HOUR)
    escalator.sweep(db, at + HOUR + SOON)
    assert story_of(db)[-2:] == [
        ("reopened", "paging again: it is critical now"),
        ("paged", "step 1 of ops: Anna"),
    ]


def test_a_warning_that_joins_goes_on_waiting_with_it(db: Connection) -> None:
    opened(db)
    desk.raise_(db, [a_symptom("check:2", severity=WARNING)], SATURDAY + HOUR)
    escalator.sweep(db, SATURDAY + HOUR + SOON)
    assert paged(db) == []
    assert not any("no longer held" in words for _, words in story_of(db))
    escalator.sweep(db, MONDAY)
    assert paged(db) == ["anna"]


def test_a_held_incident_is_acknowledged_and_pages_in_the_hours_after_that(db: Connection) -> None:
    opened(db)
    desk.acknowledge(db, 1, "Anna", SATURDAY + HOUR, until=SATURDAY + 2 * HOUR)
    escalator.sweep(db, SATURDAY + 2 * HOUR)
    assert paged(db) == []
    assert incident_of(db).waits_until == MONDAY
    desk.acknowledge(db, 1, "Anna", SATURDAY + 3 * HOUR, until=MONDAY + HOUR)
    escalator.sweep(db, MONDAY)
    assert paged(db) == []
    escalator.sweep(db, MONDAY + HOUR)
    assert paged(db) == ["anna"]


def test_a_held_incident_is_resolved_and_over(db: Connection) -> None:
    opened(db)
    desk.resolve(db, 1, "Anna", SATURDAY + HOUR)
    escalator.sweep(db, MONDAY)
    assert paged(db) == []


def test_what_recovers_and_returns_does_not_wait_any_longer(db: Connection) -> None:
    opened(db)
    desk.clear(db, {"check:1": "heard"}, SATURDAY + HOUR)
    desk.raise_(db, [a_symptom(severity=WARNING)], SATURDAY + HOUR + MINUTE)
    escalator.sweep(db, SATURDAY + HOUR + 2 * MINUTE)
    escalator.sweep(db, MONDAY)
    assert paged(db) == ["anna"]


def test_a_person_who_wants_it_paged_now_is_obeyed(db: Connection) -> None:
    opened(db)
    desk.page_next(db, 1, "Ben", SATURDAY + HOUR)
    escalator.sweep(db, SATURDAY + HOUR)
    assert paged(db) == ["anna"]
    escalator.sweep(db, SATURDAY + HOUR + 5 * MINUTE)
    assert paged(db) == ["anna"], "the next step waits again"
    desk.reassign(db, 1, "ben", "Ben", SATURDAY + 2 * HOUR)
    escalator.sweep(db, SATURDAY + 2 * HOUR)
    assert paged(db) == ["anna", "ben"]


@pytest.mark.parametrize(
    ("hours", "pages"),
    [
        (None, True),
        (WorkingHours((Window((5,), 9 * HOUR, 17 * HOUR),), "UTC"), True),
        (WorkingHours((Window(WEEKDAYS, 11 * HOUR, 17 * HOUR),), "UTC"), False),
    ],
    ids=["no hours", "wider hours", "later hours"],
)
@pytest.mark.parametrize("whole", [True, False], ids=["apply", "one policy"])
def test_an_edit_of_the_hours_takes_effect_at_once(
    db: Connection, hours: WorkingHours | None, pages: bool, whole: bool
) -> None:
    opened(db)
    edited = replace(OPS, warnings_wait_for=hours)
    if whole:
        desk.install(db, [ANNA, BEN], [edited], {})
    else:
        desk.define_policy(db, edited)
    at = SATURDAY + MINUTE
    due = escalator.next_due(db)
    assert due is not None
    assert due <= at
    escalator.sweep(db, at)
    assert paged(db) == (["anna"] if pages else [])
    assert incident_of(db).waits_until == (None if pages else MONDAY + 2 * HOUR)
    assert incident_of(db).policy == edited


def test_an_edit_leaves_the_steps_of_open_incidents_and_those_of_other_policies_alone(db: Connection) -> None:
    opened(db)
    desk.define_policy(db, Policy("web", (Step(("ben",), HOUR),), warnings_wait_for=OFFICE))
    desk.define_policy(db, Policy("ops", (Step(("ben",), HOUR),)))
    assert incident_of(db).policy == replace(OPS, warnings_wait_for=None)
    desk.forget_policy(db, "web")
    assert incident_of(db).policy == replace(OPS, warnings_wait_for=None)


def test_a_policy_that_is_deleted_keeps_its_hours_in_what_is_open(db: Connection) -> None:
    opened(db)
    desk.forget_policy(db, "ops")
    escalator.sweep(db, SATURDAY + HOUR)
    assert paged(db) == []
    escalator.sweep(db, MONDAY)
    assert paged(db) == ["anna"]


@pytest.mark.parametrize("whole", [True, False], ids=["apply", "one person"])
def test_an_edit_of_quiet_hours_takes_effect_at_once(db: Connection, whole: bool) -> None:
    quiet = replace(ANNA, quiet_hours=QuietHours(time(9), time(12)))
    policy = replace(OPS, warnings_wait_for=None)
    desk.install(db, [quiet, BEN], [policy], {})
    desk.raise_(db, [a_symptom(severity=WARNING)], SATURDAY)
    escalator.sweep(db, SATURDAY + SOON)
    assert incident_of(db).waits_until == SATURDAY + 2 * HOUR
    if whole:
        desk.install(db, [ANNA, BEN], [policy], {})
    else:
        desk.define_person(db, ANNA)
    escalator.sweep(db, SATURDAY + MINUTE)
    assert paged(db) == ["anna"]


def test_a_crowd_of_other_incidents_brings_no_held_page_forward(db: Connection) -> None:
    opened(db)
    many = [a_symptom(f"check:{n}", f"failed:{n}", CRITICAL) for n in range(2, 40)]
    desk.raise_(db, many, MONDAY - SOON)
    escalator.sweep(db, MONDAY - SOON + timedelta(seconds=1))
    assert paged(db) == []
    assert incident_of(db).next_at == MONDAY
    assert rotation.is_within(OFFICE.windows, MONDAY, ZoneInfo("UTC"))


def test_an_edit_while_the_service_was_down_begins_no_new_wait(db: Connection) -> None:
    opened(db)
    desk.define_person(db, replace(ANNA, timezone="Europe/Berlin"))
    escalator.sweep(db, MONDAY + 12 * HOUR)
    assert paged(db) == ["anna"], "its hours have begun and are over"


def test_an_edit_takes_nothing_back_that_somebody_wants_paged_now(db: Connection) -> None:
    opened(db)
    desk.page_next(db, 1, "Cleo", SATURDAY + MINUTE)
    desk.define_person(db, replace(BEN, timezone="Europe/Berlin"))
    escalator.sweep(db, SATURDAY + MINUTE)
    assert paged(db) == ["anna"]


def test_what_is_due_this_second_is_paged_now_although_its_hours_have_ended(db: Connection) -> None:
    evening = MONDAY + 8 * HOUR
    opened(db, evening - SOON - MINUTE)
    assert paged(db) == ["anna"]
    due = evening + 4 * MINUTE
    desk.page_next(db, 1, "Cleo", due)
    escalator.sweep(db, due)
    assert paged(db) == ["anna", "ben"], "its next step was due, and nothing had looked at it yet"


def test_a_press_just_after_an_edit_is_obeyed(db: Connection) -> None:
    opened(db)
    desk.define_person(db, replace(BEN, timezone="Europe/Berlin"))
    desk.page_next(db, 1, "Cleo", SATURDAY + MINUTE)
    escalator.sweep(db, SATURDAY + MINUTE)
    assert paged(db) == ["anna"]


def second_step_waits(db: Connection) -> datetime:
    """Page the first step of incident 1, and let the second wait for the next day. Return the time of that."""
    evening = MONDAY + 8 * HOUR - MINUTE
    opened(db, evening)
    at = evening + SOON + 5 * MINUTE
    escalator.sweep(db, at)
    assert (paged(db), incident_of(db).waits_until) == (["anna"], MONDAY + 24 * HOUR)
    return at


def test_what_gets_worse_in_that_second_takes_nothing_back_either(db: Connection) -> None:
    at = second_step_waits(db) + HOUR
    desk.page_next(db, 1, "Cleo", at)
    desk.raise_(db, [a_symptom(severity=Severity.ERROR)], at)
    escalator.sweep(db, at + SOON)
    assert story_of(db)[-2:] == [
        ("reopened", "paging again: it is error now"),
        ("paged", "step 1 of ops: Anna"),
    ]


def test_what_gets_worse_while_the_service_is_down_waits_no_second_time(db: Connection) -> None:
    second_step_waits(db)
    at = MONDAY + 36 * HOUR
    desk.raise_(db, [a_symptom(severity=Severity.ERROR)], at)
    escalator.sweep(db, at + SOON)
    assert story_of(db)[-1] == ("paged", "step 1 of ops: Anna"), "its hours have begun and are over"


def test_what_gets_worse_and_has_not_waited_waits_for_its_hours(db: Connection) -> None:
    second_step_waits(db)
    desk.raise_(db, [a_symptom(severity=Severity.ERROR)], MONDAY + 9 * HOUR)
    escalator.sweep(db, MONDAY + 9 * HOUR + SOON)
    assert (paged(db), incident_of(db).waits_until) == (["anna"], MONDAY + 24 * HOUR)


def test_whoever_had_it_and_is_handed_it_again_is_paged_outside_of_the_hours_too(db: Connection) -> None:
    opened(db)
    at = SATURDAY + HOUR
    desk.reassign(db, 1, "ben", "Cleo", at)
    escalator.sweep(db, at)
    desk.acknowledge(db, 1, "Ben", at + MINUTE, until=at + HOUR)
    escalator.sweep(db, at + HOUR)
    assert (paged(db), incident_of(db).waits_until) == (["ben"], MONDAY)
    desk.reassign(db, 1, "ben", "Cleo", at + 2 * HOUR)
    desk.reassign(db, 1, "ben", "Cleo", at + 2 * HOUR)
    escalator.sweep(db, at + 2 * HOUR)
    assert paged(db) == ["ben", "ben"]
    assert [kind for kind, _ in story_of(db)].count("reassigned") == 2, "the second press changed nothing"


def test_what_is_given_back_and_handed_on_in_one_second_is_paged(db: Connection) -> None:
    opened(db)
    at = SATURDAY + HOUR
    desk.reassign(db, 1, "ben", "Cleo", at)
    escalator.sweep(db, at)
    desk.acknowledge(db, 1, "Ben", at + MINUTE, until=at + HOUR)
    desk.withdraw(db, 1, "Ben", at + 2 * MINUTE)
    desk.reassign(db, 1, "ben", "Cleo", at + 2 * MINUTE)
    escalator.sweep(db, at + 2 * MINUTE)
    assert paged(db) == ["ben", "ben"]


SLEEPER = replace(BEN, quiet_hours=QuietHours(time(11), time(15)))


def test_until_when_a_page_is_put_off_is_told_while_it_is_known(db: Connection) -> None:
    opened(db)
    assert incident_of(db).put_off_until == MONDAY
    at = handed_to_a_sleeper(db, is_open=True)
    assert incident_of(db).put_off_until is None
    assert incident_of(db).waits_until == at


def handed_to_a_sleeper(db: Connection, *, is_open: bool = False) -> datetime:
    """Hand incident 1 to Ben outside of working hours, while he sleeps. Return the time."""
    if not is_open:
        opened(db)
    desk.define_person(db, SLEEPER)
    at = SATURDAY + 2 * HOUR
    escalator.sweep(db, at)
    desk.reassign(db, 1, "ben", "Cleo", at)
    escalator.sweep(db, at)
    assert (paged(db), story_of(db)[-1]) == ([], ("held", "held until 05 Dec 15:00 UTC: quiet hours of Ben"))
    return at


def test_whoever_is_handed_it_and_sleeps_is_paged_once_they_wake_and_not_once_they_work(
    db: Connection,
) -> None:
    at = handed_to_a_sleeper(db)
    while (at := at + next_page.LOOK_AGAIN) < SATURDAY + 5 * HOUR:
        escalator.sweep(db, at)
        assert (paged(db), incident_of(db).waits_for) == ([], "quiet hours of Ben")
    escalator.sweep(db, SATURDAY + 5 * HOUR)
    assert paged(db) == ["ben"]
    assert [kind for kind, _ in story_of(db)].count("held") == 2, "nobody was told anything new meanwhile"


def test_an_edit_of_hours_lets_nobody_who_wakes_wait_for_work(db: Connection) -> None:
    at = handed_to_a_sleeper(db)
    desk.define_policy(db, replace(OPS, warnings_wait_for=WorkingHours((Window((1,), 9 * HOUR, 17 * HOUR),))))
    desk.define_person(db, BEN)
    escalator.sweep(db, at + MINUTE)
    assert paged(db) == ["ben"]


def test_the_page_that_comes_is_told_for_when_they_wake(db: Connection) -> None:
    handed_to_a_sleeper(db)
    incident, crew = incident_of(db), Crew({"anna": ANNA, "ben": SLEEPER})
    assert incident.next_at is not None
    coming = next_page.coming(incident.policy, 0, incident.next_at, crew, WARNING, (), incident.waits_until)
    assert (coming.at, coming.hours) == (SATURDAY + 5 * HOUR, False)


@pytest.mark.parametrize("length", [-HOUR, HOUR], ids=["back", "forward"])
def test_a_clock_that_is_set_makes_no_sleeper_wait_for_work(db: Connection, length: timedelta) -> None:
    at = handed_to_a_sleeper(db) + MINUTE
    step = clock_step.Step(before=at, after=at + length, began=at + length, known_since=SATURDAY)
    retiming.retime_incidents(db, step, 0, 100)
    escalator.sweep(db, at + length)
    assert (paged(db), incident_of(db).waits_for) == ([], "quiet hours of Ben")
    escalator.sweep(db, SATURDAY + 5 * HOUR)
    assert paged(db) == ["ben"]


def test_a_clock_that_is_set_leaves_the_time_on_the_wall_for_which_it_waits(db: Connection) -> None:
    opened(db)
    at = SATURDAY + HOUR
    retiming.retime_incidents(
        db, clock_step.Step(before=at, after=at - HOUR, began=at - HOUR, known_since=SATURDAY), 0, 100
    )
    assert incident_of(db).waits_until == MONDAY


def test_whoever_is_handed_it_twice_while_they_sleep_is_handed_it_once(db: Connection) -> None:
    at = handed_to_a_sleeper(db)
    occurrence = incident_of(db).occurrence
    desk.reassign(db, 1, "ben", "Cleo", at + MINUTE)
    assert incident_of(db).occurrence == occurrence
    assert [kind for kind, _ in story_of(db)].count("reassigned") == 1
