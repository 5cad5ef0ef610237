"""Digests: many notices to one contact as one message, so that a storm leaves a phone usable. Pure.

The notices of one kind to one contact are a *stream*. A handful of them within a minute are sent one by one. More of
them wait for each other: they go out as one digest, and the next digest of the stream follows no sooner than `GAP`.
Only what is worse than the last digest said goes out meanwhile, by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate

from alerting import times
from alerting.incident import Describe
from alerting.notice import SMS_LIMIT, TITLE_LIMIT, Links, Notice, NoticeKind
from alerting.notice_lines import why_you
from alerting.severity import Severity
from alerting.subject import Subject, cut
from alerting.surroundings import Elsewhere

HANDFUL = 5
"""The most notices of a stream that are sent one by one within `LATELY`."""
CROWD = 100
"""The most incidents that may open within `CROWDED` and still gather. More of them are a storm, which pages at once."""
CROWDED = timedelta(seconds=10)
LATELY = timedelta(seconds=60)
GAP = timedelta(seconds=30)
"""The time between two digests of a stream. A notice waits for at most this long."""
TAKING = timedelta(seconds=15)
"""The longest time in which a digest takes its notices. What is due later waits for the next one."""
NAMED = 100
NAMES_LIMIT = 2_000
"""The most incidents of one group, and the most characters of all groups, that a digest names. The rest is counted."""
ALL_RANKS = len(Severity)


@dataclass(frozen=True, slots=True)
class Stream:
    """The notices of one kind to one contact of a person."""

    person: str
    via: str
    contact_mark: str | None
    kind: NoticeKind


@dataclass(frozen=True, slots=True)
class Waiting:
    """The due notices of a stream: the number of each rank of severity, and whether a rate limit held some back."""

    by_rank: Mapping[int, int]
    throttled: bool = False

    @property
    def total(self) -> int:
        return sum(self.by_rank.values())

    def below(self, rank: int) -> int:
        """Return the number that is worse than this rank."""
        return sum(number for of_rank, number in self.by_rank.items() if of_rank < rank)


@dataclass(frozen=True, slots=True)
class LastDigest:
    """The last digest of a stream, and the rank of the worst incident in the digests of the last minute."""

    at: datetime
    worst: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The way of the due notices of a stream: those with a rank below each of these go as a digest, or alone.

    The others wait until `until`.
    """

    bundled_below: int = 0
    alone_below: int = 0
    until: datetime | None = None


ALONE = Plan(alone_below=ALL_RANKS)
BUNDLED = Plan(bundled_below=ALL_RANKS)


def plan(waiting: Waiting, lately: int, last: LastDigest | None, now: datetime) -> Plan:
    """Return the way of the due notices of a stream, of which `lately` were sent one by one within `LATELY`."""
    if last is None or now - last.at >= LATELY:
        held_back = waiting.throttled and waiting.total > 1
        return BUNDLED if held_back or waiting.total + lately > HANDFUL else ALONE
    if now - last.at >= GAP:
        return BUNDLED
    until = last.at + GAP
    if waiting.below(last.worst) > HANDFUL:
        return Plan(bundled_below=last.worst, until=until)
    return Plan(alone_below=last.worst, until=until)


@dataclass(frozen=True, slots=True)
class Group:
    """Incidents of a digest with the same severity and cause, their jobs that are down, and the names of some."""

    severity: Severity
    cause: str
    incidents: int
    jobs: int
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Digest:
    """The content of a digest. `groups` are worst first; `words` are those of all its notices, if they share them."""

    id: int
    own_id: str
    """The id outside."""
    kind: NoticeKind
    groups: Sequence[Group]
    words: str
    opened_at: datetime
    next_at: datetime | None = None
    """The first time at which one of its incidents pages again."""
    recovered: bool = False
    """True if all of its incidents ended by themselves."""
    alike: bool = True
    """True if all of its incidents page the same people next."""

    @property
    def incidents(self) -> int:
        return sum(group.incidents for group in self.groups)


@dataclass(frozen=True, slots=True)
class Beside:
    """What is beside a digest: all incidents that go on, how many of them nobody has answered, and other groups."""

    open: int = 0
    unanswered: int = 0
    groups: Elsewhere | None = None
    """All groups but the one of the digest's first incident."""


