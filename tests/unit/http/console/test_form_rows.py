"""Rows of a form, and rows inside of a row, changed by the buttons that send it."""

import pytest
from starlette.datastructures import FormData

from heartbeat.http.console import form_rows


@pytest.mark.parametrize(
    ("button", "inner"),
    [
        ("add:turn:0", ("turn", 0, "add")),
        ("up:turn:0:2", ("turn", 0, "up:2")),
        ("drop:time:12:1", ("time", 12, "drop:1")),
        ("add", None),
        ("up:2", None),
        ("drop:turn:x:1", None),
        ("drop:turn:1234:1", None),
        ("drop:turn:", None),
    ],
)
def test_a_button_may_be_about_rows_inside_of_a_row(button: str, inner: tuple[str, int, str] | None) -> None:
    assert form_rows.within(button) == inner
    assert form_rows.pressed(button)


@pytest.mark.parametrize(
    ("text", "rows"), [("3", 3), (" 2 ", 2), ("", 1), ("0", 1), ("-1", 1), ("x", 1), ("99", 5), ("99999", 1)]
)
def test_the_form_tells_how_many_rows_it_has(text: str, rows: int) -> None:
    assert form_rows.count(FormData([("layers", text)]), "layers", 5) == rows


@pytest.mark.parametrize(
    ("button", "place"),
    [
        ("save", None),
        ("preview", None),
        ("add", 10_000),
        ("up:2", 1),
        ("up:0", 0),
        ("up:x", 9_999),
        ("drop:2", 2),
        ("up:turn:3:2", 3),
        ("add:time:1", 1),
    ],
)
def test_a_button_says_with_which_row_to_go_on(button: str, place: int | None) -> None:
    assert form_rows.focused(button) == place
