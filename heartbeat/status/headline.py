"""The headline of a status page, which answers "is it them or us?". Pure."""

from collections.abc import Collection, Mapping, Sequence

from alerting import times
from heartbeat.definitions.status_page import Regions
from heartbeat.status.health import NAMED, TROUBLED, WORST_FIRST, Health, ServiceRow

LONGEST = 200
"""The largest number of characters. A headline that would be longer counts services instead of naming them."""


_SINGULAR = (
    "ss",
    "us",
    "is",
    "ics",
    "news",
    "kubernetes",
    "postgres",
    "windows",
    "jenkins",
    "sms",
    "dns",
    "aws",
)
"""The ends of words that end in "s" and are no plural."""


def headline(
    rows: Sequence[ServiceRow], regions: Regions | None = None, announced: Collection[str] = ()
) -> str:
    """Say what does not work, where, and what is not affected.

    A component that an open incident has `announced` as affected works again, if it works.
    """
    if not rows:
        return "No services are listed here yet."
    troubled = [row for health in TROUBLED for row in rows if row.whole.health is health]
    if not troubled:
        return _untroubled(rows)
    for limit, others_limit in ((NAMED, NAMED), (NAMED, 0), (0, 0)):
        sentences = [*_troubles(troubled, regions, limit), *_others(rows, troubled, announced, others_limit)]
        if len(text := " ".join(sentences)) <= LONGEST:
            return text
    return f"{len(troubled)} of {len(rows)} services are affected."


def _troubles(troubled: Sequence[ServiceRow], regions: Regions | None, limit: int) -> list[str]:
    """Return one sentence for all services with the same health in the same regions."""
    alike: dict[str, list[str]] = {}
    for row in troubled:
        alike.setdefault(_health_words(row, regions), []).append(row.name)
    return [f"{_services(names, limit)} {are(names)} {health}." for health, names in alike.items()]


def _others(
    rows: Sequence[ServiceRow], troubled: Sequence[ServiceRow], announced: Collection[str], limit: int
) -> list[str]:
    """Say that the other services work, as far as that is known."""
    well = [row.name for row in rows if row.whole.health is Health.NORMAL]
    if not well:
        return []
    if len(well) <= limit:
        again, untouched = ([name for name in well if (name in announced) is so] for so in (True, False))
        return [
            f"{times.names(names)} {are(names)} {words}."
            for names, words in ((again, "working normally again"), (untouched, "not affected"))
            if names
        ]
    if len(well) + len(troubled) == len(rows):
        return [
            "All other services are working normally."
            if len(well) > 1
            else "The other service is working normally."
        ]
    return [f"{len(well)} other {'services' if len(well) > 1 else 'service'} {are(well)} working normally."]


def _health_words(row: ServiceRow, regions: Regions | None) -> str:
    """Return the health of a service in words, with its regions if it is better in another one."""
    troubled = {value: cell for value, cell in row.cells.items() if cell and cell.health in TROUBLED}
    well = [cell for cell in row.cells.values() if cell and cell.health is Health.NORMAL]
    healths = {value: cell.health for value, cell in troubled.items()}
    alike = not well and len(set(healths.values())) == 1
    if regions is None or not troubled or alike or len(troubled) > NAMED:
        return row.whole.health.value.lower()
    return by_region(healths, regions)


def by_region(healths: Mapping[str, Health], regions: Regions) -> str:
    """Return health by region in words, worst first: "not working in Europe and delayed in the US"."""
    parts = []
    for health in WORST_FIRST:
        if names := [
            regions.place(value) for value, health_there in healths.items() if health_there is health
        ]:
            parts.append(f"{health.value.lower()} in {times.names(names)}")
    return " and ".join(parts)


def _untroubled(rows: Sequence[ServiceRow]) -> str:
    serviced = [row.name for row in rows if row.whole.health is Health.MAINTENANCE]
    unknown = [row.name for row in rows if row.whole.health is Health.UNKNOWN]
    if serviced:
        return _serviced(serviced, len(rows), others_unknown=len(serviced) + len(unknown) == len(rows))
    if not unknown:
        return "All services are working normally." if len(rows) > 1 else "The service is working normally."
    if len(unknown) == len(rows):
        return "There is no information about these services at the moment."
    subject = ", ".join(unknown)
    if len(unknown) > NAMED or len(subject) > LONGEST / 2:
        subject = f"{len(unknown)} services"
    return f"There is no information about {subject} at the moment. Everything else is working normally."


def _serviced(names: Sequence[str], total: int, *, others_unknown: bool) -> str:
    sentence = f"{times.names(names)} {are(names)} under maintenance."
    if len(names) > NAMED or len(sentence) > LONGEST:
        return f"{len(names)} of {total} services are under maintenance."
    return sentence if others_unknown else f"{sentence} Everything else is working normally."


def _services(names: Sequence[str], limit: int) -> str:
    if len(names) <= limit:
        return times.names(names)
    return f"{len(names)} services" if len(names) > 1 else "1 service"


def are(names: Collection[str]) -> str:
    """Return "are" for several services, and for one with a plural name, such as "Websites". Otherwise "is"."""
    return "are" if are_many(names) else "is"


def are_many(names: Collection[str]) -> bool:
    """Return True for several services, and for one whose name is a plural, as far as its last word shows."""
    if len(names) != 1:
        return True
    (name,) = names
    words = name.split()
    last = words[-1] if words else ""
    if "and" in words[1:-1] or "&" in words[1:-1]:
        return True
    return last.endswith("s") and not last.isupper() and not last.lower().endswith(_SINGULAR)
