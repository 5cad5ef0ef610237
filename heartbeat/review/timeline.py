"""The timeline of an incident as a story, newest on top, and the time to each of its states. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from alerting import times as alerting_times
from alerting.desk import Attempt, Dossier, Page
from alerting.incident import MERGED, Entry, Incident, RaisedSymptom, State
from alerting.notice import NoticeKind

LONGEST = 100
"""Moments on one screen."""
LINES = 8
"""Lines of one moment. Further ones are counted, not listed."""

NOTE = "note"
_ANSWERS = frozenset({State.ACKNOWLEDGED, State.SNOOZED, State.RESOLVED})
_PAGES = frozenset({"paged", "moved on", "handed on", "handed over", "reassigned", "withdrawn"})
_SENDING = _ANSWERS | _PAGES | {MERGED}
"""The kinds of moments that send messages at once."""
_KINDS = {
    NoticeKind.PAGE: "Page",
    NoticeKind.UPDATE: "Update",
    NoticeKind.ACKNOWLEDGED: "Acknowledgement",
    NoticeKind.RECOVERED: "End",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One or several entries of a kind at an instant.

    `taken` are the entries about messages that providers accepted; `by` is the author of a note. Equal moments in
    a row are one: the newest, with their number and the time of the first.
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
    """A message and the attempts to deliver it.

    `onward_at` is the time at which it goes to a further contact, `held_until` the one before which it is not sent.
    """

    title: str
    state: str
    at: datetime
    attempts: Sequence[Attempt]
    onward_at: datetime | None = None
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PagedPerson:
    """A person with their messages, newest first."""

    person: str
    messages: Sequence[Message]


def jobs(symptoms: Sequence[RaisedSymptom]) -> list[RaisedSymptom]:
    """Return the newest symptom of each job: first those that are down, worst and oldest first, then the recovered
    ones, newest first. `symptoms` are in the order in which they were raised."""
    newest = {symptom.key: symptom for symptom in symptoms}.values()
    down = [symptom for symptom in newest if symptom.cleared_at is None]
    cleared = [(symptom.cleared_at, symptom) for symptom in newest if symptom.cleared_at is not None]
    down.sort(key=lambda symptom: (symptom.severity.rank, symptom.raised_at))
    cleared.sort(key=lambda pair: pair[0], reverse=True)
    return [*down, *(symptom for _, symptom in cleared)]


def moments(dossier: Dossier) -> list[Moment]:
    """Return the moments, newest first. Entries of a kind in the same second are one moment, except notes of two
    people."""
    story: list[Moment] = []
    for (at, kind, by), lines in _at_once(dossier):
        if kind == "told" and story and story[-1].kind in _SENDING:
            story[-1] = replace(story[-1], taken=_short([*story[-1].taken, *lines]))
        else:
            story.append(Moment(at, kind, _short(lines), by=by))
    return list(_folded(story[::-1]))


def _at_once(dossier: Dossier) -> Iterable[tuple[tuple[datetime, str, str], list[str]]]:
    """Return the entries of each second, oldest first: the second, their kind, the author, and their lines."""
    entries = [((at, kind, ""), line) for at, kind, line in _expectations(dossier.symptoms)]
    # The text of an answer names its author, the text of a note does not.
    entries += [
        ((entry.at, _kind(entry), (entry.by or "") if entry.kind == NOTE else ""), entry.words)
        for entry in dossier.timeline
    ]
    entries = [((at.replace(microsecond=0), kind, by), line) for (at, kind, by), line in entries]
    # The timeline is in the order of its writing; sorting is stable and keeps that order within an instant.
    entries.sort(key=lambda entry: entry[0][0])
    for key, group in groupby(entries, key=lambda entry: entry[0]):
        yield key, [line for _, line in group]


def _kind(entry: Entry) -> str:
    """Return the kind of an entry, in a word. An incident that was merged is over, but its trouble is not."""
    merged = entry.kind == State.RESOLVED and entry.words.startswith(MERGED)
    return MERGED if merged else entry.kind


def measures(dossier: Dossier) -> list[str]:
    """Return the times to detect, to acknowledge and to resolve, in words; of a merged incident, to that."""
    incident = dossier.incident
    # What was split off, or merged into it, was detected in another incident.
    detected = min(
        (
            (
                symptom.facts.expected_at,
                min(symptom.facts.since, incident.opened_at) - symptom.facts.expected_at,
            )
            for symptom in dossier.symptoms
            if symptom.facts.expected_at
        ),
        default=(incident.opened_at, timedelta()),
    )[1]
    answered = next((entry.at for entry in dossier.timeline if entry.kind == State.ACKNOWLEDGED), None)
    return [
        f"detected {_after_due(detected)}",
        _took(incident, State.ACKNOWLEDGED, answered),
        _took(incident, State.RESOLVED, incident.ended_at),
    ]


def recipients(dossier: Dossier, names: Mapping[str, str]) -> list[PagedPerson]:
    """Return the people who got messages, each with theirs, newest first. `names` are their names by short name."""
    attempts: dict[int, list[Attempt]] = {}
    for attempt in dossier.attempts:
        attempts.setdefault(attempt.page_id, []).append(attempt)
    by_person: dict[str, list[Message]] = {}
    for page in reversed(dossier.pages):
        name = names.get(page.person, page.person)
        held_until = page.not_before if page.state == "pending" else None
        tried = attempts.get(page.id, [])
        message = Message(_title(page), page.state, page.created_at, tried, page.onward_at, held_until)
        by_person.setdefault(name, []).append(message)
    return [PagedPerson(name, messages) for name, messages in by_person.items()]


def _expectations(symptoms: Sequence[RaisedSymptom]) -> Iterable[tuple[datetime, str, str]]:
    """Return the entries before the first symptom: the last ping of all jobs, and the due time of each."""
    times = [(symptom.facts.last_heard_at, symptom) for symptom in symptoms if symptom.facts.last_heard_at]
    heard = [(at, symptom.title) for at, symptom in times if at < symptom.raised_at]
    if heard:
        at, title = max(heard)
        yield (
            at,
            "heard",
            f"{title}, the last of these jobs to be heard"
            if len({symptom.key for symptom in symptoms}) > 1
            else title,
        )
    for symptom in symptoms:
        if symptom.facts.expected_at:
            yield symptom.facts.expected_at, "due", symptom.title


def _folded(newest_first: Sequence[Moment]) -> Iterable[Moment]:
    for _, group in groupby(newest_first, key=lambda moment: (moment.kind, moment.lines, moment.by)):
        same = list(group)
        yield replace(same[0], times=len(same), since=same[-1].at) if len(same) > 1 else same[0]


def _short(lines: list[str]) -> tuple[str, ...]:
    if len(lines) <= LINES:
        return tuple(lines)
    return (*lines[:LINES], f"and {len(lines) - LINES} more")


def _title(page: Page) -> str:
    title = _KINDS.get(page.kind, page.kind.value)
    # Its words, and not its step: the steps of a reassigned incident count otherwise than before.
    return f"{title}, {page.words}" if page.kind is NoticeKind.PAGE else title


def _after_due(length: timedelta) -> str:
    return (
        f"{alerting_times.duration(length)} after the first due time" if length > timedelta() else "at once"
    )


def _took(incident: Incident, state: str, at: datetime | None) -> str:
    if incident.merged_into is not None and state == State.RESOLVED and at is not None:
        state = f"merged into incident {incident.merged_into}"
    if at is None:
        if incident.merged_into is not None:
            return f"not {state} here"
        return f"never {state}" if incident.resolved_at else f"not {state} yet"
    return f"{state} after {alerting_times.duration(at - incident.opened_at)}"
