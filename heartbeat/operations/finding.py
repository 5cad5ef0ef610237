"""A finding of `heartbeat doctor`: its weight, its subject, and its state with advice in words. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial


class Weight(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"

    @property
    def rank(self) -> int:
        """0 to 2: the exit status if this is the worst finding."""
        return tuple(Weight).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result for one subject. `words` is its state, and the advice if it is not ok. `--json` prints these names."""

    weight: Weight
    subject: str
    words: str


ok, warn, bad = (partial(Finding, weight) for weight in Weight)
