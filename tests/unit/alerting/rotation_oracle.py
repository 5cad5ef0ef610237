"""The oracle of rotations: it walks the wall clock minute by minute, and knows nothing of folds and gaps.

`python -m tests.unit.alerting.rotation_oracle 0 20000` compares these seeds: each is a random rotation in a random zone
across a change of its clock between 2024 and 2037.
"""

import random
import sys
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import accumulate
from zoneinfo import ZoneInfo, available_timezones

from alerting.rotation import Change, Layer, Length, Override, Rotation, Unit, Window, on_call, shifts

ZONES = sorted(available_timezones() - {"localtime"})
PEOPLE = ("anna", "ben", "cleo", "dan")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MARGIN = 3 * DAY
"""The wall clock is walked this much longer on both sides: what it has shown before decides."""


@cache
def changes(zone: str) -> tuple[datetime, ...]:
    """Return the instants, to the hour, after which the clock of a zone changes between 2024 and 2037."""
    start, hours, place = datetime(2024, 1, 1, tzinfo=UTC), 14 * 366 * 24, ZoneInfo(zone)

    def offset(hour: int) -> timedelta | None:
        return (start + hour * HOUR).astimezone(place).utcoffset()

    found = []
    for hour in range(0, hours, 24):
        if offset(hour) != offset(hour + 24):
            found += [
                start + (hour + h) * HOUR for h in range(24) if offset(hour + h) != offset(hour + h + 1)
            ]
    return tuple(found)


def some_rotation(random_: random.Random, zone: str, around: datetime) -> Rotation:
    """Return a random rotation with overrides around an instant."""
    wall = around.astimezone(ZoneInfo(zone)).replace(tzinfo=None, minute=0)
    layers = tuple(_layer(random_, wall) for _ in range(random_.randint(1, 3)))
    overrides = tuple(_override(random_, around, place) for place in range(random_.randint(0, 4)))
    return Rotation("infra", zone, layers, overrides=overrides)


def _layer(random_: random.Random, wall: datetime) -> Layer:
    people = random_.sample(PEOPLE, random_.randint(1, len(PEOPLE)))
    unit = random_.choice(list(Unit))
    shift = Length(random_.choice((1, 1, 2, 3, 8, 12)), unit)
    # Many shifts begin near the change, and on the days that some months lack.
    start = (
        wall - random_.randrange(40) * DAY * random_.choice((0, 1, 9)) + random_.randrange(-180, 180) * MINUTE
    )
    only = tuple(_window(random_, wall) for _ in range(random_.choice((0, 0, 1, 2))))
    return Layer(tuple(people), shift, start.replace(second=0, microsecond=0), only)


def _window(random_: random.Random, wall: datetime) -> Window:
    days = tuple(sorted(random_.sample(range(7), random_.randint(1, 7))))
    near = (wall.hour * 60 + random_.randrange(-120, 180)) % (24 * 60)
    opens = random_.choice((near, random_.randrange(24 * 60), 0))
    closes = opens + random_.choice((15, 60, 8 * 60, random_.randint(1, 24 * 60), 24 * 60))
    return Window(days, opens * MINUTE, closes * MINUTE)


def _override(random_: random.Random, around: datetime, place: int) -> Override:
    start = around + random_.randrange(-36 * 60, 36 * 60) * MINUTE
    change = random_.choice(list(Change))
    on, off = random_.choice(PEOPLE), random_.choice(PEOPLE)
    if change is Change.REMOVE:
        on = random_.choice(("", on))
    else:
        off = random_.choice(("", off)) if change is Change.REPLACE else ""
    return Override(change, start, start + random_.randint(1, 48 * 60) * MINUTE, on, off, place)


