"""How well unusual runs are found: precision and recall of the band, beside a moving average with two deviations.

`python -m tests.reliability.unusual` measures series of its own with planted faults. With `--nab FOLDER`, a copy of the
Numenta Anomaly Benchmark, it also measures every real series in there, or those that match `--series`.
"""

import argparse
import csv
import json
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean, median, pstdev

from heartbeat.measurements import band
from heartbeat.measurements.band import Hour, hour_of

WEEKS = 52
START = datetime(2026, 1, 5, tzinfo=UTC)
PROBATION = 0.15
"""The part of a series of the benchmark that is only learnt from, as its authors have it."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values in order of time, and the faults among them: from the first to the last moment of each."""

    name: str
    values: Sequence[tuple[datetime, float]]
    faults: Sequence[tuple[datetime, datetime]]
    judged_from: int = band.RUNS


@dataclass(frozen=True, slots=True)
class Score:
    """What a method made of a series. A fault is found if a value in its time was marked."""

    right: int = 0
    wrong: int = 0
    calm: int = 0
    found: int = 0
    faults: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def row(self, name: str, method: str) -> str:
        precision = (
            f"{100 * self.right / marked:.0f} %" if (marked := self.right + self.wrong) else "none marked"
        )
        recall = f"{self.found} of {self.faults}"
        rate = f"1 in {self.calm / self.wrong:,.0f}" if self.wrong else f"0 in {self.calm:,}"
        return f"{name:<44} {method:<15} {precision:>12} {recall:>12} {rate:>14}"


Method = Callable[[Sequence[tuple[datetime, float]]], Iterator[bool]]


def moving_average(values: Sequence[tuple[datetime, float]]) -> Iterator[bool]:
    """Yield True for each value more than two standard deviations from the mean of the last ones."""
    for place, (_, value) in enumerate(values):
        window = [known for _, known in values[max(0, place - band.RUNS) : place]]
        yield len(window) >= band.FEWEST and abs(value - fmean(window)) > 2 * pstdev(window)


def bands(values: Sequence[tuple[datetime, float]]) -> Iterator[bool]:
    """Yield True for each value outside of its band. The history by weekday and hour is that of the hours before."""
    history: dict[Hour, list[float]] = {}
    past: list[tuple[Hour, float]] = []
    this_hour: tuple[datetime, list[float]] = (values[0][0], [])
    for at, value in values:
        hour, began = hour_of(at, UTC), at.replace(minute=0, second=0, microsecond=0)
        if began != this_hour[0]:
            if this_hour[1]:
                history.setdefault(hour_of(this_hour[0], UTC), []).append(median(this_hour[1]))
            this_hour = (began, [])
        usual = band.of(past, history, hour)
        yield usual is not None and not usual.holds(value)
        past = [*past[-band.RUNS :], (hour, value)]
        this_hour[1].append(value)


METHODS: dict[str, Method] = {"band": bands, "moving average": moving_average}


def score(series: Series, method: Method) -> Score:
    judged_since = series.values[series.judged_from][0]
    faults = [fault for fault in series.faults if fault[1] >= judged_since]
    right = wrong = calm = 0
    found = set()
    for (at, _), marked in list(zip(series.values, method(series.values), strict=True))[series.judged_from :]:
        fault = next((fault for fault in faults if fault[0] <= at <= fault[1]), None)
        calm += fault is None
        right += marked and fault is not None
        wrong += marked and fault is None
        if marked and fault is not None:
            found.add(fault)
    return Score(right, wrong, calm, len(found), len(faults))


