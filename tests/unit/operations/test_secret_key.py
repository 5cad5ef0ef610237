"""The secret key of a database: a change names the old key, and a command replaces a lost one."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, make_url

from alerting import desk
from alerting.origin import Origin
from alerting.person import Contact, Person
from heartbeat import audit, notifier_clients, push_key, vault
from heartbeat.access import store as users
from heartbeat.access.account import User
from heartbeat.actor import Role
from heartbeat.database import Database, engine, transact
from heartbeat.operations import doctor_facts, maintain, secret_key
from heartbeat.operations.doctor import judge
from heartbeat.operations.finding import Weight
from heartbeat.operations.secret_key import NotTheSame
from heartbeat.settings import Settings
from tests.unit.conftest import NOW, waiting

OLD, NEW = "an old secret key that is long enough", "a new secret key that is long enough"
T = TypeVar("T")


def within(settings: Settings, work: Callable[[Connection], T]) -> T:
    writer = engine(make_url(settings.database_url), writing=True)
    try:
        return transact(writer, work)
    finally:
        writer.dispose()


def fill(db: Connection, settings: Settings) -> None:
    """Enter secrets with the old key."""
    keys = notifier_clients.vault_of(settings)
    secret_key.take(db, settings.secret_key)
    anna = Person("anna", "Anna", (Contact("slack", ""),), origin=Origin.API)
    sealed = keys.seal("https://hooks.example.com/T0K3N", anna.about(anna.contacts[0]))
    desk.define_person(db, replace(anna, contacts=(Contact("slack", sealed),)))
    ben = users.add_user(db, User(0, "ben", Role.ADMIN, NOW, "anna"))
    users.change_user(db, ben.id, code_secret=keys.seal("a code", ben.about_code))


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """A restored installation without its key: the database knows the old one."""
    restored = Settings(data_dir=tmp_path / "data", config=tmp_path / "none.yaml", database_url=database_url)
    restored.data_dir.mkdir(mode=0o700)
    within(restored, lambda db: fill(db, replace(restored, secret_key=OLD)))
    return restored


def test_another_key_is_accepted_only_if_the_previous_one_is_named(settings: Settings) -> None:
    starts: list[tuple[str, tuple[str, ...]]] = [(OLD, ()), (OLD, (NEW,)), (NEW, (OLD,)), (NEW, ())]
    for key, previous in starts:
        within(settings, lambda db, key=key, previous=previous: secret_key.take(db, key, previous))  # type: ignore[misc]  # bound now
    with pytest.raises(NotTheSame, match=r"HEARTBEAT_SECRET_KEY_PREVIOUS.*heartbeat lost-key"):
        within(settings, lambda db: secret_key.take(db, OLD))


def test_two_processes_that_start_at_the_same_time_agree(
    make_database_url: Callable[[str], str],
) -> None:
    writer = engine(make_url(make_database_url("postgres")), writing=True)
    try:
        with ThreadPoolExecutor(2) as threads, writer.connect() as db, db.begin():
            secret_key.take(db, NEW)
            others = [
                threads.submit(transact, writer, lambda db, key=key: secret_key.take(db, key))
                for key in (NEW, OLD)
            ]
            assert any(waiting(writer) == len(others) for _ in range(5_000))
            db.commit()
        assert others[0].exception() is None
        assert isinstance(others[1].exception(), NotTheSame)
    finally:
        writer.dispose()


def test_the_losses_are_listed_before_anything_changes(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert maintain.lost_key(settings, confirmed=False) == 1
    output = capsys.readouterr().out
    for line in (
        "- links in pages and mails sent so far: acknowledge on the console",
        "- person anna slack: enter it again",
        "second factor: sign in with a recovery code and turn it off and on, or let an admin reset it",
        "Nothing was changed. To use a new key, run heartbeat lost-key --yes.",
    ):
        assert line in output
    assert list(settings.data_dir.iterdir()) == []
    assert within(settings, lambda db: secret_key.is_known(db, OLD))


def test_a_confirmed_loss_gets_a_new_key(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert maintain.lost_key(settings, confirmed=True) == 0
    output = capsys.readouterr().out
    assert "- person anna slack: enter it again" in output
    assert f"The next start uses the key in {settings.data_dir}/secret-key. Keep a copy of it" in output
    key = (settings.data_dir / "secret-key").read_text().strip()
    within(settings, lambda db: secret_key.take(db, key))
    (entry,) = within(settings, lambda db: audit.listed(db, limit=5))
    assert (entry.actor, entry.action) == ("operator", "secret_key.replace_lost")
    assert maintain.lost_key(settings, confirmed=True) == 0
    assert "Nothing is lost" in capsys.readouterr().out


def test_a_lost_push_key_is_made_again_and_devices_are_named(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    def add(db: Connection) -> None:
        keys = notifier_clients.vault_of(replace(settings, secret_key=OLD))
        push_key.take(db, keys)
        sealed = keys.seal("{}", "person anna push")
        desk.add_device(db, "anna", "Chrome on Android", sealed, "hash", NOW)

    within(settings, add)
    assert maintain.lost_key(settings, confirmed=True) == 0
    output = capsys.readouterr().out
    assert "- push key: a new one is made at the next start" in output
    assert "- person anna push: remove the device, and add it again in its browser" in output
    within(settings, lambda db: push_key.take(db, vault.with_keys([NEW], secrets.token_bytes)))


def test_a_key_in_the_environment_replaces_a_lost_one(settings: Settings) -> None:
    with_key = replace(settings, secret_key=NEW, environment={"HEARTBEAT_SECRET_KEY": NEW})
    assert maintain.lost_key(with_key, confirmed=True) == 0
    assert list(settings.data_dir.iterdir()) == []
    within(settings, lambda db: secret_key.take(db, NEW))


def test_secrets_with_an_encryption_key_of_their_own_are_not_lost(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    maintain.lost_key(replace(settings, encryption_keys=(OLD,)), confirmed=False)
    assert "No encrypted secret in the database is lost." in capsys.readouterr().out


@pytest.fixture
def file(make_database_url: Callable[[str], str]) -> Iterator[str]:
    """A SQLite database that a process serves with the old key."""
    serving = Database(make_database_url("sqlite"))
    transact(serving.writer, lambda db: secret_key.take(db, OLD))
    yield str(serving.writer.url)
    serving.close()


@pytest.mark.parametrize(
    ("key", "weight", "sentence"),
    [
        (OLD, Weight.OK, "is set, 37 characters."),
        (
            NEW,
            Weight.BAD,
            "This database was last served with another HEARTBEAT_SECRET_KEY",
        ),
        ("", Weight.BAD, "This database was served with a secret key that is missing here"),
    ],
)
async def test_doctor_compares_the_key_with_the_one_of_the_database(
    settings: Settings, key: str, weight: Weight, sentence: str
) -> None:
    if key:
        (settings.data_dir / "secret-key").write_text(key)
        (settings.data_dir / "secret-key").chmod(0o600)
    findings = judge(await doctor_facts.examine(settings, send=False))
    (finding,) = [finding for finding in findings if finding.subject == "secret secret-key"]
    assert finding.weight is weight
    assert finding.words.startswith(sentence)


def test_backup_mentions_the_key_and_restore_reports_that_it_is_missing(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old").mkdir()
    old = Settings(data_dir=tmp_path / "old", database_url=file)
    maintain.backup(old, tmp_path / "copy.db", force=False, keep=None)
    assert f"keep a copy of {tmp_path}/old/secret-key too, apart from it." in capsys.readouterr().out
    new = Settings(data_dir=tmp_path / "new", database_url=f"sqlite:///{tmp_path}/new/heartbeat.db")
    maintain.restore(new, tmp_path / "copy.db", None)
    assert secret_key.MISSING in capsys.readouterr().err
    assert not (tmp_path / "new" / "secret-key").exists()
    maintain.restore(replace(new, secret_key=OLD), tmp_path / "copy.db", None)
    assert "secret key" not in capsys.readouterr().err
