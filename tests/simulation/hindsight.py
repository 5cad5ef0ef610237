"""What is known once a run is over: who was where, what the weather was, and what the books say."""

from collections.abc import Iterable

from alerting.person import Person
from tests.simulation import awake, books, duty
from tests.simulation.books import IncidentRow, PageRow
from tests.simulation.journal import FOR_EVER, Answer, Configured, Span, merged, overlap
from tests.simulation.providers import FINAL, OPERATOR, Ill, Show, called
from tests.simulation.referee import Referee, answers_to
from tests.simulation.ways import Spell
from tests.simulation.world import World

A_CONTACT = 80.0
"""Seconds after which a contact that does not answer is given up for the next: three tries, and what lies between."""
LONGEST_RETRY = 300.0
LEASE = 30.0
A_MOMENT = 15.0
"""Seconds from when a page is due until it is shown, where nothing is wrong with anything."""
LATENCY = 0.1
"""Seconds from asking for the time to the commit, at most: of two transactions the later may carry the earlier time."""

Steps = tuple[tuple[tuple[str, ...], float], ...]
"""The targets of each step, and how long it waits."""


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

    def unreachable(self, targets: Iterable[str]) -> list[Span]:
        """When none of these targets could be reached by any contact."""
        names = list(targets)
        spans = []
        for (begins, ends), configured in self.configurations():
            groups = [
                [span for one in people for span in self.faults(one, any_contact=False)]
                for people in (duty.defined(configured, name) for name in names)
                if people
            ]
            spans += overlap([*groups, [(begins, ends + LONGEST_RETRY)]]) if groups else []
        return merged(spans)

    def faults(self, person: str, *, any_contact: bool) -> list[Span]:
        """When one of a person's contacts was bad, or all of them, as they were defined then."""
        spans = []
        for (begins, ends), known in self.versions(person):
            contacts = [called(contact) for contact in known.all_contacts] if known else []
            groups = [
                [(f.begins, f.felt_until) for f in self.journal.faults if f.contact == name]
                for name in contacts
            ]
            felt = merged(span for group in groups for span in group) if any_contact else overlap(groups)
            # Whoever waits for a contact that is edited meanwhile waits to the end.
            spans += overlap([felt, [(begins, ends + LONGEST_RETRY)]])
        return merged(spans)

    def asleep(self, name: str, one: IncidentRow) -> list[Span]:
        """When somebody of the policy is not paged for this job, because it is not critical."""
        if not self.referee.lives[name].job.severity.rank:
            return []
        people = self.members(target for step, _ in one.policy for target in step)
        return merged([*awake.quiet(self.world, people), *awake.closed(self.world, one.by)])

    def disturbed(self) -> list[Span]:
        """Crashes and outages, with the time that a lease takes to run out after them."""
        crashes = [(at - 1.0, at + LEASE + 5.0) for at in self.journal.deaths]
        return merged([*crashes, *((a - 1.0, b + LEASE + 5.0) for a, b in self.journal.unable())])

    def windows(self, name: str) -> list[Span]:
        """When it was under maintenance, or waited for the jobs that it runs after."""
        maintained = self.journal.maintained(self.referee.lives[name].job.labels)
        return merged([*maintained, *self.referee.waited[name]])

    # Who was defined

    def configurations(self) -> list[tuple[Span, Configured]]:
        """Who and what was configured, and when."""
        versions = self.journal.configured
        ends = [*(one.at for one in versions[1:]), FOR_EVER]
        return [((one.at, end), one) for one, end in zip(versions, ends, strict=True)]

    def configured_at(self, moment: float) -> list[Configured]:
        """How it was configured at a moment, in each order in which transactions may have followed each other."""
        around = moment - LATENCY, moment + 3 * LATENCY
        return [
            one for (begins, ends), one in self.configurations() if begins <= around[1] and around[0] < ends
        ]

    def versions(self, person: str) -> list[tuple[Span, Person | None]]:
        """How a person was defined, and when; None where nobody has this name."""
        found: list[tuple[Span, Person | None]] = []
        for (begins, ends), configured in self.configurations():
            known = configured.people.get(person)
            if found and found[-1][1] == known:
                begins = found.pop()[0][0]
            found.append(((begins, ends), known))
        return found

    def contacts(self, person: str) -> dict[str, str]:
        """All contacts that a person ever had: their names by their marks."""
        known = [one for _, one in self.versions(person) if one is not None]
        return {contact.mark: called(contact) for one in known for contact in one.all_contacts}

    def has_gone(self, person: str) -> bool:
        """Whether there was a time when they could not be paged at all: then the operator is."""
        return any(known is None or not known.contacts for _, known in self.versions(person))

    def members(self, targets: Iterable[str]) -> set[str]:
        """All whom these targets ever meant."""
        names = set(targets)
        return {one for c in self.journal.configured for name in names for one in duty.members(c, name)}

    # What the books say

    def own_steps(self, one: IncidentRow) -> Steps:
        """The steps of its policy, without the one of whoever it was handed to."""
        handed = any(a.incident == one.id for a in self.journal.assigned)
        return one.policy[1:] or one.policy if handed else one.policy

    def policy(self, one: IncidentRow, occurrence: int) -> Steps:
        """Its steps as they were in an occurrence."""
        own = self.own_steps(one)
        handed = [a.to for a in self.journal.assigned if a.incident == one.id and a.occurrence <= occurrence]
        return (((handed[-1],), own[0][1]), *own) if handed else own

    def paged_by(self, steps: Steps, step: int, created: float) -> list[set[str]]:
        """Whom a step must page at a moment, in each way in which it may have been configured."""
        moment = self.world.clock.when(created, 0.0)
        place = min(step, len(steps) - 1)
        targets = [targets for targets, _ in steps]
        found = [duty.paged(c, targets, place, created) for c in self.configured_at(moment)]
        instead = set(self.world.catch_all)
        return [instead if instead and people == {duty.NOBODY_HERE} else people for people in found]

    def contact(self, page: PageRow) -> str:
        """The contact of a notice as phones call it: "first/1"."""
        return self.contacts(page.person).get(page.contact_mark or "", OPERATOR)

    def refused(self, page: PageRow) -> bool:
        """Whether the contact of a notice refused for good what came meanwhile."""
        since, contact = self.world.clock.when(page.created, 0.0), self.contact(page)
        mine = [f for f in self.journal.faults if f.contact == contact and f.ill in FINAL]
        return any(fault.ends >= since - self.slack for fault in mine)

    def refuses(self, person: str, at: float) -> bool:
        """Whether a contact of a person refused for good at some time before a moment."""
        theirs = {*self.contacts(person).values(), OPERATOR}
        return any(f.contact in theirs and f.ill in FINAL and f.begins <= at for f in self.journal.faults)

    def spells(self, name: str) -> list[Spell]:
        return self.referee.lives[name].spells(self.end)

    def homes(self, name: str, spell: Spell) -> list[IncidentRow]:
        found = {home for at, home in self.referee.belonged[name] if spell.begins <= at <= spell.ends}
        return [self.incidents[home] for home in sorted(found)]

    def joined(self, name: str, spell: Spell, one: IncidentRow) -> float:
        """When a check came into this incident: as its spell began, or later out of another one, by merge or split."""
        seen = [(at, home) for at, home in self.referee.belonged[name] if spell.begins <= at <= spell.ends]
        first = next(at for at, home in seen if home == one.id)
        return first if seen[0][1] != one.id else spell.begins

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

    def bound(self, one: IncidentRow, since: float, until: float) -> float:
        """The longest time without a page of it, between two moments."""
        waits = [wait for _, wait in one.policy]
        return self.world.gathering + sum(waits) + waits[-1] + self.recovery(since, until) + 10.0

    def recovery(self, since: float, until: float) -> float:
        """Seconds by which a page may be late between two moments: long after foul weather, and none in fine."""
        felt = [(f.begins, f.felt_until + LONGEST_RETRY) for f in self.journal.faults]
        foul = [*felt, *((begins, ends + LONGEST_RETRY) for begins, ends in self.disturbed())]
        if self.slack or overlap([[(since, until)], foul]):
            return LONGEST_RETRY + LEASE + 2 * A_CONTACT + self.slack
        return A_MOMENT

    def mute(self, show: Show) -> bool:
        """Whether the page was shown without the sender knowing: it may have tried again."""
        return any(f.contact == show.contact and f.ill is Ill.MUTE for f in self.journal.faults)
