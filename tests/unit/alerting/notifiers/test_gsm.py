"""The length of text messages in segments."""

import pytest

from alerting.notifiers import gsm


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ä" * 160, 1),
        ("ł" * 70, 1),
        ("ł" * 71, 2),
        ("a" * 160 + "ł", 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_a_text_has_the_segments_of_its_alphabet(text: str, segments: int) -> None:
    assert gsm.segments(text) == segments


def test_typographic_marks_cost_no_alphabet() -> None:
    plain = gsm.plainer("\u201cnightly-backup\u201d \u2013 24\u00a0h\u2026")
    assert plain.startswith('"nightly')
    assert gsm.segments(gsm.plainer("\u201cok\u201d " * 30)) == 1


@pytest.mark.parametrize("letter", ["a", "€", "ł", "😀"])
def test_a_text_is_cut_to_what_fits_with_its_end(letter: str) -> None:
    cut = gsm.cut(letter * 2000, 3, with_end="\nReply OK 12")
    assert cut.endswith("...")
    assert gsm.segments(cut + "\nReply OK 12") == 3
    assert gsm.segments(letter + cut + "\nReply OK 12") == 4


def test_a_text_that_fits_is_left_alone() -> None:
    assert gsm.cut("all of it", 1) == "all of it"
