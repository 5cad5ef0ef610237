"""The past of an incident before a page: how often it paged, for how long unanswered, and who had it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from alerting.incident import EXPIRED, SNOOZE_OVER, Entry, State

PAGED, HANDED_ON, REOPENED = "paged", "handed on", "reopened"
REASSIGNED, WITHDRAWN = "reassigned", "withdrawn"
KINDS = (PAGED, HANDED_ON, REOPENED, REASSIGNED, WITHDRAWN, State.ACKNOWLEDGED.value, State.SNOOZED.value)
"""The kinds of timeline entries that tell this."""
_ENDED = {HANDED_ON: "handed it on", REASSIGNED: "reassigned it", WITHDRAWN: "withdrew that"}
"""What people do that ends an answer."""

Words = tuple[str | datetime, ...]


@dataclass(frozen=True, slots=True)
class PastAnswer:
    """An answer that no longer holds. `kind` is that of its timeline entry, `end` that of the entry that ended it."""

    kind: str
    by: str
    at: datetime
    end: str = ""
    ended_by: str = ""
    worse: bool = False
    """True if it ended because the incident became worse."""


@dataclass(frozen=True, slots=True)
class Recap:
    """The number of pages up to now, and since when nobody has answered: the first of the earlier pages since the
    last answer."""

    pages: int = 0
    unanswered_since: datetime | None = None
    answer: PastAnswer | None = None


NO_PAST = Recap()


def of(entries: Iterable[Entry], at: datetime) -> Recap:
    """Return the past at the time of a page. `entries` are a timeline, oldest first."""
    recap = Recap()
    for entry in entries:
        if entry.at <= at:
            recap = _after(recap, entry, at)
    return recap


def sentence(answer: PastAnswer, reader: str = "") -> Words:
    """Return the words as the beginning of a sentence. A name stays as it is written."""
    first, *rest = words(answer, reader)
    ours = isinstance(first, str) and first.startswith(("you ", "your ", "worse "))
    return (f"{first}"[:1].upper() + f"{first}"[1:] if ours else first, *rest)


def words(answer: PastAnswer, reader: str = "") -> Words:
    """Return who had the incident, and why they do not have it any more. The `reader` of this name is "you"."""
    you = answer.by == reader
    who = "you" if you else answer.by
    if answer.kind in _ENDED:
        return (f"{who} {_ENDED[answer.kind]} at ", answer.at)
    did = f"{who} {answer.kind} it at "
    if answer.worse:
        return (f"worse than when {did}", answer.at)
    if answer.end in _ENDED:
        by = "you" if answer.ended_by == reader else answer.ended_by
        ended = _ENDED[answer.end]
        return (did, answer.at, f" and {ended}" if by == who else f", and {by} {ended}")
    whose = "your" if you else f"{answer.by}'s"
    if answer.kind == State.SNOOZED:
        return (f"{whose} snooze of ", answer.at, " is over")
    return (f"{whose} acknowledgement of ", answer.at, " has expired")


def _after(recap: Recap, entry: Entry, at: datetime) -> Recap:
    """Return the past with one more entry."""
    by = entry.by or "somebody"
    standing = recap.answer is not None and not recap.answer.end
    match entry.kind:
        case "paged":
            since = recap.unanswered_since or (entry.at if entry.at < at else None)
            return replace(recap, pages=recap.pages + 1, unanswered_since=since)
        case State.ACKNOWLEDGED | State.SNOOZED:
            return Recap(recap.pages, None, PastAnswer(entry.kind, by, entry.at))
        case "handed on" | "reassigned" | "withdrawn":
            answer = recap.answer if recap.answer and standing else PastAnswer(entry.kind, by, entry.at)
            return Recap(recap.pages, None, replace(answer, end=entry.kind, ended_by=by))
        case "reopened" if recap.answer and standing:
            worse = not entry.words.endswith((EXPIRED, SNOOZE_OVER))
            return replace(recap, answer=replace(recap.answer, end=REOPENED, worse=worse))
        case _:
            return recap
