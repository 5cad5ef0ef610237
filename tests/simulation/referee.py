"""Compares the service's books with what must be so. It looks on during a run, as often as it is asked to."""

from collections.abc import Iterator, Mapping, Sequence

from tests.simulation import awake, books, changes, duty, replays
from tests.simulation.books import Books, IncidentRow
from tests.simulation.cast import HOUR, Job
from tests.simulation.journal import Answer, Deed, Span, settled
from tests.simulation.oracle import NOTICED, Life
from tests.simulation.virtual import seconds
from tests.simulation.world import World

RING = 100
"""Pings of each check that must be kept."""
LONGEST_SETTLING = 3600.0
UNDER_WAY = 35.0
"""Seconds for which a page that is being sent may lie untouched: the lease, and a little."""


class Broken(AssertionError):
    """A promise of the design (§1) is broken."""

    def __init__(self, promise: int, words: str) -> None:
        super().__init__(f"promise {promise}: {words}")
        self.promise = promise


class Referee:
    """Watches one world from its beginning."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lives = {name: Life(job, world.clock, world.journal) for name, job in world.jobs.items()}
        self.first_jobs = dict(world.jobs)
        self.belonged: dict[str, list[tuple[float, int]]] = {name: [] for name in self.lives}
        """To which incident each check belonged at each look."""
        self._up: set[str] = set()
        self._raised_at_levels: set[tuple[int, str]] = set()
        self.waited: dict[str, list[Span]] = {name: [] for name in self.lives}
        """The times in which each check waited for its parents, or had its chance to run once they were well."""
        self.waited_no_longer: dict[str, list[Span]] = {name: [] for name in self.lives}
        """The times at some moment of which each check ceased to wait."""
        self._waited: set[str] = set()
        """The checks that waited at the look before."""
        self._last_down: dict[str, float] = {}
        self._looked_at = 0.0
        self._recovering: dict[int, float] = {}
        """When each incident was last seen to recover."""
        self._back: dict[int, float] = {}
        """When each incident that recovered was first seen in trouble again."""
        self._ended: set[int] = set()
        """The incidents that were seen to be over."""
        self._pings_seen = 0
        self._steps_seen = 0
        self._done_seen = 0

    def recovered_at(self, incident: int) -> float:
        """When an incident was last seen to recover, 0 if it never was."""
        return self._recovering.get(incident, 0.0)

    def look(self) -> None:
        """Everything that must be so at any moment."""
        if not self.world.machine.ticks:
            raise Broken(10, "the service lives, and has stopped ticking")
        found = books.read(self.world.disk)
        self._follow_lives(found)
        for word in self._checks(found):
            raise Broken(1, word)
        for word in self._levels(found):
            raise Broken(4, word)
        for word in self._waits(found):
            raise Broken(4, word)
        for word in self._incidents(found):
            raise Broken(5, word)
        for word in (*self._answers(found), *self._over(found)):
            raise Broken(6, word)
        for word in self._backlog(found):
            raise Broken(11, word)

    def _follow_lives(self, found: Books) -> None:
        journal, now = self.world.journal, self.world.time
        disk = self.world.disk
        in_books = {*((row.job, row.at) for row in books.ring(disk)), *books.reports(disk)}
        kept = {(job, round(at, 3)) for job, at in in_books}
        pings = list(enumerate(journal.pings))[self._pings_seen :]
        done = journal.done[self._done_seen :]
        steps = journal.steps[self._steps_seen :]
        self._pings_seen, self._done_seen = len(journal.pings), len(journal.done)
        self._steps_seen = len(journal.steps)
        for gone in [one.about for one in done if one.deed is Deed.DELETE]:
            del self.lives[gone]
        for name, life in self.lives.items():
            mine = [(n, p) for n, p in pings if p.job == name and self._counts(n, kept)]
            by_hand = [one for one in done if name == one.about]
            facts = changes.facts_of_pings(mine, journal) + changes.facts_of_deeds(by_hand, life.job)
            for fact in sorted(facts, key=lambda fact: fact.at):
                life.meet(fact)
            # Whoever sets the clock looks before and afterwards, so that nothing else happens in between.
            for at, by in steps:
                life.set_clock(at, by)
            life.pass_time(now)
            row = found.checks[name]
            ways = sorted({" ".join(filter(None, way.look)) for way in life.ways})
            if not life.look(row.state, row.cause):
                is_ = " ".join(filter(None, [row.state, row.cause]))
                raise Broken(1, f"{name} is {is_} at {now:.1f}, and must be {' or '.join(ways)}")

    def _counts(self, number: int, kept: set[tuple[str, float]]) -> bool:
        """A ping counts if it was acknowledged; and one that was not, if it was kept all the same."""
        ping, stamps = self.world.journal.pings[number], replays.stamps(number, self.world.journal)
        return ping.acknowledged or any((ping.job, at) in kept for at in stamps)

    def _checks(self, found: Books) -> Iterator[str]:
        """What is down belongs to exactly one open incident, that of its cause, and nothing else does."""
        keys = {books.symptom_key(row): row for row in found.checks.values()}
        for key, row in keys.items():
            homes = found.belongs.get(key, [])
            if row.state != "down" and homes:
                yield f"{row.slug} is {row.state}, and belongs to incident {homes}"
            if row.state != "down":
                continue
            before = self.belonged[row.slug][-1:]
            self.belonged[row.slug] += [(self.world.time, home) for home in homes]
            wanted = self._wanted(row.slug)
            journal = self.world.journal
            known = any(journal.went_on_in(home, row.slug) & {*homes} for _, home in before)
            known = known or self._follows(row.slug, homes)
            there = set(homes).union(*map(journal.taken_in, homes))
            keys_there = {found.incidents[number].cause_key for number in there}
            if len(homes) != 1 or not (known or keys_there & wanted):
                yield f"{row.slug} is down ({row.cause}), and belongs to incidents {homes} instead of one of {wanted}"
            elif self.lives[row.slug].job.after:
                pass  # It leaves the incident of its parent once that is well.
            elif not known and any(self._continues(found, since, home) for since, home in before):
                yield f"{row.slug} went from incident {before[0][1]}, which is not over, to {homes[0]}"
            if any(self._is_left_behind(key, found.incidents[home], found) for home in homes):
                yield f"{row.slug} is down, and its incident {homes} is resolved"
        for key in found.belongs.keys() - keys.keys():
            yield f"the symptom {key} of no check stands raised"

    def _is_left_behind(self, key: str, home: IncidentRow, found: Books) -> bool:
        """Whether it is down in an incident that is over. A consequence leaves that at once, and not before."""
        if home.resolved is None or key not in found.consequences:
            return home.state == "resolved"
        return self._overdue(home.resolved, NOTICED)

    def _waits(self, found: Books) -> Iterator[str]:
        """A check waits only while a parent of its is down, or was just now."""
        self._last_down |= {
            name: self.world.time for name, row in found.checks.items() if row.state == "down"
        }
        looked_at, self._looked_at = self._looked_at, self.world.time
        yield from self._pages_alone(found, looked_at)
        waiting = self._waiting(found)
        since_then = looked_at, self.world.time
        for name in self._waited - waiting.keys():
            self.waited_no_longer[name].append(since_then)
        self._waited = set(waiting)
        for name, consequence in waiting.items():
            self.waited[name].append(since_then)
            parents = self._parents(name)
            chance = 0.0 if consequence else HOUR + self.lives[name].job.grace
            since = max((self._last_down.get(parent, 0.0) for parent in parents), default=0.0)
            if since + LONGEST_SETTLING + chance < self.world.time:
                yield f"{name} waits for {sorted(parents)}, and all of them are well"
            policy = self.lives[name].job.policy
            if parents and all(self.lives[parent].job.policy != policy for parent in parents):
                yield f"{name} waits for {sorted(parents)}, of which its people do not hear"

    def _pages_alone(self, found: Books, looked_at: float) -> Iterator[str]:
        """A check that turns down for the first time while a parent of its is down, of which its people hear, waits."""
        for name, row in found.checks.items():
            job = self.lives[name].job
            # At each look, what is down is seen to belong to an incident.
            if row.state != "down" or not job.after or len(self.belonged[name]) > 1:
                continue
            down = [self.lives[p] for p in self._direct_parents(name) if found.checks[p].state == "down"]
            since = [way.down_since for life in down for way in life.ways if life.job.policy == job.policy]
            is_held = any(self.world.journal.maintained(one.job.labels) for one in [*down, self.lives[name]])
            outranks = any(job.severity.rank < life.job.severity.rank for life in down)
            surely = any(at is not None and at < looked_at for at in since) and None not in since
            if surely and not is_held and not outranks and books.symptom_key(row) not in found.consequences:
                parents = sorted(life.job.name for life in down)
                yield f"{name} turned down while {parents} were, and does not wait"

    def _waiting(self, found: Books) -> dict[str, bool]:
        """The checks that wait, and whether they do so in the incident of another."""
        keys = {books.symptom_key(row): name for name, row in found.checks.items() if name in self.lives}
        return {
            keys[key]: key in found.consequences
            for key, until in found.waits.items()
            if key in keys and until > self._shown()
        }

    def _parents(self, name: str) -> set[str]:
        """The checks that it runs after, and those that these run after."""
        found: set[str] = set()
        fresh = {name}
        while fresh:
            fresh = {parent for child in fresh for parent in self._direct_parents(child)} - found
            found |= fresh
        return found

    def _direct_parents(self, name: str) -> set[str]:
        child = self.lives[name].job
        return {
            other
            for other, life in self.lives.items()
            if other != name
            and (other in child.after.names or any(_fits(life.job, match) for match in child.after.matches))
        }

    def _follows(self, name: str, homes: Sequence[int]) -> bool:
        """Whether it stands where people have put one that it runs after."""
        return any(
            self.world.journal.went_on_in(home, parent) & {*homes}
            for parent in self._parents(name)
            for _, home in self.belonged[parent]
        )

    def _wanted(self, name: str) -> set[str]:
        """The keys of the incidents that it may have opened or joined, by the job as it was and as it is."""
        life = self.lives[name]
        kinds = {way.down_for for way in life.ways if way.down_for}
        redefined = [one.job for one in self.world.journal.done if one.about == name and one.job is not None]
        jobs = (*redefined, self.first_jobs[name])
        keys = {key for kind in kinds for job in jobs for key in job.incident_keys(kind, self.world.levels)}
        if not kinds:
            return keys
        parents = [self.lives[parent].job for parent in self._parents(name)]
        return keys | {
            key
            for parent in parents
            for kind in ("silent", "failed")
            for key in parent.incident_keys(kind, self.world.levels)
        }

    def _levels(self, found: Books) -> Iterator[str]:
        """An incident is raised at, or grows to, a level of which nothing is up."""
        up = {name for name, row in found.checks.items() if row.state == "up"}
        stayed_up, self._up = up & self._up, up
        raised = {(one.id, one.cause_key) for one in found.open if one.cause_key.endswith(">=")}
        new, self._raised_at_levels = raised - self._raised_at_levels, raised
        for number, key in new:
            region = key.removesuffix(">=").rpartition("region=")[2]
            alive = [name for name in sorted(stayed_up) if self.lives[name].job.region == region]
            if alive:
                yield f"incident {number} is about all of {region}, and {alive} are up"

    def _continues(self, found: Books, seen_at: float, home: int) -> bool:
        """Whether a job that was seen in this incident must still be in it: it cannot have been well for long."""
        over = found.incidents[home].state == "resolved"
        long = self.world.time - seen_at >= self.world.settling - self.world.journal.stepped
        return not over and not long

    def _incidents(self, found: Books) -> Iterator[str]:
        """No open incident without symptoms, without a next action, or with one that has not been done."""
        waiting = {key for key in found.consequences if found.waits[key] > self._shown()}
        held = {home for key, homes in found.belongs.items() if key not in waiting for home in homes}
        self._recovering |= {one.id: self.world.time for one in found.open if one.settles is not None}
        for one in found.open:
            if one.settles is None and self.recovered_at(one.id) > self._back.get(one.id, 0.0):
                self._back[one.id] = self.world.time
        for one in found.incidents.values():
            if one.state == "resolved":
                continue
            if (one.id in held) == (one.settles is not None):
                yield f"incident {one.id} is {one.state}, settles at {one.settles}, and {one.id in held=}"
            furthest = self._shown() + LONGEST_SETTLING + self.world.journal.stepped
            if one.settles is not None and one.settles > furthest:
                yield f"incident {one.id} settles at {one.settles:.1f}, which is too far away"
            if one.next is None:
                yield f"incident {one.id} is {one.state}, and has no next action"
            in_trouble = (("next action", one.next), ("news", one.tell))
            for what, at in in_trouble if one.settles is None else (("end", one.settles),):
                if at is not None and self._overdue(at, NOTICED, self._edited) and self._is_noticed(one):
                    yield f"incident {one.id} is {one.state}, and its {what} of {at:.1f} is overdue"
            quiet = self._until_awake(one) if one.rank else 0.0
            longest = self._shown() + max(self._longest_wait(one), self._held(one), quiet)
            if not one.quiet and one.next is not None and one.next > longest:
                yield f"incident {one.id} waits until {one.next:.1f}, longer than any step of its policy"
        causes = [one.cause_key for one in found.open]
        if len(causes) != len(set(causes)):
            yield f"two open incidents for one cause: {causes}"

    def _is_noticed(self, one: IncidentRow) -> bool:
        """Whether there was time to notice that it has returned. What it is due for may be older: it had recovered."""
        seen = self._recovering.get(one.id, 0.0)
        return (
            one.settles is not None or settled(seen, NOTICED, self.world.journal.unable()) < self.world.time
        )

    def _held(self, one: IncidentRow) -> float:
        """For how long maintenance of the jobs of its group may hold its page, or the chance of those that run after
        others."""
        members = books.members(self.world.disk, one.id)
        jobs = [life.job for name, life in self.lives.items() if name in members]
        spans = [span for job in jobs for span in self.world.journal.maintained(job.labels)]
        ends = [end for begins, end in spans if begins <= self.world.time < end]
        ends += [self.world.time + HOUR + job.grace for job in jobs if job.after]
        return max(ends, default=self.world.time) - self.world.time + self.world.journal.stepped + 0.001

    def _until_awake(self, one: IncidentRow) -> float:
        """For how long the quiet hours of the people of its policy may hold its page."""
        now = self._shown()
        targets = {target for step, _ in one.policy for target in step}
        people = {
            name
            for configured in self.world.journal.configured
            for target in targets
            for name in duty.members(configured, target)
        }
        waits = [*awake.quiet(self.world, people), *awake.closed(self.world, one.by)]
        ends = [end for begins, end in waits if begins <= now < end]
        return max(ends, default=now) - now + self.world.journal.stepped + 0.001

    def _answers(self, found: Books) -> Iterator[str]:
        """Quiet is what a human asked for, no longer and by nobody else; the first answer of each occurrence counts."""
        for one in found.open:
            if not one.quiet:
                continue
            granted = [a for a in answers_to(self.world, one.id) if a.found == one.occurrence]
            if not granted or granted[-1].kind != one.state:
                yield f"incident {one.id} is {one.state} in its occurrence {one.occurrence}, and nobody said so"
            elif one.next is None or not self._asked_for(granted[-1], one.next):
                yield f"incident {one.id} is quiet until {one.next}, and was asked to be until {granted[-1].until}"
            elif one.state == "acknowledged" and granted[-1].by != one.acknowledged_by:
                yield f"incident {one.id} was acknowledged by {granted[-1].by}, and says by {one.acknowledged_by}"
        for answer in self.world.journal.answers:
            stale = answer.meant is not None and answer.meant != answer.found
            if answer.outcome == "stale" and not stale:
                yield f"{answer.by} answered the newest page, and was told that it is old"
            if stale and (answer.kind != "void" or answer.outcome == "acknowledged"):
                yield f"{answer.by} meant occurrence {answer.meant}, and was taken to mean {answer.found}"

    def _over(self, found: Books) -> Iterator[str]:
        """What is over stays over, and the first of two answers counts, however late and often others come."""
        for one in found.incidents.values():
            if one.state == "resolved":
                self._ended.add(one.id)
            elif one.id in self._ended:
                yield f"incident {one.id} was over, and is {one.state}"
        held: dict[tuple[int, int], Answer] = {}
        for answer in self.world.journal.answers:
            about = answer.incident, answer.found
            if answer.kind == "acknowledged":
                before = held.get(about)
                if before is not None and before.until > self.world.clock.shown(answer.at):
                    yield f"incident {answer.incident} was acknowledged already, and {answer.by} prolonged it"
                held[about] = answer
            elif answer.kind == "snoozed":
                held.pop(about, None)

    def _asked_for(self, answer: Answer, until: float) -> bool:
        """Whether a quiet ends when it was asked to, or as much later or earlier as the clock was set since."""
        ends, steps = [answer.until], self.world.journal.steps
        for _, by in [step for step in steps if step[0] >= answer.at]:
            ends += [end + by for end in ends]
        return any(abs(until - end) <= 0.001 for end in ends)

    def _backlog(self, found: Books) -> Iterator[str]:
        """One waiting page a person and incident, however long nobody could be reached; and none is left lying."""
        waiting = [page for page in books.pages(self.world.disk) if page.state == "pending"]
        seen = set()
        for page in waiting:
            actor = (page.incident, page.person, page.kind)
            if page.kind == "page" and actor in seen:
                yield f"several pages of incident {page.incident} wait for {page.person}"
            seen.add(actor)
            recovers = found.incidents[page.incident].settles is not None
            since = max(self._edited, self._back.get(page.incident, 0.0))
            if page.next is not None and not recovers and self._overdue(page.next, UNDER_WAY, since):
                yield f"page {page.id} to {page.person} should have been tried at {page.next:.1f}"

    @property
    def _edited(self) -> float:
        """When people were last edited: what waits for them looks again at once, as if it had been due for long."""
        return self.world.journal.configured[-1].at

    def _overdue(self, shown: float, patience: float, since: float = 0.0) -> bool:
        at = max(self.world.clock.when(shown, self.world.clock.last_set), since)
        return settled(at, patience, self.world.journal.unable()) < self.world.time

    def _shown(self) -> float:
        return seconds(self.world.now)

    def _longest_wait(self, one: IncidentRow) -> float:
        """The longest wait of the steps that reach somebody. Nobody waits for others."""
        stepped = self.world.journal.stepped
        waits = [wait for place, (_, wait) in enumerate(one.policy) if stepped or self._reaches(one, place)]
        return max([self.world.gathering, *waits]) + stepped + 0.001

    def _reaches(self, one: IncidentRow, place: int) -> bool:
        """Whether a step reaches somebody, or did so at the time of the last page."""
        targets = [targets for targets, _ in one.policy]
        *before, now = self.world.journal.configured
        return bool(duty.paged(now, targets, place, self._shown())) or any(
            duty.paged(version, targets, place, shown)
            for version in (*before, now)
            for shown in books.paged_at(self.world.disk, one.id)
        )


def answers_to(world: World, incident: int) -> list[Answer]:
    """The answers to an incident that took effect, in order."""
    return [a for a in world.journal.answers if a.incident == incident and a.kind != "void"]


def _fits(job: Job, match: Mapping[str, str]) -> bool:
    return match.items() <= job.labels.items()
