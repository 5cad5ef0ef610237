"""An incident as the draft of a post-mortem, in Markdown: its times, its jobs, its timeline. Pure.

What only people know is left to write.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from alerting import times
from alerting.desk import Dossier
from alerting.incident import RaisedSymptom
from alerting.notice import NoticeKind
from heartbeat.http.pages import timeline

LONGEST = 1_000
"""Moments and jobs in a draft, at most. Further ones are counted."""
_TO_WRITE = (
    ("What happened", "The cause, and what customers noticed."),
    ("What we learn", "What went well, what did not, and what we change, each with a name and a date."),
)


def draft(dossier: Dossier, title: str, names: Mapping[str, str]) -> str:
    """Return the draft. `names` are the names of people by their short names. Times are in UTC."""
    incident = dossier.incident
    ended = incident.ended_at
    end = f"to {ended:%d %b %Y %H:%M} UTC" if ended else "UTC on. It is not over yet"
    (happened, about), (learn, lessons) = _TO_WRITE
    lines = [
        f"# {_plain(title)}: post-mortem (draft)",
        "",
        f"Incident {incident.id}, {incident.severity.value}, from {incident.opened_at:%d %b %Y %H:%M} {end}.",
        "",
        *(f"- {measure[0].upper()}{measure[1:]}." for measure in timeline.measures(dossier)),
        *["", f"## {happened}", "", f"({about})"],
        *["", "## Jobs", "", *_jobs(dossier)],
        *["", "## Timeline", "", *_story(dossier)],
        *["", "## Pages", "", *_pages(dossier, names)],
        *["", f"## {learn}", "", f"({lessons})", ""],
    ]
    return "\n".join(lines)


def _jobs(dossier: Dossier) -> Iterable[str]:
    jobs = timeline.jobs(dossier.symptoms)
    yield from (f"- {_plain(_job(symptom))}" for symptom in jobs[:LONGEST])
    if len(jobs) > LONGEST:
        yield f"- and {len(jobs) - LONGEST:,} more"


def _job(symptom: RaisedSymptom) -> str:
    fault = symptom.facts.why or symptom.cause
    if symptom.cleared_at is None:
        return f"{symptom.title}: {fault}; not fine again"
    return f"{symptom.title}: {fault}; {symptom.cleared_why} at {_stamp(symptom.cleared_at)} UTC"


def _story(dossier: Dossier) -> Iterable[str]:
    moments = timeline.moments(dossier)
    if len(moments) > LONGEST:
        yield f"- {len(moments) - LONGEST:,} earlier entries"
    for moment in reversed(moments[:LONGEST]):
        words = "; ".join(moment.lines)
        kind = "" if words.startswith(moment.kind) else f"{moment.kind}: "
        by = f" ({moment.by})" if moment.by else ""
        often = f", {moment.times} times since {_stamp(moment.since)} UTC" if moment.since else ""
        yield f"- {_stamp(moment.at)} UTC {kind}{_plain(words)}{_plain(by)}{often}"


def _pages(dossier: Dossier, names: Mapping[str, str]) -> Iterable[str]:
    paged = Counter(page.person for page in dossier.pages if page.kind is NoticeKind.PAGE)
    for person, count in paged.most_common():
        yield f"- {_plain(names.get(person, person))}: {times.count(count, 'page')}"
    if not paged:
        yield "Nobody was paged."


def _stamp(at: datetime) -> str:
    return f"{at:%d %b %H:%M}"


def _plain(text: str) -> str:
    """Return the words of jobs and people as one line that is no Markdown."""
    return re.sub(r"([\\`*_<\[\]|])", r"\\\1", " ".join(text.split()))
