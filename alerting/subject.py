"""The facts that a notice is composed from. Pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from alerting.incident import Describe, Incident, RaisedSymptom
from alerting.person import Person
from alerting.surroundings import Surroundings
from alerting.times import Clock

_URL: Final = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)
WELL: Final = "heard again"
"""The reason of a symptom that cleared because its job is well. Any other reason is told as it is: "paused by Ann"."""


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
    with_people: Sequence[Person] = ()
    """The others who are paged with this person."""
    joined: Collection[int] = ()
    changed: Collection[int] = ()
    back: Collection[int] = ()
    """The news: the numbers of symptoms that joined, have another cause now, and are well again."""
    unanswered_since: datetime | None = None
    """The time of the first page of this occurrence."""
    reopens: bool = False
    """True if its contact has a page of an earlier occurrence: see `Notice.reopens`."""
    shared: bool = False
    """True if several people read this channel: the person is named, not called "you"."""

    def clock(self, now: datetime) -> Clock:
        """Return the reader's clock."""
        return Clock(now, self.person.timezone)


def standing(symptoms: Sequence[RaisedSymptom], now: datetime) -> list[RaisedSymptom]:
    """Return the symptoms that have not cleared and are not held; if all of them are held, those."""
    raised = [symptom for symptom in symptoms if symptom.cleared_at is None]
    return [s for s in raised if s.held_until is None or s.held_until <= now] or raised


def jobs(symptoms: Sequence[RaisedSymptom]) -> list[RaisedSymptom]:
    """Return the newest symptom of each job, in the order in which they were raised."""
    return list({symptom.key: symptom for symptom in symptoms}.values())


def runbook_link(runbook: str) -> str | None:
    """Return the runbook if it is a URL to open in a browser, None if it is any other text."""
    return runbook if _URL.fullmatch(runbook) else None


def cut(text: str, limit: int) -> str:
    """Return the text in one line of at most `limit` characters, with an ellipsis if it was cut."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
