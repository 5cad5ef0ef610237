"""The wording of each cause on the phone, on the console, in the timeline and in the API."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, make_url

from alerting import desk, notice
from alerting.surroundings import Surroundings
from heartbeat import database
from heartbeat.checks import cause, forecast, placing, symptoms
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Change, Check, Raised, State
from heartbeat.http.pages import check_summary, render
from heartbeat.http.pages import rows as view_rows
from heartbeat.http.v1 import check_models
from tests.unit.conftest import NOW, a_check

Insert = Callable[[Connection, list[Check]], dict[str, Check]]


@pytest.fixture
def db(database_url: str) -> Iterator[Connection]:
    engine = database.engine(make_url(database_url), writing=True)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def down(why: Cause) -> Check:
    return a_check(state=State.DOWN, cause=why)


@pytest.mark.parametrize("why", list(Cause))
def test_a_cause_has_every_word_and_a_mark(why: Cause) -> None:
    forms = why.words
    assert all((why.class_, forms.word, forms.verb, forms.past, why.mark))
    assert Cause(why.value) is why
    assert cause.in_words(why.value) == forms


def test_two_causes_never_share_a_word() -> None:
    assert len({cause.words.word for cause in Cause}) == len(Cause)


@pytest.mark.parametrize("why", list(Cause))
def test_pages_and_the_timeline_call_a_cause_by_its_word(why: Cause, db: Connection, insert: Insert) -> None:
    check = insert(db, [down(why)])["job"]
    placing.raise_(db, [symptoms.Fall(Change(check, Raised(why, "")), check)], NOW)
    (incident,) = desk.incidents(db)
    dossier = desk.dossier(db, incident.id)
    assert dossier is not None
    (line,) = [entry.words for entry in dossier.timeline if entry.kind == "down"]
    assert line == f"{check.name} {why.words.alone}"
    one = dossier.symptoms
    two = [*one, replace(one[0], key="check:0")]
    for symptoms_, expected in ((one, why.words.alone), (two, f"2 of 3 jobs {why.words.word}")):
        assert notice.extent(symptoms_, Surroundings(3), cause.in_words, NOW) == expected


@pytest.mark.parametrize("why", list(Cause))
def test_the_console_shows_the_word_and_the_mark_of_a_cause(why: Cause) -> None:
    check, word = down(why), why.words.word
    assert view_rows.word(check, NOW) == view_rows.cause_word(why.value) == word
    first, *_ = check_summary.of(check, "", NOW)
    assert str(first).startswith(f"{why.words.alone.capitalize()} ")
    state = str(vars(render._templates.get_template("parts.html").make_module())["state"](word))
    mark = word.replace(" ", "-")
    assert f'<use href="#{mark}"/>' in state
    assert "down" in state.partition(">")[0]
    html = bytes(render.render("error.html", title="", message="", number=500, onward=None).body).decode()
    assert re.search(rf'<symbol id="{mark}"[^>]*><path [^>]*d="{re.escape(why.mark)}"', html)


@pytest.mark.parametrize("why", list(Cause))
def test_a_forecast_says_why_a_check_is_down(why: Cause, db: Connection, insert: Insert) -> None:
    outlook = forecast.of(db, insert(db, [down(why)])["job"], NOW, "https://h.example/incidents")
    assert outlook.sentence.startswith(f"It {why.words.verb}. ")


def test_the_api_enumerates_every_cause() -> None:
    shape = check_models.Check.model_json_schema()["$defs"]["Cause"]
    assert shape["enum"] == [cause.value for cause in Cause]
