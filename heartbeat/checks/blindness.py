"""Blindness: the times in which no ping could be heard, and what they excuse. Pure.

Each process that takes pings commits a beat each second, by the way that pings take. Where the beats of all of them are
missing, nobody could have been heard. See docs/decisions/0029.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alerting import times
from heartbeat.clock_reading import Reading

EVERY = 1.0
"""Seconds between two beats of a process."""
BLIND_AFTER = timedelta(seconds=3)
"""The time without a beat of any process from which pings may have been lost."""
RESTARTED_AFTER = timedelta(seconds=1.5)
"""The same at the first beat of a process: nobody listened while it started, unless another process did."""
SHORTEST = timedelta(seconds=60)
LONGEST = timedelta(minutes=15)
"""The shortest and the longest time after sight returns in which a late ping still counts."""
WORTH_TELLING = timedelta(minutes=5)
"""The length of a blindness that people are told of even if no check missed its deadline."""
NAMED = 20
"""The checks that a report names, at most."""

Window = tuple[datetime, datetime]


class Why(StrEnum):
    """The reason of a blindness, after "because" ("from 03:02 to 03:17 UTC, because …")."""

    STOPPED = "heartbeat was stopped"
    ENDED = "heartbeat was not running, and nobody had stopped it"
    STOOD_STILL = "heartbeat or its machine stood still"
    AWAY = "nothing could be stored"
    REFUSED = "some pings could not be stored in time, and were refused"


@dataclass(frozen=True, slots=True)
class Blind:
    """A time in which no ping, or not every ping, could be heard. `why` is the reason in words."""

    began_at: datetime
    ended_at: datetime
    why: str
    id: int = 0
    checks: int = 0
    """The checks whose deadline came unheard because of it."""

    @property
    def length(self) -> timedelta:
        return self.ended_at - self.began_at


@dataclass(frozen=True, slots=True)
class Beat:
    """The last beat of a process. `stopped` if the process has ended in an orderly way with it."""

    process: str
    reading: Reading
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What a process has met since its last beat: a fault that kept it from beating, and pings that it refused."""

    first: bool = False
    """True at the first beat of the process."""
    fault: str = ""
    refused: bool = False
    since: datetime | None = None
    """The last beat of the process by its own clock, for the pings that it has refused since."""


def noticed(last: Iterable[Beat], now: Reading, seen: Seen) -> Blind | None:
    """Return the blindness that ends with a beat at `now`. `last` are the beats of all processes before it."""
    beats = list(last)
    latest = min(beats, key=lambda beat: _silence(beat.reading, now), default=None)
    if latest is None:
        return None
    silence = _silence(latest.reading, now)
    if silence > (RESTARTED_AFTER if seen.first else BLIND_AFTER):
        return Blind(now.at - silence, now.at, _why(latest, seen))
    if seen.refused:
        return Blind(min(seen.since or now.at, now.at), now.at, Why.REFUSED)
    return None


def continues(earlier: Blind, later: Blind) -> bool:
    """Return whether a blindness goes on: refusals of neighbouring seconds are one."""
    return earlier.why == later.why == Why.REFUSED and later.began_at - earlier.ended_at <= BLIND_AFTER


def _silence(last: Reading, now: Reading) -> timedelta:
    """Return the time between two beats. Setting the clock changes nothing where the same machine has counted on."""
    if now.follows(last):
        return timedelta(seconds=now.elapsed - last.elapsed)
    return max(now.at - last.at, timedelta())


def _why(latest: Beat, seen: Seen) -> str:
    if seen.fault:
        return f"{Why.AWAY} ({seen.fault})"
    if not seen.first:
        return Why.STOOD_STILL
    return Why.STOPPED if latest.stopped else Why.ENDED


@dataclass(frozen=True, slots=True)
class Sight:
    """The times in which nothing could be heard, oldest first. `lost` while no process has beaten for too long."""

    spans: Sequence[Blind] = ()
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Excuse:
    """A blindness in the expected window of a check. `lost`: it covers the time in which the ping was to come."""

    span: Blind
    lost: bool


