"""Checks defined outside of the file: the same rules, nobody's checks taken, and no silence made."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from alerting import desk
from alerting.origin import Origin
from heartbeat import audit, installation
from heartbeat.checks import check, checker, deadline, life, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import AT_ONCE, Check, State
from heartbeat.checks.definition import CheckDefinition
from heartbeat.checks.dependency import After
from heartbeat.checks.schedule import Cron, Every
from heartbeat.definitions.edit import checks as edit
from heartbeat.definitions.kind import OwnedByFile
from heartbeat.definitions.single import Faulty
from tests.unit.conftest import NOW, a_check
from tests.unit.definitions.edit.conftest import ANNA

LATER = NOW + timedelta(hours=1)


def define(db: Connection, slug: str = "job", at: datetime = NOW, **fields: object) -> edit.DefinedCheck:
    fields = {"every": "5m", "policy": "ops"} | fields
    return edit.define(db, ANNA, slug, edit.read(db, slug, fields), at)


def faults(db: Connection, **fields: Any) -> list[str]:
    with pytest.raises(Faulty) as raised:
        define(db, **fields)
    return raised.value.problems


def deeds(db: Connection) -> list[tuple[str, str]]:
    return [(deed.action, deed.target) for deed in reversed(audit.listed(db, limit=100))]


def test_a_new_check_is_expected_from_now_on(db: Connection) -> None:
    made = define(db, name="A job", grace="2m", labels={"host": "a"})
    assert made.before is None
    assert made.check == check_store.load(db, "job")
    one = made.check
    assert (one.name, one.schedule, one.grace) == ("A job", Every(timedelta(minutes=5)), timedelta(minutes=2))
    assert (one.origin, one.group_key, one.state) == ("api", "host=a", State.NEW)
    assert one.wake_at == NOW + timedelta(minutes=7)
    (deed,) = audit.listed(db, limit=10)
    assert (deed.actor, deed.via, deed.remote, deed.at) == ("anna", "session", "192.0.2.7", NOW)
    assert (deed.action, deed.target, deed.before) == ("check.make", "check job", None)
    written = {"name": "A job", "every": "5m", "grace": "2m", "labels": {"host": "a"}, "policy": "ops"}
    assert deed.after == written


def test_the_same_again_changes_nothing_and_is_written_down_once(db: Connection) -> None:
    define(db)
    repeated = define(db, at=LATER)
    assert not repeated.changed
    assert repeated.check.armed_at == NOW
    assert deeds(db) == [("check.make", "check job")]


def test_a_new_schedule_is_expected_from_now_on_and_the_rest_is_kept(db: Connection) -> None:
    check_ = define(db).check
    heard = life.on_ping(check_, check.Ping(check.Signal.SUCCESS, NOW + timedelta(minutes=1))).check
    check_store.save(db, [heard])

    changed = define(db, at=LATER, every=None, schedule="0 3 * * *", timezone="Europe/London")

    assert changed.check == check_store.load(db, "job")
    assert changed.check.schedule == Cron("0 3 * * *", "Europe/London")
    assert (changed.check.uuid, changed.check.last_ok_at) == (check_.uuid, NOW + timedelta(minutes=1))
    assert (changed.check.state, changed.check.armed_at) == (State.UP, LATER)
    assert changed.check.wake_at == deadline.of(changed.check)
    (deed, _) = audit.listed(db, limit=10)
    assert deed.before == {"every": "5m", "policy": "ops"}
    assert deed.after == {"schedule": "0 3 * * *", "timezone": "Europe/London", "policy": "ops"}


def test_a_missing_field_goes_back_to_its_default(db: Connection) -> None:
    define(
        db,
        max_runtime="1h",
        description="Words.",
        runbook="Ask Anna",
        severity="critical",
        manual_resume=True,
        alert_after={"failures": 3, "missed": 2},
    )
    current = define(db).check
    assert (current.max_runtime, current.description, current.severity, current.manual_resume) == (
        None,
        "",
        "error",
        False,
    )
    assert (current.runbook, current.alert_after) == ("", AT_ONCE)


def test_a_check_that_is_down_stays_in_its_incident(db: Connection) -> None:
    check_ = define(db, labels={"host": "a"}).check
    checker.sweep(db, LATER)
    old = desk.incident_of(db, [symptoms.key_of(check_)])
    moved = define(db, at=LATER, labels={"host": "b"}).check
    assert (moved.state, moved.cause) == (State.DOWN, Cause.SILENT)
    assert desk.incident_of(db, [symptoms.key_of(check_)]) == old


def test_a_paused_check_stays_paused(db: Connection) -> None:
    check_ = define(db).check
    check_store.save(db, [life.paused(check_, NOW, "anna").check])
    assert define(db, at=LATER, every="1h").check.state is State.PAUSED


def test_a_check_of_the_file_is_not_taken_over(db: Connection) -> None:
    check_store.insert(db, [a_check(origin=Origin.FILE)])
    declared = check_store.load(db, "job")
    with pytest.raises(OwnedByFile, match=r"^The configuration file declares check job: change it there\.$"):
        define(db, every="1h")
    with pytest.raises(OwnedByFile, match=r"^The configuration file declares check job: delete it there\.$"):
        edit.delete(db, ANNA, "job", NOW)
    assert declared is not None
    assert declared.schedule == Every(timedelta(minutes=5))
    assert deeds(db) == []


def test_a_check_of_a_first_ping_is_taken_over_with_its_history(db: Connection) -> None:
    check_store.insert(db, [a_check(origin=Origin.PING)])
    was = edit.locked(db, "job")
    after = define(db, grace="1m").check
    assert was is not None
    assert (after.origin, after.uuid, after.armed_at) == ("api", was.uuid, NOW)
    assert deeds(db) == [("check.change", "check job")]


def test_a_check_that_a_ping_makes_meanwhile_is_changed_instead(
    db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, looked = check_store.insert, edit.locked

    def overtaken(db: Connection, fresh: list[Check]) -> dict[str, int]:
        insert(db, [a_check(origin=Origin.PING)])
        monkeypatch.setattr(edit, "locked", looked)
        return insert(db, fresh)

    monkeypatch.setattr(check_store, "insert", overtaken)
    made = define(db, every="1h")
    assert made.before is not None
    assert made.check.schedule == Every(timedelta(hours=1))
    assert check_store.load(db, "job") == made.check


def test_a_check_that_names_no_policy_follows_the_one_at_the_top(db: Connection) -> None:
    sentence = "check job: names no policy, and there are several; write `policy: NAME` here or at the top."
    assert faults(db, policy=None) == [sentence]
    installation.remember(db, "policy", "night")
    assert define(db, policy=None).check.policy is None


def test_a_policy_that_has_gone_since_is_missed(db: Connection) -> None:
    wanted = edit.read(db, "job", {"every": "5m", "policy": "night"})
    desk.install(db, [], [], {})
    with pytest.raises(Faulty, match=r"^policy: there is no policy 'night'; there are none\.$"):
        edit.define(db, ANNA, "job", wanted, NOW)
    assert check_store.load(db, "job") is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"grce": "5m"}, "grce: a check has no such field; did you mean 'grace'?"),
        ({"grace": "15x"}, "grace: '15x' is not a duration; write for example 15m, 2h or 1d."),
        ({"grace": "0s"}, "grace: '0s' is out of range; write 1s to 30d."),
        ({"grace": 300}, "grace: must be text."),
        ({"alert_after": 3}, "alert_after: must be an object with named fields."),
        ({"alert_after": {"failures": "3"}}, "alert_after.failures: must be a whole number."),
        (
            {"alert_after": {"missed": 101}},
            "alert_after.missed: '101' is out of range; write a whole number from 1 to 100.",
        ),
        ({"runbook": "x" * 501}, "runbook: has 501 characters; there can be at most 500."),
        ({"name": True}, "name: must be text."),
        ({"manual_resume": "true"}, "manual_resume: must be true or false."),
        ({"labels": {"host": 1}}, "labels.host: must be text."),
        (
            {"labels": {"a b": "x"}},
            "labels.a b: 'a b' cannot be a label; write letters, digits, _ . / -, at most "
            "100, a letter first.",
        ),
        ({"labels": ["a"]}, "labels: must be a mapping, with a line `name: value` for each field."),
        ({"every": None}, "check job: needs exactly one of schedule, every, on_calendar."),
        ({"schedule": "0 3 * * *"}, "check job: needs exactly one of schedule, every, on_calendar."),
        ({"policy": "nigth"}, "policy: there is no policy 'nigth'; did you mean 'night'?"),
        ({"severity": "bad"}, "severity: 'bad' is not one of critical, error, warning, info."),
        ({"name": "two\nlines"}, "name: must be one line of text."),
        ({"description": "\0"}, "description: must be text without control characters."),
        ({"name": {"a": {}}}, "name: must be one value."),
    ],
)
def test_faults_are_told_as_the_file_tells_them(db: Connection, given: dict[str, Any], sentence: str) -> None:
    assert faults(db, **given) == [sentence]
    assert check_store.load(db, "job") is None


def test_all_faults_are_told_at_once(db: Connection) -> None:
    assert len(faults(db, grace="x", severity="y", policy="z")) == 3


def test_deep_nesting_is_refused(db: Connection) -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    (fault,) = faults(db, labels=deep)
    assert fault.endswith("is nested more than 20 levels deep.")


def test_deleting_ends_its_incident_and_is_written_down(db: Connection) -> None:
    made = define(db).check
    checker.sweep(db, LATER)
    number = desk.incident_of(db, [symptoms.key_of(made)])[symptoms.key_of(made)]

    gone = edit.delete(db, ANNA, made.uuid, LATER)

    assert gone is not None
    assert check_store.load(db, "job") is None
    dossier = desk.dossier(db, number)
    assert dossier is not None
    assert dossier.incident.state == "resolved"
    assert deeds(db) == [("check.make", "check job"), ("check.delete", "check job")]
    assert edit.delete(db, ANNA, "job", LATER) is None


def test_a_check_of_the_api_is_renamed_with_its_history(db: Connection) -> None:
    old = define(db, "old").check
    renamed = define(db, "new", at=LATER, formerly="old")
    assert renamed.before == old
    assert (renamed.check.id, renamed.check.uuid, renamed.check.slug) == (old.id, old.uuid, "new")
    assert check_store.load(db, "old") is None
    assert not define(db, "new", at=LATER, formerly="old").changed
    assert deeds(db)[-1] == ("check.change", "check new")


def test_a_check_of_the_file_is_not_renamed_elsewhere(db: Connection) -> None:
    check_store.insert(db, [a_check("old", origin=Origin.FILE)])
    with pytest.raises(OwnedByFile):
        define(db, "new", formerly="old")


def test_a_name_that_another_check_has_or_had_is_refused(db: Connection) -> None:
    define(db, "a")
    define(db, "b")
    define(db, "c", formerly="b")
    assert faults(db, slug="b") == [
        "slug: b is a former name of c, and its pings go there; remove it there first."
    ]
    assert faults(db, slug="d", formerly="b") == [
        "formerly: b is a former name of c, and its pings go there; remove it there first."
    ]
    assert faults(db, slug="c", formerly=["b", "a"]) == [
        "formerly: there is still a check a, whose pings are its own; delete it first."
    ]
    assert faults(db, slug="d", formerly=["a", "c"]) == [
        "formerly: a and c all exist; only one check can become d."
    ]
    assert faults(db, slug="d", formerly=["d"]) == ["formerly: names the check itself; leave that out."]
    assert set(check_store.lock_all(db)) == {"a", "c"}


def test_a_check_runs_after_one_that_exists_or_had_the_name(db: Connection) -> None:
    define(db, "old")
    define(db, "backup", formerly="old")
    made = define(db, "report", after=["backup", {"job": "import"}], labels={"job": "report"})
    assert edit.written(CheckDefinition.of(made.check))["after"] == ["backup", {"job": "import"}]
    assert not define(db, "report", after=["backup", {"job": "import"}], labels={"job": "report"}).changed
    assert define(db, "mail", after="old").check.after == After(("old",))
    assert faults(db, slug="mail", after="bakup") == [
        "after: there is no check bakup; define it first, or correct the name."
    ]


def test_a_check_that_would_wait_for_itself_is_refused_with_the_circle(db: Connection) -> None:
    define(db, "a")
    define(db, "b", after="a")
    define(db, "c", after={"job": "b"}, labels={"job": "c"})
    assert faults(db, slug="a", after="b") == ["after: makes a circle: a runs after b, which runs after a."]
    assert faults(db, slug="b", after={"job": "c"}, labels={"job": "b"}) == [
        "after: makes a circle: b runs after c, which runs after b."
    ]
