"""The limits of fields: the largest value is accepted, and the next one is refused."""

from collections.abc import Callable

import pytest

from heartbeat.definitions import document as yaml_document
from heartbeat.definitions import entry as definition_entry
from tests.unit.definitions.declared import EXAMPLE, fits, parse, problems


def component_rows(count: int) -> str:
    """Return so many rows of a status page."""
    return ", ".join(f"{{name: n{number}, match: {{a: b}}}}" for number in range(count))


def section(name: str, count: int, definition: str) -> str:
    return name + ":\n" + "".join(f"  x{n}: {definition}\n" for n in range(count))


def names(count: int) -> str:
    return ", ".join(f"x{n}" for n in range(count))


CHECK = "checks: {a: {every: 5m, "
ROW = "{name: x, match: {a: b}}"
LIMITS: list[tuple[int, Callable[[int], str]]] = [
    (definition_entry.MAX_LABELS, lambda n: CHECK + "labels: {" + ", ".join(f"x{i}: y" for i in range(n)) + "}}}"),
    (definition_entry.MAX_LABEL_VALUE, lambda n: CHECK + "labels: {a: " + "x" * n + "}}}"),
    (definition_entry.MAX_NAME, lambda n: CHECK + "name: " + "x" * n + "}}"),
    (definition_entry.MAX_DESCRIPTION, lambda n: CHECK + "description: " + "x" * n + "}}"),
    (definition_entry.MAX_RUNBOOK, lambda n: CHECK + "runbook: " + "x" * n + "}}"),
    (definition_entry.ALERT_AFTER[1], lambda n: CHECK + f"alert_after: {{failures: {n}}}}}}}"),
    (definition_entry.ALERT_AFTER[1], lambda n: f"alert_after: {{missed: {n}}}"),
    (definition_entry.MAX_RULES, lambda n: CHECK + f"rules: [{', '.join(['a > 0'] * n)}]}}}}"),
    (
        definition_entry.MAX_LABEL_RULES,
        lambda n: f"rules: [{', '.join(['{match: {a: b}, rule: a > 0}'] * n)}]",
    ),
    (100, lambda n: "checks: {" + "a" * n + ": {every: 5m}}"),
    (100, lambda n: CHECK + "labels: {" + "a" * n + ": b}}}"),
    (definition_entry.MAX_GROUP_BY, lambda n: f"group_by: [{names(n)}]"),
    (definition_entry.MAX_CONTACTS, lambda n: "people: {a: {contacts: [" + ", ".join(["{console: x}"] * n) + "]}}"),
    (definition_entry.MAX_ADDRESS, lambda n: "people: {a: {contacts: [{console: " + "x" * n + "}]}}"),
    (definition_entry.MAX_PEOPLE, lambda n: section("people", n, "{contacts: [{console: x}]}")),
    (definition_entry.MAX_PAGES, lambda n: section("status_pages", n, f"{{title: t, components: [{ROW}]}}")),
    (
        definition_entry.MAX_COMPONENTS,
        lambda n: f"status_pages: {{a: {{title: t, components: [{component_rows(n)}]}}}}",
    ),
    (
        definition_entry.MAX_STEPS,
        lambda n: "people: {a: {contacts: [{console: x}]}}\n"
        f"policies: {{p: [{', '.join(['{page: a, wait: 5m}'] * n)}]}}",
    ),
    (
        definition_entry.MAX_PAGED,
        lambda n: section("people", n, "{contacts: [{console: x}]}")
        + f"policies: {{p: [{{page: [{names(n)}], wait: 5m}}]}}",
    ),
    (
        definition_entry.MAX_POLICIES,
        lambda n: "policy: x0\npeople: {a: {contacts: [{console: x}]}}\n"
        + section("policies", n, "[{page: a, wait: 5m}]"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "text_of"), LIMITS)
def test_the_limit_is_accepted_and_one_more_is_refused(limit: int, text_of: Callable[[int], str]) -> None:
    at, beyond = text_of(limit), text_of(limit + 1)
    parse(at)
    assert len(problems(beyond)) == 1
    small = limit <= 1_000
    assert not small or (fits(at), fits(beyond)) == (True, False)


def test_there_are_limits_to_checks_and_characters() -> None:
    assert (definition_entry.MAX_CHECKS, yaml_document.MAX_CHARACTERS) == (100_000, 50_000_000)
    # A check with all that one usually says of it has room as often as there may be checks.
    usual = EXAMPLE[EXAMPLE.index("  daily-cpu-reset:") : EXAMPLE.index("people:")]
    assert len(usual) <= yaml_document.MAX_CHARACTERS / definition_entry.MAX_CHECKS
    assert usual.count(":") <= yaml_document.MAX_NODES / definition_entry.MAX_CHECKS
    aliases = "checks:\n  x: &x {every: 1m}\n" + "".join(
        f"  x{n}: *x\n" for n in range(definition_entry.MAX_CHECKS)
    )
    assert "f:1: checks: has 100,001 entries; there can be at most 100,000." in problems(aliases)


@pytest.mark.parametrize(
    ("field", "shortest", "longest"),
    [("grace", "1s", "30d"), ("max_runtime", "1s", "30d"), ("every", "1s", "366d")],
)
def test_a_length_of_time_has_its_limits(field: str, shortest: str, longest: str) -> None:
    def text(length: str) -> str:
        return f"checks: {{a: {{{field}: {length}{', every: 5m' if field != 'every' else ''}}}}}"

    parse(text(shortest))
    parse(text(longest))
    for length_beyond in ("0s", "367d"):
        (problem,) = problems(text(length_beyond))
        assert problem.startswith(f"f:1: checks.a.{field}: ")


@pytest.mark.parametrize(
    "text",
    [
        "Enqu\u00eate en cours\u00a0: merci",
        "\u591c\u9593\u3000\u30d0\u30c3\u30c1",
        "\u067e\u0634\u062a\u06cc\u0628\u0627\u0646\u200c\u06af\u06cc\u0631\u06cc",
        "on call \U0001f469\u200d\U0001f4bb",
        "Daten\u00adbank",
    ],
)
def test_words_as_people_of_any_language_write_them_are_names(text: str) -> None:
    assert definition_entry.line(definition_entry.MAX_NAME)(text) == text
    assert definition_entry.paragraphs(definition_entry.MAX_DESCRIPTION)(text) == text


@pytest.mark.parametrize("text", ["a\tb", "a\nb", "\x1b[31m", "a\u202eb", "a\u2028b", "\u3000", ""])
def test_what_deceives_or_takes_two_lines_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match="one line of text"):
        definition_entry.line(definition_entry.MAX_NAME)(text)
