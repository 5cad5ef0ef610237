"""What a maintenance window means for checks that turn down: held, brought forward, never forgotten."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from alerting import desk, escalator
from alerting.incident import Incident, Pace
from heartbeat import audit
from heartbeat.checks import actions, check, checker, life, maintenance_store, placing, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.check import Change, Check, Ping, Signal
from heartbeat.definitions.edit import maintenance as edit
from heartbeat.definitions.edit.maintenance import Arranged, Ended
from heartbeat.definitions.single import Faulty
from tests.unit.conftest import NOW, a_check, somebody
from tests.unit.definitions.edit.conftest import ANNA

GATHERING = timedelta(seconds=10)
DOWN = NOW + timedelta(minutes=6)
"""When a check that is not heard turns down."""


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def window(
    db: Connection, begins: float, ends: float, *, now: float = 0, request: str | None = None, **match: str
) -> Arranged:
    given: dict[str, Any] = {"title": "Move", "match": match or {"host": "a"}}
    times = {"starts_at": at(begins).isoformat(), "ends_at": at(ends).isoformat()}
    return edit.make(db, ANNA, edit.read(given | times, at(now)), at(now), request)


def jobs(db: Connection, *slugs: str, **changes: Any) -> list[Check]:
    """Checks of one group, all of which are expected every five minutes with a minute of grace."""
    labels, policy = {"host": "a"} | changes.pop("labels", {}), "ops"
    check_store.insert(db, [a_check(slug, labels=dict(labels), policy=policy, **changes) for slug in slugs])
    return [one for one in check_store.lock_all(db).values() if one.slug in slugs]


def tick(db: Connection, minutes: float) -> None:
    """The service looks at everything once."""
    checker.sweep(db, at(minutes))
    escalator.sweep(db, at(minutes))


def hear(db: Connection, one: Check, minutes: float, signal: Signal = Signal.SUCCESS) -> None:
    """A job pings."""
    before = check_store.lock(db, [one.id])[0]
    change = life.on_ping(before, Ping(signal, at(minutes)))
    check_store.save(db, [change.check])
    tell(db, change, before, at(minutes))


def tell(db: Connection, change: Change, before: Check, now: datetime) -> None:
    match change.event:
        case check.Raised():
            placing.raise_(db, [symptoms.Fall(change, before)], now)
        case check.Cleared(why):
            desk.clear(db, {symptoms.key_of(before): why}, now, Pace(settling=timedelta()))


def incident(db: Connection) -> Incident:
    (only,) = desk.incidents(db, open_only=True)
    return only


def story(db: Connection, kind: str = "held") -> list[str]:
    dossier = desk.dossier(db, desk.incidents(db)[0].id)
    return [] if dossier is None else [entry.words for entry in dossier.timeline if entry.kind == kind]


def pages(db: Connection) -> list[str]:
    dossiers = [desk.dossier(db, one.id) for one in desk.incidents(db)]
    return [page.kind for one in dossiers if one is not None for page in one.pages]


def test_a_check_that_turns_down_in_a_window_pages_at_its_end(db: Connection) -> None:
    window(db, 0, 60)
    jobs(db, "one", "two")
    tick(db, 6)
    assert incident(db).next_at == at(60)
    assert [one.state for one in check_store.lock_all(db).values()] == ["down", "down"]
    assert story(db) == ["held until 03 May 04:00 UTC: maintenance Move"]
    tick(db, 59.9)
    assert pages(db) == []
    tick(db, 60)
    assert pages(db) == ["page"]
    assert incident(db).next_at == at(65)


def test_a_check_that_recovers_in_the_window_pages_nobody(db: Connection) -> None:
    window(db, 0, 60)
    (one,) = jobs(db, "one")
    tick(db, 6)
    hear(db, one, 30)
    assert desk.incidents(db)[0].state == "resolved"
    tick(db, 61)
    assert pages(db) == []


def test_a_window_that_is_over_or_to_come_holds_nothing(db: Connection) -> None:
    window(db, -10, 5, now=-10)
    window(db, 7, 60)
    jobs(db, "one")
    tick(db, 6)
    assert incident(db).next_at == DOWN + GATHERING
    assert story(db) == []


def test_a_check_outside_of_the_window_brings_the_page_forward(db: Connection) -> None:
    window(db, 0, 60, host="a", part="disk")
    jobs(db, "one", labels={"part": "disk"})
    jobs(db, "two", grace=timedelta(minutes=5))
    tick(db, 6)
    assert incident(db).next_at == at(60)
    tick(db, 10)
    assert incident(db).next_at == at(10) + GATHERING
    assert story(db)[1:] == ["no longer held: two is not held"]


def test_an_incident_that_begins_outside_of_the_window_pages_at_once(db: Connection) -> None:
    window(db, 0, 60, host="a", part="disk")
    jobs(db, "one", labels={"part": "disk"})
    jobs(db, "two")
    tick(db, 6)
    assert incident(db).next_at == DOWN + GATHERING
    assert story(db) == []


def test_a_check_left_alone_under_maintenance_is_held_again(db: Connection) -> None:
    window(db, 0, 60, host="a", part="disk")
    jobs(db, "one", labels={"part": "disk"})
    (two,) = jobs(db, "two")
    checker.sweep(db, DOWN)
    hear(db, two, 6.1)
    assert incident(db).next_at == at(60)


def test_a_page_waits_for_the_window_that_ends_first(db: Connection) -> None:
    window(db, 0, 60, host="a", part="disk")
    window(db, 0, 30, host="a", part="net")
    jobs(db, "one", labels={"part": "disk"})
    (two,) = jobs(db, "two", labels={"part": "net"})
    tick(db, 6)
    assert incident(db).next_at == at(30)
    hear(db, two, 20)
    assert incident(db).next_at == at(60)


def test_an_early_end_brings_the_page_forward(db: Connection) -> None:
    made = window(db, 0, 60).window
    jobs(db, "one")
    tick(db, 6)
    ended = edit.end(db, ANNA, made.id, at(20))
    assert ended is not None
    assert (ended.window.ends_at, ended.ringing) == (at(20), {})
    assert incident(db).next_at == at(20)
    assert story(db)[1:] == ["no longer held"]
    tick(db, 20)
    assert pages(db) == ["page"]
    again = edit.end(db, ANNA, made.id, at(21))
    assert again == Arranged(ended.window, {}, fresh=False)


def test_a_window_that_is_deleted_holds_no_longer(db: Connection) -> None:
    made = window(db, 0, 60).window
    jobs(db, "one")
    tick(db, 6)
    assert edit.delete(db, ANNA, made.id, at(20)) == made
    assert edit.delete(db, ANNA, made.id, at(20)) is None
    assert incident(db).next_at == at(20)


@pytest.mark.parametrize(("ends", "then"), [(40, 40), (90, 90), (20.1, 20.1)])
def test_a_window_that_is_shortened_or_prolonged_moves_the_page(
    db: Connection, ends: float, then: float
) -> None:
    made = window(db, 0, 60).window
    jobs(db, "one")
    tick(db, 6)
    wanted = edit.read(edit.written(made) | {"ends_at": at(ends).isoformat()}, at(20))
    changed = edit.change(db, ANNA, made.id, wanted, at(20))
    assert changed is not None
    assert maintenance_store.standing(db, at(20)) == [changed.window]
    assert incident(db).next_at == at(then)
    assert edit.change(db, ANNA, made.id, wanted, at(20)) == Arranged(changed.window, {}, fresh=False)


def test_a_window_that_is_about_others_now_lets_go(db: Connection) -> None:
    made = window(db, 0, 60).window
    jobs(db, "one")
    tick(db, 6)
    edit.change(db, ANNA, made.id, edit.read(edit.written(made) | {"match": {"host": "b"}}, at(9)), at(9))
    assert incident(db).next_at == at(9)


def test_a_window_made_while_it_gathers_holds_the_first_page(db: Connection) -> None:
    jobs(db, "one")
    checker.sweep(db, DOWN)
    assert window(db, 0, 60, now=6.1).ringing == {}
    assert incident(db).next_at == at(60)


def test_an_incident_that_pages_already_keeps_paging_and_is_named(db: Connection) -> None:
    jobs(db, "one")
    tick(db, 6)
    tick(db, 7)
    assert pages(db) == ["page"]
    late = window(db, 0, 60, now=8)
    assert late.ringing == {"one": incident(db).id}
    assert incident(db).next_at == at(12)
    tick(db, 12)
    assert len(story(db, "paged")) == 2


def test_a_check_that_joins_a_paging_incident_is_announced_at_the_end(db: Connection) -> None:
    jobs(db, "one")
    jobs(db, "two", labels={"part": "disk"}, grace=timedelta(minutes=10))
    tick(db, 6)
    tick(db, 7)
    made = window(db, 0, 60, host="a", part="disk").window
    tick(db, 15)
    assert incident(db).tell_at == at(60)
    edit.end(db, ANNA, made.id, at(30))
    assert incident(db).tell_at == at(30)
    assert story(db) == []


def test_an_answer_to_what_is_held_expires_at_the_end_of_the_window_at_the_earliest(db: Connection) -> None:
    window(db, 0, 60)
    jobs(db, "one")
    tick(db, 6)
    actions.acknowledge(db, incident(db).id, somebody("anna"), at(10), until=at(30))
    tick(db, 30)
    assert (incident(db).state, incident(db).next_at, incident(db).occurrence) == ("open", at(60), 2)
    assert pages(db) == []
    tick(db, 60)
    assert pages(db) == ["page"]


def test_a_failure_again_in_a_window_ends_no_answer(db: Connection) -> None:
    jobs(db, "other")
    (one,) = jobs(db, "one")
    tick(db, 6)
    tick(db, 7)
    actions.acknowledge(db, incident(db).id, somebody("anna"), at(10), until=at(300))
    window(db, 10, 60, now=10)
    hear(db, one, 11)
    tick(db, 18)
    tick(db, 61)
    assert (incident(db).state, incident(db).next_at) == ("acknowledged", at(300))


def test_a_failure_again_in_a_window_keeps_an_answer_that_ends_earlier(db: Connection) -> None:
    jobs(db, "other")
    (one,) = jobs(db, "one")
    tick(db, 6)
    tick(db, 7)
    actions.acknowledge(db, incident(db).id, somebody("anna"), at(10), until=at(40))
    window(db, 10, 60, now=10)
    hear(db, one, 11)
    tick(db, 18)
    assert (incident(db).state, incident(db).next_at) == ("acknowledged", at(40))
    tick(db, 40)
    assert incident(db).state == "open"
    assert pages(db).count("page") == 2, "the other job is held by nothing"


def test_a_failure_in_a_window_waits_too(db: Connection) -> None:
    window(db, 0, 60)
    (one,) = jobs(db, "one")
    hear(db, one, 1, Signal.FAIL)
    assert incident(db).next_at == at(60)


def test_the_same_request_makes_one_window(db: Connection) -> None:
    first, second = window(db, 0, 60, request="r1"), window(db, 0, 60, request="r1")
    assert (first.fresh, second.fresh) == (True, False)
    assert first.window == second.window
    window(db, 0, 60)
    assert len(maintenance_store.standing(db, NOW)) == 2


def test_every_change_is_written_down_once(db: Connection) -> None:
    made = window(db, 0, 60).window
    edit.end(db, ANNA, made.id, at(1))
    edit.end(db, ANNA, made.id, at(2))
    edit.delete(db, ANNA, made.id, at(3))
    deeds = list(reversed(audit.listed(db, limit=10)))
    assert [one.action for one in deeds] == ["maintenance.make", "maintenance.end", "maintenance.delete"]
    assert {one.target for one in deeds} == {f"maintenance {made.id}"}
    assert deeds[0].after == edit.written(made)


def test_a_past_window_cannot_be_changed_and_an_upcoming_one_is_deleted(db: Connection) -> None:
    made = window(db, 1, 2).window
    with pytest.raises(Ended, match=rf"^Maintenance {made.id} has not begun: delete it instead\.$"):
        edit.end(db, ANNA, made.id, NOW)
    wanted = edit.read(edit.written(made) | {"ends_at": at(90).isoformat()}, NOW)
    with pytest.raises(Ended, match=rf"^Maintenance {made.id} is over: make another one\.$"):
        edit.change(db, ANNA, made.id, wanted, at(3))
    assert edit.change(db, ANNA, 99, wanted, NOW) is None
    assert edit.end(db, ANNA, 99, NOW) is None


def test_the_number_of_windows_is_limited(db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edit, "MAX_STANDING", 1)
    window(db, 0, 1)
    window(db, 2, 3, now=2)
    with pytest.raises(
        Faulty, match=r"^maintenance: 1 windows are active or upcoming already, the most there can be\.$"
    ):
        window(db, 2, 3, now=2)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"title": None}, "maintenance window: has no title; write for example `title: Database move`."),
        ({"match": {}}, "match: needs at least one label, such as {host: vault-1}."),
        (
            {"ends_at": "2024-05-03"},
            "ends_at: must be an instant with its zone, such as 2026-05-02T08:30:00Z.",
        ),
        ({"ends_at": NOW.isoformat()}, "ends_at: must be after starts_at."),
        (
            {"until": "x"},
            "until: a maintenance window has no such field; there are description, ends_at, kind, match,",
        ),
        ({"title": 5}, "title: must be text."),
    ],
)
def test_faults_name_the_field(db: Connection, change: dict[str, Any], sentence: str) -> None:
    given = {"title": "Move", "match": {"host": "a"}, "ends_at": at(60).isoformat()}
    with pytest.raises(Faulty) as raised:
        edit.read(given | change, NOW)
    assert raised.value.problems[0].startswith(sentence)


DAILY = {"rrule": "FREQ=DAILY", "starts": "2024-05-03T03:00", "timezone": "UTC", "duration": "1h"}
"""Each day from `NOW` on, for an hour."""
A_DAY = 24 * 60


def series(db: Connection, *, now: float = 0, **changes: str) -> Arranged:
    fields = {"title": "Move", "match": {"host": "a"}, "repeats": DAILY | changes}
    return edit.make(db, ANNA, edit.read(fields, at(now)), at(now))


def test_each_occurrence_holds_its_checks_and_pages_at_its_end(db: Connection) -> None:
    series(db)
    (one,) = jobs(db, "one")
    for day in (0, A_DAY):
        hear(db, one, day)
        tick(db, day + 6)
        assert incident(db).next_at == at(day + 60)
        tick(db, day + 59.9)
        assert pages(db).count("page") == day // A_DAY, "it is held"
        tick(db, day + 60)
        assert pages(db).count("page") == day // A_DAY + 1, "it stands at the end"
        hear(db, one, day + 61)


def test_nothing_is_held_between_two_occurrences(db: Connection) -> None:
    series(db)
    (one,) = jobs(db, "one")
    hear(db, one, 100)
    tick(db, 106)
    assert incident(db).next_at == at(106) + GATHERING
    assert [window.starts_at for window in maintenance_store.standing(db, at(106))] == [at(A_DAY)]


def test_an_occurrence_that_somebody_ends_pages_at_once_and_the_next_one_holds(db: Connection) -> None:
    number = series(db).window.id
    (one,) = jobs(db, "one")
    tick(db, 6)
    ended = edit.end(db, ANNA, number, at(20))
    assert ended is not None
    assert ended.window.starts_at == at(A_DAY)
    tick(db, 20)
    assert pages(db) == ["page"]
    repeated = edit.end(db, ANNA, number, at(21))
    assert repeated is not None
    assert not repeated.fresh
    hear(db, one, A_DAY)
    tick(db, A_DAY + 6)
    assert incident(db).next_at == at(A_DAY + 60)


def test_a_change_does_not_begin_again_what_somebody_has_ended(db: Connection) -> None:
    number = series(db).window.id
    edit.end(db, ANNA, number, at(20))
    fields = {"title": "Patch", "match": {"host": "a"}, "repeats": DAILY}
    changed = edit.change(db, ANNA, number, edit.read(fields, at(21)), at(21))
    assert changed is not None
    assert (changed.window.title, changed.window.starts_at) == ("Patch", at(A_DAY))
    later = series(db, starts="2024-05-04T03:00").window.id
    with pytest.raises(Ended):
        edit.end(db, ANNA, later, at(21))


def test_a_series_is_over_after_its_last_occurrence(db: Connection) -> None:
    number = series(db, rrule="FREQ=DAILY;COUNT=2").window.id
    assert [window.id for window in maintenance_store.standing(db, at(A_DAY + 59))] == [number]
    assert maintenance_store.standing(db, at(A_DAY + 60)) == []
    target = edit.read({"title": "x", "match": {"a": "b"}, "repeats": DAILY}, at(2 * A_DAY))
    with pytest.raises(Ended):
        edit.change(db, ANNA, number, target, at(2 * A_DAY))
    edit.delete(db, ANNA, number, at(2 * A_DAY))
    assert maintenance_store.listed(db, at(2 * A_DAY), limit=9) == []


def silence(db: Connection, ends: float, *, now: float = 0) -> Arranged:
    fields = {
        "title": "the disk is replaced",
        "match": {"host": "a"},
        "kind": "silence",
        "ends_at": at(ends).isoformat(),
    }
    return edit.make(db, ANNA, edit.read(fields, at(now)), at(now))


def test_what_falls_down_while_silenced_is_paged_at_the_end(db: Connection) -> None:
    window = silence(db, 60).window
    jobs(db, "one")
    tick(db, 6)
    assert story(db) == ["held until 03 May 04:00 UTC: silence the disk is replaced"]
    assert [check.state for check in check_store.lock_all(db).values()] == ["down"], "its state is what it is"
    assert edit.holding(db, window, at(7)) == ["one"]
    (symptom,) = desk.symptoms(db, [incident(db).id])[incident(db).id]
    assert symptom.held_why == "silence the disk is replaced"
    tick(db, 59.9)
    assert pages(db) == []
    tick(db, 60)
    assert pages(db) == ["page"]
    assert edit.holding(db, window, at(60)) == []
    assert maintenance_store.standing(db, at(60)) == [], "it ends by itself"


def test_a_silence_that_somebody_ends_pages_for_what_stands(db: Connection) -> None:
    number = silence(db, 60).window.id
    jobs(db, "one")
    tick(db, 6)
    edit.end(db, ANNA, number, at(10))
    tick(db, 10)
    assert pages(db) == ["page"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ends_at": at(8 * A_DAY).isoformat()}, "ends_at: a silence ends within 7 days."),
        ({"starts_at": at(5).isoformat()}, "starts_at: a silence begins now; make it a maintenance window."),
        (
            {"ends_at": None, "repeats": DAILY},
            "repeats: a silence does not repeat; make it a maintenance window.",
        ),
        ({"kind": "mute"}, "kind: must be one of maintenance, silence."),
    ],
)
def test_a_silence_begins_now_and_ends_soon(change: dict[str, Any], sentence: str) -> None:
    fields = {"title": "x", "match": {"host": "a"}, "kind": "silence", "ends_at": at(60).isoformat()} | change
    with pytest.raises(Faulty) as refused:
        edit.read(fields, NOW)
    assert refused.value.problems == [sentence]
