"""What customers are told of a component, in their words: no check, no ping, nothing of how we know. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

NAMED = 3
"""As many troubled components are named in the headline; more are counted."""


class Health(StrEnum):
    """How a component does, in the words of its row."""

    NORMAL = "Working normally"
    DELAYED = "Delayed"
    STOPPED = "Not working"
    UNKNOWN = "No information"


@dataclass(frozen=True, slots=True)
class Standing:
    """How the checks behind one component stand. Paused ones and those that were never heard say nothing."""

    up: int = 0
    down: int = 0
    down_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A component as it is shown."""

    name: str
    description: str
    health: Health
    since: datetime | None = None


def health(standing: Standing) -> Health:
    """Where all of it is down it does not work, where some of it is it is delayed."""
    if standing.down:
        return Health.DELAYED if standing.up else Health.STOPPED
    return Health.NORMAL if standing.up else Health.UNKNOWN


def headline(rows: Sequence[Row]) -> str:
    """The answer to "is it them or us?"."""
    if not rows:
        return "No services are listed here yet."
    troubled = [row for bad in (Health.STOPPED, Health.DELAYED) for row in rows if row.health is bad]
    unknown = [row for row in rows if row.health is Health.UNKNOWN]
    if not troubled:
        return _untroubled(len(rows), unknown)
    if len(troubled) > NAMED:
        return f"{len(troubled)} of {len(rows)} services are affected."
    said = [f"{row.name} is {row.health.value.lower()}." for row in troubled]
    rest = len(rows) - len(troubled) - len(unknown)
    if rest:
        others = "All other services are" if not unknown else f"{rest} other{'s' * (rest > 1)} {_are(rest)}"
        said.append(f"{others} working normally.")
    return " ".join(said)


def _untroubled(total: int, unknown: Sequence[Row]) -> str:
    if not unknown:
        return "All services are working normally." if total > 1 else "The service is working normally."
    if len(unknown) == total:
        return "There is no information about these services at the moment."
    names = ", ".join(row.name for row in unknown[:NAMED])
    about = names if len(unknown) <= NAMED else f"{len(unknown)} services"
    return f"There is no information about {about} at the moment. Everything else is working normally."


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
