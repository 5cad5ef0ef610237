"""What was measured, with what is needed of it: a table for people, a list for machines."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `least` and `most` bound what is needed of it; neither, where it only informs."""

    name: str
    value: float
    unit: str
    least: float | None = None
    most: float | None = None
    spread: tuple[float, float] | None = None
    """The smallest and the largest of the values of which `value` is the median."""

    @property
    def reached(self) -> bool:
        """Whether it is as it must be."""
        above = self.least is None or self.value >= self.least
        return above and (self.most is None or self.value <= self.most)


def table(figures: Sequence[Figure]) -> str:
    """The figures as lines of text."""
    wide = max(len(one.name) for one in figures)
    return "\n".join(_line(one, wide) for one in figures)


def write(figures: Sequence[Figure], path: Path) -> None:
    """Keep the figures as a list of {name, value, unit}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [{"name": one.name, "value": _rounded(one.value), "unit": one.unit} for one in figures]
    path.write_text(json.dumps(kept, indent=2) + "\n")


def _line(one: Figure, wide: int) -> str:
    spread = "" if one.spread is None else f"{_rounded(one.spread[0])} to {_rounded(one.spread[1])}"
    said = f"{one.name:<{wide}}  {_rounded(one.value):>9} {one.unit:<9} {_needed(one):<14} {spread}"
    return said.rstrip()


def _needed(one: Figure) -> str:
    if one.least is None and one.most is None:
        return ""
    sign, bound = ("at least", one.least) if one.least is not None else ("under", one.most)
    return f"{sign} {bound:g}" + ("" if one.reached else "  MISSED")


def _rounded(value: float) -> float:
    """Four digits are more than the noise lets stand."""
    return float(f"{value:.4g}")
