"""The SQL of users, sessions, attempts and one-time links."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, make_url, select

from heartbeat.access import store
from heartbeat.access.account import User
from heartbeat.access.session import Limits, Session
from heartbeat.access.tables import one_time_links, sign_in_tries
from heartbeat.access.tries import ACCOUNT_TRIES_PER, TryWindow
from heartbeat.actor import Role
from heartbeat.database import engine, transact
from tests.unit.conftest import NOW, waiting

LIMITS = Limits(idle=timedelta(hours=1), longest=timedelta(hours=3))
TOMORROW = NOW + timedelta(days=1)


def add_user(db: Connection, name: str = "anna", **fields: object) -> User:
    return store.add_user(db, User(0, name, Role.ADMIN, NOW, "root", **fields))  # type: ignore[arg-type]


def add_session(db: Connection, user: User | None, minutes: int = 0, proof: str | None = None) -> Session:
    at = NOW + timedelta(minutes=minutes)
    session = Session(0, user, "password", "192.0.2.1", "a browser", at, at, proof)
    store.add_session(db, f"hash {minutes} {proof}", session, LIMITS)
    return session


def add_links(db: Connection, owner: int | None, count: int) -> None:
    for number in range(count):
        store.add_link(db, f"{owner} {number}", owner, NOW + timedelta(seconds=number), TOMORROW)


def links(db: Connection) -> set[str]:
    return set(db.execute(select(one_time_links.c.hash)).scalars())


def test_a_user_is_found_by_name_by_number_and_by_subject(db: Connection) -> None:
    assert not store.has_users(db)
    bob = add_user(db, "bob", subject="https://id.example\n7", disabled_at=NOW)
    anna = add_user(db, password_hash="hash")

    assert store.has_users(db)
    assert store.every_user(db) == [anna, bob]
    assert store.user(db, "anna") == anna
    assert store.user_by_id(db, bob.id) == bob
    assert store.user_of_subject(db, "https://id.example\n7") == bob
    assert store.user(db, "nobody") is store.user_of_subject(db, "7") is store.user_by_id(db, 0) is None


def test_a_change_sets_columns_of_one_user(db: Connection) -> None:
    anna, bob = add_user(db), add_user(db, "bob")

    store.change_user(db, anna.id, role=Role.VIEWER, disabled_at=NOW)

    assert store.every_user(db) == [replace(anna, role=Role.VIEWER, disabled_at=NOW), bob]


def test_the_code_of_a_step_or_of_an_earlier_one_cannot_be_used_again(db: Connection) -> None:
    anna = add_user(db)
    assert [store.take_step(db, anna.id, step) for step in (7, 7, 6, 8)] == [True, False, False, True]


def test_a_session_comes_back_with_the_present_state_of_its_user(db: Connection) -> None:
    anna = add_user(db)
    session = add_session(db, anna)
    store.change_user(db, anna.id, disabled_at=NOW)

    loaded = store.session(db, "hash 0 None")

    assert loaded is not None
    assert loaded == replace(session, id=loaded.id, user=replace(anna, disabled_at=NOW))
    assert store.session(db, "another") is None


def test_a_session_of_the_admin_key_has_a_proof_and_no_user(db: Connection) -> None:
    add_session(db, None, proof="fingerprint")
    loaded = store.session(db, "hash 0 fingerprint")
    assert loaded is not None
    assert (loaded.user, loaded.proof) == (None, "fingerprint")


def test_expired_sessions_are_deleted_when_one_is_added(db: Connection) -> None:
    anna = add_user(db)
    for minutes in (0, 30, 100):
        add_session(db, anna, minutes)
    assert [session.made_at - NOW for session in store.sessions_of(db, anna)] == [timedelta(minutes=100)]


def test_the_time_of_last_use_never_moves_back(db: Connection) -> None:
    anna = add_user(db)
    add_session(db, anna)
    (session,) = store.sessions_of(db, anna)
    for minutes in (5, 3):
        store.touch_session(db, session.id, NOW + timedelta(minutes=minutes))
    (session,) = store.sessions_of(db, anna)
    assert session.seen_at == NOW + timedelta(minutes=5)


def test_sessions_end_by_hash_by_number_and_all_but_one(db: Connection) -> None:
    anna, bob = add_user(db), add_user(db, "bob")
    for minutes in range(4):
        add_session(db, anna, minutes)
    add_session(db, bob, 9)
    newest, second, *_ = store.sessions_of(db, anna)

    assert [store.end_session(db, "hash 0 None") for _ in range(2)] == [True, False]
    assert not store.end_session_of(db, bob.id, second.id)
    assert store.end_session_of(db, anna.id, second.id)
    assert store.end_sessions_of(db, anna.id, newest.id) == 1
    assert store.sessions_of(db, anna) == [newest]
    assert store.end_sessions_of(db, anna.id) == 1
    assert len(store.sessions_of(db, bob)) == 1


def test_attempts_are_counted_in_a_window_from_the_first(db: Connection) -> None:
    assert store.tries(db, "anna") is None
    for seconds in (0, 10):
        window = store.count_try(db, "anna", NOW + timedelta(seconds=seconds))
    assert window == store.tries(db, "anna") == TryWindow(NOW, 2)

    store.forget_tries(db, "anna")
    assert store.tries(db, "anna") is None


def test_windows_that_have_ended_are_deleted(db: Connection) -> None:
    later = NOW + ACCOUNT_TRIES_PER
    store.count_try(db, "anna", NOW)
    assert store.count_try(db, "bob", later) == TryWindow(later, 1)
    assert db.execute(select(func.count()).select_from(sign_in_tries)).scalar_one() == 1


def test_attempts_of_two_processes_at_the_same_moment_count_as_two(
    make_database_url: Callable[[str], str],
) -> None:
    writer = engine(make_url(make_database_url("postgres")), writing=True)
    try:
        with ThreadPoolExecutor(1) as thread, writer.connect() as db, db.begin():
            store.count_try(db, "anna", NOW)
            other = thread.submit(transact, writer, lambda db: store.count_try(db, "anna", NOW))
            assert any(waiting(writer) for _ in range(5_000))
            db.commit()
        assert other.result() == TryWindow(NOW, 2)
    finally:
        writer.dispose()


def test_a_link_names_its_user_or_the_first_user_to_be_until_it_expires(db: Connection) -> None:
    anna = add_user(db)
    add_links(db, anna.id, 1)
    add_links(db, None, 1)

    assert store.link(db, f"{anna.id} 0", NOW) == (anna,)
    assert store.link(db, "None 0", NOW) == (None,)
    assert store.link(db, "None 0", TOMORROW) is store.link(db, "another", NOW) is None


def test_links_end_for_one_user_or_for_the_first_user_to_be(db: Connection) -> None:
    anna = add_user(db)
    add_links(db, anna.id, 1)
    add_links(db, None, 1)

    store.end_links_of(db, None)
    assert links(db) == {f"{anna.id} 0"}
    store.end_links_of(db, anna.id)
    assert links(db) == set()


def test_the_number_of_set_up_links_is_bounded_and_expired_links_are_deleted(db: Connection) -> None:
    anna = add_user(db)
    store.add_link(db, "expired", anna.id, NOW - timedelta(days=1), NOW)
    add_links(db, anna.id, 1)

    add_links(db, None, store.SET_UP_LINKS + 3)

    newest = {f"None {number}" for number in range(3, store.SET_UP_LINKS + 3)}
    assert links(db) == {f"{anna.id} 0"} | newest


def test_a_recovery_code_is_used_up_by_its_own_user(db: Connection) -> None:
    anna, bob = add_user(db), add_user(db, "bob")
    store.put_recovery_codes(db, anna.id, ["old"])
    store.put_recovery_codes(db, anna.id, ["first", "second"])

    assert not store.take_recovery_code(db, anna.id, "old")
    assert not store.take_recovery_code(db, bob.id, "first")
    assert [store.take_recovery_code(db, anna.id, "first") for _ in range(2)] == [True, False]
    assert (store.recovery_codes_left(db, anna.id), store.recovery_codes_left(db, bob.id)) == (1, 0)


@pytest.mark.parametrize("length", [0, 1])
def test_recovery_codes_are_replaced_as_a_whole(db: Connection, length: int) -> None:
    anna = add_user(db)
    store.put_recovery_codes(db, anna.id, ["old", "older"])
    store.put_recovery_codes(db, anna.id, ["new"][:length])
    assert store.recovery_codes_left(db, anna.id) == length
