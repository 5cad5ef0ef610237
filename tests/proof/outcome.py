"""What a proof found: how often something was done, and how often a promise was broken."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """Something that was done `count` times, and how often it broke a promise."""

    done: str
    count: int
    violations: int = 0
    example: str = ""
    """One violation in words."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The rows of a subject, and of its control."""

    subject: str
    method: str
    rows: tuple[Row, ...]
    control: tuple[Row, ...]
    seconds: float = 0.0
    """Set by the runner."""

    @property
    def faults(self) -> list[str]:
        """Why this proves nothing, or disproves a promise."""
        found = [f"{row.violations} violations in {row.done}" for row in self.rows if row.violations]
        if not any(row.count for row in self.rows):
            found.append("nothing was done")
        if not any(row.violations for row in self.control):
            found.append("the control has no violations")
        return found


def failed(subject: str, why: str) -> Outcome:
    """The outcome of a proof that did not come to its end."""
    return Outcome(subject, "It did not come to its end.", (Row(why, 0, 1),), ())


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as lines of text."""
    return "\n".join(line for outcome in outcomes for line in _lines(outcome))


def write(outcomes: Sequence[Outcome], path: Path) -> None:
    """Keep the outcomes as a list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [asdict(outcome) | {"faults": outcome.faults} for outcome in outcomes]
    path.write_text(json.dumps(kept, indent=2) + "\n")


def _lines(outcome: Outcome) -> Iterator[str]:
    yield f"{outcome.subject} ({outcome.seconds:.0f} s): {outcome.method}"
    for mark, rows in (("", outcome.rows), ("control: ", outcome.control)):
        for row in rows:
            yield f"  {mark + row.done:<78} {row.count:>9,} {row.violations:>7,} violations"
            if row.example:
                yield f"      {row.example}"
    for fault in outcome.faults:
        yield f"  FAILED: {fault}"
