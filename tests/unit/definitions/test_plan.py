"""From the file to the database and back: what would change, making it so, and nothing lost on the way."""

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
from sqlalchemy import Connection, Engine, event, make_url

from alerting import desk
from alerting.incident import Incident
from alerting.incident import State as Life
from alerting.notifiers import registry
from alerting.notifiers.registry import Setup
from alerting.origin import Origin
from heartbeat import installation, vault
from heartbeat.checks import checker, symptoms
from heartbeat.checks import store as check_store
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Signal, State
from heartbeat.checks.schedule import Cron, Every
from heartbeat.database import engine
from heartbeat.definitions import file as configuration_file
from heartbeat.definitions import plan as definition_plan
from heartbeat.definitions.model import Configuration
from heartbeat.pings import keys
from heartbeat.pings import store as pings
from heartbeat.pings.arrival import Arrival, ByUuid, NumberedPing
from tests.unit.conftest import NOW, a_check
from tests.unit.definitions.test_file import ENV, EXAMPLE, SECRETS, parse

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
    made = engine(make_url(make_database_url(getattr(request, "param", "sqlite"))), writing=True)
    yield made
    made.dispose()


on_both = pytest.mark.parametrize("opened", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def db(opened: Engine) -> Iterator[Connection]:
    with opened.begin() as connection:
        yield connection


@pytest.fixture
def statements(opened: Engine) -> list[str]:
    seen: list[str] = []

    @event.listens_for(opened, "before_cursor_execute")
    def see(_db: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    return seen


@cache
def wanted(text: str, *changes: tuple[str, str]) -> Configuration:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse(text)


def silence(db: Connection, now: datetime = LATER) -> None:
    """Nobody has said a word until now."""
    checker.sweep(db, now, limit=10_000)


def standing(db: Connection) -> dict[str, Incident]:
    """The open incident of each check that is down."""
    ids = {symptoms.key_of(one): slug for slug, one in check_store.lock_all(db).items()}
    by_number = {one.id: one for one in desk.incidents(db, open_only=True)}
    return {ids[key]: by_number[number] for key, number in desk.incident_of(db, ids).items()}


@on_both
def test_a_plan_is_made_so_and_then_there_is_nothing_left_to_do(db: Connection) -> None:
    found = wanted(EXAMPLE)
    would = definition_plan.difference(db, found)
    assert would.changes == (
        "~ policy: none -> ops",
        "+ ping key housekeeping: from ${HEARTBEAT_PING_KEY}",
        "+ check daily-cpu-reset: at 03:00 every day, UTC, grace 15 min",
        '+ person first: name "First responder", timezone UTC, '
        "contacts ntfy https://ntfy.example.com/first, email first@example.com",
        '+ person second: name "Second responder", timezone UTC, contacts email second@example.com',
        "+ policy ops: steps first, 5 min; second and first, 10 min",
        "+ notifier email: smtp smtp://mail.example.com:587, from heartbeat@example.com",
        '+ status page public: title "Example status", components CPU allowance (component=cpu-allowance)',
    )
    assert check_store.lock_all(db) == {}
    assert definition_plan.apply(db, found, NOW) == would
    assert definition_plan.difference(db, found).empty
    assert desk.people(db) == found.people
    assert desk.policies(db) == found.policies
    assert desk.notifiers(db) == found.notifiers
    assert keys.names(db, found.ping_keys.values()).keys() == {*found.ping_keys.values()}


def test_a_new_check_is_expected_from_now_on(db: Connection) -> None:
    definition_plan.apply(db, wanted(EXAMPLE), NOW, new_uuid=lambda: UUID(int=7))
    made = check_store.lock_all(db)["daily-cpu-reset"]
    assert made == Check(
        id=made.id,
        uuid=UUID(int=7),
        slug="daily-cpu-reset",
        name="daily-cpu-reset",
        schedule=Cron("0 3 * * *", "UTC"),
        grace=timedelta(minutes=15),
        max_runtime=timedelta(hours=2),
        labels={"host": "us-housekeeping", "region": "us", "component": "cpu-allowance"},
        group_key="host=us-housekeeping",
        severity=made.severity,
        policy="ops",
        origin=Origin.FILE,
        since=NOW,
        armed_at=NOW,
        wake_at=NOW + timedelta(days=1, minutes=15),
    )


def test_applied_again_nothing_is_written(db: Connection, statements: list[str]) -> None:
    definition_plan.apply(db, wanted(EXAMPLE), NOW)
    statements.clear()
    assert definition_plan.apply(db, wanted(EXAMPLE), LATER).empty
    assert definition_plan.difference(db, wanted(EXAMPLE)).empty
    assert {statement.split()[0] for statement in statements} == {"SELECT"}


CHECK = "~ check daily-cpu-reset: "
CHANGES = [
    ("grace: 15m", "grace: 20m", CHECK + "grace 15 min -> 20 min"),
    ("max_runtime: 2h", "max_runtime: 90m", CHECK + "max_runtime 2 h -> 1 h 30 min"),
    ("    max_runtime: 2h\n", "", CHECK + "max_runtime 2 h -> none"),
    ("0 3 * * *", "0 4 * * *", CHECK + "schedule at 03:00 every day, UTC -> at 04:00 every day, UTC"),
    ("0 3 * * *", "00 03 * * *", CHECK + "the same in other words"),
    ("region: us", "region: eu", CHECK + "label region us -> eu"),
    ("region: us, ", "", CHECK + "label region us -> none"),
    ("severity: critical", "severity: info", CHECK + "severity critical -> info"),
    ("policy: ops", "manual_resume: true", CHECK + "manual_resume false -> true"),
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


@pytest.mark.parametrize(("old", "new", "told"), CHANGES)
def test_every_change_is_told_in_words_and_made(
    make_database_url: Any, old: str, new: str, told: str
) -> None:
    made = engine(make_url(make_database_url("sqlite")), writing=True)
    changed = wanted(EXAMPLE, (old, new))
    with made.begin() as db:
        definition_plan.apply(db, wanted(EXAMPLE), NOW)
        assert definition_plan.difference(db, changed).changes == tuple(told.split("|"))
        assert definition_plan.apply(db, changed, LATER).changes == tuple(told.split("|"))
        assert definition_plan.difference(db, changed).empty
    made.dispose()


def test_a_key_that_is_replaced_behind_its_reference_is_noticed(db: Connection) -> None:
    definition_plan.apply(db, wanted(EXAMPLE), NOW)
    rotated = parse(EXAMPLE, env=ENV | {"HEARTBEAT_PING_KEY": "a-key-that-was-made-today"})
    told = "~ ping key housekeeping: a new key; pings by the old one are refused"
    assert definition_plan.apply(db, rotated, NOW).changes == (told,)
    assert keys.names(db, rotated.ping_keys.values()).keys() == {*rotated.ping_keys.values()}


def test_what_the_api_and_first_pings_made_stays(db: Connection) -> None:
    check_store.insert(db, [a_check("by-hand"), a_check("by-ping", origin=Origin.PING)])
    assert [
        line
        for line in definition_plan.apply(db, wanted(JOBS), NOW).changes
        if line.startswith(("-", "~ check"))
    ] == []
    assert {"by-hand", "by-ping", "one"} <= check_store.lock_all(db).keys()
    assert "by-hand" not in definition_plan.export(db)


@on_both
def test_a_check_that_was_made_otherwise_is_taken_over_with_its_history(db: Connection) -> None:
    heard = a_check(
        "one", origin=Origin.PING, state=State.UP, last_ok_at=NOW, labels={"host": "a", "region": "eu"}
    )
    before = heard.uuid, check_store.insert(db, [heard])["one"]
    arrival = Arrival(ByUuid(heard.uuid.hex), Signal.SUCCESS, NOW, "GET", "127.0.0.1", "curl")
    pings.keep(db, [NumberedPing(before[1], 1, arrival, None)])
    lines = definition_plan.apply(db, wanted(JOBS), NOW).changes
    assert (
        "~ check one: declared by its first ping -> this file; grace 1 min -> 5 min; policy none -> ops"
        in lines
    )
    after = check_store.lock_all(db)["one"]
    assert (after.uuid, after.id, after.origin, after.last_ok_at) == (*before, "file", NOW)
    assert [ping.n for ping in pings.last_pings(db, after.id)] == [1]
    assert definition_plan.apply(
        db, wanted(JOBS, ("  one: {every: 5m, labels: {host: a, region: eu}}\n", "")), NOW
    ).changes == ("- check one (up; deleting it ends its watch)",)
    assert "one" not in check_store.lock_all(db)


@on_both
def test_a_first_ping_between_the_look_and_the_writing_is_taken_over(db: Connection, opened: Engine) -> None:
    made: list[int] = []

    @event.listens_for(opened, "before_cursor_execute")
    def ping_first(db: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO checks") and not made:
            made.append(0)
            made.append(check_store.insert(db, [a_check("two", origin=Origin.PING)])["two"])

    definition_plan.apply(db, wanted(JOBS), NOW)
    after = check_store.lock_all(db)
    assert after.keys() == {"one", "two", "three"}
    assert (after["two"].id, after["two"].origin) == (made[1], "file")
    assert definition_plan.difference(db, wanted(JOBS)).empty


@on_both
def test_deleting_a_check_that_is_down_ends_its_incident(db: Connection) -> None:
    definition_plan.apply(db, wanted(JOBS), NOW)
    silence(db)
    opened = standing(db)
    assert opened["one"].id == opened["two"].id
    assert opened["three"].id != opened["one"].id
    rest = wanted(JOBS, ("  three: {every: 5m, labels: {host: b, region: us}}\n", ""))
    assert definition_plan.apply(db, rest, LATER).changes == (
        "- check three (down; deleting it ends its watch)",
    )
    ended = desk.dossier(db, opened["three"].id)
    assert ended is not None
    assert ended.incident.state is Life.RESOLVED
    assert [symptom.cleared_why for symptom in ended.symptoms] == ["deleted from the configuration"]
    assert standing(db).keys() == {"one", "two"}


def test_deleting_one_of_several_silent_jobs_leaves_the_incident_to_the_others(db: Connection) -> None:
    definition_plan.apply(db, wanted(JOBS), NOW)
    silence(db)
    definition_plan.apply(
        db, wanted(JOBS, ("  one: {every: 5m, labels: {host: a, region: eu}}\n", "")), LATER
    )
    assert standing(db).keys() == {"two", "three"}


def test_a_new_schedule_is_expected_from_now_on(db: Connection) -> None:
    definition_plan.apply(db, wanted(JOBS), NOW)
    later = NOW + timedelta(minutes=4)
    definition_plan.apply(db, wanted(JOBS, ("one: {every: 5m", "one: {every: 1h")), later)
    after = check_store.lock_all(db)
    assert (after["one"].schedule, after["one"].armed_at) == (Every(timedelta(hours=1)), later)
    assert after["one"].wake_at == later + timedelta(hours=1, minutes=5)
    assert after["two"].armed_at == NOW


def test_a_shorter_grace_brings_the_deadline_forward_and_arms_nothing_afresh(db: Connection) -> None:
    definition_plan.apply(db, wanted(JOBS), NOW)
    definition_plan.apply(
        db, wanted(JOBS, ("one: {every: 5m", "one: {grace: 30s, every: 5m")), NOW + timedelta(minutes=4)
    )
    after = check_store.lock_all(db)["one"]
    assert (after.armed_at, after.wake_at) == (NOW, NOW + timedelta(minutes=5, seconds=30))


def test_a_check_that_is_down_stays_down_under_its_new_definition(db: Connection) -> None:
    definition_plan.apply(db, wanted(JOBS), NOW)
    silence(db)
    before = standing(db)
    definition_plan.apply(db, wanted(JOBS, ("one: {every: 5m", "one: {severity: info, every: 1h")), LATER)
    after = check_store.lock_all(db)["one"]
    assert (after.state, after.cause) == (State.DOWN, Cause.SILENT)
    assert standing(db) == before


def test_a_check_that_is_down_takes_its_symptom_to_its_new_group(db: Connection) -> None:
    definition_plan.apply(db, wanted(JOBS), NOW)
    silence(db)
    before = standing(db)
    definition_plan.apply(db, wanted(JOBS, ("{host: a, region: eu}", "{host: b, region: eu}")), LATER)
    after = standing(db)
    assert {slug: one.id for slug, one in after.items()} == {
        "one": before["three"].id, "two": before["two"].id, "three": before["three"].id,
    }  # fmt: skip


@on_both
def test_new_groups_hold_for_every_check_whoever_made_it(db: Connection) -> None:
    check_store.insert(db, [a_check("by-hand", labels={"region": "us"})])
    definition_plan.apply(db, wanted(JOBS), NOW)
    silence(db)
    definition_plan.apply(db, parse(JOBS + "group_by: [region]"), LATER)
    assert {slug: one.group_key for slug, one in check_store.lock_all(db).items()} == {
        "one": "region=eu", "two": "region=us", "three": "region=us", "by-hand": "region=us",
    }  # fmt: skip
    after = standing(db)
    assert after.keys() == {"one", "two", "three", "by-hand"}
    assert after["two"].id == after["three"].id == after["by-hand"].id != after["one"].id
    assert {slug: one.cause_key for slug, one in after.items()}["one"] == "silent:region=eu"


@on_both
def test_what_stands_at_the_top_is_remembered_for_the_other_rooms(db: Connection) -> None:
    text = JOBS + "group_by: [region]\ngathering: 0s\nacknowledge_for: 90m\n"
    definition_plan.apply(db, parse(text), NOW)
    assert installation.recall(db, "group_by") == ["region"]
    assert installation.recall(db, "policy") == "ops"
    assert installation.gathering(db) == timedelta()
    assert installation.acknowledge_for(db) == timedelta(minutes=90)


def test_replicas_that_start_together_apply_one_after_the_other(
    make_database_url: Callable[[str], str],
) -> None:
    made = engine(make_url(make_database_url("postgres")), writing=True)
    together = Barrier(4)

    def start() -> definition_plan.Plan:
        with made.begin() as db:
            together.wait(10)
            return definition_plan.apply(db, wanted(EXAMPLE), NOW)

    with ThreadPoolExecutor(4) as threads:
        plans = [threads.submit(start) for _ in range(4)]
        assert sorted(len(one.result().changes) for one in plans) == [0, 0, 0, 8]
    made.dispose()


def test_what_fails_changes_nothing(opened: Engine) -> None:
    with opened.begin() as db:
        definition_plan.apply(db, wanted(JOBS), NOW)
    broken = replace(wanted(EXAMPLE), status_pages={"p": None})  # type: ignore[dict-item]  # what no file can say
    with pytest.raises(AttributeError), opened.begin() as db:
        definition_plan.apply(db, broken, NOW)
    with opened.begin() as db:
        assert definition_plan.difference(db, wanted(JOBS)).empty


ODD = """\
group_by: [region, host]
gathering: 1m30s
acknowledge_for: 1d1h
policy: night
ping_keys: {a: "${HEARTBEAT_PING_KEY}", b: "${file:/run/key}"}
checks:
  "007":
    name: "no: [really] {#1}"
    description: "two\\nlines, é, 🫀 and 'quotes' \\"twice\\"\\n"
    on_calendar: Mon..Fri 03:00
    timezone: Australia/Lord_Howe
    labels: {a: "yes", b: "1.10", c: "null", d: "~", e: " x ", f: "0x1F", g: "2024-05-03", h: "&x *y !z", i: "- a"}
    policy: day
    manual_resume: true
  plain: {every: 1d1h1m1s, grace: 30d}
  aliased: {schedule: "@daily", timezone: Europe/London, max_runtime: 1s, severity: info}
people:
  anna: {name: "null", timezone: Asia/Kathmandu, contacts: [{slack: "${SLACK_URL}"}, {email: "a{b}@c.example"}]}
  bob: {contacts: [{console: "true"}]}
policies:
  day: [{page: [anna, bob], wait: 1h30m}, {page: bob, wait: 24h}]
  night: [{page: bob, wait: 1m}]
notifiers:
  email: {smtp: "smtps://[::1]:465", from: "A: <a@b.example>"}
  ntfy: {token: "${OTHER_KEY}"}
  pagerduty: {}
status_pages:
  p: {title: "A: b", components: [{name: "#1", match: {a: "yes", b: "1.10"}, description: ": "}]}
"""


@on_both
def test_what_is_odd_is_exported_as_it_is(db: Connection) -> None:
    definition_plan.apply(db, parse(ODD), NOW)
    assert parse(definition_plan.export(db)) == parse(ODD)
    assert definition_plan.difference(db, parse(ODD)).empty


@pytest.mark.parametrize(
    "text", [EXAMPLE, JOBS, configuration_file.sample("${HEARTBEAT_PING_KEY}"), "checks: {}"]
)
def test_what_is_exported_declares_the_same(db: Connection, text: str) -> None:
    definition_plan.apply(db, parse(text), NOW)
    exported = definition_plan.export(db)
    assert parse(exported) == parse(text)
    assert definition_plan.difference(db, parse(exported)).empty


def test_an_export_says_what_somebody_has_decided(db: Connection) -> None:
    definition_plan.apply(
        db, parse(JOBS + "status_pages: {p: {title: Status, components: [{name: A, match: {host: a}}]}}"), NOW
    )
    assert (
        definition_plan.export(db)
        == """\
ping_keys:
  housekeeping: ${HEARTBEAT_PING_KEY}
checks:
  one:
    every: 5m
    labels: {host: a, region: eu}
  three:
    every: 5m
    labels: {host: b, region: us}
  two:
    every: 5m
    labels: {host: a, region: us}
people:
  anna:
    contacts:
      - {console: terminal}
policies:
  ops:
    - {page: anna, wait: 5m}
status_pages:
  p:
    title: Status
    components:
      - name: A
        match: {host: a}
"""
    )


def test_no_secret_is_in_the_database_or_in_any_word(make_database_url: Any, tmp_path: Path) -> None:
    text = (
        'ping_keys: {a: "${HEARTBEAT_PING_KEY}"}\n'
        'notifiers: {email: {smtp: "smtp://m:587", from: a@b.c, username: u, password: "${SMTP_PASSWORD}"}}\n'
        'people: {anna: {contacts: [{slack: "${SLACK_URL}"}, {ntfy: "https://n.example/x${OTHER_KEY}"}]}}\n'
    )
    made = engine(make_url(make_database_url("sqlite")), writing=True)
    with made.begin() as db:
        told = definition_plan.apply(db, parse(text), NOW)
        said = [*told.changes, definition_plan.export(db), repr(parse(text))]
    made.dispose()
    kept = [path.read_bytes() for path in tmp_path.glob("heartbeat.db*")]
    assert any(b"${SMTP_PASSWORD}" in content for content in kept)
    for secret in SECRETS:
        assert not any(secret.encode() in content for content in kept)
        assert not any(secret in words for words in said)


def jobs(count: int, grace: str) -> Configuration:
    lines = (f"  job-{n}: {{every: 5m, grace: {grace}, labels: {{host: h{n % 50}}}}}\n" for n in range(count))
    return parse("checks:\n" + "".join(lines))


def test_two_thousand_checks_are_a_few_statements(db: Connection, statements: list[str]) -> None:
    """On SQLite, where a statement that gives numbers back takes one row at a time, but for making them."""
    few = 60
    definition_plan.apply(db, jobs(2_000, "5m"), NOW)
    assert len([one for one in statements if not one.startswith("INSERT INTO checks")]) < few
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
    assert [one.state for one in check_store.lock_all(db).values()] == [State.DOWN]


@on_both
def test_a_notifier_that_was_entered_is_taken_over_and_its_secrets_are_not_shown(db: Connection) -> None:
    keys = vault.with_keys(["a key that is long enough for tests"], secrets.token_bytes)
    password = keys.seal("correct horse", registry.about("email", "password"))
    mail = {"smtp": "smtp://mail.example.com:25", "from": "heartbeat@example.com", "password": password}
    desk.notifier_settings.put(db, "email", Setup(mail, Origin.API, NOW, "anna"))
    found = wanted(EXAMPLE)
    (line,) = [one for one in definition_plan.difference(db, found).changes if "notifier" in one]
    assert line == (
        "~ notifier email: declared by the API -> this file; smtp smtp://mail.example.com:25 -> "
        "smtp://mail.example.com:587; password (secret) -> none"
    )
    definition_plan.apply(db, found, NOW)
    assert desk.notifier_settings.load(db)["email"] == Setup(found.notifiers["email"], Origin.FILE)
