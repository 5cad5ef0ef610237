"""The plan of a configuration: its changes in words, and their application to the database."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, event, make_url, select

from alerting import desk
from alerting.incident import Incident, Pace
from alerting.incident import State as Life
from alerting.notifiers import registry
from alerting.notifiers.registry import Setup
from alerting.origin import Origin
from heartbeat import installation, vault
from heartbeat.checks import checker, life, spread, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Signal, State, Tolerance
from heartbeat.checks.schedule import Cron, Every
from heartbeat.checks.tables import checks
from heartbeat.database import engine
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions.model import Configuration
from heartbeat.pings import keys
from heartbeat.pings import store as pings
from heartbeat.pings.arrival import Arrival, ByUuid, NumberedPing
from tests.unit.conftest import NOW, a_check
from tests.unit.definitions.declared import ENV, EXAMPLE, SECRETS, parse

LATER = NOW + timedelta(days=2)
JOBS = """\
ping_keys: {housekeeping: "${HEARTBEAT_PING_KEY}"}
checks:
  one: {every: 5m, labels: {host: a, region: eu}}
  two: {every: 5m, labels: {host: a, region: us}}
  three: {every: 5m, labels: {host: b, region: us}}
people: {anna: {contacts: [{console: terminal}]}}
policies: {ops: [{page: anna, wait: 5m}]}
"""


@pytest.fixture
def opened(request: pytest.FixtureRequest, make_database_url: Callable[[str], str]) -> Iterator[Engine]:
    writer = engine(make_url(make_database_url(getattr(request, "param", "sqlite"))), writing=True)
    yield writer
    writer.dispose()


on_both = pytest.mark.parametrize("opened", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def db(opened: Engine) -> Iterator[Connection]:
    with opened.begin() as connection:
        yield connection


@pytest.fixture
def statements(opened: Engine) -> list[str]:
    executed: list[str] = []

    @event.listens_for(opened, "before_cursor_execute")
    def see(_db: Any, _cursor: Any, statement: str, *_: Any) -> None:
        executed.append(statement)

    return executed


@cache
def parsed(text: str, *changes: tuple[str, str]) -> Configuration:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse(text)


def silence(db: Connection, now: datetime = LATER) -> None:
    """Judge the checks at a time when none has been heard."""
    checker.sweep(db, now, limit=10_000)


def incidents_by_slug(db: Connection) -> dict[str, Incident]:
    """Return the open incident of each check that is down."""
    ids = {symptoms.key_of(check): slug for slug, check in check_store.lock_all(db).items()}
    by_number = {incident.id: incident for incident in desk.incidents(db, open_only=True)}
    return {ids[key]: by_number[number] for key, number in desk.incident_of(db, ids).items()}


@on_both
def test_an_applied_plan_leaves_no_difference(db: Connection) -> None:
    declared = parsed(EXAMPLE)
    plan = definition_plan.difference(db, declared)
    assert plan.changes == (
        "~ policy: none -> ops",
        "+ ping key housekeeping: from ${HEARTBEAT_PING_KEY}",
        "+ check daily-cpu-reset: at 03:00 every day, UTC, grace 15 min; max_runtime 2 h",
        '+ person first: name "First responder", timezone UTC, '
        "contacts ntfy https://ntfy.example.com/first, email first@example.com",
        '+ person second: name "Second responder", timezone UTC, contacts email second@example.com',
        "+ policy ops: steps first, 5 min; second and first, 10 min",
        "+ notifier email: smtp smtp://mail.example.com:587, from heartbeat@example.com",
        '+ status page public: title "Example status", components CPU allowance (component=cpu-allowance)',
    )
    assert check_store.lock_all(db) == {}
    assert definition_plan.apply(db, declared, NOW).changes == plan.changes
    assert definition_plan.difference(db, declared).empty
    assert desk.people(db) == declared.people
    assert desk.policies(db) == declared.policies
    assert desk.notifiers(db) == declared.notifiers
    assert keys.names(db, declared.ping_keys.values()).keys() == {*declared.ping_keys.values()}


def test_the_line_of_a_new_check_says_what_its_runs_must_keep(db: Connection) -> None:
    fields = (
        "{every: 1h, grace: 10s, max_runtime: 20m, stuck_after: 5m, rules: [rows > 0], at_most: 2 per 1h}"
    )
    declared = parsed(f"checks: {{import: {fields}}}")
    (line,) = (line for line in definition_plan.difference(db, declared).changes if "import" in line)
    assert line.startswith("+ check import: every hour, ")
    assert line.endswith(", grace 10 s; max_runtime 20 min; stuck_after 5 min; rules rows > 0")


def test_a_new_check_is_expected_from_now_on(db: Connection) -> None:
    definition_plan.apply(db, parsed(EXAMPLE), NOW, new_uuid=lambda: UUID(int=7))
    check = check_store.lock_all(db)["daily-cpu-reset"]
    assert check == Check(
        id=check.id,
        uuid=UUID(int=7),
        slug="daily-cpu-reset",
        name="daily-cpu-reset",
        schedule=Cron("0 3 * * *", "UTC"),
        grace=timedelta(minutes=15),
        max_runtime=timedelta(hours=2),
        runbook="https://wiki.example.com/cpu-reset",
        alert_after=Tolerance(failures=2),
        labels={"host": "us-housekeeping", "region": "us", "component": "cpu-allowance"},
        group_key="host=us-housekeeping",
        severity=check.severity,
        policy="ops",
        origin=Origin.FILE,
        since=NOW,
        armed_at=NOW,
        wake_at=NOW + timedelta(days=1, minutes=15),
    )


def test_a_second_apply_writes_nothing(db: Connection, statements: list[str]) -> None:
    definition_plan.apply(db, parsed(EXAMPLE), NOW)
    statements.clear()
    assert definition_plan.apply(db, parsed(EXAMPLE), LATER).empty
    assert definition_plan.difference(db, parsed(EXAMPLE)).empty
    assert {statement.split()[0] for statement in statements} == {"SELECT"}


CHECK = "~ check daily-cpu-reset: "
CHANGES = [
    ("grace: 15m", "grace: 20m", CHECK + "grace 15 min -> 20 min"),
    ("max_runtime: 2h", "max_runtime: 90m", CHECK + "max_runtime 2 h -> 1 h 30 min"),
    (
        "max_runtime: 2h",
        "max_runtime: until done, at most 20h",
        CHECK + "max_runtime 2 h -> until done, at most 20 h",
    ),
    ("max_runtime: 2h", "max_runtime: until done", CHECK + "max_runtime 2 h -> until done"),
    (
        "max_runtime: 2h",
        "max_runtime: 2h\n    stuck_after: 15m",
        CHECK + "stuck_after none -> 15 min",
    ),
    (
        "max_runtime: 2h",
        "max_runtime: 2h\n    stuck_after: learnt",
        CHECK + "stuck_after none -> learnt",
    ),
    ("    max_runtime: 2h\n", "", CHECK + "max_runtime 2 h -> none"),
    ("grace: 15m", "grace: 15m\n    finish_by: 06:00", CHECK + "finish_by none -> 06:00 UTC"),
    ("grace: 15m", "grace: 15m\n    window: 1:00-3:00", CHECK + "window none -> 01:00-03:00 UTC"),
    ("grace: 15m", "grace: 15m\n    min_runtime: 90s", CHECK + "min_runtime none -> 1 min 30 s"),
    ("grace: 15m", "grace: 15m\n    at_most: 3 per 60m", CHECK + "at_most none -> 3 per 1h"),
    ("grace: 15m", "grace: 15m\n    one_at_a_time: true", CHECK + "one_at_a_time none -> true"),
    (
        "{failures: 2}",
        "{missed: 3}",
        CHECK + "alert_after 2 failures or 1 missed run -> 1 failure or 3 missed runs",
    ),
    (
        "https://wiki.example.com/cpu-reset",
        "Ask Anna",
        CHECK + 'runbook "https://wiki.example.com/cpu-reset" -> "Ask Anna"',
    ),
    ("0 3 * * *", "0 4 * * *", CHECK + "schedule at 03:00 every day, UTC -> at 04:00 every day, UTC"),
    ("0 3 * * *", "00 03 * * *", CHECK + "the same, written differently"),
    ("region: us", "region: eu", CHECK + "label region us -> eu"),
    ("region: us, ", "", CHECK + "label region us -> none"),
    ("severity: critical", "severity: info", CHECK + "severity critical -> info"),
    ("policy: ops", "manual_resume: true", CHECK + "manual_resume false -> true"),
    ("policy: ops", "measure: lines", CHECK + "measure json -> lines"),
    ("policy: ops", "description: Why", CHECK + 'description none -> "Why"'),
    ("policy: ops", 'name: "A \\"B\\""', CHECK + 'name "daily-cpu-reset" -> "A \\"B\\""'),
    ("First r", "The r", '~ person first: name "First responder" -> "The responder"'),
    (
        "name: Second responder",
        "timezone: Asia/Tokyo",
        '~ person second: name "Second responder" -> "second"; timezone UTC -> Asia/Tokyo',
    ),
    (
        "email: second@",
        "email: 2nd@",
        "~ person second: contacts email second@example.com -> email 2nd@example.com",
    ),
    (
        "[second, first], wait: 10m",
        "second, wait: 1h",
        "~ policy ops: steps first, 5 min; second and first, 10 min -> first, 5 min; second, 1 h",
    ),
    (
        "from: heartbeat@example.com",
        'from: a@b.c, username: u, password: "${SMTP_PASSWORD}"',
        "~ notifier email: from heartbeat@example.com -> a@b.c; username none -> u; "
        "password none -> ${SMTP_PASSWORD}",
    ),
    ("Example status", "Status", '~ status page public: title "Example status" -> "Status"'),
    (
        "name: CPU allowance",
        "name: CPU, description: Share",
        "~ status page public: components CPU allowance (component=cpu-allowance) -> "
        'CPU (component=cpu-allowance): "Share"',
    ),
    ("group_by: [host]", "group_by: [region, host]", "~ group_by: host -> region, host"),
    ("group_by: [host]", "group_by: []", "~ group_by: host -> none"),
    ("group_by: [host]", "group_by: region>host", "~ group_by: host -> region > host"),
    ("group_by: [host]", "gathering: 1m", "~ gathering: 10 s -> 1 min"),
    ("group_by: [host]", "acknowledge_for: 1h", "~ acknowledge_for: 4 h -> 1 h"),
    ("housekeeping: ", "renamed: ", "+ ping key renamed: from ${HEARTBEAT_PING_KEY}|- ping key housekeeping"),
    (
        "${HEARTBEAT_PING_KEY}",
        "${OTHER_KEY}",
        "~ ping key housekeeping: from ${HEARTBEAT_PING_KEY} -> ${OTHER_KEY}|"
        "~ ping key housekeeping: a new key; pings by the old one are refused",
    ),
]


@pytest.mark.parametrize(("old", "new", "changes"), CHANGES)
def test_every_change_is_described_and_applied(
    make_database_url: Any, old: str, new: str, changes: str
) -> None:
    writer = engine(make_url(make_database_url("sqlite")), writing=True)
    changed = parsed(EXAMPLE, (old, new))
    with writer.begin() as db:
        definition_plan.apply(db, parsed(EXAMPLE), NOW)
        assert definition_plan.difference(db, changed).changes == tuple(changes.split("|"))
        assert definition_plan.apply(db, changed, LATER).changes == tuple(changes.split("|"))
        assert definition_plan.difference(db, changed).empty
    writer.dispose()


def test_a_new_key_behind_the_same_reference_is_noticed(db: Connection) -> None:
    definition_plan.apply(db, parsed(EXAMPLE), NOW)
    rotated = parse(EXAMPLE, env=ENV | {"HEARTBEAT_PING_KEY": "a-key-that-was-made-today"})
    change = "~ ping key housekeeping: a new key; pings by the old one are refused"
    assert definition_plan.apply(db, rotated, NOW).changes == (change,)
    assert keys.names(db, rotated.ping_keys.values()).keys() == {*rotated.ping_keys.values()}


def test_checks_of_the_api_and_of_first_pings_stay(db: Connection) -> None:
    check_store.insert(db, [a_check("by-hand"), a_check("by-ping", origin=Origin.PING)])
    assert [
        line
        for line in definition_plan.apply(db, parsed(JOBS), NOW).changes
        if line.startswith(("-", "~ check"))
    ] == []
    assert {"by-hand", "by-ping", "one"} <= check_store.lock_all(db).keys()
    assert "by-hand" not in definition_plan.export(db)


@on_both
def test_a_check_that_was_made_otherwise_is_taken_over_with_its_history(db: Connection) -> None:
    heard = a_check(
        "one", origin=Origin.PING, state=State.UP, last_ok_at=NOW, labels={"host": "a", "region": "eu"}
    )
    identity = heard.uuid, check_store.insert(db, [heard])["one"]
    arrival = Arrival(ByUuid(heard.uuid.hex), Signal.SUCCESS, NOW, "GET", "127.0.0.1", "curl")
    pings.keep(db, [NumberedPing(identity[1], 1, arrival, None)])
    lines = definition_plan.apply(db, parsed(JOBS), NOW).changes
    assert (
        "~ check one: declared by its first ping -> this file; grace 1 min -> 5 min; policy none -> ops"
        in lines
    )
    check = check_store.lock_all(db)["one"]
    assert (check.uuid, check.id, check.origin, check.last_ok_at) == (*identity, "file", NOW)
    assert [ping.n for ping in pings.last_pings(db, check.id)] == [1]
    assert definition_plan.apply(
        db, parsed(JOBS, ("  one: {every: 5m, labels: {host: a, region: eu}}\n", "")), NOW, delete=True
    ).changes == ("- check one (up; it will no longer be watched)",)
    assert "one" not in check_store.lock_all(db)


@on_both
def test_a_check_that_its_first_ping_makes_during_an_apply_is_taken_over(
    db: Connection, opened: Engine
) -> None:
    numbers: list[int] = []

    @event.listens_for(opened, "before_cursor_execute")
    def ping_first(db: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO checks") and not numbers:
            numbers.append(0)
            numbers.append(check_store.insert(db, [a_check("two", origin=Origin.PING)])["two"])

    definition_plan.apply(db, parsed(JOBS), NOW)
    checks = check_store.lock_all(db)
    assert checks.keys() == {"one", "two", "three"}
    assert (checks["two"].id, checks["two"].origin) == (numbers[1], "file")
    assert definition_plan.difference(db, parsed(JOBS)).empty


@on_both
def test_deleting_a_check_that_is_down_ends_its_incident(db: Connection) -> None:
    definition_plan.apply(db, parsed(JOBS), NOW)
    silence(db)
    opened = incidents_by_slug(db)
    assert opened["one"].id == opened["two"].id
    assert opened["three"].id != opened["one"].id
    rest = parsed(JOBS, ("  three: {every: 5m, labels: {host: b, region: us}}\n", ""))
    assert definition_plan.apply(db, rest, LATER).changes == (
        "- check three (down; it will no longer be watched)",
    )
    ended = desk.dossier(db, opened["three"].id)
    assert ended is not None
    assert ended.incident.state is Life.RESOLVED
    assert [symptom.cleared_why for symptom in ended.symptoms] == ["deleted from the configuration"]
    assert incidents_by_slug(db).keys() == {"one", "two"}


@on_both
def test_a_check_of_the_file_inherits_nothing_from_one_that_left_it(db: Connection) -> None:
    """SQLite gives the number again, also that of a check that was well when it was deleted."""
    definition_plan.apply(db, parsed(JOBS), NOW)
    silence(db)
    gone = check_store.lock_all(db)["three"]
    desk.resolve(db, incidents_by_slug(db)["three"].id, "anna", LATER)
    check_store.save(db, [life.rearmed(gone, LATER)])
    definition_plan.apply(db, parsed(JOBS, ("  three: {", "  four: {")), LATER)
    new = check_store.lock_all(db)["four"]
    assert db.dialect.name == "postgresql" or new.id == gone.id
    assert desk.lately_about(db, symptoms.key_of(new), 10) == []


def test_deleting_one_of_several_silent_jobs_leaves_the_incident_to_the_others(db: Connection) -> None:
    definition_plan.apply(db, parsed(JOBS), NOW)
    silence(db)
    definition_plan.apply(
        db, parsed(JOBS, ("  one: {every: 5m, labels: {host: a, region: eu}}\n", "")), LATER
    )
    assert incidents_by_slug(db).keys() == {"two", "three"}


def test_a_new_schedule_is_expected_from_now_on(db: Connection) -> None:
    definition_plan.apply(db, parsed(JOBS), NOW)
    later = NOW + timedelta(minutes=4)
    definition_plan.apply(db, parsed(JOBS, ("one: {every: 5m", "one: {every: 1h")), later)
    checks = check_store.lock_all(db)
    assert (checks["one"].schedule, checks["one"].armed_at) == (Every(timedelta(hours=1)), later)
    assert checks["one"].wake_at == later + timedelta(hours=1, minutes=5)
    assert checks["two"].armed_at == NOW


def test_a_shorter_grace_brings_the_deadline_forward_and_arms_nothing_afresh(db: Connection) -> None:
    definition_plan.apply(db, parsed(JOBS), NOW)
    definition_plan.apply(
        db, parsed(JOBS, ("one: {every: 5m", "one: {grace: 30s, every: 5m")), NOW + timedelta(minutes=4)
    )
    check = check_store.lock_all(db)["one"]
    assert (check.armed_at, check.wake_at) == (NOW, NOW + timedelta(minutes=5, seconds=30))


def test_a_check_that_is_down_stays_down_under_its_new_definition(db: Connection) -> None:
    definition_plan.apply(db, parsed(JOBS), NOW)
    silence(db)
    incidents = incidents_by_slug(db)
    definition_plan.apply(db, parsed(JOBS, ("one: {every: 5m", "one: {severity: info, every: 1h")), LATER)
    check = check_store.lock_all(db)["one"]
    assert (check.state, check.cause) == (State.DOWN, Cause.SILENT)
    assert incidents_by_slug(db) == incidents


def test_the_symptom_of_a_check_that_is_down_stays_in_its_incident(db: Connection) -> None:
    definition_plan.apply(db, parsed(JOBS), NOW)
    silence(db)
    incidents = incidents_by_slug(db)
    definition_plan.apply(db, parsed(JOBS, ("{host: a, region: eu}", "{host: b, region: eu}")), LATER)
    assert incidents_by_slug(db) == incidents


@on_both
def test_new_groups_hold_for_every_check_whoever_made_it(db: Connection) -> None:
    check_store.insert(db, [a_check("by-hand", labels={"region": "us"})])
    definition_plan.apply(db, parsed(JOBS), NOW)
    silence(db)
    definition_plan.apply(db, parse(JOBS + "group_by: [region]"), LATER)
    assert {slug: check.group_key for slug, check in check_store.lock_all(db).items()} == {
        "one": "region=eu", "two": "region=us", "three": "region=us", "by-hand": "region=us",
    }  # fmt: skip


@on_both
def test_the_settings_at_the_top_are_remembered(db: Connection) -> None:
    text = JOBS + "group_by: [region]\ngathering: 0s\nsettling: 5m\nacknowledge_for: 90m\n"
    definition_plan.apply(db, parse(text), NOW)
    assert installation.recall(db, "group_by") == ["region"]
    assert installation.recall(db, "policy") == "ops"
    assert installation.pace(db) == Pace(timedelta(), timedelta(minutes=5))
    assert installation.acknowledge_for(db) == timedelta(minutes=90)


def test_replicas_that_start_together_apply_one_after_the_other(
    make_database_url: Callable[[str], str],
) -> None:
    writer = engine(make_url(make_database_url("postgres")), writing=True)
    together = Barrier(4)

    def start() -> definition_plan.Plan:
        with writer.begin() as db:
            together.wait(10)
            return definition_plan.apply(db, parsed(EXAMPLE), NOW)

    with ThreadPoolExecutor(4) as threads:
        plans = [threads.submit(start) for _ in range(4)]
        assert sorted(len(plan.result().changes) for plan in plans) == [0, 0, 0, 8]
    writer.dispose()


def test_a_failed_apply_changes_nothing(opened: Engine) -> None:
    with opened.begin() as db:
        definition_plan.apply(db, parsed(JOBS), NOW)
    broken = replace(parsed(EXAMPLE), status_pages={"p": None})  # type: ignore[dict-item]  # what no file can say
    with pytest.raises(AttributeError), opened.begin() as db:
        definition_plan.apply(db, broken, NOW)
    with opened.begin() as db:
        assert definition_plan.difference(db, parsed(JOBS)).empty


def test_no_secret_is_in_the_database_or_in_any_text(make_database_url: Any, tmp_path: Path) -> None:
    text = (
        'ping_keys: {a: "${HEARTBEAT_PING_KEY}"}\n'
        'notifiers: {email: {smtp: "smtp://m:587", from: a@b.c, username: u, password: "${SMTP_PASSWORD}"}}\n'
        'people: {anna: {contacts: [{slack: "${SLACK_URL}"}, {ntfy: "https://n.example/x${OTHER_KEY}"}]}}\n'
    )
    writer = engine(make_url(make_database_url("sqlite")), writing=True)
    with writer.begin() as db:
        plan = definition_plan.apply(db, parse(text), NOW)
        texts = [*plan.changes, definition_plan.export(db), repr(parse(text))]
    writer.dispose()
    files = [path.read_bytes() for path in tmp_path.glob("heartbeat.db*")]
    assert any(b"${SMTP_PASSWORD}" in content for content in files)
    for secret in SECRETS:
        assert not any(secret.encode() in content for content in files)
        assert not any(secret in text_ for text_ in texts)


def jobs(count: int, grace: str) -> Configuration:
    lines = (f"  job-{n}: {{every: 5m, grace: {grace}, labels: {{host: h{n % 50}}}}}\n" for n in range(count))
    return parse("checks:\n" + "".join(lines))


def test_two_thousand_checks_need_few_statements(db: Connection, statements: list[str]) -> None:
    # On SQLite, an INSERT that returns numbers takes one row at a time.
    # The first of the new checks say when they must be heard, and whom they page otherwise.
    few = 110
    definition_plan.apply(db, jobs(2_000, "5m"), NOW)
    assert (
        len([statement for statement in statements if not statement.startswith("INSERT INTO checks")]) < few
    )
    statements.clear()
    definition_plan.apply(db, jobs(2_000, "6m"), NOW)
    assert len(statements) < few
    statements.clear()
    assert definition_plan.difference(db, jobs(2_000, "6m")).empty
    assert len(statements) < few
    silence(db)
    statements.clear()
    assert len(definition_plan.apply(db, jobs(1, "6m"), LATER).changes) == 1_999
    assert len(statements) < 2 * few
    assert [check.state for check in check_store.lock_all(db).values()] == [State.DOWN]


@on_both
def test_a_notifier_that_was_entered_is_taken_over_and_its_secrets_are_not_shown(db: Connection) -> None:
    keys = vault.with_keys(["a key that is long enough for tests"], secrets.token_bytes)
    password = keys.seal("correct horse", registry.about("email", "password"))
    mail = {"smtp": "smtp://mail.example.com:25", "from": "heartbeat@example.com", "password": password}
    desk.notifier_settings.put(db, "email", Setup(mail, Origin.API, NOW, "anna"))
    declared = parsed(EXAMPLE)
    (line,) = [change for change in definition_plan.difference(db, declared).changes if "notifier" in change]
    assert line == (
        "~ notifier email: declared by the console or the API -> this file; smtp smtp://mail.example.com:25 -> "
        "smtp://mail.example.com:587; password (secret) -> none"
    )
    definition_plan.apply(db, declared, NOW)
    assert desk.notifier_settings.load(db)["email"] == Setup(declared.notifiers["email"], Origin.FILE)


@pytest.mark.parametrize("opened", ["postgres"], indirect=True)
def test_only_checks_that_change_are_locked(opened: Engine) -> None:
    """Pings to a hundred thousand others do not wait for the change of one."""
    with opened.begin() as db:
        definition_plan.apply(db, parsed(JOBS), NOW)
    with opened.begin() as db:
        changes = definition_plan.apply(db, parsed(JOBS, ("one: {every: 5m", "one: {every: 9m")), NOW).changes
        assert len(changes) == 1
        with opened.begin() as other:
            free = other.execute(select(checks.c.slug).with_for_update(skip_locked=True)).scalars()
            assert set(free) == {"two", "three"}


def test_the_new_checks_of_a_file_are_expected_one_after_the_other(
    db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "PER_SECOND", 1)
    definition_plan.apply(db, parsed(JOBS), NOW)
    armed = sorted(check.armed_at - NOW for check in check_store.lock_all(db).values())
    assert armed == [timedelta(seconds=n) for n in range(len(armed))]
    definition_plan.apply(db, parsed(JOBS.replace("every: 5m", "every: 1h")), LATER)
    assert len({check.armed_at for check in check_store.lock_all(db).values()}) == len(armed)