class Walk:
    """The wall clock of a zone, minute by minute from `start`."""

    def __init__(self, zone: str, start: datetime, minutes: int) -> None:
        place = ZoneInfo(zone)
        self.start = start
        self._hand_overs: dict[Layer, list[datetime]] = {}
        self.wall = [(start + n * MINUTE).astimezone(place).replace(tzinfo=None) for n in range(minutes)]
        self.passed = list(accumulate(self.wall, max))
        """The latest time that the clock has shown so far."""
        self.left = list(accumulate(reversed(self.wall), min))[::-1]
        """The earliest time that the clock will show from here on."""

    def hand_overs(self, layer: Layer) -> list[datetime]:
        """Return the times on the wall at which shifts begin."""
        if layer not in self._hand_overs:
            self._hand_overs[layer] = _hand_overs(layer, self.passed[-1])
        return self._hand_overs[layer]

    def on_call(self, rotation: Rotation, minute: int) -> tuple[str, ...]:
        """Return who is on call at a minute, by the rules as the manual says them."""
        at = self.start + minute * MINUTE
        now = [one for one in rotation.overrides if one.start <= at < one.end]
        leaves = [one for one in now if one.change is Change.REMOVE]

        def present(name: str) -> str | None:
            for _ in range(len(leaves) + 1):
                leave = next((one for one in reversed(leaves) if one.off == name), None)
                if leave is None:
                    return name
                if not leave.on:
                    return None
                name = leave.on
            return None

        names: list[str] = []
        for layer in rotation.layers:
            assert isinstance(layer, Layer)
            if names or not self._open(layer, minute):
                continue
            turn = bisect_right(self.hand_overs(layer), self.passed[minute]) - 1
            queue = [present(layer.people[(turn + n) % len(layer.people)]) for n in range(len(layer.people))]
            names = [name for name in queue if name][:1]
        for one in now:
            stand_in = present(one.on) if one.on and one.change is not Change.REMOVE else None
            if stand_in and one.change is Change.ADD:
                names = [*names, stand_in]
            elif stand_in:
                names = [stand_in if name == one.off else name for name in names] if one.off else [stand_in]
        return tuple(dict.fromkeys(names))

    def _open(self, layer: Layer, minute: int) -> bool:
        if self.passed[minute] < layer.start:
            return False
        today = self.wall[minute].date()
        for n in range(-3, 2):
            midnight = datetime.combine(today + n * DAY, time())
            for window in layer.only:
                opened = self.passed[minute] >= midnight + window.opens
                closes = midnight + window.closes
                closed = self.left[minute] >= closes and self.left[minute + 1] > closes
                if midnight.weekday() in window.days and opened and not closed:
                    return True
        return not layer.only


def _hand_overs(layer: Layer, until: datetime) -> list[datetime]:
    """Return the times on the wall at which shifts begin, one after the other."""
    unit = {Unit.HOUR: HOUR, Unit.DAY: DAY, Unit.WEEK: 7 * DAY}.get(layer.shift.unit)
    begins, at = [], layer.start
    while at <= until:
        begins.append(at)
        months = len(begins) * layer.shift.count
        at = _months_later(layer.start, months) if unit is None else at + layer.shift.count * unit
    return begins


def _months_later(start: datetime, months: int) -> datetime:
    """Return the same day that many months later, the last one of a shorter month, month by month."""
    year, month = start.year, start.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    day = start.day
    while True:
        try:
            return start.replace(year=year, month=month, day=day)
        except ValueError:
            day -= 1


def differences(seed: int) -> list[str]:
    """Return the minutes at which the rotation of this seed and the oracle differ, and any hole in its shifts."""
    random_ = random.Random(seed)
    zone = random_.choice(ZONES)
    while not changes(zone) and random_.random() < 0.95:
        zone = random_.choice(ZONES)
    change = random_.choice(changes(zone) or (datetime(2026, 6, 1, tzinfo=UTC),))
    rotation = some_rotation(random_, zone, change)
    start, minutes = change - DAY - random_.randrange(1440) * MINUTE, 3 * 1440
    walk = Walk(zone, start - MARGIN, minutes + 2 * (MARGIN // MINUTE))
    margin = MARGIN // MINUTE
    expected = [walk.on_call(rotation, margin + minute) for minute in range(minutes)]
    faults = [
        f"seed {seed}: {zone} at {start + n * MINUTE}: {on_call(rotation, start + n * MINUTE)} and not {expected[n]}"
        for n in range(0, minutes, 7)
        if on_call(rotation, start + n * MINUTE) != expected[n]
    ]
    return faults or _faults_of_shifts(seed, rotation, start, expected)


def _faults_of_shifts(
    seed: int, rotation: Rotation, start: datetime, expected: Sequence[tuple[str, ...]]
) -> list[str]:
    """Return how the shifts differ from the minutes: each minute must lie in one, with the same people."""
    end = start + len(expected) * MINUTE
    told: list[tuple[str, ...]] = []
    at = start
    for shift in shifts(rotation, start, end):
        if shift.start != at or shift.end <= shift.start:
            return [f"seed {seed}: the shifts have a hole or overlap at {at}"]
        told += [shift.people] * ((shift.end - shift.start) // MINUTE)
        at = shift.end
    if at != end or told != list(expected):
        return [f"seed {seed}: {rotation.timezone}: the shifts differ from the minutes"]
    return []


if __name__ == "__main__":
    first, last = map(int, sys.argv[1:3])
    wrong = [fault for seed in range(first, last) for fault in differences(seed)[:1]]
    print(*wrong[:20], f"{last - first} seeds, {len(wrong)} differ", sep="\n")
    sys.exit(bool(wrong))
