"""Due incidents become pages, one sweep at a time."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from alerting import desk, escalator, leases, outbox, rotation, symptom_store
from alerting.delivery import Retry
from alerting.escalation import Policy, Step
from alerting.incident import Hold, Pace, State
from alerting.leases import Recorded
from alerting.notice import NoticeKind
from alerting.person import Contact, Person
from alerting.rotation import Layer, Length, Rotation
from alerting.severity import Severity
from tests.unit.alerting.conftest import (
    ANNA,
    BEN,
    FREE,
    HOUR,
    OPS,
    PAGED_AT,
    a_symptom,
    incident_of,
    notices_of,
    page_for,
    story_of,
)
from tests.unit.conftest import NOW

SECOND_STEP = PAGED_AT + timedelta(minutes=5)


def updates_of(db: Connection) -> list[tuple[str, str]]:
    return [(page.person, page.words) for page in outbox.pages_of(db, 1) if page.kind is NoticeKind.UPDATE]


def test_an_incident_pages_the_people_of_its_step_and_waits_for_the_next(db: Connection) -> None:
    desk.raise_(db, [a_symptom()], NOW)
    assert escalator.next_due(db) == PAGED_AT
    assert escalator.sweep(db, PAGED_AT - timedelta(seconds=1)) == 0
    assert escalator.sweep(db, PAGED_AT) == 1
    assert notices_of(db) == [("page", "anna", "pending")]
    assert story_of(db)[-1] == ("paged", "step 1 of ops: Anna")
    assert escalator.next_due(db) == SECOND_STEP
    assert escalator.sweep(db, PAGED_AT) == 0
    assert escalator.sweep(db, SECOND_STEP) == 1
    assert notices_of(db)[1:] == [("page", "ben", "pending")]
    assert incident_of(db).step == 2


def test_a_person_whose_page_still_waits_gets_no_second_one(db: Connection) -> None:
    desk.raise_(db, [a_symptom()], NOW)
    at = PAGED_AT
    for _ in range(3):
        escalator.sweep(db, at)
        at += timedelta(minutes=10)
    assert notices_of(db) == [("page", "anna", "pending"), ("page", "ben", "pending")]
    assert story_of(db)[-1] == ("paged", "step 2 of ops, again: Ben")


def test_a_later_page_marks_what_is_new_since_the_one_before(db: Connection) -> None:
    page_for(db, a_symptom("check:1", severity=Severity.WARNING))
    joins = a_symptom("check:2", severity=Severity.CRITICAL)
    desk.acknowledge(db, 1, "Anna", PAGED_AT, until=PAGED_AT + HOUR)
    desk.raise_(db, [joins], PAGED_AT)
    escalator.sweep(db, PAGED_AT + timedelta(seconds=10))
    first, *_, second = outbox.pages_of(db, 1)
    (new,) = [symptom.id for symptom in desk.symptoms(db, [1])[1] if symptom.key == "check:2"]
    assert (first.kind, first.news.joined) == (NoticeKind.PAGE, ())
    assert (second.kind, second.news.joined) == (NoticeKind.PAGE, (new,))


def test_a_page_at_the_end_of_maintenance_marks_what_went_down_in_it(db: Connection) -> None:
    page_for(db, a_symptom("check:1", severity=Severity.WARNING))
    desk.acknowledge(db, 1, "Anna", PAGED_AT, until=PAGED_AT + 3 * HOUR)
    hold = Hold(PAGED_AT + HOUR, "maintenance")
    desk.raise_(db, [a_symptom("check:2", severity=Severity.CRITICAL, hold=hold)], PAGED_AT)
    escalator.sweep(db, PAGED_AT + timedelta(minutes=1))
    escalator.sweep(db, hold.until)
    last = outbox.pages_of(db, 1)[-1]
    (new,) = [symptom.id for symptom in desk.symptoms(db, [1])[1] if symptom.key == "check:2"]
    assert (last.kind, last.created_at, last.news.joined) == (NoticeKind.PAGE, hold.until, (new,))


def test_a_step_that_reaches_nobody_is_not_waited_for(db: Connection) -> None:
    desk.install(db, [Person("anna", "Anna", ()), BEN], [OPS], {})
    desk.raise_(db, [a_symptom()], NOW)
    escalator.sweep(db, PAGED_AT)
    assert notices_of(db) == [("page", "ben", "pending")]
    (page,) = outbox.pages_of(db, 1)
    assert (page.step, desk.dossier(db, 1).incident.step) == (1, 2)  # type: ignore[union-attr]


def test_a_policy_that_reaches_nobody_pages_the_operator(db: Connection) -> None:
    desk.install(db, [Person("anna", "Anna", ()), Person("ben", "Ben", ())], [OPS], {})
    desk.raise_(db, [a_symptom()], NOW)
    escalator.sweep(db, PAGED_AT)
    assert notices_of(db) == [("page", "operator", "pending")]


def test_the_worst_incidents_page_first(db: Connection) -> None:
    severities = {1: Severity.WARNING, 2: Severity.CRITICAL, 3: Severity.ERROR}
    for number, severity in severities.items():
        desk.raise_(db, [a_symptom(f"check:{number}", f"failed:check={number}", severity)], NOW)
    paged = []
    for _ in severities:
        assert escalator.sweep(db, PAGED_AT, limit=1) == 1
        paged += [number for number in severities if incident_of(db, number).step and number not in paged]
    assert paged == [2, 3, 1]


def test_an_acknowledgement_that_expires_pages_from_the_first_step(db: Connection) -> None:
    page_for(db, a_symptom())
    desk.acknowledge(db, 1, "ben", PAGED_AT, until=PAGED_AT + HOUR)
    escalator.sweep(db, PAGED_AT + HOUR)
    incident = incident_of(db)
    assert (incident.state, incident.occurrence, incident.step) == (State.OPEN, 2, 1)
    assert story_of(db)[-2:] == [
        ("reopened", "paging again: the acknowledgement has expired"),
        ("paged", "step 1 of ops: Anna"),
    ]


def test_a_quiet_that_ends_within_a_hold_waits_for_the_end_of_the_hold(db: Connection) -> None:
    desk.raise_(db, [a_symptom(hold=Hold(NOW + 2 * HOUR, "maintenance Database move"))], NOW)
    desk.snooze(db, 1, "ben", NOW, NOW + HOUR)
    escalator.sweep(db, NOW + HOUR)
    assert notices_of(db) == []
    assert story_of(db)[-1] == ("held", "held until 03 May 05:00 UTC")
    escalator.sweep(db, NOW + 2 * HOUR)
    assert notices_of(db) == [("page", "anna", "pending")]


def test_everybody_who_was_paged_hears_of_joins_and_of_recoveries_that_have_settled(db: Connection) -> None:
    def tell(at: datetime) -> None:
        assert escalator.next_due(db) == at
        escalator.sweep(db, at)

    page_for(db, a_symptom("check:1"), a_symptom("check:2"))
    at = PAGED_AT + timedelta(minutes=1)
    desk.raise_(db, [a_symptom("check:3")], at)
    desk.clear(db, {"check:1": "heard again"}, at)
    tell(at + timedelta(seconds=10))
    assert updates_of(db) == [("anna", "+1")]
    tell(at + timedelta(minutes=2))
    assert [words for _, words in updates_of(db)][-1] == "+1, 1 back", "the first was not sent yet"
    assert escalator.next_due(db) == SECOND_STEP


def test_a_symptom_that_returns_before_its_recovery_was_told_is_no_news(db: Connection) -> None:
    page_for(db, a_symptom("check:1"), a_symptom("check:2"))
    at = PAGED_AT + timedelta(minutes=1)
    desk.clear(db, {"check:1": "heard again"}, at)
    desk.raise_(db, [a_symptom("check:1")], at + timedelta(minutes=1))
    escalator.sweep(db, at + timedelta(minutes=2))
    assert updates_of(db) == []


def test_an_acknowledged_incident_that_gets_worse_pages_from_the_first_step(db: Connection) -> None:
    page_for(db, a_symptom("check:1", severity=Severity.WARNING))
    desk.acknowledge(db, 1, "ben", PAGED_AT, until=PAGED_AT + HOUR)
    at = PAGED_AT + timedelta(minutes=1)
    desk.raise_(db, [a_symptom("check:2", severity=Severity.WARNING)], at)
    escalator.sweep(db, at + timedelta(seconds=10))
    assert (incident_of(db).state, updates_of(db)) == (State.ACKNOWLEDGED, [("anna", "+1")])
    desk.raise_(db, [a_symptom("check:3", severity=Severity.CRITICAL)], at + timedelta(minutes=1))
    escalator.sweep(db, at + timedelta(minutes=1, seconds=10))
    incident = incident_of(db)
    assert (incident.state, incident.occurrence, incident.step) == (State.OPEN, 2, 1)
    assert incident.severity is Severity.CRITICAL
    assert story_of(db)[-2] == ("reopened", "paging again: it is critical now")
    assert outbox.pages_of(db, 1)[-1].severity is Severity.CRITICAL
    assert len(updates_of(db)) == 1


def test_a_page_that_waits_while_its_incident_begins_again_gives_way_to_one_of_the_new_occurrence(
    db: Connection,
) -> None:
    (page,) = page_for(db, a_symptom("check:1", severity=Severity.ERROR))
    # Anna's second contact, which asked for patience.
    again = PAGED_AT + timedelta(minutes=9)
    leases.record(db, [Recorded(page, Retry(again, 1, 2, throttled=True), ANNA.contacts[1], PAGED_AT)])
    at = worsened(db)
    before, now = outbox.pages_of(db, 1)
    assert (before.state, now.state) == ("superseded", "pending")
    assert (now.occurrence, now.step, now.severity) == (2, 0, Severity.CRITICAL)
    assert (now.created_at, now.words) == (at, "step 1 of ops")
    place = now.contact, now.contact_attempts, now.via, now.contact_mark, now.next_at, now.throttled
    assert place == (1, 2, "mail", ANNA.contacts[1].mark, again, True)


def test_a_page_that_is_under_way_while_its_incident_begins_again_is_followed_by_another(
    db: Connection,
) -> None:
    page_for(db, a_symptom("check:1", severity=Severity.ERROR))
    at = worsened(db)
    before, now = outbox.pages_of(db, 1)
    assert (before.occurrence, before.state, now.occurrence, now.state) == (1, "pending", 2, "pending")
    assert (now.contact, now.next_at) == (0, at)


def test_worse_trouble_begins_with_the_first_contact_for_it_whatever_the_page_before_waits_for(
    db: Connection,
) -> None:
    call = Contact("phone", "anna-3")
    desk.install(db, [replace(ANNA, contacts=(call,), warnings=ANNA.contacts), BEN], [OPS], {})
    (page,) = page_for(db, a_symptom("check:1", severity=Severity.ERROR))
    again = PAGED_AT + timedelta(minutes=9)
    leases.record(db, [Recorded(page, Retry(again, 0, 1, throttled=True), ANNA.contacts[0], PAGED_AT)])
    at = worsened(db)
    now = outbox.pages_of(db, 1)[-1]
    assert (now.contact, now.via, now.next_at, now.throttled) == (0, "phone", at, False)


def test_a_notice_that_somebody_has_an_incident_is_not_sent_once_that_pages_again(db: Connection) -> None:
    page_for(db, a_symptom("check:1", severity=Severity.ERROR))
    desk.acknowledge(db, 1, "Ben", PAGED_AT, until=PAGED_AT + HOUR, by_person="ben")
    assert notices_of(db)[-1] == ("acknowledged", "anna", "pending")
    worsened(db)
    assert [notice for notice in notices_of(db) if notice[2] == "pending"] == [("page", "anna", "pending")]


def worsened(db: Connection) -> datetime:
    """Let the incident become critical, and page again. Return when."""
    at = PAGED_AT + timedelta(minutes=1)
    desk.raise_(db, [a_symptom("check:2", severity=Severity.CRITICAL)], at)
    at += timedelta(seconds=10)
    escalator.sweep(db, at)
    return at


def test_what_falls_silent_in_a_hold_and_comes_back_is_no_news_and_the_rest_is_told_at_its_end(
    db: Connection,
) -> None:
    page_for(db, a_symptom("check:1", severity=Severity.WARNING))
    hold = Hold(PAGED_AT + HOUR, "maintenance Database move")
    held = [a_symptom(f"check:{n}", severity=Severity.CRITICAL, hold=hold) for n in (2, 3)]
    at = PAGED_AT + timedelta(minutes=1)
    desk.raise_(db, held, at)
    desk.acknowledge(db, 1, "ben", at, until=at + 3 * HOUR)
    desk.clear(db, {"check:2": "heard again"}, at + timedelta(minutes=5))
    escalator.sweep(db, at + timedelta(minutes=30))
    assert (incident_of(db).severity, updates_of(db)) == (Severity.WARNING, [])
    escalator.sweep(db, hold.until)
    assert (incident_of(db).severity, incident_of(db).occurrence) == (Severity.CRITICAL, 2)


def test_pages_wait_while_everything_that_stands_is_held(db: Connection) -> None:
    page_for(db, a_symptom("check:1"))
    hold = Hold(PAGED_AT + HOUR, "maintenance Database move")
    desk.raise_(db, [a_symptom("check:2", hold=hold)], PAGED_AT)
    desk.clear(db, {"check:1": "heard again"}, PAGED_AT)
    escalator.sweep(db, SECOND_STEP)
    assert [person for kind, person, _ in notices_of(db) if kind == "page"] == ["anna"]
    escalator.sweep(db, hold.until)
    assert [person for kind, person, _ in notices_of(db) if kind == "page"] == ["anna", "ben"]


def test_an_incident_in_which_nothing_stands_settles_and_keeps_no_other_from_paging(db: Connection) -> None:
    desk.raise_(db, [a_symptom("check:1"), a_symptom("check:2", "silent:host=b")], NOW)
    (lost,) = symptom_store.raised_of(db, ["check:1"])
    # As nothing of ours leaves it: another program has cleared the symptom, and not its incident.
    symptom_store.clear_symptoms(db, [(lost.id, "by hand")], NOW)
    escalator.sweep(db, PAGED_AT)
    assert (incident_of(db, lost.incident_id).recovering, notices_of(db, lost.incident_id)) == (True, [])
    assert notices_of(db, 3 - lost.incident_id) == [("page", "anna", "pending")]
    assert escalator.next_due(db) == PAGED_AT + Pace().settling


def test_a_recovering_incident_brings_no_other_page_forward(db: Connection) -> None:
    desk.raise_(db, [a_symptom("check:0", "silent:host=well")], NOW)
    desk.clear(db, {"check:0": "heard again"}, NOW)
    many = [a_symptom(f"check:{number}", f"silent:host={number}") for number in range(1, 9)]
    desk.raise_(db, many, PAGED_AT)
    escalator.sweep(db, PAGED_AT)
    assert [notices_of(db, incident.id) for incident in desk.incidents(db)] == [[]] * 9


def test_what_joins_is_told_whatever_the_clocks_of_two_stages_say(db: Connection) -> None:
    page_for(db, a_symptom("check:1"))
    # The checker took its time before the escalator told, and commits after it.
    escalator.sweep(db, SECOND_STEP)
    desk.raise_(db, [a_symptom("check:2")], SECOND_STEP - timedelta(seconds=3), Pace(gathering=timedelta()))
    escalator.sweep(db, SECOND_STEP)
    assert updates_of(db) == [("anna", "+1")]


def test_a_symptom_that_joined_and_cleared_meanwhile_is_no_news(db: Connection) -> None:
    page_for(db, a_symptom("check:1"))
    at = PAGED_AT + timedelta(minutes=1)
    desk.raise_(db, [a_symptom("check:2")], at)
    desk.clear(db, {"check:2": "heard again"}, at)
    escalator.sweep(db, at + timedelta(seconds=10))
    assert updates_of(db) == []


def test_a_page_of_the_same_sweep_tells_the_news(db: Connection) -> None:
    page_for(db, a_symptom("check:1"))
    desk.raise_(db, [a_symptom("check:2")], SECOND_STEP - timedelta(seconds=10))
    escalator.sweep(db, SECOND_STEP)
    assert updates_of(db) == []
    assert [page.person for page in leases.lease(db, SECOND_STEP, 10, FREE)][-1] == "ben"


def test_a_storm_asks_once_who_is_on_call_in_its_rotation(
    db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins = (NOW - HOUR).replace(tzinfo=None)
    turns = Rotation("infra", "UTC", (Layer(("ben",), Length.parse("1w"), begins),))
    desk.define_rotation(db, turns)
    desk.define_policy(db, Policy("ops", (Step(("infra",), HOUR),)))
    desk.raise_(db, [a_symptom(f"check:{number}", f"silent:host={number}") for number in range(40)], NOW)
    asked: list[datetime] = []

    def on_call(_: Rotation, at: datetime) -> tuple[str, ...]:
        asked.append(at)
        return ("ben",)

    monkeypatch.setattr(rotation, "on_call", on_call)
    escalator.sweep(db, PAGED_AT)
    assert {page.person for one in desk.incidents(db) for page in outbox.pages_of(db, one.id)} == {"ben"}
    assert len(asked) < 10