def own() -> Iterator[Series]:
    """Yield series as jobs make them, half a year each, with a planted fault every few weeks."""
    yield _planted(
        "hourly reset: accounts processed, then none", 1, timedelta(hours=1), _accounts, lambda _: 0.0
    )
    yield _planted(
        "hourly reset: a tenth of the accounts", 2, timedelta(hours=1), _accounts, lambda v: v / 10
    )
    yield _planted("nightly backup: three times as long", 3, timedelta(days=1), _nightly, lambda v: 3 * v)
    yield _planted("nightly backup: an empty one", 4, timedelta(days=1), _nightly, lambda _: 0.0)
    yield _planted(
        "queue every 10 min: five times the rows", 5, timedelta(minutes=10), _queue, lambda v: 5 * v
    )
    yield _planted(
        "full on Sundays: a full run on another day", 6, timedelta(days=1), _full_on_sundays, lambda _: 6e3
    )
    yield _planted("report of a few rows: forty", 7, timedelta(hours=1), _few, lambda _: 40.0)


def _planted(
    name: str,
    seed: int,
    period: timedelta,
    value: Callable[[random.Random, datetime, float], float],
    spoil: Callable[[float], float],
) -> Series:
    rng = random.Random(seed)
    count = int(timedelta(weeks=WEEKS) / period)
    gap = max(31, count // 40)
    values, faults, before = [], [], 0.0
    for n in range(count):
        at = START + n * period
        before = value(rng, at, before)
        # A planted run is no Sunday, which is the unusual one of a week already.
        planted = n >= (1_000 if count > 2_000 else gap) and n % gap == 0 and at.weekday() != 6
        values.append((at, spoil(before) if planted else before))
        if planted:
            faults.append((at, at))
    return Series(name, values, faults)


def _accounts(rng: random.Random, at: datetime, _: float) -> float:
    by_day = 1 + math.sin((at.hour - 8) / 24 * 2 * math.pi)
    return round((400 + 1_600 * by_day) * (0.5 if at.weekday() > 4 else 1) * rng.lognormvariate(0, 0.15))


def _nightly(rng: random.Random, at: datetime, _: float) -> float:
    return 1_800 * (1 + (at - START).days / 365) * rng.lognormvariate(0, 0.15)


def _queue(rng: random.Random, _: datetime, before: float) -> float:
    return round(max(0.0, 200 + 0.6 * ((before or 200) - 200) + rng.gauss(0, 30)))


def _full_on_sundays(rng: random.Random, at: datetime, _: float) -> float:
    return rng.gauss(6_000, 200) if at.weekday() == 6 else rng.gauss(600, 40)


def _few(rng: random.Random, _at: datetime, _: float) -> float:
    count, left = 0, rng.random()
    while left > math.exp(-5):
        count, left = count + 1, left * rng.random()
    return float(count)


def benchmark(folder: Path, patterns: Sequence[str]) -> Iterator[Series]:
    """Yield the real series of the benchmark, with the windows that its authors have labelled."""
    windows = json.loads((folder / "labels" / "combined_windows.json").read_text())
    for name in sorted(windows):
        path = folder / "data" / name
        if not name.startswith("real") or not path.exists() or not any(part in name for part in patterns):
            continue
        with path.open() as file:
            rows = list(csv.reader(file))[1:]
        values = [(_instant(at), float(value)) for at, value in rows]
        faults = [(_instant(start), _instant(end)) for start, end in windows[name]]
        yield Series(name, values, faults, min(int(PROBATION * len(values)), 750))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.split(".")[0]).replace(tzinfo=UTC)


def report(kind: str, every: Iterable[Series]) -> None:
    print(f"\n{kind}\n{'series':<44} {'method':<15} {'precision':>12} {'found':>12} {'false marks':>14}")
    sums = {method: Score() for method in METHODS}
    for series in every:
        for name, method in METHODS.items():
            result = score(series, method)
            sums[name] += result
            print(result.row(series.name, name))
    for name, total in sums.items():
        print(total.row("all", name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nab", type=Path, help="a copy of the Numenta Anomaly Benchmark")
    parser.add_argument("--series", action="append", help="only the series with this in their name")
    arguments = parser.parse_args()
    report("Series of our own, with planted faults", own())
    if arguments.nab:
        report("Numenta Anomaly Benchmark, real series", benchmark(arguments.nab, arguments.series or [""]))


if __name__ == "__main__":
    main()
