"""What an accepted page must do next: go to the next contact at its time, and where no report comes."""

from collections.abc import Iterator, Sequence

from alerting.person import Contact
from tests.simulation import awake, books
from tests.simulation.books import AttemptRow, PageRow
from tests.simulation.hindsight import Hindsight
from tests.simulation.journal import overlap
from tests.simulation.providers import REPORTS_WITHIN, Beeper
from tests.simulation.referee import answers_to

SOON = 45.0
"""Seconds within which a page must be on its way to the next contact, where nothing is in its way."""


def stuck(past: Hindsight) -> Iterator[str]:
    """An accepted page goes on in time, while nobody has answered."""
    if past.slack:
        return
    pages = {page.id: page for page in past.pages}
    tries: dict[int, list[AttemptRow]] = {}
    for attempt in books.attempts(past.world.disk):
        tries.setdefault(attempt.page, []).append(attempt)
    for number, mine in tries.items():
        page = pages[number]
        if len(past.versions(page.person)) > 1:
            continue  # Their contacts were edited: nobody says in which order it must go round them.
        ways = _ways(past, page)
        for place, attempt in enumerate(mine):
            index = next((n for n, way in enumerate(ways) if way.mark == attempt.mark), None)
            if attempt.outcome != "accepted" or index is None:
                continue
            due = _due(past, page, ways, index, attempt)
            if due is None or due + SOON > past.end or _excused(past, page, due):
                continue
            if not any(later.at <= due + SOON for later in mine[place + 1 :]):
                yield f"page {page.id} to {page.person} should have gone on from contact {index + 1} at {due:.1f}"


def woken(past: Hindsight) -> Iterator[str]:
    """Nobody is paged in their quiet hours for what is not critical. What was under way may still arrive."""
    if past.slack:
        return
    pages = {page.id: page for page in past.pages}
    for attempt in books.attempts(past.world.disk):
        page = pages[attempt.page]
        spans = awake.quiet(past.world, [page.person]) if page.rank else []
        if (
            any(begins + SOON < attempt.at < ends for begins, ends in spans)
            and attempt.outcome != "unrecorded"
        ):
            yield f"page {page.id} went to {page.person} at {attempt.at:.1f}, in their quiet hours"


def _ways(past: Hindsight, page: PageRow) -> Sequence[Contact]:
    person = past.world.people.get(page.person)
    if person is None:
        return ()
    return person.warnings if page.rank and person.warnings else person.contacts


def _due(
    past: Hindsight, page: PageRow, ways: Sequence[Contact], index: int, attempt: AttemptRow
) -> float | None:
    """When it must go on: the earlier of the next contact's time, and the end of the wait for a report."""
    dues = []
    later = [way.after.total_seconds() for way in ways[index + 1 :] if way.after is not None]
    if later:
        dues.append(max(page.created + later[0], attempt.at))
    if ways[index].kind == Beeper.kind and index + 1 < len(ways):
        number = attempt.provider_id or ""
        if number in past.world.network.undelivered:
            dues.append(max(past.world.network.undelivered[number], attempt.at))
        reported = past.world.network.reported.get(attempt.provider_id or "", float("inf"))
        by = attempt.at + REPORTS_WITHIN
        if reported > by - 1.0:
            dues.append(by)
    return min(dues, default=None)


def _excused(past: Hindsight, page: PageRow, due: float) -> bool:
    """Whether it need not go on, or could not."""
    until, one = due + SOON, past.incidents[page.incident]
    quiet = awake.quiet(past.world, [page.person]) if page.rank else []
    trouble = [*past.disturbed(), *past.journal.unable(), *quiet]
    others = [
        other
        for other in past.pages
        if other.incident == page.incident and other.id != page.id and other.kind == "page"
    ]
    return (
        page.state == "superseded"
        or any(a.at <= until and a.found >= page.occurrence for a in answers_to(past.world, one.id))
        or one.recovered is not None
        or (one.resolved is not None and one.resolved <= until)
        or past.referee.recovered_at(one.id) >= due - SOON
        or any(other.occurrence > page.occurrence and other.created <= until for other in others)
        or any(
            other.person == page.person
            and other.created <= until
            and (other.delivered is None or other.delivered >= due - SOON)
            for other in others
        )
        or bool(overlap([[(due - 1.0, until)], trouble]))
    )
