"""The secret key that a database knows: replaced by name, and where it is lost, by a command that says what is lost."""

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
from heartbeat import audit, notifier_clients
from heartbeat.access import store as users
from heartbeat.access.account import User
from heartbeat.actor import Role
from heartbeat.database import Database, engine, transact
from heartbeat.operations import doctor_facts, maintain, secret_key
from heartbeat.operations.doctor import Weight, judge
from heartbeat.operations.secret_key import NotTheSame
from heartbeat.settings import Settings
from tests.unit.conftest import NOW, waiting

OLD, NEW = "an old secret key that is long enough", "a new secret key that is long enough"
T = TypeVar("T")


def within(given: Settings, work: Callable[[Connection], T]) -> T:
    writer = engine(make_url(given.database_url), writing=True)
    try:
        return transact(writer, work)
    finally:
        writer.dispose()


def fill(db: Connection, given: Settings) -> None:
    """What was entered while the old key was known."""
    keys = notifier_clients.vault_of(given)
    secret_key.take(db, given.secret_key)
    anna = Person("anna", "Anna", (Contact("slack", ""),), origin=Origin.API)
    sealed = keys.seal("https://hooks.example.com/T0K3N", anna.about(anna.contacts[0]))
    desk.define_person(db, replace(anna, contacts=(Contact("slack", sealed),)))
    ben = users.add_user(db, User(0, "ben", Role.ADMIN, NOW, "anna"))
    users.change_user(db, ben.id, code_secret=keys.seal("a code", ben.about_code))


@pytest.fixture
def given(tmp_path: Path, database_url: str) -> Settings:
    """An installation that was put back beside no key: its database knows the old one."""
    here = Settings(data_dir=tmp_path / "data", config=tmp_path / "none.yaml", database_url=database_url)
    here.data_dir.mkdir(mode=0o700)
    within(here, lambda db: fill(db, replace(here, secret_key=OLD)))
    return here


def test_another_key_is_taken_only_where_the_one_before_is_named(given: Settings) -> None:
    begun: list[tuple[str, tuple[str, ...]]] = [(OLD, ()), (OLD, (NEW,)), (NEW, (OLD,)), (NEW, ())]
    for key, before in begun:
        within(given, lambda db, key=key, before=before: secret_key.take(db, key, before))  # type: ignore[misc]  # bound now
    with pytest.raises(NotTheSame, match=r"HEARTBEAT_SECRET_KEY_PREVIOUS.*heartbeat lost-key"):
        within(given, lambda db: secret_key.take(db, OLD))


def test_two_processes_that_are_the_first_at_the_same_time_agree(
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


def test_what_is_lost_is_told_before_anything_changes(
    given: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert maintain.lost_key(given, certain=False) == 1
    told = capsys.readouterr().out
    for words in (
        "- links in pages and mails that were sent so far: acknowledge on the console",
        "- person anna slack: enter it again",
        "second factor: sign in with a recovery code and turn it off and on, or have an admin reset the user",
        "Nothing was changed. heartbeat lost-key --yes goes on with a new key.",
    ):
        assert words in told
    assert list(given.data_dir.iterdir()) == []
    assert within(given, lambda db: secret_key.is_known(db, OLD))


def test_by_a_word_it_goes_on_with_a_new_key(given: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert maintain.lost_key(given, certain=True) == 0
    told = capsys.readouterr().out
    assert "- person anna slack: enter it again" in told
    assert f"The next start takes the key in {given.data_dir}/secret-key. Keep a copy of that" in told
    kept = (given.data_dir / "secret-key").read_text().strip()
    within(given, lambda db: secret_key.take(db, kept))
    (deed,) = within(given, lambda db: audit.listed(db, limit=5))
    assert (deed.actor, deed.action) == ("operator", "secret_key.replace_lost")
    assert maintain.lost_key(given, certain=True) == 0
    assert "Nothing is lost" in capsys.readouterr().out


def test_a_key_that_is_set_is_the_one_that_goes_on(given: Settings) -> None:
    named = replace(given, secret_key=NEW, environment={"HEARTBEAT_SECRET_KEY": NEW})
    assert maintain.lost_key(named, certain=True) == 0
    assert list(given.data_dir.iterdir()) == []
    within(given, lambda db: secret_key.take(db, NEW))


def test_what_an_encryption_key_of_its_own_opens_is_not_lost(
    given: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    maintain.lost_key(replace(given, encryption_keys=(OLD,)), certain=False)
    assert "No secret in the database is lost with it." in capsys.readouterr().out


@pytest.fixture
def file(make_database_url: Callable[[str], str]) -> Iterator[str]:
    """A SQLite database that a process serves with the old key."""
    serving = Database(make_database_url("sqlite"))
    transact(serving.writer, lambda db: secret_key.take(db, OLD))
    yield str(serving.writer.url)
    serving.close()


@pytest.mark.parametrize(
    ("key", "weight", "words"),
    [
        (OLD, Weight.OK, "is set, 37 characters."),
        (
            NEW,
            Weight.BAD,
            "HEARTBEAT_SECRET_KEY differs from the one that this database was last served with",
        ),
        ("", Weight.BAD, "This database was served with a secret key that is not here"),
    ],
)
async def test_doctor_compares_the_key_with_what_the_database_knows(
    given: Settings, key: str, weight: Weight, words: str
) -> None:
    if key:
        (given.data_dir / "secret-key").write_text(key)
        (given.data_dir / "secret-key").chmod(0o600)
    found = judge(await doctor_facts.examine(given, send=False))
    (about,) = [one for one in found if one.subject == "secret secret-key"]
    assert about.weight is weight
    assert about.words.startswith(words)


def test_a_copy_is_made_with_a_word_on_the_key_and_put_back_with_one_where_it_is_missing(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there").mkdir()
    there = Settings(data_dir=tmp_path / "there", database_url=file)
    maintain.backup(there, tmp_path / "copy.db", force=False, keep=None)
    assert f"keep a copy of {tmp_path}/there/secret-key too, apart from it." in capsys.readouterr().out
    here = Settings(data_dir=tmp_path / "here", database_url=f"sqlite:///{tmp_path}/here/heartbeat.db")
    maintain.restore(here, tmp_path / "copy.db", None)
    assert secret_key.MISSING in capsys.readouterr().err
    assert not (tmp_path / "here" / "secret-key").exists()
    maintain.restore(replace(here, secret_key=OLD), tmp_path / "copy.db", None)
    assert "secret key" not in capsys.readouterr().err
