"""What an announcement concerns, as a form has it: lines that each name a component, a place, and how it does there.
Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from starlette.datastructures import FormData

from heartbeat.status.announcement import Affected
from heartbeat.status.health import Health

BLANK = 3
"""Lines that stand ready for something more."""
MOST = 27
"""As many lines can be changed in a form; of more only the API can."""
_SAYABLE = {one.name: one for one in Health if one is not Health.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Line:
    """A component in one region, or everywhere. One without a component says nothing."""

    component: str = ""
    region: str = ""
    health: Health = Health.DELAYED


def lines(affected: Iterable[Affected]) -> tuple[Line, ...]:
    """What is said, and room for more; nothing where it is too much for a form."""
    found = [Line(one.component, region, one.health) for one in affected for region in one.regions or ("",)]
    return (*found, *[Line()] * BLANK) if len(found) <= MOST else ()


def said(some: Iterable[Line]) -> tuple[Affected, ...]:
    """What these lines say: regions in which a component does alike are together."""
    places: dict[tuple[str, Health], list[str]] = {}
    for line in some:
        if line.component:
            places.setdefault((line.component, line.health), []).append(line.region)
    found: list[Affected] = []
    for (component, health), regions in places.items():
        found += [Affected(component, health)] if "" in regions else []
        named = tuple(dict.fromkeys(region for region in regions if region))
        found += [Affected(component, health, named)] if named else []
    return tuple(found)


def typed(form: FormData, before: Sequence[Affected]) -> tuple[Affected, ...]:
    """What somebody has chosen; as `before` where the form has no such lines."""
    names = [str(name) for name in form.getlist("component")]
    places, hows = ([str(one) for one in form.getlist(field)] for field in ("region", "health"))
    places += [""] * (len(names) - len(places))
    hows += [Health.DELAYED.name] * (len(names) - len(hows))
    if not names:
        return tuple(before)
    return said(
        Line(name.strip(), place, _SAYABLE.get(how, Health.DELAYED))
        for name, place, how in zip(names, places, hows, strict=False)
    )


def touched(form: FormData, chosen: Iterable[Affected]) -> bool:
    """Whether somebody has chosen other than what the form had shown."""
    return form.get("shown", mark(chosen)) != mark(chosen)


def mark(affected: Iterable[Affected]) -> str:
    """The same for two forms that say the same."""
    told = sorted({(line.component, line.region, line.health.name) for line in lines(affected)})
    return sha256(json.dumps(told).encode()).hexdigest()[:16]