def compose(digest: Digest, first: Subject, beside: Beside, links: Links, now: datetime) -> Notice:
    """Return the message: every group with its count and names, worst first. `first` is its worst and oldest page."""
    title = _title(digest, beside, first.describe)
    room = NAMES_LIMIT // len(digest.groups)
    lines = [_line(digest, group, first.describe, room) for group in _told(digest)]
    lines += [line for line in _beside(digest, first, beside, now) if line]
    pages = digest.kind is NoticeKind.PAGE
    return Notice(
        kind=NoticeKind.DIGEST if pages else digest.kind,
        id=digest.own_id,
        dedup_key=digest.own_id,
        severity=digest.groups[0].severity,
        title=cut(title, TITLE_LIMIT),
        lines=tuple(lines),
        short=cut(". ".join([title, *lines[:1]]), SMS_LIMIT),
        at=now,
        opened_at=digest.opened_at,
        open_url=links.open_url,
        ack_url=links.ack_url if pages else None,
        fine=digest.kind is NoticeKind.RECOVERED and digest.recovered and not beside.open,
        details={
            "digest": digest.id,
            "incidents": digest.incidents,
            "groups": [
                {
                    "severity": group.severity.value,
                    "cause": group.cause,
                    "incidents": group.incidents,
                    "jobs": group.jobs,
                }
                for group in digest.groups
            ],
        },
    )


def _title(digest: Digest, beside: Beside, describe: Describe) -> str:
    many = times.count(digest.incidents, "incident")
    match digest.kind:
        case NoticeKind.RECOVERED:
            if digest.recovered:
                if beside.open:
                    return f"{many} over, {beside.open:,} still open"
                return f"OK: {many} {'is' if digest.incidents == 1 else 'are'} over"
            return f"{many}: {digest.words or 'over'}"
        case NoticeKind.ACKNOWLEDGED:
            return f"{many}: {digest.words or 'acknowledged'}"
        case NoticeKind.UPDATE:
            return f"News of {many}: {_by_cause(digest, describe)}"
        case _:
            return f"{digest.groups[0].severity.upper()} {many}: {_by_cause(digest, describe)}"


def _told(digest: Digest) -> Sequence[Group]:
    """Return the groups with a line. How bad it was is of no interest once it is over."""
    if digest.kind is not NoticeKind.RECOVERED:
        return digest.groups
    by_cause: dict[str, list[Group]] = {}
    for group in digest.groups:
        by_cause.setdefault(group.cause, []).append(group)
    return [
        replace(
            same[0],
            incidents=sum(group.incidents for group in same),
            names=[name for group in same for name in group.names],
        )
        for same in by_cause.values()
    ]


def _beside(digest: Digest, first: Subject, beside: Beside, now: datetime) -> list[str]:
    """Return since when it is so, whether it is only this, why the reader hears of it, and what follows."""
    clock = first.clock(now)
    going_on = digest.kind in (NoticeKind.PAGE, NoticeKind.UPDATE)
    groups = beside.groups
    fine = f"{groups.alive:,} of {groups.total + 1:,} {groups.noun} are fine." if groups else ""
    mine = digest.incidents if going_on else 0
    all_open = f"{times.count(beside.open, 'incident')} {'is' if beside.open == 1 else 'are'} open"
    answered = (
        "nobody has answered any" if beside.unanswered == beside.open else f"{beside.unanswered:,} unanswered"
    )
    next_at = f" from {clock.at(digest.next_at)} on" if digest.next_at else ""
    quiet_until = digest.next_at if digest.kind is NoticeKind.ACKNOWLEDGED else None
    return [
        f"No more pages before {clock.at(quiet_until)}, unless something new breaks." if quiet_until else "",
        f"The first opened at {clock.aged(digest.opened_at)}." if going_on else "",
        fine,
        f"In all, {all_open}, {answered}." if beside.open > mine else "",
        ""
        if digest.kind is not NoticeKind.PAGE
        else why_you(first, now)
        if digest.alike
        else f"You are on call for them. If nobody answers, the next people are paged{next_at}.",
    ]


def _by_cause(digest: Digest, describe: Describe) -> str:
    jobs: dict[str, int] = {}
    for group in digest.groups:
        word = describe(group.cause).word
        jobs[word] = jobs.get(word, 0) + group.jobs
    return ", ".join(f"{times.count(number, 'job')} {word}" for word, number in jobs.items())


def _line(digest: Digest, group: Group, describe: Describe, room: int) -> str:
    ends = accumulate(len(name) + 2 for name in group.names)
    named = group.names[: sum(1 for end in ends if end <= room)]
    names = ", ".join(named)
    if more := group.incidents - len(named):
        names += f" and {more:,} more"
    if digest.kind is NoticeKind.RECOVERED:
        words = describe(group.cause)
        was = words.past if words.lasts else words.word
        return f"{was.capitalize()} ({times.count(group.incidents, 'incident')}): {names}"
    down = f"{times.count(group.jobs, 'job')} {describe(group.cause).word}"
    return f"{group.severity.upper()} {down} in {times.count(group.incidents, 'incident')}: {names}"
