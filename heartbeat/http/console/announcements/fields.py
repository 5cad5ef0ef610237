"""The affected components of an announcement as lines of a form: component, region and health. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from starlette.datastructures import FormData

from heartbeat.status.announcement import Affected
from heartbeat.status.health import Health

BLANK_LINES = 3
"""Empty lines at the end of the form."""
MAX_LINES = 27
"""The most lines that a form can change. Only the API can change more."""
_HEALTHS = {health.name: health for health in Health if health is not Health.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Line:
    """A component in one region, or everywhere. A line without a component is empty."""

    component: str = ""
    region: str = ""
    health: Health = Health.DELAYED


def lines(affected: Iterable[Affected]) -> tuple[Line, ...]:
    """Return the lines for these components and some empty ones, or none if a form cannot hold them."""
    filled = [
        Line(part.component, region, part.health) for part in affected for region in part.regions or ("",)
    ]
    return (*filled, *[Line()] * BLANK_LINES) if len(filled) <= MAX_LINES else ()


def affected_by(lines_: Iterable[Line]) -> tuple[Affected, ...]:
    """Return the affected components of these lines. Regions in which a component has the same health are merged."""
    by_health: dict[tuple[str, Health], list[str]] = {}
    for line in lines_:
        if line.component:
            by_health.setdefault((line.component, line.health), []).append(line.region)
    affected: list[Affected] = []
    for (component, health), regions in by_health.items():
        affected += [Affected(component, health)] if "" in regions else []
        named = tuple(dict.fromkeys(region for region in regions if region))
        affected += [Affected(component, health, named)] if named else []
    return tuple(affected)


def typed(form: FormData, previous: Sequence[Affected]) -> tuple[Affected, ...]:
    """Return the affected components of a form, or `previous` if the form has no lines for them."""
    components = [str(name) for name in form.getlist("component")]
    regions, healths = ([str(text) for text in form.getlist(field)] for field in ("region", "health"))
    regions += [""] * (len(components) - len(regions))
    healths += [Health.DELAYED.name] * (len(components) - len(healths))
    if not components:
        return tuple(previous)
    return affected_by(
        Line(component.strip(), region, _HEALTHS.get(health, Health.DELAYED))
        for component, region, health in zip(components, regions, healths, strict=False)
    )


def changed(form: FormData, typed_: Iterable[Affected]) -> bool:
    """Return True if these components differ from those that the form was loaded with."""
    return form.get("shown", fingerprint(typed_)) != fingerprint(typed_)


def fingerprint(affected: Iterable[Affected]) -> str:
    """Return a hash that is equal for forms with the same filled lines."""
    content = sorted({(line.component, line.region, line.health.name) for line in lines(affected)})
    return sha256(json.dumps(content).encode()).hexdigest()[:16]
