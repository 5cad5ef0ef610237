"""Nothing is shown that could steer a terminal, begin a header or give a secret away."""

import socket
import ssl
from datetime import timedelta

import pytest

from alerting.notifiers.wording import fitted, network_fault, one_line, quoted, unmarked, unmentioned, utf16


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


def test_lines_that_fit_stay_whole_and_the_rest_is_left_out() -> None:
    lines = ["first", "second\x1b", "third"]
    assert fitted(lines, 20) == ["first", "second ", "third"]
    assert fitted(lines, 19) == ["first", "second "]
    assert fitted(lines, 13) == ["first"]
    assert fitted(lines, 0) == []


@pytest.mark.parametrize("limit", [0, 1, 2, 50, 299, 300])
def test_only_a_line_that_is_long_by_itself_is_cut_inside(limit: int) -> None:
    (*line,) = fitted(["€" * 300, "next"], limit, lambda text: len(text.encode()))
    assert sum(len(text.encode()) + 1 for text in line) <= limit
    assert [text.strip("€") for text in line] == (["…"] if limit > 6 else [])


def test_text_for_markdown_is_shown_as_it_is() -> None:
    assert unmarked("run *_sync* at [x](y)", r"[*_\[\]]") == r"run \*\_sync\* at \[x\](y)"
    assert unmarked("see https://wiki.test/a_b_c, *now*", "[*_]") == r"see https://wiki.test/a_b_c, \*now\*"
    assert [unmarked(text, r"\*") for text in ("- a", "# a", "12. a", "12.5 - a")] == [
        r"\- a",
        r"\# a",
        r"12\. a",
        r"12\.5 - a",
    ]


def test_a_text_is_measured_as_the_strictest_providers_do() -> None:
    assert [utf16(text) for text in ("abc", "é€", "👩", "\ud800")] == [3, 2, 2, 1]


def test_an_at_sign_calls_nobody_and_leaves_mail_addresses_alone() -> None:
    assert unmentioned("@all .@anna a@example.com x@ @") == "@\u200ball .@\u200banna a@example.com x@ @"
