"""Promise 3, looked back on: no page is lost, late, given up or shown twice for no reason."""

from collections import defaultdict
from collections.abc import Iterator

from tests.simulation import awake, duty
from tests.simulation.books import PageRow
from tests.simulation.hindsight import A_CONTACT, LATENCY, LEASE, LONGEST_RETRY, Hindsight
from tests.simulation.journal import merged, overlap, without
from tests.simulation.providers import OPERATOR, Beeper, Show, called
from tests.simulation.referee import answers_to

AT_ONCE = 5.0
"""Seconds from the intent to the phone where nothing is wrong with anything."""


def delivered(past: Hindsight) -> Iterator[str]:
    """Nothing is marked as delivered that no phone showed."""
    shown = {("-".join(show.notice.split("-")[:2]), show.person) for show in past.shows}
    by_words: dict[tuple[int, str], int] = defaultdict(int)
    for page in past.pages:
        person = page.person
        if page.state != "delivered" or (f"page-{page.id}", person) in shown:
            continue
        if past.has_gone(person) and (f"page-{page.id}", duty.NOBODY_HERE) in shown:
            continue
        if page.via == Beeper.kind:
            continue  # It reports later that nothing was shown, or reports nothing.
        if page.via == "ntfy":
            by_words[(page.incident, person)] += 1
        else:
            yield f"page {page.id} to {person} is marked as delivered by {page.via}, and no phone showed it"
    for (incident, person), many in by_words.items():
        title = past.incidents[incident].title
        mine = [show for show in past.shows if show.person == person]
        told = [s for s in mine if s.incident == incident and not s.notice]
        told += [s for s in mine if s.incident is None for _ in range(s.text.count(title))]
        if len(told) < many:
            yield f"{many} notices on incident {incident} were delivered to {person}, who saw {len(told)}"


def late(past: Hindsight) -> Iterator[str]:
    """What can be delivered is, at once in fine weather, and soon after foul weather."""
    for page in past.pages:
        if page.state not in ("pending", "delivered"):
            continue
        since = past.world.clock.when(page.created, 0.0)
        until = past.end if page.delivered is None else past.world.clock.when(page.delivered, 0.0)
        person = page.person
        contacts = len(past.contacts(person)) or 1
        bound = LONGEST_RETRY + LEASE + contacts * A_CONTACT + 10.0 + past.slack
        # A page goes round the contacts; anything else is tried on its own contact only.
        away = past.faults(person, any_contact=page.kind != "page")
        asleep = awake.quiet(past.world, [person]) if page.rank else []
        foul = merged([*past.journal.unable(), *away, *asleep])
        if any(ends - begins > bound for begins, ends in without([(since, until)], foul)):
            yield f"page {page.id} ({page.kind}) to {person} was late: from {since:.1f} to {until:.1f}"
        trouble = [*past.disturbed(), *past.faults(person, any_contact=True), *asleep]
        if (until - since) > AT_ONCE + past.slack and not overlap([[(since, until)], trouble]):
            yield f"page {page.id} ({page.kind}) to {person} took {until - since:.1f} s in fine weather"


def given_up(past: Hindsight) -> Iterator[str]:
    """A page is given up only because somebody answered or it is over, other news only where it is refused."""
    for page in past.pages:
        if page.state == "expired" and (page.kind == "page" or not _is_refused(past, page)):
            yield f"page {page.id} ({page.kind}) to {page.person} was given up"
        if page.state != "superseded" or page.kind != "page":
            continue
        incident = past.incidents[page.incident]
        ends = [answer.until for answer in answers_to(past.world, page.incident)]
        answered = [a for a in answers_to(past.world, page.incident) if a.found >= page.occurrence]
        over = incident.resolved is not None and incident.resolved >= page.created - LATENCY - past.slack
        risen = page.rank and any(
            other.incident == page.incident and other.person == page.person and other.rank == 0
            for other in past.pages
        )
        handed = any(
            a.incident == page.incident and a.occurrence > page.occurrence for a in past.journal.assigned
        )
        if not over and not (ends and answered) and not risen and not handed and not _begun_anew(past, page):
            yield f"page {page.id} to {page.person} was superseded, and nobody had answered"


def _begun_anew(past: Hindsight, page: PageRow) -> bool:
    """Whether its incident paged the same person again from its first step, so that this page gave way."""
    return any(
        other.incident == page.incident
        and other.person == page.person
        and other.kind == "page"
        and other.occurrence > page.occurrence
        for other in past.pages
    )


def _is_refused(past: Hindsight, page: PageRow) -> bool:
    """Whether the contact of a notice refused it for good, or was edited away."""
    versions = past.versions(page.person)
    marks = [{contact.mark for contact in one.all_contacts} if one else set() for _, one in versions]
    return past.refused(page) or any(page.contact_mark not in known for known in marks)


def twice(past: Hindsight) -> Iterator[str]:
    """A phone shows a notice again only where the sender could not know that it had."""
    last: dict[tuple[str, str], Show] = {}
    for show in past.shows:
        if not show.notice:
            continue
        # Who has contacts that are paged one after the other sees a page on each of them.
        where = show.contact if awake.is_stepped(past.world, show.person) else show.person
        before = last.get((show.notice, where))
        last[(show.notice, where)] = show
        if before is None:
            continue
        if before.dedup != show.dedup:
            yield f"{show.notice} was shown with the dedup keys {before.dedup} and {show.dedup}"
        disturbed = overlap([[(before.at, show.at)], past.disturbed()])
        if before.receipt and not disturbed:
            yield f"{show.notice} was shown to {show.contact} at {before.at:.1f} and {show.at:.1f}"


def told_of_the_end(past: Hindsight) -> Iterator[str]:
    """Every phone that showed a page is told when it is over."""
    for one in past.incidents.values():
        if one.resolved is None:
            continue
        over = past.world.clock.when(one.resolved, 0.0)
        paged = {s.contact for s in past.shows if s.incident == one.id and s.kind == "page" and s.at < over}
        ends = [page for page in past.pages if page.incident == one.id and page.kind == "recovered"]
        for contact in paged - {past.contact(page) for page in ends}:
            if not _is_known(past, contact, over):
                continue
            yield f"{contact} was paged for incident {one.id}, and is not told of its end"


def _is_known(past: Hindsight, contact: str, at: float) -> bool:
    """Whether it is a contact all through a moment, as far as one can tell; the operator's always is."""
    person = contact.partition("/")[0]
    return contact == OPERATOR or all(
        person in one.people and contact in map(called, one.people[person].all_contacts)
        for one in past.configured_at(at)
    )
