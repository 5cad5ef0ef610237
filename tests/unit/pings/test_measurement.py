"""Numbers of a ping are read from its address, a JSON body and lines; what is none is said in a sentence."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat.pings import measurement
from heartbeat.pings.measurement import LONGEST_NAME, MOST, NOTHING, Reading


def of_json(document: object) -> Reading:
    return measurement.of_request([], json.dumps(document).encode())


def test_numbers_of_an_address_have_two_forms() -> None:
    parameters = [
        ("metric", "rows:12"),
        ("metric", "ratio=-0.5"),
        ("m.remaining", "1e3"),
        ("rid", "9"),
        ("m.disk.free-mb", " 7 "),
    ]
    assert measurement.of_request(parameters, None) == Reading(
        {"rows": 12, "ratio": -0.5, "remaining": 1000.0, "disk.free-mb": 7}
    )


def test_a_ping_without_numbers_has_none_and_nothing_to_say() -> None:
    assert measurement.of_request([("rid", "1"), ("create", "1"), ("mm", "3")], b"rows=12") is NOTHING


def test_every_number_of_a_json_body_is_taken_and_inner_names_are_joined_by_dots() -> None:
    document = {
        "rows": 12,
        "disk": {"free": 0.5, "parts": [{"used": 3}, {"used": 4}]},
        "done": True,
        "note": "7",
        "none": None,
    }
    assert of_json(document) == Reading(
        {"rows": 12, "disk.free": 0.5, "disk.parts.0.used": 3, "disk.parts.1.used": 4}
    )


def test_of_equal_names_the_last_counts_and_the_body_comes_after_the_address() -> None:
    parameters = [("m.a", "1"), ("m.a", "2"), ("m.b", "3")]
    assert measurement.of_request(parameters, b'{"b": 4, "b": 5}') == Reading({"a": 2, "b": 5})
    assert of_json({"a.b": 1, "a": {"b": 2}}) == Reading({"a.b": 2})


def test_lines_are_read_where_a_check_asks_for_them() -> None:
    body = b"starting\n  rows = 12\r\nratio=-.5\nsee http://x/?a=b for more\nrows=13\n"
    assert measurement.with_lines(NOTHING, body) == Reading({"ratio": -0.5, "rows": 13})
    assert measurement.with_lines(Reading({"rows": 1, "a": 2}), b"rows=3") == Reading({"rows": 3, "a": 2})
    assert measurement.with_lines(NOTHING, b'{"rows": "a=3"}') is NOTHING
    assert measurement.with_lines(NOTHING, None) is NOTHING


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("many", '"rows" was left out: "many" is not a number.'),
        ("", '"rows" was left out: "" is not a number.'),
        ("1_000", '"rows" was left out: "1_000" is not a number.'),
        ("0x10", '"rows" was left out: "0x10" is not a number.'),
        ("\u0661", '"rows" was left out: "\u0661" is not a number.'),
        ("NaN", '"rows" was left out: it is not a finite number.'),
        ("-Infinity", '"rows" was left out: it is not a finite number.'),
        ("1e999", '"rows" was left out: it is not a finite number.'),
        ("9" * 5000, '"rows" was left out: it is not a finite number.'),
        ("x\u202ey\n" * 50, '"rows" was left out: "' + "x y " * 10 + '…" is not a number.'),
    ],
)
def test_what_is_no_number_is_left_out_with_a_sentence(value: str, sentence: str) -> None:
    assert measurement.of_request([("m.rows", value), ("m.ok", "1")], None) == Reading({"ok": 1}, sentence)


@pytest.mark.parametrize(
    "name", ["", "5", "rows done", "a..b", ".a", "a.", "-a", "größe", "r\u043ews", "a\u202eb", "a\n", "a=b"]
)
def test_a_name_that_deceives_or_is_none_is_left_out(name: str) -> None:
    reading = of_json({name: 1})
    assert reading.values is None
    assert 'and begins with a letter or "_".' in (reading.misread or "")
    assert (reading.misread or "").isprintable()


def test_a_name_is_bounded_and_so_are_the_numbers_of_a_ping() -> None:
    longest = "a" * LONGEST_NAME
    assert of_json({longest: 1, longest + "a": 2}) == Reading(
        {longest: 1}, f'"{"a" * 40}…" was left out: a name has at most 63 characters.'
    )
    many = of_json({f"n{n}": n for n in range(MOST + 3)})
    assert len(many.values or ()) == MOST
    assert many.misread == '"n50" and what follows was left out: a ping has at most 50 numbers.'


@pytest.mark.parametrize("name", ["exit_status", "body_size"])
def test_a_job_does_not_report_what_is_measured(name: str) -> None:
    assert of_json({name: 0}) == Reading(None, f'"{name}" was left out: heartbeat measures it itself.')


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_json_behind_a_byte_order_mark_is_read(encoding: str) -> None:
    mark = "" if encoding in ("utf-8-sig", "utf-16") else "\ufeff"
    body = f'{mark} {{"rows": 7, "größe": "x"}}'.encode(encoding)
    assert measurement.of_request([], body) == Reading({"rows": 7})
    assert measurement.of_request([], body[:-3], cut=True).misread == (
        "The JSON in the body was left out: its end was cut off."
    )


def test_lines_behind_a_byte_order_mark_are_read() -> None:
    assert measurement.with_lines(NOTHING, b"\xef\xbb\xbfrows=7") == Reading({"rows": 7})


@pytest.mark.parametrize("body", [b'[{"rows": 7}]', b" [1, 2]\n", b"\xef\xbb\xbf[]"])
def test_a_json_array_is_said_to_have_no_names(body: bytes) -> None:
    assert measurement.of_request([("m.a", "1")], body) == Reading(
        {"a": 1}, 'The JSON in the body was left out: it is a list; send an object, such as {"rows": 12}.'
    )


@pytest.mark.parametrize("body", [b"[INFO] rows [7]", b"[12:30] [ok]", b"[", b"[1, 2", b"[" * 9000 + b"]"])
def test_text_that_begins_with_a_bracket_is_no_fault(body: bytes) -> None:
    assert measurement.of_request([], body) is NOTHING


def test_a_duration_that_was_measured_is_not_taken_from_the_job() -> None:
    sent = Reading({"duration": 99, "rows": 1}, "More.")
    assert measurement.where_measured(sent, 1.23) == Reading(
        {"rows": 1},
        '"duration" was left out: the run began with a ping, so heartbeat measured 1.23 s itself. More.',
    )
    assert measurement.where_measured(Reading({"duration": 99}), 1.23).values is None
    other = Reading({"rows": 1})
    assert measurement.where_measured(other, 1.23) is other


def test_json_that_is_none_is_said_with_its_place() -> None:
    assert measurement.of_request([], b' {"a": 1,\n}').misread == (
        "The JSON in the body was left out: it is not valid at line 2, column 1."
    )
    assert measurement.of_request([], b'{"a": 1, "b', cut=True).misread == (
        "The JSON in the body was left out: its end was cut off."
    )
    assert measurement.of_request([], b'{"a": "\xff"}').misread == (
        "The JSON in the body was left out: it is not UTF-8."
    )
    assert measurement.of_request([("m.a", "1")], b"{oops}").values == {"a": 1}


def test_numbers_in_json_that_are_not_finite_are_left_out() -> None:
    body = b'{"a": NaN, "b": -Infinity, "c": 1e999, "d": %s, "e": 1}' % (b"9" * 400)
    assert measurement.of_request([], body) == Reading(
        {"e": 1}, '"a" was left out: it is not a finite number. 3 more were left out.'
    )
    assert measurement.of_request([], b'{"a": %s}' % (b"9" * 9000)) == Reading(
        None, "The JSON in the body was left out: it has a number of thousands of digits."
    )


def test_after_fifty_faults_nothing_more_is_looked_at() -> None:
    reading = of_json({"": list(range(9_000))})
    assert reading.values is None
    assert (reading.misread or "").endswith(" 51 more were left out.")
    lines = "".join(f"{n}=1\n" for n in range(9_000)).encode()
    assert (measurement.with_lines(NOTHING, lines).misread or "").endswith(" 51 more were left out.")


def test_deep_json_is_bounded() -> None:
    deep = b'{"a":' * 30_000 + b"1" + b"}" * 30_000
    assert measurement.of_request([], deep).values is None
    assert measurement.of_request([], deep).misread is not None
    lists = b'{"a":' + b"[" * 90_000
    assert measurement.of_request([], lists).values is None


_ALPHABET = re.compile(r"[A-Za-z0-9_.-]+\Z")


def is_sound(reading: Reading) -> bool:
    """Whether a reading keeps its bounds, whatever it was read from."""
    values = reading.values or {}
    return (
        len(values) <= MOST
        and all(_ALPHABET.match(name) and len(name) <= LONGEST_NAME for name in values)
        and all(math.isfinite(value) and not isinstance(value, bool) for value in values.values())
        and (reading.misread is None or (len(reading.misread) < 250 and "\n" not in reading.misread))
        and reading.values != {}
        and json.loads(json.dumps(dict(values), allow_nan=False)) == values
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=40,
)


@given(st.binary(max_size=300), st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=5))
def test_whatever_comes_is_read_within_bounds(body: bytes, parameters: list[tuple[str, str]]) -> None:
    pairs = [("metric", value) for _, value in parameters] + [
        (f"m.{name}", value) for name, value in parameters
    ]
    for text in (body, b"{" + body):
        reading = measurement.of_request(pairs, text)
        assert is_sound(reading)
        assert is_sound(measurement.with_lines(reading, text))


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=6))
def test_whatever_json_comes_is_read_within_bounds(document: dict[str, object]) -> None:
    assert is_sound(of_json(document))


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,20}", fullmatch=True).filter(
            lambda name: name not in ("exit_status", "body_size")
        ),
        st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**14), 10**14),
        max_size=MOST,
    )
)
def test_all_ways_of_sending_the_same_numbers_are_read_alike(numbers: dict[str, float]) -> None:
    expected = Reading(numbers) if numbers else NOTHING
    assert of_json(numbers) == expected
    assert measurement.of_request([(f"m.{name}", repr(n)) for name, n in numbers.items()], None) == expected
    assert (
        measurement.of_request([("metric", f"{name}:{n!r}") for name, n in numbers.items()], None) == expected
    )
    lines = "\n".join(f"{name}={n!r}" for name, n in numbers.items()).encode()
    assert measurement.with_lines(NOTHING, lines) == expected
