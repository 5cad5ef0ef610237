"""The facts of an installation, from real databases, files and settings; they contain no secret."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.network import Address
from alerting.notifiers import registry
from alerting.notifiers.registry import Setup
from alerting.notifiers.transport import egress, names
from alerting.notifiers.transport.names import Names
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import configuration_file, installation, notifier_clients, sqlite_files
from heartbeat.checks import canary
from heartbeat.checks import store as check_store
from heartbeat.database import engine, transact
from heartbeat.definitions import plan as definition_plan
from heartbeat.operations import doctor, doctor_facts
from heartbeat.operations.doctor import InstallationFacts
from heartbeat.operations.finding import Weight
from heartbeat.pings import unexpected_store
from heartbeat.pings.unexpected import UNKNOWN_KEY, UnexpectedPings
from heartbeat.settings import Settings
from tests.unit.conftest import NOW, a_check

PING_KEY = "Xk29fjW0qLmZ81bTvYcRdA"
FILE = """
ping_keys: {main: "${PING}"}
people: {anna: {contacts: [{ntfy: "https://ntfy.example.com/anna"}, {slack: "${file:%s}"}]}}
policies: {ops: [{page: anna, wait: 5m}]}
checks: {job: {every: 1h}}
"""


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """An installation whose configuration is not applied yet."""
    hook = tmp_path / "hook"
    hook.write_text("https://hooks.example.com/T0K3N")
    hook.chmod(0o644)
    config = tmp_path / "heartbeat.yaml"
    config.write_text(FILE % hook)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "admin-key").write_text("an-admin-key-1234567890\n")
    (data / "admin-key").chmod(0o600)
    return Settings(
        data_dir=data,
        config=config,
        database_url=database_url,
        public_url="http://127.0.0.1:1",
        secret_key="s3cr3t-0123456789-abcdefghijklmno",
        environment={"PING": PING_KEY, "HEARTBEAT_SECRET_KEY": "s3cr3t-0123456789-abcdefghijklmno"},
    )


def write(settings: Settings, work: Any) -> None:
    writer = engine(make_url(settings.database_url), writing=True)
    transact(writer, work)
    writer.dispose()


async def examined(settings: Settings, send: bool = False) -> InstallationFacts:
    return await doctor_facts.examine(settings, send=send)


async def test_files_and_settings_are_examined_and_no_secret_is_reported(settings: Settings) -> None:
    facts = await examined(settings)
    assert (facts.data_directory.exists, facts.data_directory.writable, facts.data_directory.mode) == (
        True,
        True,
        0o700,
    )
    assert facts.data_directory.free > 0
    assert {key.name: (key.length, key.mode) for key in facts.keys} == {
        "admin-key": (23, 0o600),
        "HEARTBEAT_SECRET_KEY": (33, None),
        "ping key main": (22, None),
    }
    assert facts.open_files == [str(settings.config.parent / "hook")]
    assert facts.ready == "connection refused by 127.0.0.1:1"
    assert facts.versions.keys() >= {"heartbeat", "Python", "sqlalchemy"}
    report = repr(facts) + repr(doctor.judge(facts))
    for secret in (PING_KEY, "T0K3N", "an-admin-key", "s3cr3t"):
        assert secret not in report


async def test_the_database_is_compared_with_the_file(settings: Settings) -> None:
    facts = await examined(settings)
    assert (facts.database_fault, facts.behind, facts.problems) == (None, False, ())
    assert facts.differences == 5
    assert (facts.postgres is None) is facts.sqlite
    if facts.postgres is not None:
        assert facts.postgres.settings.keys() == {
            "fsync",
            "full_page_writes",
            "synchronous_commit",
            "max_connections",
        }
        assert facts.postgres.connections_used >= 1
        assert not facts.postgres.standby
        assert next(
            finding.weight is Weight.OK for finding in doctor.judge(facts) if finding.subject == "PostgreSQL"
        )


async def test_problems_with_the_contents_of_the_database_are_found(settings: Settings) -> None:
    old = notifier_clients.vault_of(replace(settings, secret_key="another key that is gone by now, for good"))

    def fill(db: Any) -> None:
        people = [
            Person("anna", "Anna", (Contact("console", "terminal"),)),
            Person("ben", "Ben", (Contact("email", "ben@example.com"),)),
            Person("none", "None", ()),
        ]
        steps = {"ops": "anna", "mail": "ben", "nobody": "none", "gone": "nobody-at-all"}
        policies = [Policy(name, (Step((actor,), timedelta(minutes=5)),)) for name, actor in steps.items()]
        desk.install(db, people, policies, {})
        installation.remember(db, "policy_outside", "ops")
        token = old.seal("tk_T0K3N", registry.about("ntfy", "token"))
        desk.notifier_settings.put(db, "ntfy", Setup({"token": token}, Origin.API, NOW, "anna"))
        recent = replace(a_check("recent"), armed_at=datetime.now(UTC), policy="mail")
        check_store.insert(db, [a_check("old"), recent, a_check("lost", policy="x")])
        refused = UnexpectedPings("old", UNKNOWN_KEY, NOW, NOW, 2, "10.0.0.5", "curl")
        unexpected_store.add(db, [refused], NOW)

    write(settings, fill)
    facts = await examined(settings)
    assert facts.inventory is not None
    assert list(facts.inventory.without_contacts) == ["none"]
    assert list(facts.inventory.unusable_contacts) == ["ben"]
    assert list(facts.inventory.reach_nobody) == ["gone", "mail", "nobody"]
    assert list(facts.inventory.without_policy) == []
    assert (list(facts.inventory.lost_policy), facts.inventory.default_policy) == (["lost"], "ops")
    assert list(facts.inventory.never_heard) == ["lost", "old"]
    assert list(facts.inventory.refused) == ["old"]
    assert (facts.inventory.checks, facts.inventory.people) == (3, 3)
    assert list(facts.inventory.unreadable) == ["notifier ntfy token"]
    assert facts.notifier_faults.keys() == {"ntfy"}
    assert "which is not known here" in facts.notifier_faults["ntfy"]


@pytest.mark.parametrize(
    ("due", "told", "missed"),
    [
        (timedelta(minutes=2, seconds=9), False, False),
        (timedelta(minutes=2, seconds=11), False, True),
        (timedelta(seconds=1), True, True),
    ],
)
async def test_a_canary_is_judged_as_by_its_own_watch(
    settings: Settings, due: timedelta, told: bool, missed: bool
) -> None:
    """Whatever its period: its page must arrive within two minutes after it gathered."""
    now = datetime.now(UTC)

    def fill(db: Any) -> None:
        canary.arm(db, timedelta(seconds=15), now - timedelta(seconds=15) - due)
        if told:
            assert canary.take_turn(db, None, now)

    write(settings, fill)
    facts = doctor_facts._read(settings, lambda db: doctor_facts._inventory(db, settings, set(), now))
    assert facts.canary == timedelta(seconds=15) + due
    assert facts.canary_missed is missed


@pytest.mark.parametrize(
    ("names", "caught", "idle"), [((), False, ()), (("none",), False, ("none",)), (("none", "ann"), True, ())]
)
async def test_whether_the_catch_all_reaches_anybody_is_found(
    settings: Settings, names: tuple[str, ...], caught: bool, idle: tuple[str, ...]
) -> None:
    people = [Person("ann", "Ann", (Contact("console", "terminal"),)), Person("none", "None", ())]
    policies = [Policy("ops", (Step(("none",), timedelta(minutes=5)),))]
    write(settings, lambda db: desk.install(db, people, policies, {}, catch_all=names))
    inventory = (await examined(settings)).inventory
    assert inventory is not None
    found = (inventory.catch_all, inventory.caught, tuple(inventory.idle_catch_all))
    assert found == (bool(names), caught, idle)


async def test_notifiers_whose_providers_call_are_found_by_their_settings(settings: Settings) -> None:
    def fill(*written: tuple[str, dict[str, str]]) -> None:
        write(settings, lambda db: desk.install(db, [], [], dict(written)))

    fill(("sms", {"from": "+15005550006"}), ("ntfy", {}), ("pagerduty", {}), ("opsgenie", {}))
    assert (await examined(settings)).called_back == ["sms"]
    fill(("pagerduty", {"webhook_secret": "${A}"}), ("opsgenie", {"callback_token": "${B}"}), ("voice", {}))
    assert (await examined(settings)).called_back == ["opsgenie", "pagerduty", "voice"]


async def test_the_problems_of_a_file_are_reported_line_by_line(settings: Settings) -> None:
    settings.config.write_text("checks: {job: {every: 15x}}\n")
    facts = await examined(settings)
    assert [problem.partition(": ")[2] for problem in facts.problems] == [
        "checks.job.every: '15x' is not a duration; write for example 15m, 2h or 1d."
    ]
    assert facts.differences is None
    settings.config.unlink()
    assert (await examined(settings)).configuration_missing


async def test_an_unreadable_file_is_a_finding_and_ends_nothing(settings: Settings) -> None:
    settings.config.write_bytes(b"checks: {job: \xff}")
    (settings.data_dir / "secret-key").touch()
    facts = await examined(replace(settings, secret_key="", environment={}))
    assert facts.problems == [f"{settings.config}:1: this is not UTF-8: save the file in this encoding."]
    (finding,) = [finding for finding in doctor.judge(facts) if finding.subject == "secret secret-key"]
    assert (finding.weight, "its file is empty" in finding.words) == (Weight.BAD, True)


async def test_an_absent_database_is_reported_and_the_rest_is_examined(settings: Settings) -> None:
    away = (
        "postgresql://nobody:hunter2@127.0.0.1:1/none"
        if not settings.database_url.startswith("sqlite")
        else ""
    )
    facts = await examined(replace(settings, database_url=away or f"sqlite:///{settings.data_dir}/none.db"))
    assert facts.database_fault is not None
    assert "hunter2" not in facts.database_fault
    assert facts.inventory is None
    assert facts.keys


async def test_everybody_gets_a_test_page_with_send(settings: Settings) -> None:
    def fill(db: Any) -> None:
        contacts = (Contact("console", "terminal"), Contact("slack", "no address"))
        desk.install(db, [Person("anna", "Anna", contacts)], [], {})

    write(settings, fill)
    assert (await examined(settings)).test_pages == {}
    errors = (await examined(settings, send=True)).test_pages
    assert errors["anna by console"] is None
    assert errors["anna by slack"] is not None


async def test_a_healthy_installation_that_is_not_served_lacks_only_the_outside(settings: Settings) -> None:
    text = settings.config.read_text()
    write(
        settings,
        lambda db: definition_plan.apply(
            db, configuration_file.understand(text, settings.config, settings), datetime.now(UTC)
        ),
    )
    facts = await examined(settings)
    assert facts.differences == 0
    assert facts.inventory is not None
    assert not facts.inventory.without_policy
    assert not facts.inventory.lost_policy
    (settings.config.parent / "hook").chmod(0o600)
    findings = doctor.judge(await examined(settings))
    # The server of these tests forgoes durability, which is found.
    of_tests = ("fsync is off", "full_page_writes is off")
    problems = [
        finding.subject
        for finding in findings
        if finding.weight is not Weight.OK and not any(words in finding.words for words in of_tests)
    ]
    assert problems == ["contacts", "catch-all", "public address", "outside heartbeat", "serving"]


async def test_damage_of_the_file_is_a_fault_of_the_database(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_files, "damage", lambda _path, table, _within: f"{table}: row 3 missing")
    facts = await doctor_facts.examine(settings, send=False)
    if facts.sqlite:
        assert facts.database_fault is not None
        assert "it is damaged (" in facts.database_fault
    else:
        assert facts.database_fault is None


async def test_a_silent_name_server_does_not_keep_the_command_waiting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()

    def silent(name: str) -> list[Address]:
        let_go.wait(30)
        return []

    monkeypatch.setattr(names, "LONGEST", 0.05)
    monkeypatch.setattr(egress, "NAMES", Names(silent))
    facts = await doctor_facts.examine(replace(settings, public_url="https://hb.example.com"), send=False)
    let_go.set()
    assert facts.ready == "the name of hb.example.com cannot be resolved"