def excuse(whole: Window, usual: Window, spans: Sequence[Blind], *, mostly: bool) -> Excuse | None:
    """Return the last blindness that overlaps the whole window of a check.

    `usual` is the part of the window in which its ping usually comes. With `mostly`, half of it must have been unheard.
    That is so for the second excuse in a row, so that short gaps without end never hide a dead job.
    """
    overlapping = [span for span in spans if _overlap(span, whole)]
    if not overlapping:
        return None
    covered = sum((_common(span, usual) for span in overlapping), timedelta())
    touched = any(_overlap(span, usual) for span in overlapping)
    lost = 2 * covered >= usual[1] - usual[0] if mostly else touched
    return Excuse(max(overlapping, key=lambda span: span.ended_at), lost)


def _overlap(span: Blind, window: Window) -> bool:
    return span.began_at < window[1] and span.ended_at > window[0]


def _common(span: Blind, window: Window) -> timedelta:
    return max(min(span.ended_at, window[1]) - max(span.began_at, window[0]), timedelta())


def bound(grace: timedelta, sight: datetime) -> datetime:
    """Return the time until which a check of this grace may be late, once sight has returned."""
    return sight + patience(grace)


def patience(grace: timedelta) -> timedelta:
    """Return the time after sight returns in which a late ping still counts: the grace, within its bounds."""
    return min(max(grace, SHORTEST), LONGEST)


def is_worth_telling(spans: Sequence[Blind]) -> bool:
    """Return whether people should hear of it: a check missed its deadline, or it was long."""
    return any(span.checks or span.length >= WORTH_TELLING for span in spans)


@dataclass(frozen=True, slots=True)
class Report:
    """What people are told once, when sight has returned and late pings have had their time."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unheard:
    """The checks that were not heard since: the names of some, and how many are unknown, and down by now.

    At `until`, those that are expected soon have had time to speak.
    """

    names: Sequence[str]
    unknown: int
    down: int
    until: datetime

    @property
    def count(self) -> int:
        return self.unknown + self.down


def report(spans: Sequence[Blind], unheard: Unheard, now: datetime) -> Report:
    """Return the words of a blindness, or of several short ones.

    Times are in UTC: one message goes to everybody.
    """
    clock = times.Clock(now)
    first, last = spans[0].began_at, max(span.ended_at for span in spans)
    blind = sum((span.length for span in spans), timedelta())
    missed = sum(span.checks for span in spans)
    often = f" {len(spans)} times," if len(spans) > 1 else ""
    why = "; ".join(dict.fromkeys(span.why for span in spans))
    return Report(
        f"heartbeat could not hear pings for {times.duration(blind)}",
        (
            f"{_when(clock, first, last)},{often} because {why}.",
            *_cost(missed, unheard),
        ),
    )


def _when(clock: times.Clock, first: datetime, last: datetime) -> str:
    begun, ended = clock.at(first), clock.at(last)
    if begun == ended:
        return f"For {times.duration(last - first)} at {begun}"
    return f"From {clock.between(first, last)}"


def _cost(missed: int, unheard: Unheard) -> Iterable[str]:
    if not missed:
        yield "No check missed its deadline meanwhile."
        return
    whose = "1 check was" if missed == 1 else f"{missed:,} checks were"
    heard = " It was heard since." if missed == 1 else " All were heard since."
    yield f"{whose} due then and not heard, so nobody was paged then.{'' if unheard.count else heard}"
    if unheard.count:
        listed = list(unheard.names[:NAMED])
        more = [f"{unheard.count - len(listed):,} more"] if unheard.count > len(listed) else []
        yield f"Not heard since: {times.names([*listed, *more])}."
    if unheard.unknown:
        be = "is" if unheard.unknown == 1 else "are"
        yield f"{times.count(unheard.unknown, 'check')} {be} unknown; a next run that is silent too pages."
    if unheard.down:
        page = "is down by now, and pages" if unheard.down == 1 else "are down by now, and page"
        yield f"{times.count(unheard.down, 'check')} {page} as silent."
