"""Signing in: the proof of identity, the words of a refusal, and the audit log."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

from argon2 import PasswordHasher
from sqlalchemy import select

from heartbeat import audit
from heartbeat.access import sign_in, store, token
from heartbeat.access.account import User
from heartbeat.access.hasher import Hasher
from heartbeat.access.session import Limits
from heartbeat.access.sign_in import WRONG_CREDENTIALS, Gate, Refused
from heartbeat.access.tables import sign_in_tries
from heartbeat.actor import Actor, Role
from heartbeat.database import Database
from tests.unit.access.conftest import CHEAP, HERE, PASSWORD, add, deeds
from tests.unit.conftest import NOW

LIMITS = Limits(timedelta(hours=1), timedelta(hours=3))


async def prove(
    database: Database, gate: Gate, name: str = "anna", password: str = PASSWORD
) -> User | Refused:
    return await sign_in.prove(gate, database, name, password, HERE, NOW)


async def test_a_name_and_its_password_identify_a_user(database: Database, gate: Gate) -> None:
    anna = await database.write(add)
    assert await prove(database, gate) == anna
    assert await prove(database, gate, " ANNA ") == anna


async def test_a_dated_hash_is_renewed_at_the_sign_in(database: Database, gate: Gate) -> None:
    dated = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    await database.write(lambda db: add(db, password_hash=dated))
    proven = await prove(database, gate)
    stored = await database.read(lambda db: store.user(db, "anna"))
    assert proven == stored
    assert stored is not None
    assert stored.password_hash != dated


async def test_unknown_disabled_and_wrong_get_the_same_words(database: Database, gate: Gate) -> None:
    await database.write(
        lambda db: [add(db), add(db, "gone", disabled_at=NOW), add(db, "new", password_hash=None)]
    )
    tries = [("anna", "wrong"), ("anna", ""), ("nobody", PASSWORD), ("gone", PASSWORD), ("new", PASSWORD)]
    for name, password in [*tries, ("new", ""), ("a\0b", PASSWORD), ("", PASSWORD), ("anna", "x" * 100_000)]:
        assert await prove(database, gate, name, password) == Refused(WRONG_CREDENTIALS), name


async def test_a_failure_is_recorded_without_a_name_that_may_be_a_password(
    database: Database, gate: Gate
) -> None:
    await database.write(add)
    await prove(database, gate, password="wrong")
    await prove(database, gate, "correct-horse-battery")
    unknown, mismatch = await deeds(database)
    assert (mismatch.actor, mismatch.action, mismatch.target) == ("anna", "sign_in.refuse", "user anna")
    assert mismatch.remote == "192.0.2.1"
    assert (unknown.actor, unknown.target, unknown.after) == ("nobody", "unknown user", {"wrong": "password"})
    assert "horse" not in repr([unknown, mismatch])


async def test_failures_cannot_flood_the_audit_log(database: Database, gate: Gate) -> None:
    for number in range(100):
        await sign_in.refuse(gate, database, None, "password", replace(HERE, remote=str(number)), NOW)
    await gate.refusals.settle()
    assert len(await database.read(lambda db: audit.listed(db, limit=200))) == 2


async def test_a_name_has_ten_failures_whether_or_not_it_exists(database: Database, gate: Gate) -> None:
    await database.write(add)
    for name in ("anna", "nobody"):
        for _ in range(10):
            assert await prove(database, gate, name, "wrong") == Refused(WRONG_CREDENTIALS)
        refused = await prove(database, gate, name)
        assert isinstance(refused, Refused)
        assert refused.message == "Too many attempts for this name. Wait 5 min, then try again."
        assert refused.wait == timedelta(minutes=5)
    refused = await sign_in.prove(gate, database, "anna", PASSWORD, HERE, NOW + timedelta(seconds=10))
    assert isinstance(refused, Refused)
    # Whoever waits as long as the words say is let try.
    assert (refused.message.split(" Wait ")[1], refused.wait) == (
        "5 min, then try again.",
        timedelta(seconds=290),
    )
    later = await sign_in.prove(gate, database, "anna", PASSWORD, HERE, NOW + timedelta(minutes=5))
    assert isinstance(later, User)


async def test_a_name_has_ten_failures_at_all_replicas_together(database: Database) -> None:
    await database.write(add)
    replicas = [Gate(Hasher(CHEAP), key="the same") for _ in range(3)]
    answers = [await prove(database, replicas[number % 3], password="wrong") for number in range(10)]
    assert answers == [Refused(WRONG_CREDENTIALS)] * 10
    for replica in replicas:
        refused = await prove(database, replica)
        assert isinstance(refused, Refused)
        assert refused.wait == timedelta(minutes=5)


async def test_attempts_at_the_same_time_learn_no_more(database: Database) -> None:
    await database.write(add)
    replicas = [Gate(Hasher(CHEAP), key="the same") for _ in range(2)]
    guesses = [prove(database, replicas[number % 2], password=f"guess {number}") for number in range(20)]
    right = [prove(database, replica) for replica in replicas]
    answers = await asyncio.gather(*guesses, *right)
    informed = [
        answer for answer in answers if isinstance(answer, User) or answer.message == WRONG_CREDENTIALS
    ]
    assert len(informed) == 10, "whether a guess was right is told ten times and no more"


async def test_a_success_resets_the_failures(database: Database, gate: Gate) -> None:
    await database.write(add)
    for _ in range(9):
        await prove(database, gate, password="wrong")
    assert isinstance(await prove(database, gate), User)
    await database.write(lambda db: gate.forgive(db, "anna"))
    for _ in range(10):
        assert await prove(database, gate, password="wrong") == Refused(WRONG_CREDENTIALS)


async def test_failures_are_stored_without_names_and_not_for_long(database: Database, gate: Gate) -> None:
    await prove(database, gate, "correct-horse-battery")
    rows = await database.read(lambda db: db.execute(select(sign_in_tries)).all())
    assert len(rows) == 1
    assert "horse" not in repr(rows)
    assert token.hashed("heartbeat tries\ncorrect-horse-battery") not in repr(rows)
    later = NOW + timedelta(minutes=5)
    await sign_in.prove(gate, database, "somebody", "wrong", HERE, later)
    (left,) = await database.read(lambda db: db.execute(select(sign_in_tries)).all())
    assert left.began_at == later


async def test_a_password_is_rehashed_when_the_cost_grows(database: Database) -> None:
    anna = await database.write(add)
    dearer = Gate(Hasher(type(CHEAP)(time_cost=2, memory_cost=8, parallelism=1)))
    assert isinstance(await prove(database, dearer), User)
    stored = await database.read(lambda db: store.user(db, "anna"))
    assert stored is not None
    assert stored.password_hash != anna.password_hash
    assert "t=2" in (stored.password_hash or "")
    assert isinstance(await prove(database, dearer), User)


async def test_a_session_is_found_by_its_token_and_only_the_hash_is_stored(database: Database) -> None:
    anna = await database.write(add)
    new_token = await database.write(lambda db: sign_in.begin(db, anna, "password", HERE, NOW, LIMITS))
    session = await database.read(lambda db: sign_in.valid_session(db, new_token, NOW, LIMITS, "print"))
    assert session is not None
    assert session.user == replace(anna, last_in_at=NOW)
    assert (session.how, session.remote, session.agent, session.made_at) == (
        "password",
        "192.0.2.1",
        "a browser",
        NOW,
    )
    for other in ("", new_token[:-1], token.hashed(new_token), "\ud800"):
        assert (
            await database.read(
                partial(sign_in.valid_session, token_=other, now=NOW, limits=LIMITS, proof="print")
            )
            is None
        )
    (deed,) = await deeds(database)
    assert (deed.actor, deed.action, deed.target, deed.via) == ("anna", "sign_in", "user anna", "session")


async def test_a_new_session_replaces_the_one_in_the_browser(database: Database) -> None:
    anna = await database.write(add)
    first = await database.write(lambda db: sign_in.begin(db, anna, "password", HERE, NOW, LIMITS))
    second = await database.write(
        lambda db: sign_in.begin(db, anna, "password", HERE, NOW, LIMITS, instead_of=first)
    )
    assert first != second
    assert await database.read(lambda db: sign_in.valid_session(db, first, NOW, LIMITS, "")) is None
    assert await database.read(lambda db: sign_in.valid_session(db, second, NOW, LIMITS, "")) is not None


async def test_only_an_existing_session_can_end(database: Database) -> None:
    anna = await database.write(add)
    new_token = await database.write(lambda db: sign_in.begin(db, anna, "password", HERE, NOW, LIMITS))
    actor = Actor("anna", Role.ADMIN, "session")
    for token_ in ("", "another", new_token, new_token):
        await database.write(partial(sign_in.end, token_=token_, actor=actor, now=NOW))
    assert [deed.action for deed in await deeds(database)] == ["sign_out", "sign_in"]


async def test_a_session_of_the_admin_key_is_bound_to_its_fingerprint(database: Database) -> None:
    new_token = await database.write(
        lambda db: sign_in.begin(db, None, "admin key", HERE, NOW, LIMITS, proof="print")
    )
    session = await database.read(lambda db: sign_in.valid_session(db, new_token, NOW, LIMITS, "print"))
    assert session is not None
    assert sign_in.actor_of(session, "").role is Role.ADMIN
    assert (
        await database.read(lambda db: sign_in.valid_session(db, new_token, NOW, LIMITS, "another")) is None
    )
