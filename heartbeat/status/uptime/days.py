"""The daily uptime of components, from the changes of their checks. Pure.

Time is unknown before any check existed, while all were paused, and while none could be heard. Unknown time never
counts as time in which the component worked.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby, pairwise
from operator import itemgetter
from zoneinfo import ZoneInfo

from alerting import times
from alerting.incident import Pace, settles_at
from heartbeat.definitions.status_page import StatusPage

Span = tuple[datetime, datetime]
ComponentRegion = tuple[str, str]
"""The name of a component and the value of a region, which is empty for everywhere."""
DAYS_SHOWN = 90
"""The days that a page shows."""
ENOUGH = timedelta(days=7)
"""The measured time from which a page shows a percentage."""


@dataclass(frozen=True, slots=True)
class Day:
    """The seconds of one day of a component, by its health."""

    day: date
    up: float = 0
    degraded: float = 0
    down: float = 0
    maintenance: float = 0
    unknown: float = 0

    @property
    def measured(self) -> float:
        """The measured seconds, without maintenance."""
        return self.up + self.degraded + self.down

    @property
    def total(self) -> float:
        """The counted seconds."""
        return self.measured + self.maintenance + self.unknown

    @property
    def kind(self) -> str:
        """The worst health of the day."""
        for name in ("down", "degraded", "maintenance", "up"):
            if getattr(self, name) > 0:
                return name
        return "unknown"


@dataclass(frozen=True, slots=True)
class CountedComponent:
    """A component, everywhere or in one region, with the labels of its checks.

    Time in which all of them were down counts as down if it `stops` then, else as degraded.
    """

    component: str
    region: str
    match: Mapping[str, str]
    stops: bool = False

    @property
    def key(self) -> ComponentRegion:
        """The key of its days."""
        return self.component, self.region


@dataclass(frozen=True, slots=True)
class CheckHistory:
    """The state of a check at the start of a day (None if it is unknown), and its changes since."""

    state_at_start: str | None
    changes: Sequence[tuple[datetime, str]]


@dataclass(frozen=True, slots=True)
class Past:
    """What one check, or several alike, have been through: the state from `known_from` on, and its changes since."""

    known_from: datetime
    state: str | None
    changes: tuple[tuple[datetime, str], ...] = ()


def parts(page: StatusPage) -> list[CountedComponent]:
    """Return every component of a page, each followed by itself in every region where it may have checks."""
    counted = []
    for component in page.components:
        counted.append(CountedComponent(component.name, "", component.match, component.stops))
        for region in page.regions.columns if page.regions else ():
            labels = {page.regions.label: region} if page.regions else {}
            # A component that its labels bind to one region is in no other.
            if all(component.match.get(label, value) == value for label, value in labels.items()):
                match = {**component.match, **labels}
                counted.append(CountedComponent(component.name, region, match, component.stops))
    return counted


def bounds(day: date, zone: ZoneInfo) -> Span:
    """Return the start and the end of a day, which has 23 or 25 hours when the clocks change."""
    start, end = (datetime.combine(midnight, time(), zone) for midnight in (day, day + timedelta(days=1)))
    return start, end


def histories(pasts: Sequence[Past], start: datetime, end: datetime) -> list[CheckHistory]:
    """Return the different histories of one day, from pasts in the order of `known_from`.

    Two checks that did the same count as one: a component asks whether some, or all, of its checks were down.
    """
    known = pasts[: bisect_left(pasts, end, key=lambda past: past.known_from)]
    different = {_of_day(past, start, end) for past in known}
    return [CheckHistory(state, changes) for state, changes in different]


def _of_day(
    past: Past, start: datetime, end: datetime
) -> tuple[str | None, tuple[tuple[datetime, str], ...]]:
    state = past.state if past.known_from <= start else None
    if not past.changes:
        return state, ()
    earlier = bisect_right(past.changes, start, key=itemgetter(0))
    if earlier:
        state = past.changes[earlier - 1][1]
    return state, past.changes[earlier : bisect_left(past.changes, end, key=itemgetter(0))]


def count(
    day: date,
    within: Span,
    histories: Sequence[CheckHistory],
    maintenance: Sequence[Span] = (),
    unheard: Sequence[Span] = (),
    *,
    stops: bool = False,
) -> Day:
    """Count the seconds of `within`, the part of the day that has passed. `unheard` spans are unknown."""
    start, end = within
    edges = {at for history in histories for at, _ in history.changes} | {
        at for span in (*maintenance, *unheard) for at in span
    }
    cuts = [start, *sorted(at for at in edges if start < at < end), end]
    moves = sorted(
        (at, number, state)
        for number, history in enumerate(histories)
        for at, state in history.changes
        if at < end
    )
    states: list[str | None] = [history.state_at_start for history in histories]
    seconds = dict.fromkeys(("up", "degraded", "down", "maintenance", "unknown"), 0.0)
    position = 0
    for begins, ends in pairwise(cuts):
        while position < len(moves) and moves[position][0] <= begins:
            states[moves[position][1]] = moves[position][2]
            position += 1
        kind = _kind_of(states, begins, maintenance, unheard)
        seconds["degraded" if kind == "down" and not stops else kind] += (ends - begins).total_seconds()
    return Day(day, **seconds)


def settled_recovery(histories: Sequence[CheckHistory], now: datetime, pace: Pace) -> datetime | None:
    """Return the last time since which none of these checks was down, and one was up, for long enough to settle.

    They settle as incidents do: longer with each return of the trouble.
    """
    states = [history.state_at_start for history in histories]
    moves = sorted(
        (at, number, state) for number, history in enumerate(histories) for at, state in history.changes
    )
    troubled, returns = "down" in states, list[datetime]()
    settled: datetime | None = None
    well_since: datetime | None = None
    for at, at_once in groupby(moves, key=itemgetter(0)):
        for _, number, state in at_once:
            states[number] = state
        well = "down" not in states and "up" in states
        if well_since is not None and not well:
            if settles_at(returns, well_since, pace) <= at:
                settled, returns, troubled = well_since, [], "down" in states
            else:
                returns, troubled = [*returns, at], True
            well_since = None
        elif well and troubled:
            troubled, well_since = False, at
        troubled = troubled or "down" in states
    if well_since is not None and settles_at(returns, well_since, pace) <= now:
        return well_since
    return settled


def sum_of(day: Day, other: Day) -> Day:
    """Add two parts of the same day."""
    names = ("up", "degraded", "down", "maintenance", "unknown")
    return Day(day.day, **{name: getattr(day, name) + getattr(other, name) for name in names})


def _kind_of(
    states: Iterable[str | None], at: datetime, maintenance: Sequence[Span], unheard: Sequence[Span]
) -> str:
    if any(begins <= at < ends for begins, ends in maintenance):
        return "maintenance"
    if any(begins <= at < ends for begins, ends in unheard):
        return "unknown"
    counted = [state for state in states if state in ("up", "down")]
    if not counted:
        return "unknown"
    down = counted.count("down")
    return "up" if not down else "down" if down == len(counted) else "degraded"


def filled(days: Mapping[date, Day], today: date) -> list[Day]:
    """Return all days that a page shows, oldest first. A day that was never counted is unknown."""
    dates = (today - timedelta(days=back) for back in range(DAYS_SHOWN - 1, -1, -1))
    return [days.get(day) or Day(day) for day in dates]


def in_words(days: Sequence[Day]) -> str:
    """Return the uptime in words, with the time it was measured over: "99.95 % uptime over 89 days 20 h"."""
    measured, up = sum(day.measured for day in days), sum(day.up for day in days)
    if measured < ENOUGH.total_seconds():
        return "Not enough data yet"
    return f"{percent(up, measured)} uptime over {length(measured)}"


def share(days: Sequence[Day]) -> str:
    """Return the uptime in percent, or an empty text if not enough is measured."""
    measured, up = sum(day.measured for day in days), sum(day.up for day in days)
    return percent(up, measured) if measured >= ENOUGH.total_seconds() else ""


def percent(part: float, whole: float) -> str:
    """Return a share in percent, rounded down, so that 100 % means all of it."""
    hundredths = int(part / whole * 10_000)
    return "100 %" if part >= whole else f"{hundredths // 100}.{hundredths % 100:02} %"


def length(seconds: float) -> str:
    """Return a duration in at most two units, in days and hours if it is long."""
    days, rest = divmod(int(seconds), 86_400)
    if not days:
        return times.duration(timedelta(seconds=seconds))
    hours = rest // 3_600
    return f"{days} {'day' if days == 1 else 'days'}" + (f" {hours} h" if hours else "")


def paths(days: Sequence[Day]) -> list[tuple[str, str]]:
    """Return the bars as SVG paths by kind. Each run of equal days is one stroke, dashed into days."""
    drawn: dict[str, list[str]] = {}
    begins = 0
    for number in range(1, len(days) + 1):
        if number == len(days) or days[number].kind != days[begins].kind:
            drawn.setdefault(days[begins].kind, []).append(f"M{begins * 6} 12H{number * 6 - 1}")
            begins = number
    return [(kind, "".join(parts)) for kind, parts in drawn.items()]


def runs(days: Sequence[Day]) -> list[tuple[date, date, str]]:
    """Return the days in words for readers who cannot see bars: equal days together, newest first."""
    runs_: list[tuple[date, date, str]] = []
    for day in days:
        text = _day_text(day)
        if runs_ and runs_[-1][2] == text and text in _PLAIN:
            runs_[-1] = (runs_[-1][0], day.day, text)
        else:
            runs_.append((day.day, day.day, text))
    return runs_[::-1]


_PLAIN = ("Worked normally", "No information", "Worked normally as far as we know")


def _day_text(day: Day) -> str:
    seconds_by_trouble = {
        "not working": day.down,
        "delayed": day.degraded,
        "under maintenance": day.maintenance,
    }
    troubles = [
        f"{name} for {length(seconds)}" for name, seconds in seconds_by_trouble.items() if seconds > 0
    ]
    if troubles:
        text = ", ".join(troubles)
        return text[:1].upper() + text[1:]
    if not day.up:
        return "No information"
    return "Worked normally" if day.unknown < 60 else "Worked normally as far as we know"
