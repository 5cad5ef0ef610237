"""Probes, counted as the kubelet counts them."""

from dataclasses import dataclass, field
from typing import Any

from tests.e2e.cluster.objects import Object, played

_KNOWN = (
    *("httpGet", "initialDelaySeconds", "periodSeconds", "timeoutSeconds"),
    *("successThreshold", "failureThreshold"),
)


@dataclass
class Probe:
    """One probe of a container, and what has come of it. Times are seconds of a clock that only goes forward."""

    path: str
    port: int
    delay: float
    period: float
    timeout: float
    successes: int
    failures: int
    verdict: bool | None = None
    """What it says; None until it has said anything."""
    due: float = 0.0
    asked: int = 0
    _row: int = field(default=0, repr=False)
    _came: bool = field(default=True, repr=False)

    def begin(self, now: float) -> None:
        self.due = now + self.delay

    def took(self, well: bool, now: float) -> None:
        """One answer has come, or has not come in time."""
        self.asked += 1
        self.due = now + self.period
        self._row = self._row + 1 if well == self._came else 1
        self._came = well
        if self._row >= (self.successes if well else self.failures):
            self.verdict = well

    @property
    def budget(self) -> float:
        """Seconds after which a probe that never succeeds is given up."""
        return self.delay + self.period * self.failures


def read(container: Object, kind: str) -> Probe | None:
    """A probe of a container as its manifest has it, with what Kubernetes puts where nothing is said."""
    said: dict[str, Any] | None = container.get(kind)
    if said is None:
        return None
    played(said, _KNOWN, kind)
    played(said["httpGet"], ("path", "port"), f"{kind}.httpGet")
    return Probe(
        path=said["httpGet"]["path"],
        port=port(container, said["httpGet"]["port"]),
        delay=said.get("initialDelaySeconds", 0),
        period=said.get("periodSeconds", 10),
        timeout=said.get("timeoutSeconds", 1),
        successes=said.get("successThreshold", 1),
        failures=said.get("failureThreshold", 3),
    )


def port(container: Object, said: int | str) -> int:
    """The number of a port that may be named. Raises `LookupError` where the container has none of that name."""
    named = {one["name"]: int(one["containerPort"]) for one in container.get("ports", [])}
    return said if isinstance(said, int) else named[said]
