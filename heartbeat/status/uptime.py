"""How long a component did how on a day, from the changes of what stands behind it; honest about what is unknown. Pure.

Time before anything existed, while all of it was paused, and in which nothing could be heard is unknown. It is never
counted as time in which it worked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from alerting import spell
from heartbeat.check import State
from heartbeat.config.public import StatusPage

Span = tuple[datetime, datetime]
Place = tuple[str, str]
"""A component by its name, and a region by its value; everywhere where that is empty."""
SHOWN = 90
"""Days that a page shows."""


@dataclass(frozen=True, slots=True)
class Day:
    """The seconds of one day of a component, by how it did."""

    day: date
    up: float = 0
    degraded: float = 0
    down: float = 0
    maintenance: float = 0
    unknown: float = 0

    @property
    def known(self) -> float:
        """The seconds of which we know how it did, without maintenance."""
        return self.up + self.degraded + self.down

    @property
    def total(self) -> float:
        """The seconds that were counted."""
        return self.known + self.maintenance + self.unknown

    @property
    def kind(self) -> str:
        """The worst that happened on it."""
        for name in ("down", "degraded", "maintenance", "up"):
            if getattr(self, name) > 0:
                return name
        return "unknown"


@dataclass(frozen=True, slots=True)
class Part:
    """What days are counted of: a component everywhere or in one region, and the labels of what stands behind it."""

    component: str
    region: str
    match: Mapping[str, str]

    @property
    def place(self) -> Place:
        """What its days are kept under."""
        return self.component, self.region


@dataclass(frozen=True, slots=True)
class Life:
    """One check: its state where a day begins (None: it was not there, or we do not know) and its changes since."""

    before: str | None
    changes: Sequence[tuple[datetime, str]]


def parts(page: StatusPage) -> list[Part]:
    """Every component of a page, followed by itself in each region in which something may stand behind it."""
    found = []
    for one in page.components:
        found.append(Part(one.name, "", one.match))
        for region in page.regions.columns if page.regions else ():
            here = {page.regions.label: region} if page.regions else {}
            # A component that is bound to a region by its own labels is in no other.
            if all(one.match.get(label, value) == value for label, value in here.items()):
                found.append(Part(one.name, region, {**one.match, **here}))
    return found


def bounds(day: date, zone: ZoneInfo) -> Span:
    """When a day begins and ends there; it has 23 or 25 hours where the clocks change."""
    start, end = (datetime.combine(one, time(), zone) for one in (day, day + timedelta(days=1)))
    return start, end


def count(
    day: date,
    within: Span,
    lives: Sequence[Life],
    maintenance: Sequence[Span] = (),
    unheard: Sequence[Span] = (),
) -> Day:
    """The seconds of `within`, which is the day or as much of it as has passed. `unheard`: nothing could be heard."""
    start, end = within
    edges = {at for one in lives for at, _ in one.changes} | {
        at for span in (*maintenance, *unheard) for at in span
    }
    cuts = [start, *sorted(at for at in edges if start < at < end), end]
    moves = sorted(
        (at, number, state) for number, one in enumerate(lives) for at, state in one.changes if at < end
    )
    states: list[str | None] = [one.before for one in lives]
    seconds = dict.fromkeys(("up", "degraded", "down", "maintenance", "unknown"), 0.0)
    place = 0
    for begins, ends in pairwise(cuts):
        while place < len(moves) and moves[place][0] <= begins:
            states[moves[place][1]] = moves[place][2]
            place += 1
        seconds[_how(states, begins, maintenance, unheard)] += (ends - begins).total_seconds()
    return Day(day, **seconds)


def sum_of(one: Day, other: Day) -> Day:
    """Two parts of the same day together."""
    names = ("up", "degraded", "down", "maintenance", "unknown")
    return Day(one.day, **{name: getattr(one, name) + getattr(other, name) for name in names})


def _how(
    states: Iterable[str | None], at: datetime, maintenance: Sequence[Span], unheard: Sequence[Span]
) -> str:
    if any(begins <= at < ends for begins, ends in maintenance):
        return "maintenance"
    if any(begins <= at < ends for begins, ends in unheard):
        return "unknown"
    told = [state for state in states if state in (State.UP, State.DOWN)]
    if not told:
        return "unknown"
    down = told.count(State.DOWN)
    return "up" if not down else "down" if down == len(told) else "degraded"


def shown(days: Mapping[date, Day], today: date) -> list[Day]:
    """The days of a page, oldest first. A day that was never counted is unknown."""
    every = (today - timedelta(days=back) for back in range(SHOWN - 1, -1, -1))
    return [days.get(day) or Day(day) for day in every]


def in_words(days: Sequence[Day]) -> str:
    """How much of what we know it worked: "99.95 % of the 89 days 20 h that we know of"."""
    known, up = sum(day.known for day in days), sum(day.up for day in days)
    if not known:
        return "nothing is known yet"
    return f"{percent(up, known)} of the {length(known)} that we know of"


def share(days: Sequence[Day]) -> str:
    """The same in a word."""
    known = sum(day.known for day in days)
    return percent(sum(day.up for day in days), known) if known else "unknown"


def percent(part: float, whole: float) -> str:
    """A share in percent, rounded down: it is not 100 % before it is."""
    hundredths = int(part / whole * 10_000)
    return "100 %" if part >= whole else f"{hundredths // 100}.{hundredths % 100:02} %"


def length(seconds: float) -> str:
    """A length in at most two units, days and hours where it is long."""
    days, rest = divmod(int(seconds), 86_400)
    if not days:
        return spell.duration(timedelta(seconds=seconds))
    hours = rest // 3_600
    return f"{days} {'day' if days == 1 else 'days'}" + (f" {hours} h" if hours else "")


def paths(days: Sequence[Day]) -> list[tuple[str, str]]:
    """The bars as SVG paths by kind: each run of equal days is one stroke, which is dashed into days."""
    drawn: dict[str, list[str]] = {}
    begins = 0
    for number in range(1, len(days) + 1):
        if number == len(days) or days[number].kind != days[begins].kind:
            drawn.setdefault(days[begins].kind, []).append(f"M{begins * 6} 12H{number * 6 - 1}")
            begins = number
    return [(kind, "".join(parts)) for kind, parts in drawn.items()]


def runs(days: Sequence[Day]) -> list[tuple[date, date, str]]:
    """The same for those who do not see bars: days that were alike together, newest first, in words."""
    found: list[tuple[date, date, str]] = []
    for day in days:
        words = _told(day)
        if found and found[-1][2] == words and words in _PLAIN:
            found[-1] = (found[-1][0], day.day, words)
        else:
            found.append((day.day, day.day, words))
    return found[::-1]


_PLAIN = ("Worked normally", "No information", "Worked normally as far as we know")


def _told(day: Day) -> str:
    bad = {"not working": day.down, "delayed": day.degraded, "under maintenance": day.maintenance}
    told = [f"{name} for {length(seconds)}" for name, seconds in bad.items() if seconds > 0]
    if told:
        words = ", ".join(told)
        return words[:1].upper() + words[1:]
    if not day.up:
        return "No information"
    return "Worked normally" if day.unknown < 60 else "Worked normally as far as we know"
