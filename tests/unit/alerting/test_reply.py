"""Replies in words: what counts as an answer, and to which incident."""

import pytest

from alerting.reply import Acknowledges, AsksBack, Told, is_answer, meant

TWELVE, THIRTEEN = Told(12, 1, waits=True), Told(13, 1, waits=True)
OVER = Told(11, 1, waits=False)


@pytest.mark.parametrize(
    "words",
    ["ok", "OK", "Ok.", " okay!", "ack", "ACK", "Acknowledge", "acknowledged", "I got it", "ok 12", "OK #12"],
)
def test_an_answer_to_the_only_incident_that_waits_acknowledges_it(words: str) -> None:
    assert is_answer(words)
    assert meant(words, [TWELVE]) == Acknowledges([TWELVE])


@pytest.mark.parametrize("words", ["ok", "ack"])
def test_a_bare_answer_with_two_meanings_asks_back(words: str) -> None:
    question = "Incidents 12 and 13 wait. Reply OK and a number, or OK ALL."
    assert meant(words, [THIRTEEN, TWELVE]) == AsksBack(question)


def test_a_late_answer_to_what_is_over_does_not_acknowledge_the_next() -> None:
    assert meant("ok", [THIRTEEN, OVER]) == AsksBack("To acknowledge, reply OK 13.")
    again = Told(12, 2, waits=True)
    assert meant("ok", [again, Told(12, 1, waits=False)]) == AsksBack("To acknowledge, reply OK 12.")


def test_numbers_and_all_name_incidents() -> None:
    assert meant("ok 13", [TWELVE, THIRTEEN]) == Acknowledges([THIRTEEN])
    assert meant("ack 12, 13 and 99", [TWELVE, THIRTEEN]) == Acknowledges([TWELVE, THIRTEEN])
    assert meant("OK all", [TWELVE, THIRTEEN, OVER]) == Acknowledges([TWELVE, THIRTEEN])


def test_a_number_that_does_not_wait_acknowledges_nothing() -> None:
    assert meant("ok 11", [TWELVE, OVER]) == AsksBack("No such incident waits. To acknowledge, reply OK 12.")


@pytest.mark.parametrize("words", ["ok", "ok 12", "ok all"])
def test_an_answer_while_nothing_waits_says_so(words: str) -> None:
    answer = meant(words, [OVER])
    assert isinstance(answer, AsksBack)
    assert answer.sentence.endswith("Nothing waits for your answer.")


@pytest.mark.parametrize(
    "words", ["no", "not ok", "ok?", "okay I'll look later", "", "\n", "12", "yes", "stop"]
)
def test_any_other_words_acknowledge_nothing(words: str) -> None:
    assert not is_answer(words)
    assert meant(words, [TWELVE]) == AsksBack("Not understood. To acknowledge, reply OK 12.")
    assert meant(words, [OVER]) == AsksBack("")


def test_a_long_text_from_a_machine_gets_no_reply() -> None:
    words = "I'm driving with Focus turned on. I'll see your message later."
    assert meant(words, [TWELVE]) == AsksBack("")


def test_only_the_first_line_counts() -> None:
    assert is_answer("\nok\n\nSent from my phone")
    assert not is_answer("Sent from my phone\nok")


def test_a_question_about_many_incidents_is_short() -> None:
    answer = meant("ok", [Told(number, 1, waits=True) for number in range(1, 31)])
    assert answer == AsksBack("Incidents 1, 2, 3, 4, 5 and 25 more wait. Reply OK and a number, or OK ALL.")
