"""The unusual runs of a week, check by check: for the console, and as a mail. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from alerting import times
from heartbeat.checks.check import Check
from heartbeat.measurements.mark import Mark

LENGTH: Final = timedelta(days=7)
MONDAY, HOUR = 0, 8
"""The weekday and the hour, in UTC, at which a week is told."""
LISTED: Final = 100
"""Checks of a mail, at most. The console lists more."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A check with unusual runs: how many, and the newest mark."""

    check: Check
    runs: int
    newest: Mark

    @property
    def name(self) -> str:
        """Its name, and its host where it has one."""
        host = self.check.labels.get("host")
        return f"{self.check.name} ({host})" if host else self.check.name

    @property
    def often(self) -> str:
        """Whether it was more than the newest run: "3 times, last " or nothing."""
        return f"{self.runs} times, last " if self.runs > 1 else ""


def of(marks: Sequence[tuple[Check, Mark]]) -> list[Entry]:
    """Return the entries of these marks, which come newest first: the checks with the most runs first."""
    by_check: dict[int, list[tuple[Check, Mark]]] = {}
    for check, mark in marks:
        by_check.setdefault(check.id, []).append((check, mark))
    entries = [Entry(one[0][0], len({mark.at for _, mark in one}), one[0][1]) for one in by_check.values()]
    return sorted(entries, key=lambda entry: (-entry.runs, entry.check.slug))


def sentence(entries: Sequence[Entry]) -> str:
    """Return the week in one sentence: "9 runs of 4 checks were unusual in the last 7 days."."""
    if not entries:
        return f"No run was unusual in the last {LENGTH.days} days."
    runs = sum(entry.runs for entry in entries)
    were = "was" if runs == 1 else "were"
    checks = times.count(len(entries), "check")
    return f"{times.count(runs, 'run')} of {checks} {were} unusual in the last {LENGTH.days} days."


def told_at(now: datetime) -> datetime:
    """Return the last time at which a week was to be told."""
    today = now.astimezone(UTC).replace(hour=HOUR, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=(today.weekday() - MONDAY) % 7)
    return monday if monday <= now else monday - LENGTH


def text(entries: Sequence[Entry], home: str) -> Iterator[str]:
    """Yield the lines of the mail."""
    yield sentence(entries)
    yield "What is usual was learnt from the runs before, without a rule."
    yield ""
    for entry in entries[:LISTED]:
        yield f"{entry.name}: {entry.often}{entry.newest.at:%a %d %b %H:%M} UTC: {entry.newest.words}"
        yield f"  {home}/checks/{entry.check.slug}"
    if len(entries) > LISTED:
        yield f"{times.count(len(entries) - LISTED, 'more check')}."
    yield ""
    yield f"All unusual runs: {home}/unusual-runs"
