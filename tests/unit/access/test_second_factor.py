"""The second factor: the accepted codes, each only once."""

import asyncio
from datetime import timedelta

import pyotp
import pytest

from heartbeat.access import pending_sign_in, second_factor, second_factor_actions, store
from heartbeat.access.tries import CODES_IN_A_ROW
from heartbeat.database import Database
from heartbeat.vault import Unreadable, with_keys
from tests.unit.access.conftest import ROOT, add, deeds
from tests.unit.conftest import NOW

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
VAULT = with_keys(["k" * 32], lambda count: b"n" * count)


def code(seconds: float = 0) -> str:
    """Return the code that the phone shows after so many seconds."""
    return pyotp.TOTP(SECRET).at(NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("seconds", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)]
)
def test_codes_of_clocks_that_differ_a_little_are_accepted(seconds: int, taken: bool) -> None:
    assert (second_factor.step_of(SECRET, code(seconds), NOW) is not None) is taken


@pytest.mark.parametrize("text", ["", "12345", "1234567", "abcdef", "\u0661\u0662\u0663\u0664\u0665\u0666"])
def test_text_that_is_not_a_code_is_refused(text: str) -> None:
    assert second_factor.step_of(SECRET, text, NOW) is None


def test_a_code_may_be_typed_with_a_space() -> None:
    assert second_factor.step_of(SECRET, f" {code()[:3]} {code()[3:]} ", NOW) is not None


async def turned_on(database: Database) -> list[str]:
    anna = await database.write(add)
    codes = await database.write(
        lambda db: second_factor_actions.turn_on(db, ROOT, anna, VAULT, SECRET, code(), NOW)
    )
    assert codes is not None
    return codes


async def takes(database: Database, typed: str, seconds: float = 0) -> str | None:
    def work(db: object) -> str | None:
        anna = store.user(db, "anna")  # type: ignore[arg-type]
        assert anna is not None
        return second_factor_actions.take_code(db, anna, VAULT, typed, NOW + timedelta(seconds=seconds))  # type: ignore[arg-type]

    return await database.write(work)


async def test_wrong_codes_have_a_bound_however_long_they_take(database: Database) -> None:
    recovery = await turned_on(database)
    await database.write(lambda db: store.change_user(db, 1, wrong_codes=CODES_IN_A_ROW - 1))
    assert await takes(database, "000000", 60) is None
    # Only a recovery code counts now, and makes codes count again.
    assert await takes(database, code(90), 90) is None
    assert await takes(database, recovery[0], 120) == "recovery code"
    assert await takes(database, code(150), 150) == "code"
    user = await database.read(lambda db: store.user(db, "anna"))
    assert user is not None
    assert user.wrong_codes == 0


async def test_a_wrong_code_does_not_turn_the_factor_on(database: Database) -> None:
    anna = await database.write(add)
    assert (
        await database.write(
            lambda db: second_factor_actions.turn_on(db, ROOT, anna, VAULT, SECRET, "000000", NOW)
        )
        is None
    )
    user = await database.read(lambda db: store.user(db, "anna"))
    assert user is not None
    assert user.code_secret is None


async def test_a_code_works_once_and_no_older_one_works_after_it(database: Database) -> None:
    await turned_on(database)
    # The code that has turned it on is used up as well.
    assert await takes(database, code()) is None
    assert await takes(database, code(30), 30) == "code"
    assert await takes(database, code(30), 30) is None
    assert await takes(database, code(), 30) is None
    assert await takes(database, code(60), 60) == "code"


async def test_the_same_code_at_the_same_time_works_once(database: Database) -> None:
    await turned_on(database)
    both = await asyncio.gather(*(takes(database, code(30), 30) for _ in range(4)))
    assert sorted(both, key=str) == [None, None, None, "code"]


async def test_a_recovery_code_works_once_however_it_is_typed(database: Database) -> None:
    codes = await turned_on(database)
    assert len(set(codes)) == 10
    assert await takes(database, codes[0].upper().replace("-", " ")) == "recovery code"
    assert await takes(database, codes[0]) is None
    anna = await database.read(lambda db: store.user(db, "anna"))
    assert anna is not None
    assert await database.read(lambda db: store.recovery_codes_left(db, anna.id)) == 9


async def test_the_secret_is_sealed_for_its_user_and_never_logged(database: Database) -> None:
    codes = await turned_on(database)
    anna = await database.read(lambda db: store.user(db, "anna"))
    assert anna is not None
    assert anna.code_secret is not None
    assert SECRET not in anna.code_secret
    with pytest.raises(Unreadable):
        VAULT.open(anna.code_secret, "user 99 second factor")
    assert [deed.action for deed in await deeds(database)] == ["user.second_factor"]
    audited = repr(await deeds(database))
    assert not any(confidential in audited for confidential in (SECRET, *codes))
    await database.write(lambda db: second_factor_actions.turn_off(db, ROOT, anna, NOW))
    assert await takes(database, codes[1]) is None


def test_a_ticket_is_for_one_user_one_password_and_five_minutes() -> None:
    ticket = pending_sign_in.sign("key", 7, "hash", NOW)
    assert pending_sign_in.user_of(ticket) == 7
    assert pending_sign_in.is_valid("key", ticket, "hash", NOW + timedelta(minutes=4, seconds=59))
    assert not pending_sign_in.is_valid("key", ticket, "hash", NOW + timedelta(minutes=5))
    assert not pending_sign_in.is_valid("key", ticket, "another", NOW)
    assert not pending_sign_in.is_valid("another", ticket, "hash", NOW)
    for forged in ("", ".", "7..", ticket.replace("7.", "8.", 1), ticket[:-1], "9" * 99, "\ud800.1.x"):
        assert not pending_sign_in.is_valid("key", forged, "hash", NOW)
        assert pending_sign_in.user_of(forged) in (0, 7, 8)
