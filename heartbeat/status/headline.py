"""The sentence above all on a public page: the answer to "is it them or us?". Pure."""

from collections.abc import Mapping, Sequence

from heartbeat.config.public import Regions
from heartbeat.status.health import NAMED, TROUBLED, WORST_FIRST, Health, Row

LONGEST = 200
"""Characters that it has at the most; where names would make it longer, it counts."""


def headline(rows: Sequence[Row], regions: Regions | None = None) -> str:
    """What does not work, where, and what is not affected."""
    if not rows:
        return "No services are listed here yet."
    troubled = [row for bad in TROUBLED for row in rows if row.whole.health is bad]
    if not troubled:
        return _untroubled(rows)
    for named, others_named in ((NAMED, NAMED), (NAMED, 0), (0, 0)):
        said = [*_troubles(troubled, regions, named), *_others(rows, troubled, others_named)]
        if len(words := " ".join(said)) <= LONGEST:
            return words
    return f"{len(troubled)} of {len(rows)} services are affected."


def _troubles(troubled: Sequence[Row], regions: Regions | None, named: int) -> list[str]:
    """Those that do alike in the same places in one sentence."""
    alike: dict[str, list[str]] = {}
    for row in troubled:
        alike.setdefault(_how(row, regions), []).append(row.name)
    return [f"{_who(names, named)} {_are(names)} {how}." for how, names in alike.items()]


def _others(rows: Sequence[Row], troubled: Sequence[Row], named: int) -> list[str]:
    """That the others are well, as far as that is known."""
    well = [row.name for row in rows if row.whole.health is Health.NORMAL]
    if not well:
        return []
    if len(well) <= named:
        return [f"{_listed(well)} {_are(well)} not affected."]
    if len(well) + len(troubled) == len(rows):
        return [
            "All other services are working normally." if len(well) > 1 else "The other one is not affected."
        ]
    return [f"{len(well)} other{'s' if len(well) > 1 else ''} {_are(well)} working normally."]


def _how(row: Row, regions: Regions | None) -> str:
    """How a service does, and in which regions where it does better in another one."""
    bad = {value: cell for value, cell in row.cells.items() if cell and cell.health in TROUBLED}
    well = [cell for cell in row.cells.values() if cell and cell.health is Health.NORMAL]
    hows = {value: cell.health for value, cell in bad.items()}
    alike = not well and len(set(hows.values())) == 1
    if regions is None or not bad or alike or len(bad) > NAMED:
        return row.whole.health.value.lower()
    return by_region(hows, regions)


def by_region(healths: Mapping[str, Health], regions: Regions) -> str:
    """How something does where, worst first: "not working in Europe and delayed in United States"."""
    parts = []
    for health in WORST_FIRST:
        if there := [regions.columns[value] for value, how in healths.items() if how is health]:
            parts.append(f"{health.value.lower()} in {_listed(there)}")
    return " and ".join(parts)


def _untroubled(rows: Sequence[Row]) -> str:
    serviced = [row.name for row in rows if row.whole.health is Health.MAINTENANCE]
    unknown = [row.name for row in rows if row.whole.health is Health.UNKNOWN]
    if serviced:
        return _serviced(serviced, len(rows), all_told=len(serviced) + len(unknown) == len(rows))
    if not unknown:
        return "All services are working normally." if len(rows) > 1 else "The service is working normally."
    if len(unknown) == len(rows):
        return "There is no information about these services at the moment."
    about = ", ".join(unknown)
    if len(unknown) > NAMED or len(about) > LONGEST / 2:
        about = f"{len(unknown)} services"
    return f"There is no information about {about} at the moment. Everything else is working normally."


def _serviced(names: Sequence[str], of: int, *, all_told: bool) -> str:
    said = f"{_listed(names)} {_are(names)} under maintenance."
    if len(names) > NAMED or len(said) > LONGEST:
        return f"{len(names)} of {of} services are under maintenance."
    return said if all_told else f"{said} Everything else is working normally."


def _who(names: Sequence[str], named: int) -> str:
    if len(names) <= named:
        return _listed(names)
    return f"{len(names)} services" if len(names) > 1 else "1 service"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
