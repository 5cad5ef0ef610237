"""Promises 3 and 5, looked back on: which pages wait for hours, and which must not since somebody wants them now."""

from collections import defaultdict
from collections.abc import Iterator

from tests.simulation import awake, books
from tests.simulation.books import IncidentRow, PageRow
from tests.simulation.hindsight import LATENCY, Hindsight
from tests.simulation.journal import overlap, settled
from tests.simulation.referee import answers_to
from tests.simulation.ringing import waits

AT_ONCE = 15.0
"""Seconds of undisturbed work within which a page goes out that somebody wants now."""


def handed(past: Hindsight) -> Iterator[str]:
    """Whoever is handed an incident is paged for it at once, also outside of working hours."""
    for one in past.journal.assigned:
        paged = any(
            page.incident == one.incident and page.kind == "page" and page.occurrence >= one.occurrence
            for page in past.pages
        )
        if not paged and not _excused(past, one.incident, one.at):
            yield f"incident {one.incident} was handed to {one.to} at {one.at:.1f}, and nobody was paged"


def wanted(past: Hindsight) -> Iterator[str]:
    """An incident pages at once if somebody wants that, or once they wake, whatever is edited meanwhile."""
    paged: dict[int, list[float]] = defaultdict(list)
    for number, shown in books.paged(past.world.disk):
        paged[number].append(past.world.clock.when(shown, 0.0))
    for one in past.journal.wanted:
        by = _at_once(past, one.incident, one.at)
        in_time = any(one.at - LATENCY <= at <= by for at in paged[one.incident])
        if not in_time and not _excused(past, one.incident, one.at):
            yield f"somebody wanted a page of incident {one.incident} at {one.at:.1f}, and none was written by {by:.1f}"


def _excused(past: Hindsight, number: int, at: float) -> bool:
    """Whether a page that somebody wanted at a moment need not have come, or whether nobody can tell."""
    incident, by = past.incidents[number], _at_once(past, number, at)
    held = [span for name in past.referee.lives for span in past.windows(name)]
    merged_at, _ = past.journal.merged.get(number, (past.end, 0))
    over = past.end if incident.resolved is None else past.world.clock.when(incident.resolved, 0.0)
    well = incident.recovered is not None or past.referee.recovered_at(number) >= at - AT_ONCE
    return (
        bool(past.slack)
        or by >= min(past.end, merged_at, over)
        or well
        or any(at <= answer.at <= by for answer in answers_to(past.world, number))
        or bool(overlap([[(at, by)], held]))
    )


def _at_once(past: Hindsight, number: int, at: float) -> float:
    """By when a page must be written that somebody wanted at a moment: they may sleep, and be paged once they wake."""
    one = past.incidents[number]
    people = past.members(target for step, _ in past.policy(one, one.occurrence) for target in step)
    asleep = awake.quiet(past.world, people) if one.rank else []
    return settled(at, AT_ONCE, [*past.journal.unable(), *asleep])


def early(past: Hindsight) -> Iterator[str]:
    """No page of a warning is written outside of the hours for which it waits, which nobody wanted at once.

    One that was due within them may come later: nothing ran meanwhile, or everybody slept.
    """
    before: dict[int, PageRow] = {}
    for page in [page for page in past.pages if page.kind == "page"]:
        incident = past.incidents[page.incident]
        earlier = before.get(page.incident)
        before[page.incident] = page
        if not page.rank or past.slack:
            continue
        due = _due(past, incident, page, earlier)
        since = incident.opened if earlier is None else earlier.created
        if past.journal.wants(page.incident, since - LATENCY, page.created + LATENCY):
            continue
        for begins, ends in awake.closed(past.world, incident.by):
            if begins <= due and begins + LATENCY <= page.created < ends - LATENCY:
                yield f"page {page.id} of a warning was written at {page.created:.1f}, outside of working hours"


def _due(past: Hindsight, incident: IncidentRow, page: PageRow, earlier: PageRow | None) -> float:
    """When a page was due at the earliest, but for what it waits for."""
    if earlier is None:
        return incident.opened
    if earlier.occurrence < page.occurrence:
        return earlier.created
    policy = past.policy(incident, page.occurrence)
    return earlier.created + waits(past, policy, earlier.step, earlier.created)
