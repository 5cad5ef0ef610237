"""An incident as the draft of a post-mortem, in Markdown. Pure.

What only people know is left to write. A draft has no drawing but text: it stays whole in a wiki, a ticket, a mail.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from alerting import times
from alerting.desk import Attempt, Dossier
from alerting.incident import Entry, RaisedSymptom
from alerting.notice import NoticeKind
from heartbeat.review import text_plot, timeline
from heartbeat.status.announcement import Announcement, Update

LONGEST: Final = 1_000
"""Moments, checks, notes and pages in a draft, at most. Further ones are counted."""
PLOTTED: Final = 20
"""Checks with a plot, at most: those that are still down first, then the newest."""
LONGEST_NOTE: Final = 120
"""Characters of a note in the timeline. The notes have a section of their own."""
_TO_WRITE = (
    ("What happened", "The cause, and what customers noticed."),
    ("What we learn", "What went well, what did not, and what we change, each with a name and a date."),
)


@dataclass(frozen=True, slots=True)
class Material:
    """All that a draft is made of.

    `names` are those of people by their short names. `slugs` and `plots` are by the keys of symptoms; deleted checks
    have neither. `announcements` are those of the incident, and those that customers read while it lasted.
    """

    dossier: Dossier
    title: str
    names: Mapping[str, str]
    slugs: Mapping[str, str]
    plots: Mapping[str, Sequence[str]]
    announcements: Sequence[Announcement]


def draft(material: Material, home: str) -> str:
    """Return the draft. `home` begins its links. Times are in UTC."""
    dossier = material.dossier
    incident = dossier.incident
    ended = incident.ended_at
    end = f"to {ended:%d %b %Y %H:%M} UTC" if ended else "UTC on. It is not over yet"
    if incident.merged_into is not None:
        end += f". It went on as a part of [incident {incident.merged_into}]({home}/incidents/{incident.merged_into})"
    (happened, about), (learn, lessons) = _TO_WRITE
    lines = [
        f"# {_plain(material.title)}: post-mortem (draft)",
        "",
        f"[Incident {incident.id}]({home}/incidents/{incident.id}), {incident.severity.value}, "
        f"from {incident.opened_at:%d %b %Y %H:%M} {end}.",
        "",
        *(f"- {measure[0].upper()}{measure[1:]}." for measure in timeline.measures(dossier)),
        *["", f"## {happened}", "", f"({about})"],
        *["", "## Affected checks", "", *_checks(material, home)],
        *["", "## Timeline", "", *_story(dossier)],
        *["", "## Notes", "", *_notes(dossier)],
        *["", "## Pages", "", *_pages(material)],
        *["", "## What customers were told", "", *_announcements(material, home)],
        *["", f"## {learn}", "", f"({lessons})", ""],
    ]
    return "\n".join(lines)


def plotted(symptoms: Sequence[RaisedSymptom]) -> list[str]:
    """Return the keys of the symptoms whose checks have a plot."""
    return [symptom.key for symptom in timeline.jobs(symptoms)[:PLOTTED]]


def _checks(material: Material, home: str) -> Iterable[str]:
    jobs = timeline.jobs(material.dossier.symptoms)
    yield from (f"- {_check(symptom, material.slugs, home)}" for symptom in jobs[:LONGEST])
    yield from _more(len(jobs) - LONGEST, "more")
    drawn = [symptom for symptom in jobs if symptom.key in material.plots]
    if drawn:
        yield from ("", "```text", f"{text_plot.LEGEND} Times are in UTC.")
        for symptom in drawn:
            yield from ("", _one_line(symptom.title).replace("`", "'"), *material.plots[symptom.key])
        yield "```"
        yield from _without_plot(len(jobs) - len(drawn))


def _without_plot(count: int) -> Iterable[str]:
    if count:
        yield from ("", f"{times.count(count, 'check')} without a plot.")


def _check(symptom: RaisedSymptom, slugs: Mapping[str, str], home: str) -> str:
    fault = symptom.facts.why or symptom.cause
    slug = slugs.get(symptom.key)
    name = _plain(symptom.title)
    linked = f"[{name}]({home}/checks/{slug})" if slug else name
    if symptom.cleared_at is None:
        return f"{linked}: {_plain(fault)}; not fine again"
    cleared = _plain(symptom.cleared_why or "")
    return f"{linked}: {_plain(fault)}; {cleared} at {_stamp(symptom.cleared_at)} UTC"


def _story(dossier: Dossier) -> Iterable[str]:
    moments = timeline.moments(dossier)
    yield from _more(len(moments) - LONGEST, "earlier entries", and_="")
    for moment in reversed(moments[:LONGEST]):
        text = "; ".join([*moment.lines, *moment.taken])
        if moment.kind == timeline.NOTE:
            text = _shortened(text)
        kind = "" if text.startswith(moment.kind) else f"{moment.kind}: "
        by = f" ({_plain(moment.by)})" if moment.by else ""
        often = f", {moment.times} times since {_stamp(moment.since)} UTC" if moment.since else ""
        yield f"- {_stamp(moment.at)} UTC {kind}{_plain(text)}{by}{often}"


def _notes(dossier: Dossier) -> Iterable[str]:
    notes = [entry for entry in dossier.timeline if entry.kind == timeline.NOTE]
    yield from _more(len(notes) - LONGEST, "earlier notes", and_="")
    for note in notes[-LONGEST:]:
        yield from _note(note)
    if not notes:
        yield "Nobody wrote a note."


def _note(note: Entry) -> Iterable[str]:
    by = f", {_plain(note.by)}" if note.by else ""
    first, *others = [_plain(line) for line in note.words.splitlines()] or [""]
    yield f"- {_stamp(note.at)} UTC{by}: {first}"
    yield from (f"  {_no_block(line)}".rstrip() for line in others)


def _pages(material: Material) -> Iterable[str]:
    dossier = material.dossier
    pages = [page for page in dossier.pages if page.kind is NoticeKind.PAGE]
    attempts: dict[int, list[Attempt]] = {}
    for attempt in dossier.attempts:
        attempts.setdefault(attempt.page_id, []).append(attempt)
    for page in pages[:LONGEST]:
        name = _plain(material.names.get(page.person, page.person))
        tried = "; ".join(map(_attempt, attempts.get(page.id, ()))) or page.state
        yield f"- {_stamp(page.created_at)} UTC {name}, {_plain(page.words)}: {tried}"
    yield from _more(len(pages) - LONGEST, "more")
    if not pages:
        yield "Nobody was paged."


def _attempt(attempt: Attempt) -> str:
    reason = f" ({_plain(attempt.said)})" if attempt.said and attempt.outcome != "accepted" else ""
    receipt = ""
    if attempt.receipt:
        at = f" at {attempt.receipt_at:%H:%M:%S}" if attempt.receipt_at else ""
        why = f" ({_plain(attempt.receipt_said)})" if attempt.receipt_said else ""
        receipt = f", then {attempt.receipt}{at}{why}"
    return f"{attempt.via} {attempt.outcome} at {attempt.at:%H:%M:%S}{reason}{receipt}"


def _announcements(material: Material, home: str) -> Iterable[str]:
    incident = material.dossier.incident.id
    for number, announcement in enumerate(material.announcements):
        linked = f"[{_plain(announcement.title)}]({home}/announcements/{announcement.id})"
        own = "" if announcement.incident_id == incident else " Not linked to this incident."
        if number:
            yield ""
        yield f"{linked}, on the status page {_plain(announcement.page)}.{own}"
        for update in reversed(announcement.updates):
            yield from _update(update)
    if not material.announcements:
        yield "Nothing."


def _update(update: Update) -> Iterable[str]:
    by = "automatically" if update.automatic else f"by {_plain(update.by)}"
    yield from ("", f"{_stamp(update.at)} UTC, {update.status.value.replace('_', ' ')}, {by}:", "")
    yield from (f"> {line}".rstrip() for line in update.body.splitlines())


def _more(count: int, noun: str, and_: str = "and ") -> Iterable[str]:
    if count > 0:
        yield f"- {and_}{count:,} {noun}"


def _shortened(text: str) -> str:
    text = _one_line(text)
    return text if len(text) <= LONGEST_NOTE else f"{text[: LONGEST_NOTE - 1]}…"


def _stamp(at: datetime) -> str:
    return f"{at:%d %b %H:%M}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _no_block(line: str) -> str:
    """Return a line of plain words that begins no heading, list or quotation."""
    return re.sub(r"^(\d*)([#>+=~.)-])", r"\1\\\2", line)


def _plain(text: str) -> str:
    """Return the words of jobs and people as one line that is no Markdown."""
    return re.sub(r"([\\`*_<\[\]|])", r"\\\1", _one_line(text))
