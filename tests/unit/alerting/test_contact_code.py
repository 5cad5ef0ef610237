"""Codes that prove contacts: how long one counts, how often it may be mistyped, and how many are sent."""

from dataclasses import replace
from datetime import timedelta

from alerting import contact_code
from alerting.contact_code import Code, Mistyped, NoCode, Right
from tests.unit.conftest import NOW

CODE = Code(1, "anna", "a-mark", "hash", NOW)
SECOND = timedelta(seconds=1)


def sent(*, mark: str = "a-mark", minutes_ago: float) -> Code:
    return replace(CODE, mark=mark, sent_at=NOW - timedelta(minutes=minutes_ago))


def test_the_right_code_counts_until_it_expires() -> None:
    assert contact_code.judge(CODE, True, NOW) == Right(CODE)
    assert contact_code.judge(CODE, True, CODE.until - SECOND) == Right(CODE)
    assert contact_code.judge(CODE, True, CODE.until) == NoCode()


def test_a_code_counts_once() -> None:
    assert contact_code.judge(replace(CODE, used=True), True, NOW) == NoCode()


def test_a_code_stands_five_wrong_tries_and_then_not_even_the_right_one() -> None:
    for wrong in range(contact_code.TRIES):
        code = replace(CODE, wrong=wrong)
        assert contact_code.judge(code, False, NOW) == Mistyped(code, contact_code.TRIES - wrong - 1)
        assert contact_code.judge(code, True, NOW) == Right(code)
    assert contact_code.judge(replace(CODE, wrong=contact_code.TRIES), True, NOW) == NoCode()


def test_where_no_code_was_sent_none_is_right() -> None:
    assert contact_code.judge(None, True, NOW) == NoCode()


def test_the_first_code_is_sent_at_once_and_the_next_after_a_pause() -> None:
    assert contact_code.next_at([], "a-mark", NOW) == NOW
    just_sent = sent(minutes_ago=0)
    assert contact_code.next_at([just_sent], "a-mark", NOW) == NOW + contact_code.PAUSE
    assert contact_code.next_at([just_sent], "another", NOW) == NOW


def test_a_contact_gets_five_codes_an_hour() -> None:
    codes = [sent(minutes_ago=ago) for ago in (50, 40, 30, 20)]
    assert contact_code.next_at(codes, "a-mark", NOW) == NOW
    codes.append(sent(minutes_ago=10))
    assert contact_code.next_at(codes, "a-mark", NOW) == NOW + timedelta(minutes=10)
    assert contact_code.next_at(codes, "another", NOW) == NOW


def test_all_contacts_of_a_person_together_get_ten_codes_an_hour() -> None:
    codes = [sent(mark=f"mark-{ago % 3}", minutes_ago=ago) for ago in range(55, 5, -5)]
    assert len(codes) == contact_code.A_PERSON
    assert contact_code.next_at(codes, "another", NOW) == NOW + timedelta(minutes=5)
    assert contact_code.next_at(codes[1:], "another", NOW) == NOW
