"""Facts gathered from real databases, files and settings; no secret is among them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from alerting import desk
from alerting.escalation import Policy, Step
from alerting.notifiers import registry
from alerting.notifiers.registry import Setup
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import app, installation, notifier_clients
from heartbeat.checks import store as check_store
from heartbeat.database import engine, transact
from heartbeat.definitions import plan as definition_plan
from heartbeat.operations import doctor, doctor_facts
from heartbeat.operations.doctor import Facts, Weight
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
def given(tmp_path: Path, database_url: str) -> Settings:
    """An installation with a configuration that was not applied yet."""
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


def write(given: Settings, work: Any) -> None:
    writer = engine(make_url(given.database_url), writing=True)
    transact(writer, work)
    writer.dispose()


async def examined(given: Settings, send: bool = False) -> Facts:
    return await doctor_facts.examine(given, send=send)


async def test_files_and_settings_are_looked_at_without_telling_what_they_hold(given: Settings) -> None:
    facts = await examined(given)
    assert (facts.place.exists, facts.place.writable, facts.place.mode) == (True, True, 0o700)
    assert facts.place.free > 0
    assert {key.name: (key.length, key.mode) for key in facts.keys} == {
        "admin-key": (23, 0o600),
        "HEARTBEAT_SECRET_KEY": (33, None),
        "ping key main": (22, None),
    }
    assert facts.open_files == [str(given.config.parent / "hook")]
    assert facts.ready == "ConnectError"
    assert facts.versions.keys() >= {"heartbeat", "Python", "sqlalchemy"}
    said = repr(facts) + repr(doctor.judge(facts))
    for secret in (PING_KEY, "T0K3N", "an-admin-key", "s3cr3t"):
        assert secret not in said


async def test_the_database_is_compared_with_the_file(given: Settings) -> None:
    facts = await examined(given)
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
        assert next(one for one in doctor.judge(facts) if one.subject == "PostgreSQL").weight is Weight.OK


async def test_what_is_wrong_with_what_there_is_is_found(given: Settings) -> None:
    old = notifier_clients.vault_of(replace(given, secret_key="another key that is gone by now, for good"))

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
        fresh = replace(a_check("fresh"), armed_at=datetime.now(UTC))
        check_store.insert(db, [a_check("old"), replace(fresh, policy="mail"), a_check("lost", policy="x")])

    write(given, fill)
    facts = await examined(given)
    assert facts.stock is not None
    assert list(facts.stock.without_contacts) == ["none"]
    assert list(facts.stock.unusable_contacts) == ["ben"]
    assert list(facts.stock.reach_nobody) == ["gone", "mail", "nobody"]
    assert list(facts.stock.without_policy) == ["lost"]
    assert list(facts.stock.never_heard) == ["lost", "old"]
    assert (facts.stock.checks, facts.stock.people) == (3, 3)
    assert list(facts.stock.unreadable) == ["notifier ntfy token"]
    assert facts.notifier_faults.keys() == {"ntfy"}
    assert "which is not known here" in facts.notifier_faults["ntfy"]


async def test_a_file_with_problems_is_told_line_by_line(given: Settings) -> None:
    given.config.write_text("checks: {job: {every: 15x}}\n")
    facts = await examined(given)
    assert [problem.partition(": ")[2] for problem in facts.problems] == [
        "checks.job.every: '15x' is not a duration; write for example 15m, 2h or 1d."
    ]
    assert facts.differences is None
    given.config.unlink()
    assert (await examined(given)).configuration_missing


async def test_what_cannot_be_read_is_a_finding_and_no_end(given: Settings) -> None:
    given.config.write_bytes(b"checks: {job: \xff}")
    (given.data_dir / "secret-key").touch()
    facts = await examined(replace(given, secret_key="", environment={}))
    assert facts.problems == [f"{given.config} cannot be read: it is not text in UTF-8."]
    (unwell,) = [one for one in doctor.judge(facts) if one.subject == "secret secret-key"]
    assert (unwell.weight, "its file is empty" in unwell.words) == (Weight.BAD, True)


async def test_a_database_that_is_away_is_said_and_the_rest_is_looked_at(given: Settings) -> None:
    away = (
        "postgresql://nobody:hunter2@127.0.0.1:1/none" if not given.database_url.startswith("sqlite") else ""
    )
    facts = await examined(replace(given, database_url=away or f"sqlite:///{given.data_dir}/none.db"))
    assert facts.database_fault is not None
    assert "hunter2" not in facts.database_fault
    assert facts.stock is None
    assert facts.keys


async def test_by_wish_everybody_gets_a_test_page(given: Settings) -> None:
    def fill(db: Any) -> None:
        contacts = (Contact("console", "terminal"), Contact("slack", "no address"))
        desk.install(db, [Person("anna", "Anna", contacts)], [], {})

    write(given, fill)
    assert (await examined(given)).sent == {}
    sent = (await examined(given, send=True)).sent
    assert sent["anna by console"] is None
    assert sent["anna by slack"] is not None


async def test_what_is_applied_and_served_well_has_nothing_but_the_outside_to_say(given: Settings) -> None:
    text = given.config.read_text()
    write(
        given,
        lambda db: definition_plan.apply(db, app.understand(text, given.config, given), datetime.now(UTC)),
    )
    facts = await examined(given)
    assert facts.differences == 0
    assert facts.stock is not None
    assert not facts.stock.without_policy
    (given.config.parent / "hook").chmod(0o600)
    unwell = [one.subject for one in doctor.judge(await examined(given)) if one.weight is not Weight.OK]
    assert unwell == ["outside heartbeat", "serving"]
