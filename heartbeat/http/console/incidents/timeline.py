"""An incident's timeline as a story, newest on top, and how long each part of it took. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from alerting import times as alerting_times
from alerting.desk import Attempt, Dossier, Page
from alerting.incident import Incident, RaisedSymptom, State
from alerting.notice import Kind

LONGEST = 100
"""Moments that a page tells."""
LINES = 8
"""Lines that one moment takes; a storm is counted, not listed."""

NOTE = "note"
_ANSWERED = frozenset({"paged", State.ACKNOWLEDGED, State.SNOOZED, State.RESOLVED})
"""What people are told of at once."""
_KINDS = {
    Kind.PAGE: "Page",
    Kind.UPDATE: "Update",
    Kind.ACKNOWLEDGED: "Acknowledgement",
    Kind.RECOVERED: "End",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """What happened at an instant: one kind of thing, told in one or several lines.

    `taken` tells of the messages about it that providers took; `by` who wrote it, where it is a note. The same thing
    over and over is one moment: the newest, with how many times it was and since when.
    """

    at: datetime
    kind: str
    lines: tuple[str, ...]
    taken: tuple[str, ...] = ()
    times: int = 1
    since: datetime | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to somebody, and the tries to deliver it."""

    what: str
    state: str
    at: datetime
    attempts: Sequence[Attempt]


@dataclass(frozen=True, slots=True)
class Told:
    """One person and what they were told, newest first."""

    person: str
    messages: Sequence[Message]


def jobs(symptoms: Sequence[RaisedSymptom]) -> list[RaisedSymptom]:
    """Each job of an incident once, as it stands: what is wrong, worst and oldest first, then what came back,
    newest first. `symptoms` are in the order in which they were raised."""
    newest = {one.key: one for one in symptoms}.values()
    wrong = [one for one in newest if one.cleared_at is None]
    back = [(one.cleared_at, one) for one in newest if one.cleared_at is not None]
    wrong.sort(key=lambda one: (one.severity.rank, one.raised_at))
    back.sort(key=lambda pair: pair[0], reverse=True)
    return [*wrong, *(one for _, one in back)]


def moments(dossier: Dossier) -> list[Moment]:
    """What happened, newest first; things of one kind at the same second are told together, but notes of two people."""
    told: list[Moment] = []
    for (at, kind, by), lines in _at_once(dossier):
        if kind == "told" and told and told[-1].kind in _ANSWERED:
            told[-1] = replace(told[-1], taken=_short([*told[-1].taken, *lines]))
        else:
            told.append(Moment(at, kind, _short(lines), by=by))
    return list(_folded(told[::-1]))


def _at_once(dossier: Dossier) -> Iterable[tuple[tuple[datetime, str, str], list[str]]]:
    """What was told in the same second, oldest first: when, what kind of thing, by whom, and the lines."""
    entries = [((at, kind, ""), words) for at, kind, words in _before(dossier.symptoms)]
    # Who answered stands in the words of the answer; a note is nothing but somebody's words.
    entries += [
        ((one.at, one.kind, (one.by or "") if one.kind == NOTE else ""), one.words)
        for one in dossier.timeline
    ]
    entries = [((at.replace(microsecond=0), kind, by), words) for (at, kind, by), words in entries]
    # The timeline is in the order of its writing; sorting is stable and keeps that order within an instant.
    entries.sort(key=lambda entry: entry[0][0])
    for of, group in groupby(entries, key=lambda entry: entry[0]):
        yield of, [words for _, words in group]


def measures(dossier: Dossier) -> list[str]:
    """How long it took to detect, to acknowledge and to resolve."""
    incident = dossier.incident
    due = [one.facts.expected_at for one in dossier.symptoms if one.facts.expected_at]
    detected = incident.opened_at - min(due, default=incident.opened_at)
    answered = next((one.at for one in dossier.timeline if one.kind == State.ACKNOWLEDGED), None)
    return [
        f"detected {_after_due(detected)}",
        _took(incident, State.ACKNOWLEDGED, answered),
        _took(incident, State.RESOLVED, incident.resolved_at),
    ]


def told(dossier: Dossier, names: Mapping[str, str]) -> list[Told]:
    """Who was told: a person with their messages, newest first. `names` are people's names by their short ones."""
    by_page: dict[int, list[Attempt]] = {}
    for attempt in dossier.attempts:
        by_page.setdefault(attempt.page_id, []).append(attempt)
    by_person: dict[str, list[Message]] = {}
    for page in reversed(dossier.pages):
        name = names.get(page.person, page.person)
        message = Message(
            _what(page, dossier.incident), page.state, page.created_at, by_page.get(page.id, [])
        )
        by_person.setdefault(name, []).append(message)
    return [Told(name, messages) for name, messages in by_person.items()]


def _before(symptoms: Sequence[RaisedSymptom]) -> Iterable[tuple[datetime, str, str]]:
    """What came before anything was known to be wrong: the last thing heard, and what was due."""
    times = [(one.facts.last_heard_at, one) for one in symptoms if one.facts.last_heard_at]
    heard = [(at, one.title) for at, one in times if at < one.raised_at]
    if heard:
        at, title = max(heard)
        yield (
            at,
            "heard",
            f"{title}, the last that was heard of them" if len({one.key for one in symptoms}) > 1 else title,
        )
    for one in symptoms:
        if one.facts.expected_at:
            yield one.facts.expected_at, "due", one.title


def _folded(newest_first: Sequence[Moment]) -> Iterable[Moment]:
    for _, group in groupby(newest_first, key=lambda moment: (moment.kind, moment.lines, moment.by)):
        same = list(group)
        yield replace(same[0], times=len(same), since=same[-1].at) if len(same) > 1 else same[0]


def _short(lines: list[str]) -> tuple[str, ...]:
    if len(lines) <= LINES:
        return tuple(lines)
    return (*lines[:LINES], f"and {len(lines) - LINES} more")


def _what(page: Page, incident: Incident) -> str:
    what = _KINDS.get(page.kind, page.kind.value)
    step = min(page.step, len(incident.policy.steps) - 1) + 1
    return f"{what}, step {step}" if page.kind is Kind.PAGE else what


def _after_due(length: timedelta) -> str:
    return f"{alerting_times.duration(length)} after the first was due" if length > timedelta() else "at once"


def _took(incident: Incident, what: str, at: datetime | None) -> str:
    if at is None:
        return f"never {what}" if incident.resolved_at else f"not {what} yet"
    return f"{what} after {alerting_times.duration(at - incident.opened_at)}"
