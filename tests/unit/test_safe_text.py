"""Words of every language: what deceives is refused or marked, ordinary writing is taken, everywhere alike."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from pydantic import ValidationError
from starlette.datastructures import FormData

from heartbeat import safe_text
from heartbeat.checks import rule_grammar, symptoms
from heartbeat.checks.rule import Body
from heartbeat.definitions import entry, single
from heartbeat.definitions.single import Faulty
from heartbeat.http.console.incidents import pages
from heartbeat.http.pages import render
from heartbeat.http.v1.fields import Note
from heartbeat.status import announcement
from heartbeat.status.announcement import InvalidAnnouncement
from tests.unit.conftest import NOW

ORDINARY = {
    "no-break space": "10\u00a0000 lignes",
    "narrow no-break space": "Sauvegarde\u202f: nuit",
    "ideographic space": "夜間\u3000バックアップ",
    "non-joiner": "\u0645\u06cc\u200c\u0631\u0648\u062f",
    "joiner": "क्\u200dष, 👩\u200d💻",
    "soft hyphen": "Daten\u00adsicherung",
    "variation selector": "⚠\ufe0f Backup",
    "direction marks": "\u200f\u05d2\u05d9\u05d1\u05d5\u05d9\u200e (db-1)",
    "combining marks": "Vie\u0302\u0323t",
    "flag": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
}
DECEIVING = {
    "override": "backup \u202egnp.exe",
    "embedding": "a\u202bb",
    "isolate": "a\u2067b\u2069",
    "escape": "\x1b[2Jgone",
    "carriage return": "all well\rfailed",
    "next line": "a\u0085b",
    "line separator": "a\u2028b",
    "nul": "a\0b",
    "half a character": "a\ud83d",
    "no character": "a\uffff",
}


def _check_name(text: str) -> str:
    return entry.line(entry.MAX_NAME)(text)


def _label(text: str) -> str:
    return entry.line(entry.MAX_LABEL_VALUE)(text)


def _description(text: str) -> str:
    return entry.paragraphs(entry.MAX_DESCRIPTION)(text)


def _window(text: str) -> str:
    window: Mapping[str, object] = {
        "title": text,
        "match": {"host": text},
        "starts_at": NOW.isoformat(),
        "ends_at": (NOW + timedelta(hours=1)).isoformat(),
    }
    return single.read_window(window, NOW).title


def _announcement_body(text: str) -> str:
    return announcement.body(text)


def _note_by_api(text: str) -> str:
    return Note(words=text).words


def _note_by_form(text: str) -> str:
    note = pages.note_of(FormData({"words": text}))
    if note is None:
        raise ValueError("refused")
    return note


def _pattern(text: str) -> str:
    condition = rule_grammar.parse(f'body has "{text}"')
    assert isinstance(condition, Body)
    return condition.pattern


DOORS: list[Callable[[str], str]] = [
    _check_name,
    _label,
    _description,
    _window,
    _announcement_body,
    _note_by_api,
    _note_by_form,
    _pattern,
]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("text", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_writing_is_taken_as_it_is(door: Callable[[str], str], text: str) -> None:
    assert door(text) == text


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("text", DECEIVING.values(), ids=DECEIVING)
def test_text_that_deceives_is_refused(door: Callable[[str], str], text: str) -> None:
    with pytest.raises((ValueError, InvalidAnnouncement, ValidationError, Faulty)):
        door(text)


@pytest.mark.parametrize("text", ORDINARY.values(), ids=ORDINARY)
def test_the_output_of_a_job_is_shown_as_it_was_written(text: str) -> None:
    assert symptoms.last_lines(text.encode()) == [text]
    assert render.ending(text.encode()) == (text, False)
    assert safe_text.told(text) == text


@pytest.mark.parametrize("text", DECEIVING.values(), ids=DECEIVING)
def test_the_output_of_a_job_deceives_nobody(text: str) -> None:
    body = text.encode("utf-8", "surrogatepass")
    assert all(map(safe_text.is_line, symptoms.last_lines(body)))
    assert safe_text.is_harmless(render.ending(body)[0])
    assert safe_text.is_line(safe_text.told(text))


@pytest.mark.parametrize("text", ["", "  ", "\u00a0", "\u200b\u200d", "\u00ad", "\ufe0f", "\u3000"])
def test_a_name_that_nobody_sees_is_none(text: str) -> None:
    assert not safe_text.is_line(text)
