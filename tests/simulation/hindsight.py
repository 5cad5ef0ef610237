"""What is known once a run is over: who was where, what the weather was, and what the books say."""

from collections.abc import Iterable

from tests.simulation import awake, books
from tests.simulation.books import IncidentRow, PageRow
from tests.simulation.journal import Answer, Span, merged, overlap
from tests.simulation.providers import OPERATOR, Ill, Show
from tests.simulation.referee import Referee, answers_to
from tests.simulation.ways import Spell
from tests.simulation.world import World

A_CONTACT = 80.0
"""Seconds after which a contact that does not answer is given up for the next: three tries, and what lies between."""
LONGEST_RETRY = 300.0
LEASE = 30.0
LATENCY = 0.1
"""Seconds from asking for the time to the commit, at most: of two transactions the later may carry the earlier time."""


class Hindsight:
    """Looks back on a whole run."""

    def __init__(self, referee: Referee) -> None:
        self.referee = referee
        self.world: World = referee.world
        self.journal = self.world.journal
        found = books.read(self.world.disk)
        self.incidents = found.incidents
        self.checks = found.checks
        self.pages = books.pages(self.world.disk)
        self.last_tried = {tried.page: tried.at for tried in books.attempts(self.world.disk)}
        self.shows = self.world.network.shows
        self.slack = self.journal.stepped
        self.end = self.world.time

    # What the weather was

    def unreachable(self, people: Iterable[str]) -> list[Span]:
        """When none of these people could be reached by any contact."""
        return overlap(self.faults(person, any_contact=False) for person in people)

    def faults(self, person: str, *, any_contact: bool) -> list[Span]:
        known = self.world.people.get(person)
        if known is None:
            return []
        spans = []
        for number in range(1, len(known.all_contacts) + 1):
            mine = [f for f in self.journal.faults if f.contact == f"{person}/{number}"]
            spans.append([(fault.begins, fault.felt_until) for fault in mine])
        return merged(span for group in spans for span in group) if any_contact else overlap(spans)

    def asleep(self, name: str, one: IncidentRow) -> list[Span]:
        """When somebody of the policy is not paged for this job, because it is not critical."""
        if not self.referee.lives[name].job.severity.rank:
            return []
        asleep = awake.quiet(self.world, {name for step, _ in one.policy for name in step})
        return merged([*asleep, *awake.closed(self.world, one.by)])

    def disturbed(self) -> list[Span]:
        """Crashes and outages, with the time that a lease takes to run out after them."""
        crashes = [(at - 1.0, at + LEASE + 5.0) for at in self.journal.deaths]
        return merged([*crashes, *((a - 1.0, b + LEASE + 5.0) for a, b in self.journal.unable())])

    def windows(self, name: str) -> list[Span]:
        """When it was under maintenance, or waited for the jobs that it runs after."""
        maintained = self.journal.maintained(self.referee.lives[name].job.labels)
        return merged([*maintained, *self.referee.waited[name]])

    # What the books say

    def contact(self, page: PageRow) -> str:
        """The contact of a notice as phones call it: "first/1"."""
        known = self.world.people.get(page.person)
        for number, contact in enumerate(known.all_contacts if known else (), 1):
            if contact.mark == page.contact_mark:
                return f"{page.person}/{number}"
        return OPERATOR

    def refused(self, page: PageRow) -> bool:
        """Whether the contact of a notice refused for good what came meanwhile."""
        since, contact = self.world.clock.when(page.created, 0.0), self.contact(page)
        final = (Ill.FORBIDS, Ill.GONE, Ill.MOVED)
        mine = [f for f in self.journal.faults if f.contact == contact and f.ill in final]
        return any(fault.ends >= since - self.slack for fault in mine)

    def spells(self, name: str) -> list[Spell]:
        return self.referee.lives[name].spells(self.end)

    def homes(self, name: str, spell: Spell) -> list[IncidentRow]:
        found = {home for at, home in self.referee.belonged[name] if spell.begins <= at <= spell.ends}
        return [self.incidents[home] for home in sorted(found)]

    def severities(self, one: IncidentRow, *, before: float) -> list[int]:
        """The severities, 0 the worst, of the jobs that were in an incident before a moment."""
        return [
            self.referee.lives[name].job.severity.rank
            for name, homes in self.referee.belonged.items()
            if name in self.referee.lives and any(home == one.id and at < before for at, home in homes)
        ]

    def granted(self, one: IncidentRow) -> list[Span]:
        """The quiet that people asked for. It holds for what returns as well."""
        return [(answer.at, self.ends(answer)) for answer in answers_to(self.world, one.id)]

    def ends(self, answer: Answer) -> float:
        """When a quiet ends: it is as long as it was asked to be, whatever the clock was set to meanwhile."""
        return answer.at + answer.until - self.world.clock.shown(answer.at)

    def been_before(self, name: str, spell: Spell, one: IncidentRow) -> bool:
        return any(home == one.id and at < spell.begins - 1.0 for at, home in self.referee.belonged[name])

    def naming(self, name: str, one: IncidentRow) -> list[Show]:
        return [
            show
            for show in self.shows
            if (show.incident == one.id and show.names(name))
            or (show.kind == "digest" and one.title in show.text)
        ]

    def bound(self, one: IncidentRow) -> float:
        waits = [wait for _, wait in one.policy]
        recovery = LONGEST_RETRY + LEASE + 2 * A_CONTACT
        return self.world.gathering + sum(waits) + waits[-1] + recovery + 10.0 + self.slack

    def mute(self, show: Show) -> bool:
        """Whether the page was shown without the sender knowing: it may have tried again."""
        return any(f.contact == show.contact and f.ill is Ill.MUTE for f in self.journal.faults)
