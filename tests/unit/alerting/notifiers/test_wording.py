"""Nothing is shown that could steer a terminal, begin a header or give a secret away."""

import socket
import ssl
from datetime import timedelta

import pytest

from alerting.notifiers.wording import network_fault, one_line, quoted


@pytest.mark.parametrize("nasty", ["a\nb", "a\rb", "a\x1bb", "a\u2028b", "a\u202eb", "a\0b", "a\x85b"])
def test_one_line_has_no_control_characters(nasty: str) -> None:
    assert one_line(nasty) == "a b"


def test_one_line_leaves_words_alone() -> None:
    for words in (
        "резервная копия, 日本, ångström 3 %",
        "12\u202f000\u00a0€",
        "経理\u3000部",
        "می\u200cخواهم",  # noqa: RUF001
        "👩\u200d👩\u200d👧",
        "Nacht\u00adlauf",
    ):
        assert one_line(words) == words


def test_quoted_words_are_short_and_hold_no_secret() -> None:
    assert quoted("key 5ecret\n  is wrong", "5ecret", "") == "key … is wrong"
    assert len(quoted("x" * 1000)) == 200


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "hb.test:25 did not answer within 15 s"),
        (socket.gaierror("5ecret"), "the name of hb.test:25 cannot be resolved"),
        (ConnectionRefusedError("5ecret"), "connection refused by hb.test:25"),
        (ssl.SSLError("5ecret"), "the TLS handshake with hb.test:25 failed"),
        (ConnectionResetError("5ecret"), "the connection to hb.test:25 broke"),
    ],
)
def test_a_network_fault_is_told_in_our_own_words(error: OSError, words: str) -> None:
    assert network_fault("hb.test:25", error, timedelta(seconds=15)) == words


def test_the_cause_of_a_fault_is_found_where_a_library_wrapped_it() -> None:
    wrapped = OSError("5ecret")
    wrapped.__cause__ = ConnectionRefusedError()
    assert network_fault("hb.test", wrapped, timedelta(seconds=15)) == "connection refused by hb.test"
