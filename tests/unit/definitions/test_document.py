"""YAML with lines and paths, and the refusal of texts that are no YAML or too much of it."""

import pytest

from heartbeat.definitions import document as yaml_document
from heartbeat.definitions.document import Node, Problems, TooMany, suggestion


def read(text: str) -> tuple[Node, list[str]]:
    problems = Problems()
    node = yaml_document.read(text, problems)
    return node, problems.lines("f")


def test_every_value_knows_its_line_and_its_path() -> None:
    root, problems = read("a: 1\nb:\n  c: [x, y]\n  d:\n    - e: |\n        text\n      f: >\n        more\n")
    assert problems == []
    b = root.fields()["b"].fields()
    assert (b["c"].line, b["c"].items()[1].path) == (3, "b.c[1]")
    item = b["d"].items()[0].fields()
    assert (item["e"].line, item["e"].value, item["f"].line, item["f"].path) == (5, "text\n", 7, "b.d[0].f")


def test_no_type_is_guessed() -> None:
    root, _ = read("{a: no, b: 1.10, c: 0o17, d: 2024-05-03, e: 1_000, f: 'null', g: '', h: null, i: ~, j: }")
    values = {name: node.value for name, node in root.fields().items()}
    assert values == {
        "a": "no", "b": "1.10", "c": "0o17", "d": "2024-05-03", "e": "1_000",
        "f": "null", "g": "", "h": None, "i": None, "j": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "end"),
    [
        ("a:\n\t- b", 2, "cannot start any token; indent with spaces, not with tabs."),
        ("a: b: c", 1, "mapping values are not allowed in this context."),
        ("\na: 'x\n\n", 3, "while scanning a quoted scalar that begins on line 2."),
        ("a: [1,\nb: 2", 2, "while parsing a flow sequence that begins on line 1."),
        ("k: {a: ${X}}", 1, """; within { } and [ ] a reference needs quotes, as in "${NAME}"."""),
        ("c: */5 * * * *", 1, """; a text that begins with * needs quotes, as in "*/5 * * * *"."""),
        ("a: b\nc: @daily", 2, """; a text that begins with @ needs quotes, as in "@daily"."""),
    ],
)
def test_a_yaml_error_is_reported_with_its_line_and_a_hint(text: str, line: int, end: str) -> None:
    (problem,) = read(text)[1]
    assert problem.startswith(f"f:{line}: this is not YAML: ")
    assert problem.endswith(end)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "f:3: a: is written twice; the first is on line 1."),
        ("a: *x", "f:1: a: there is no anchor &x before this alias of it."),
        ("a: &x [*x]", "f:1: a[0]: there is no anchor &x before this alias of it."),
        ("a: !!python/object:os.system x", "f:1: a: has a tag; remove what begins with '!'."),
        ("a: 1\n---\nb: 2", "f:2: a second document begins here; write only one."),
        ("? [a, b]\n: c", "f:1: has a key that is not plain text."),
        ("a: 1\nb: \x00", "f:2: there is a control character; remove it."),
        ("a: \ud800", "f:1: there is a control character; remove it."),
        ("", "f:1: there is nothing in this file; write at least `checks: {}`."),
        ("# nothing\n---\n", "f:1: there is nothing in this file; write at least `checks: {}`."),
        ("a: " + "[" * 30, "f:1: a" + "[0]" * 19 + ": is nested more than 20 levels deep."),
    ],
)
def test_refused_yaml_is_reported_with_its_line(text: str, problem: str) -> None:
    assert read(text)[1] == [problem]


def test_a_file_that_is_too_long_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_document, "MAX_CHARACTERS", 5_000)
    text = "a: " + "x" * 5_000
    assert read(text)[1] == ["f:1: the file has more than 5,000 characters; split it between installations."]
    assert read(text[:5_000])[1] == []


def test_a_small_file_does_not_become_a_huge_one() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )
    _, problems = read(bomb)
    assert problems == ["f:7: a6[1]: the file has more than 3,000,000 values, counted through its aliases."]


def test_an_alias_has_a_place_of_its_own_and_its_content_that_of_the_anchor() -> None:
    root, problems = read("a: &x\n  b: 1\nc: *x\n")
    assert problems == []
    alias = root.fields()["c"]
    assert (alias.line, alias.path) == (3, "c")
    assert (alias.fields()["b"].line, alias.fields()["b"].path) == (2, "a.b")


def test_a_merge_key_is_refused_at_its_own_line_and_its_fields_are_not_missed() -> None:
    root, problems = read("a: &x\n  b: 1\n  c: 2\nd:\n  <<: *x\n  c: 3\n")
    assert problems == [
        "f:5: d.<<: does not merge here: write these fields out. Defaults for all checks belong at the top of the file."
    ]
    assert [(name, node.value) for name, node in root.fields()["d"].fields().items()] == [
        ("b", "1"),
        ("c", "3"),
    ]


def test_a_quoted_name_of_two_angles_is_a_name() -> None:
    root, problems = read('"<<": 1')
    assert problems == []
    assert root.fields()["<<"].value == "1"


def test_a_path_with_something_strange_in_it_is_shown_harmlessly() -> None:
    _, problems = read('"a\\u001b[31m": {b: 1, b: 2}\n' + "k" * 500 + ": {b: 1, b: 2}\n")
    assert problems[0].startswith("f:1: 'a\\x1b[31m'.b: ")
    assert problems[1].startswith("f:2: " + "k" * 100 + ".b: ")


def test_the_number_of_reported_problems_is_bounded() -> None:
    with pytest.raises(TooMany):
        read("".join("a: 1\n" for _ in range(5_000)))
    problems = Problems()
    for line in range(yaml_document.MAX_PROBLEMS):
        problems.add(line, "", "is wrong.")
    with pytest.raises(TooMany):
        problems.add(0, "", "is wrong.")
    assert problems.lines("f")[-1] == "f: there may be more; correct these 1,000 first."


def test_a_suggestion_is_the_likely_one_or_what_there_is() -> None:
    assert suggestion("garce", ["grace", "name", "every"]) == "did you mean 'grace'?"
    assert suggestion("xyz", ["b", "a"]) == "there are a, b."
    assert suggestion("xyz", []) == "there are none."
    assert suggestion("xyz", [f"p{n:02}" for n in range(12)]).endswith("p08, p09 and 2 more.")
    assert suggestion("p00", [f"p{n:05}" for n in range(10_000)]).startswith("there are p00000")
