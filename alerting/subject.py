"""The facts that a notice is composed from. Pure."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from alerting import times
from alerting.incident import Describe, Incident, RaisedSymptom
from alerting.person import Person
from alerting.recap import NO_PAST, Recap
from alerting.surroundings import Surroundings
from alerting.times import Clock

_URL: Final = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)
WELL: Final = "heard again"
"""The reason of a symptom that cleared because its job is well. Any other reason is told as it is: "paused by Ann"."""
MOVING: Final = "moving again"
"""The beginning of the reason of symptoms that cleared because a run that was stuck moves: it has not ended well yet.
How far it is follows after a colon."""
WAITING_NAMED: Final = 20
"""Consequences of one parent that are named, at most."""
RESOLVED_BY: Final = "resolved by"
"""The beginning of the reason of symptoms that cleared because a person resolved their incident."""


class NoticeKind(StrEnum):
    """The purpose of a notice. A `page` needs an answer; the others inform the people who were paged."""

    PAGE = "page"
    UPDATE = "update"
    ACKNOWLEDGED = "acknowledged"
    RECOVERED = "recovered"
    DIGEST = "digest"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Links:
    """A person's links: `open_url` shows the incident, `ack_url` acknowledges this occurrence."""

    open_url: str
    ack_url: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The facts of a notice, as they are when it is sent."""

    kind: NoticeKind
    page: str
    """The id of the page outside."""
    sequence: int
    words: str
    step: int
    incident: Incident
    symptoms: Sequence[RaisedSymptom]
    surroundings: Surroundings
    describe: Describe
    person: Person
    next_people: Sequence[Person]
    links: Links
    next_page_at: datetime | None = None
    """When those are paged: the incident's next action, or later if they have quiet hours then."""
    with_people: Sequence[Person] = ()
    """The others who are paged with this person."""
    paged: Collection[str] = ()
    """The names of everybody whom the incident has paged so far."""
    joined: Collection[int] = ()
    changed: Collection[int] = ()
    back: Collection[int] = ()
    """The news: the numbers of symptoms that joined, have another cause now, and are well again."""
    recap: Recap = NO_PAST
    """What happened before this notice."""
    reopens: bool = False
    """True if its contact has a page of an earlier occurrence: see `Notice.reopens`."""
    thread: str | None = None
    """The provider's id of the first notice of this incident that its contact took: see `Notice.thread`."""
    messages: Sequence[str] = ()
    """The provider's ids of the messages about it: see `Notice.messages`."""
    next_draws: bool = False
    """True if only one of the next people is paged: the one whose turn it is then."""
    shared: bool = False
    """True if several people read this channel: the person is named, not called "you"."""

    def clock(self, now: datetime) -> Clock:
        """Return the reader's clock."""
        return Clock(now, self.person.timezone)


def reported(subject: Subject) -> list[str]:
    """Return the text of a report: the end of what nobody was ever paged for. Empty for any other notice."""
    never_paged = subject.kind is NoticeKind.RECOVERED and subject.incident.told_at is None
    return subject.words.split("\n") if never_paged and "\n" in subject.words else []


def standing(symptoms: Sequence[RaisedSymptom], now: datetime) -> list[RaisedSymptom]:
    """Return the symptoms that have not cleared and are not held; if all of them are held, those.

    Consequences that wait are never among them: once what they wait for is well, nothing of the incident stands.
    """
    raised = [symptom for symptom in symptoms if symptom.standing and not symptom.waits(now)]
    return [symptom for symptom in raised if not symptom.held(now)] or raised


def waiting(symptoms: Sequence[RaisedSymptom], now: datetime) -> list[str]:
    """Return a sentence for each parent whose consequences wait: "report-a and report-b wait for nightly-backup."."""
    by_parent: dict[str, list[str]] = {}
    for symptom in symptoms:
        if symptom.waits(now):
            by_parent.setdefault(symptom.facts.parent, []).append(symptom.title)
    return [_wait(titles, parent) for parent, titles in by_parent.items()]


def _wait(titles: Sequence[str], parent: str) -> str:
    shown = [
        *titles[:WAITING_NAMED],
        *([f"{len(titles) - WAITING_NAMED:,} more"] if len(titles) > WAITING_NAMED else []),
    ]
    return f"{times.names(shown)} {'waits' if len(titles) == 1 else 'wait'} for {parent}."


def jobs(symptoms: Sequence[RaisedSymptom]) -> list[RaisedSymptom]:
    """Return the newest symptom of each job, in the order in which they were raised."""
    return list({symptom.key: symptom for symptom in symptoms}.values())


def told_apart(symptoms: Sequence[RaisedSymptom]) -> list[RaisedSymptom]:
    """Return symptoms with the slug of their job behind a name that several jobs share: "log (us-db-log)"."""
    shared = Counter(job.title for job in jobs(symptoms))
    return [
        replace(symptom, title=f"{symptom.title} ({symptom.facts.slug})")
        if shared[symptom.title] > 1 and symptom.facts.slug not in ("", symptom.title)
        else symptom
        for symptom in symptoms
    ]


def known(symptoms: Sequence[RaisedSymptom], now: datetime) -> list[RaisedSymptom]:
    """Return the jobs that people may know of: those that are not held, and were not held until they cleared.

    Without any, all of them.
    """
    every = jobs(symptoms)
    return [symptom for symptom in every if not _unknown(symptom, now)] or every


def about(symptoms: Sequence[RaisedSymptom], now: datetime) -> list[RaisedSymptom]:
    """Return the jobs that an incident is about: those that are down, or were once none is down any more."""
    return jobs(standing(symptoms, now)) or known(symptoms, now)


def cause_of(incident: Incident, symptoms: Sequence[RaisedSymptom], now: datetime) -> str:
    """Return the cause of most jobs that an incident is about, which may be another than that of its opening."""
    causes = Counter(symptom.cause for symptom in about(symptoms, now))
    return causes.most_common(1)[0][0] if causes else incident.cause


def _unknown(symptom: RaisedSymptom, now: datetime) -> bool:
    until = symptom.held_until
    return until is not None and until > (symptom.cleared_at or now)


def runbook_link(runbook: str) -> str | None:
    """Return the runbook if it is a URL to open in a browser, None if it is any other text."""
    return runbook if _URL.fullmatch(runbook) else None


def ending_of(symptom: RaisedSymptom) -> str:
    """Return why a symptom has cleared, in few words: without how far a run is that moves again."""
    why = symptom.cleared_why or WELL
    return MOVING if why.startswith(MOVING) else why


def headway_of(symptom: RaisedSymptom) -> str:
    """Return how far a run is that moves again: "200 of 1,000 (20 %) done". Empty for any other symptom."""
    moves, _, headway = (symptom.cleared_why or "").partition(": ")
    return headway if moves == MOVING else ""


def cut(text: str, limit: int) -> str:
    """Return the text in one line of at most `limit` characters, with an ellipsis if it was cut."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
