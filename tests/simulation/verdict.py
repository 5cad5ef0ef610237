"""What must have been heard and shown by the end of a run: pings in the ring, pages on phones."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from tests.simulation import awake, books, moving
from tests.simulation.books import IncidentRow, PageRow
from tests.simulation.journal import Answer, Span, merged, overlap, without
from tests.simulation.providers import OPERATOR, Beeper, Ill, Show
from tests.simulation.referee import RING, Broken, Referee, answers_to
from tests.simulation.ways import Spell
from tests.simulation.world import World

AT_ONCE = 5.0
"""Seconds from the intent to the phone where nothing is wrong with anything."""
A_CONTACT = 80.0
"""Seconds after which a contact that does not answer is given up for the next: three tries, and what lies between."""
LONGEST_RETRY = 300.0
LEASE = 30.0
LATENCY = 0.1
"""Seconds from asking for the time to the commit, at most: of two transactions the later may carry the earlier time."""
LATE_SHOW = 25.0
"""Seconds for which a page that was under way may still light up a phone after somebody has answered."""


class Verdict:
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

    def give(self) -> None:
        """Raise `Broken` for the first promise that was not kept."""
        for promise, words in self._all():
            raise Broken(promise, words)

    def _all(self) -> Iterator[tuple[int, str]]:
        yield from ((2, words) for words in self._pings())
        yield from ((3, words) for words in self._delivered())
        yield from ((3, words) for words in self._late())
        yield from ((3, words) for words in self._given_up())
        yield from ((3, words) for words in self._twice())
        yield from ((3, words) for words in moving.stuck(self))
        yield from ((3, words) for words in moving.woken(self))
        yield from ((3, words) for words in self._told_of_the_end())
        yield from ((5, words) for words in self._steps())
        yield from ((6, words) for words in self._quiet())
        yield from ((6, words) for words in self._maintained())
        yield from ((11, words) for words in self._untrue())
        for name in self.referee.lives:
            yield from ((5, words) for words in self._ringing(name))
            yield from ((4, words) for words in self._first_told(name))
            yield from ((4, words) for words in self._worse(name))
        yield from ((11, words) for words in self.world.machine.errors.told)

    # Promise 2

    def _pings(self) -> Iterator[str]:
        ring = books.ring(self.world.disk)
        for name in self.referee.lives:
            kept = [(round(row.at, 3), row.kind) for row in ring if row.job == name]
            sent = [p for p in self.journal.pings if p.job == name and p.is_kept]
            known = [(round(p.shown, 3), _kind(p.signal)) for p in sent]
            acknowledged = [(round(p.shown, 3), _kind(p.signal)) for p in sent if p.acknowledged]
            for lost in [one for one in acknowledged[-RING:] if one not in kept]:
                yield f"the ping {lost} of {name} was acknowledged, and is not in the ring"
            for invented in [one for one in kept if one not in known]:
                yield f"the ping {invented} of {name} is in the ring, and nobody sent it"
            count = self.checks[name].pings
            if not len(acknowledged) <= count <= len(sent) or len(kept) != min(count, RING):
                yield f"{name} counts {count} pings and keeps {len(kept)}; {len(acknowledged)} were acknowledged"
            life = self.referee.lives[name]
            # Not each success is of a run that was well, where more is expected.
            last = (
                life.last_ok if life.job.is_exacting else [at for at, kind in kept if kind == "success"][-1:]
            )
            says = self.checks[name].last_ok or 0.0
            if count <= RING and last and all(abs(says - at) > self.slack + 0.001 for at in last):
                yield f"{name} was last well at {last}, and says {says}"

    # Promise 3

    def _delivered(self) -> Iterator[str]:
        """Nothing is marked as delivered that no phone showed."""
        shown = {("-".join(show.notice.split("-")[:2]), show.person) for show in self.shows}
        by_words: dict[tuple[int, str], int] = defaultdict(int)
        for page in self.pages:
            person = self._reached(page)
            if page.state != "delivered" or (f"page-{page.id}", person) in shown:
                continue
            if page.via == Beeper.kind:
                continue  # It reports later that nothing was shown, or reports nothing.
            if page.via == "ntfy":
                by_words[(page.incident, person)] += 1
            else:
                yield f"page {page.id} to {person} is marked as delivered by {page.via}, and no phone showed it"
        for (incident, person), many in by_words.items():
            title = self.incidents[incident].title
            mine = [show for show in self.shows if show.person == person]
            told = [s for s in mine if s.incident == incident and not s.notice]
            told += [s for s in mine if s.incident is None for _ in range(s.text.count(title))]
            if len(told) < many:
                yield f"{many} notices on incident {incident} were delivered to {person}, who saw {len(told)}"

    def _late(self) -> Iterator[str]:
        """What can be delivered is, at once in fine weather, and soon after foul weather."""
        for page in self.pages:
            if page.state not in ("pending", "delivered"):
                continue
            since = self.world.clock.when(page.created, 0.0)
            until = self.end if page.delivered is None else self.world.clock.when(page.delivered, 0.0)
            person = self._reached(page)
            contacts = len(self.world.people[person].all_contacts) if person in self.world.people else 1
            bound = LONGEST_RETRY + LEASE + contacts * A_CONTACT + 10.0 + self.slack
            # A page goes round the contacts; anything else is tried on its own contact only.
            away = self._faults(person, any_contact=page.kind != "page")
            asleep = awake.quiet(self.world, [person]) if page.rank else []
            foul = merged([*self.journal.unable(), *away, *asleep])
            if any(ends - begins > bound for begins, ends in without([(since, until)], foul)):
                yield f"page {page.id} ({page.kind}) to {person} was late: from {since:.1f} to {until:.1f}"
            trouble = [*self._disturbed(), *self._faults(person, any_contact=True), *asleep]
            if (until - since) > AT_ONCE + self.slack and not overlap([[(since, until)], trouble]):
                yield f"page {page.id} ({page.kind}) to {person} took {until - since:.1f} s in fine weather"

    def _given_up(self) -> Iterator[str]:
        """A page is given up only because somebody answered or it is over, other news only where it is refused."""
        for page in self.pages:
            if page.state == "expired" and (page.kind == "page" or not self._refused(page)):
                yield f"page {page.id} ({page.kind}) to {page.person} was given up"
            if page.state != "superseded" or page.kind != "page":
                continue
            incident = self.incidents[page.incident]
            ends = [answer.until for answer in answers_to(self.world, page.incident)]
            answered = [a for a in answers_to(self.world, page.incident) if a.found >= page.occurrence]
            over = incident.resolved is not None and incident.resolved >= page.created - LATENCY - self.slack
            risen = page.rank and any(
                other.incident == page.incident and other.person == page.person and other.rank == 0
                for other in self.pages
            )
            if not over and not (ends and answered) and not risen:
                yield f"page {page.id} to {page.person} was superseded, and nobody had answered"

    def _twice(self) -> Iterator[str]:
        """A phone shows a notice again only where the sender could not know that it had."""
        last: dict[tuple[str, str], Show] = {}
        for show in self.shows:
            if not show.notice:
                continue
            # Who has contacts that are paged one after the other sees a page on each of them.
            where = show.contact if awake.is_stepped(self.world, show.person) else show.person
            before = last.get((show.notice, where))
            last[(show.notice, where)] = show
            if before is None:
                continue
            if before.dedup != show.dedup:
                yield f"{show.notice} was shown with the dedup keys {before.dedup} and {show.dedup}"
            disturbed = overlap([[(before.at, show.at)], self._disturbed()])
            if before.receipt and not disturbed:
                yield f"{show.notice} was shown to {show.contact} at {before.at:.1f} and {show.at:.1f}"

    def _told_of_the_end(self) -> Iterator[str]:
        """Every phone that showed a page is told when it is over."""
        for one in self.incidents.values():
            if one.resolved is None:
                continue
            over = self.world.clock.when(one.resolved, 0.0)
            paged = {
                s.contact for s in self.shows if s.incident == one.id and s.kind == "page" and s.at < over
            }
            ends = [page for page in self.pages if page.incident == one.id and page.kind == "recovered"]
            for contact in paged - {self._contact(page) for page in ends}:
                yield f"{contact} was paged for incident {one.id}, and is not told of its end"

    # Promises 4 and 5

    def _steps(self) -> Iterator[str]:
        """Each step pages all of its people, and gives them the time that it promises before the next."""
        stretches: dict[tuple[int, int], list[PageRow]] = defaultdict(list)
        for page in self.pages:
            if page.kind == "page":
                stretches[(page.incident, page.occurrence)].append(page)
        for (number, occurrence), rows in stretches.items():
            one = self.incidents[number]
            where = f"incident {number}, occurrence {occurrence}"
            begun: dict[int, float] = {}
            for row in rows:
                begun.setdefault(row.step, row.created)
            for step, at in begun.items():
                people, _ = one.page(step)
                wanted = {name if name in self.world.people else "operator" for name in people}
                for person in wanted - {row.person for row in rows if row.step == step}:
                    if not any(r.person == person and r.step < step and self._waited(r, at) for r in rows):
                        yield f"{where}: step {step} did not page {person}"
                early = begun.get(step - 1)
                if early is not None and at - early < one.page(step - 1)[1] - 0.001 - self.slack:
                    yield f"{where}: step {step} came {at - early:.1f} s after the one before"
            if begun and min(begun) != 0:
                yield f"{where}: it began with step {min(begun)}"

    def _waited(self, row: PageRow, at: float) -> bool:
        """Whether a page still waited to be delivered when the next step came (so that it need not come twice)."""
        # One that has moved on to a later contact waits again.
        tried = self.last_tried.get(row.id, 0.0) >= at - self.slack
        again = tried or row.state in ("pending", "superseded")
        return row.delivered is None or row.delivered >= at - self.slack or again

    def _ringing(self, name: str) -> Iterator[str]:
        """While a job is down and nobody has answered, phones ring about it again and again."""
        for spell in self._spells(name):
            for one in self._homes(name, spell):
                bound = self._bound(one)
                held = [
                    span
                    for span in self._windows(name)
                    if span[0] <= spell.begins + self.world.gathering + 10.0
                ]
                quiet = [*self._granted(one), *held, *self._asleep(name, one), *self._elsewhere(one)]
                foul = [*self.journal.unable(), *self.unreachable(one.page(len(one.policy))[0])]
                rings = [s.at for s in self._naming(name, one) if s.kind != "acknowledged"]
                for begins, ends in without([(spell.begins - 10.0, spell.ends)], [*quiet, *foul]):
                    for since, until in _gaps(begins, ends, rings):
                        if until - since > bound:
                            yield f"{name} was down, and no phone said so from {since:.1f} to {until:.1f}"

    def _elsewhere(self, one: IncidentRow) -> list[Span]:
        """When what stands in an incident went on in another one, or may have come from one that went on in this."""
        merged = self.journal.merged
        gone = [(merged[one.id][0], self.end)] if one.id in merged else []
        return [*gone, *((0.0, at) for at, target in merged.values() if target == one.id)]

    def _first_told(self, name: str) -> Iterator[str]:
        """Whoever joins is told of, also where somebody has answered for the others already."""
        for spell in self._spells(name):
            for one in self._homes(name, spell):
                paged = [
                    s
                    for s in self.shows
                    if s.incident == one.id and s.kind == "page" and s.at < spell.begins - 60
                ]
                granted = any(a.at >= spell.begins - 60 for a in answers_to(self.world, one.id))
                if not paged or granted or self._been_before(name, spell, one):
                    continue
                people = {show.person for show in paged}
                foul = [*self._windows(name), *self.journal.unable(), *self.unreachable(people)]
                foul += self._asleep(name, one)
                told = [s.at for s in self._naming(name, one) if spell.begins - 10.0 <= s.at]
                first = min([*told, spell.ends])
                bound = self.world.gathering + LONGEST_RETRY + LEASE + 2 * A_CONTACT + 20.0 + self.slack
                if any(b - a > bound for a, b in without([(spell.begins, first)], foul)):
                    yield f"{name} joined incident {one.id} at {spell.begins:.1f}, and nobody was told"

    def _worse(self, name: str) -> Iterator[str]:
        """What is worse than anything that was answered pages afresh."""
        for spell in self._spells(name):
            for one in self._homes(name, spell):
                until = max(
                    (
                        self._ends(answer)
                        for answer in answers_to(self.world, one.id)
                        if answer.at < spell.begins - 60.0
                    ),
                    default=0.0,
                )
                known = self._severities(one, before=spell.begins)
                mine = self.referee.lives[name].job.severity.rank
                if until < spell.begins + 60.0 or not known or min(known) <= mine:
                    continue
                foul = [*self._windows(name), *self.journal.unable(), *self.unreachable(one.page(0)[0])]
                foul += self._asleep(name, one)
                rings = [s.at for s in self._naming(name, one) if s.kind == "page" and s.at >= spell.begins]
                answered = [a.at for a in answers_to(self.world, one.id) if a.at >= spell.begins - 60.0]
                first = min([*rings, *answered, spell.ends])
                bound = self.world.gathering + LONGEST_RETRY + LEASE + 2 * A_CONTACT + 20.0 + self.slack
                if any(b - a > bound for a, b in without([(spell.begins, first)], foul)):
                    yield f"{name} joined incident {one.id}, is worse than what was answered, and nobody was paged"

    def _severities(self, one: IncidentRow, *, before: float) -> list[int]:
        """The severities, 0 the worst, of the jobs that were in an incident before a moment."""
        return [
            self.referee.lives[name].job.severity.rank
            for name, homes in self.referee.belonged.items()
            if name in self.referee.lives and any(home == one.id and at < before for at, home in homes)
        ]

    # Promise 11

    def _untrue(self) -> Iterator[str]:
        """No incident ends while something in it is down, or by itself before it has been well for long enough."""
        for one in self.incidents.values():
            if one.resolved is None or one.recovered is None or self.slack:
                continue
            at = self.world.clock.when(one.resolved, 0.0)
            by_hand = one.id in self.journal.resolved
            if not by_hand and one.resolved - one.recovered < self.world.settling - 0.001:
                yield f"incident {one.id} ended after {one.resolved - one.recovered:.1f} s without trouble"
            for name in self.referee.lives:
                for spell in self._spells(name):
                    waited = *self.referee.waited[name], *self.referee.waited_no_longer[name]
                    if any(begins <= at <= ends for begins, ends in waited):
                        continue
                    if one.id in self.journal.merged:
                        continue
                    inside = spell.begins < at - LATENCY and at + LATENCY < spell.ends
                    if inside and one in self._homes(name, spell):
                        yield f"incident {one.id} ended while {name} was down"

    # Promise 6

    def _quiet(self) -> Iterator[str]:
        """An answer quiets its occurrence until it ends; no other, and no longer."""
        for answer in self.journal.answers:
            if answer.kind == "void":
                continue
            rows = [p for p in self.pages if p.incident == answer.incident and p.kind == "page"]
            for page in rows:
                since = self.world.clock.when(page.created, 0.0)
                if page.occurrence <= answer.found and since > answer.at + 1.0 + self.slack:
                    yield f"page {page.id} pages for occurrence {page.occurrence}, which was answered"
            ended = [self.world.clock.when(p.created, 0.0) for p in rows if p.occurrence > answer.found]
            until = min([self._ends(answer), *ended])
            for show in self.shows:
                mine = show.incident == answer.incident and show.kind == "page"
                if mine and answer.at + LATE_SHOW < show.at < until and not self._mute(show):
                    yield f"{show.contact} rang at {show.at:.1f} for incident {answer.incident}, which was answered"

    def _maintained(self) -> Iterator[str]:
        """Nobody is paged for the first time about what turned down under maintenance, while that lasts."""
        for page in self.pages:
            one, at = self.incidents[page.incident], self.world.clock.when(page.created, 0.0)
            if page.kind != "page" or page.occurrence > 1 or page.step > 0 or self.slack:
                continue
            members = [
                (name, spell.begins)
                for name in self.referee.lives
                for spell in self._spells(name)
                if spell.begins <= at <= spell.ends and one in self._homes(name, spell)
            ]
            held = [any(a < b and at < e - LATENCY for a, e in self._windows(name)) for name, b in members]
            if members and all(held):
                yield f"incident {one.id} paged at {at:.1f}, and all of it is under maintenance"

    def _windows(self, name: str) -> list[Span]:
        """When it was under maintenance, or waited for the jobs that it runs after."""
        maintained = self.journal.maintained(self.referee.lives[name].job.labels)
        return merged([*maintained, *self.referee.waited[name]])

    # What the weather was

    def unreachable(self, people: Iterable[str]) -> list[Span]:
        """When none of these people could be reached by any contact."""
        return overlap(self._faults(person, any_contact=False) for person in people)

    def _faults(self, person: str, *, any_contact: bool) -> list[Span]:
        known = self.world.people.get(person)
        if known is None:
            return []
        spans = []
        for number in range(1, len(known.all_contacts) + 1):
            mine = [f for f in self.journal.faults if f.contact == f"{person}/{number}"]
            spans.append([(fault.begins, fault.felt_until) for fault in mine])
        return merged(span for group in spans for span in group) if any_contact else overlap(spans)

    def _asleep(self, name: str, one: IncidentRow) -> list[Span]:
        """When somebody of the policy is not paged for this job, because it is not critical."""
        if not self.referee.lives[name].job.severity.rank:
            return []
        return awake.quiet(self.world, {name for step, _ in one.policy for name in step})

    def _disturbed(self) -> list[Span]:
        """Crashes and outages, with the time that a lease takes to run out after them."""
        crashes = [(at - 1.0, at + LEASE + 5.0) for at in self.journal.deaths]
        return merged([*crashes, *((a - 1.0, b + LEASE + 5.0) for a, b in self.journal.unable())])

    # What the books say

    def _reached(self, page: PageRow) -> str:
        return page.person

    def _contact(self, page: PageRow) -> str:
        """The contact of a notice as phones call it: "first/1"."""
        known = self.world.people.get(page.person)
        for number, contact in enumerate(known.all_contacts if known else (), 1):
            if contact.mark == page.contact_mark:
                return f"{page.person}/{number}"
        return OPERATOR

    def _refused(self, page: PageRow) -> bool:
        """Whether the contact of a notice refused for good what came meanwhile."""
        since, contact = self.world.clock.when(page.created, 0.0), self._contact(page)
        final = (Ill.FORBIDS, Ill.GONE, Ill.MOVED)
        mine = [f for f in self.journal.faults if f.contact == contact and f.ill in final]
        return any(fault.ends >= since - self.slack for fault in mine)

    def _spells(self, name: str) -> list[Spell]:
        return self.referee.lives[name].spells(self.end)

    def _homes(self, name: str, spell: Spell) -> list[IncidentRow]:
        found = {home for at, home in self.referee.belonged[name] if spell.begins <= at <= spell.ends}
        return [self.incidents[home] for home in sorted(found)]

    def _granted(self, one: IncidentRow) -> list[Span]:
        """The quiet that people asked for. It holds for what returns as well."""
        return [(answer.at, self._ends(answer)) for answer in answers_to(self.world, one.id)]

    def _ends(self, answer: Answer) -> float:
        """When a quiet ends: it is as long as it was asked to be, whatever the clock was set to meanwhile."""
        return answer.at + answer.until - self.world.clock.shown(answer.at)

    def _been_before(self, name: str, spell: Spell, one: IncidentRow) -> bool:
        return any(home == one.id and at < spell.begins - 1.0 for at, home in self.referee.belonged[name])

    def _naming(self, name: str, one: IncidentRow) -> list[Show]:
        return [
            show
            for show in self.shows
            if (show.incident == one.id and show.names(name))
            or (show.kind == "digest" and one.title in show.text)
        ]

    def _bound(self, one: IncidentRow) -> float:
        waits = [wait for _, wait in one.policy]
        recovery = LONGEST_RETRY + LEASE + 2 * A_CONTACT
        return self.world.gathering + sum(waits) + waits[-1] + recovery + 10.0 + self.slack

    def _mute(self, show: Show) -> bool:
        """Whether the page was shown without the sender knowing: it may have tried again."""
        return any(f.contact == show.contact and f.ill is Ill.MUTE for f in self.journal.faults)


def _kind(signal: str) -> str:
    return signal if not signal.isdigit() else ("fail" if int(signal) else "success")


def _gaps(begins: float, ends: float, at: list[float]) -> Iterator[Span]:
    """The stretches between the moments `at` (and the two ends)."""
    inside = sorted(moment for moment in at if begins <= moment <= ends)
    yield from zip([begins, *inside], [*inside, ends], strict=True)
