"""Promises 4 and 5, looked back on: whom each step pages, and that phones ring while something is down."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.simulation import awake, books
from tests.simulation.books import IncidentRow, PageRow
from tests.simulation.hindsight import A_CONTACT, LEASE, LONGEST_RETRY, Hindsight
from tests.simulation.journal import Span, without
from tests.simulation.referee import answers_to


def steps(past: Hindsight) -> Iterator[str]:
    """Each step pages all of its people, and gives them the time that it promises before the next."""
    stretches: dict[tuple[int, int], list[PageRow]] = defaultdict(list)
    for page in past.pages:
        if page.kind == "page":
            stretches[(page.incident, page.occurrence)].append(page)
    for (number, occurrence), rows in stretches.items():
        one = past.incidents[number]
        where = f"incident {number}, occurrence {occurrence}"
        begun: dict[int, float] = {}
        for row in rows:
            begun.setdefault(row.step, row.created)
        for step, at in begun.items():
            people, _ = one.page(step)
            wanted = {name for name in people if name in past.world.people}
            wanted = wanted or set(past.world.catch_all) or {"operator"}
            if one.goes_round(step):
                wanted = set()
            for person in wanted - {row.person for row in rows if row.step == step}:
                if not any(r.person == person and r.step < step and _waited(past, r, at) for r in rows):
                    yield f"{where}: step {step} did not page {person}"
            early = begun.get(step - 1)
            if early is not None and at - early < one.page(step - 1)[1] - 0.001 - past.slack:
                yield f"{where}: step {step} came {at - early:.1f} s after the one before"
        if begun and min(begun) != 0:
            yield f"{where}: it began with step {min(begun)}"


def turns(past: Hindsight) -> Iterator[str]:
    """Each incident begins with the next person of a round, and its repetitions go on from there."""
    dealt: dict[tuple[str, tuple[str, ...]], Counter[str]] = defaultdict(Counter)
    for number, lines in books.turns(past.world.disk).items():
        if (one := past.incidents.get(number)) is None:
            continue
        people, _ = one.page(0)
        if one.rounds != {0} or len(one.policy) > 1:
            continue
        names = {past.world.people[name].name: name for name in people}
        before = ""
        for kind, words in lines:
            if kind != "paged":
                before = f"={before}" if before else ""
                continue
            name = names[words.rpartition(": ")[2]]
            if not before:
                dealt[one.by, people][name] += 1
            elif before.startswith("="):
                if name != before.lstrip("="):
                    yield f"incident {number} began again with {name} instead of {before.lstrip('=')}"
            elif name != people[(people.index(before) + 1) % len(people)]:
                yield f"incident {number} paged {name} after {before}"
            before = name
    for (policy, people), count in dealt.items():
        turns = [count[name] for name in people]
        if max(turns) - min(turns) > 1:
            yield f"the turns of {policy} are {dict(count)}"


def early(past: Hindsight) -> Iterator[str]:
    """No page of a warning is written outside of the hours for which it waits: nothing is down for as long as these."""
    for page in past.pages:
        closed = awake.closed(past.world, past.incidents[page.incident].by)
        if page.kind != "page" or not page.rank or past.slack:
            continue
        if any(begins <= page.created < end for begins, end in closed):
            yield f"page {page.id} of a warning was written at {page.created:.1f}, outside of working hours"


def _waited(past: Hindsight, row: PageRow, at: float) -> bool:
    """Whether a page still waited to be delivered when the next step came (so that it need not come twice)."""
    # One that has moved on to a later contact waits again.
    tried = past.last_tried.get(row.id, 0.0) >= at - past.slack
    again = tried or row.state in ("pending", "superseded")
    return row.delivered is None or row.delivered >= at - past.slack or again


def ringing(past: Hindsight, name: str) -> Iterator[str]:
    """While a job is down and nobody has answered, phones ring about it again and again."""
    for spell in past.spells(name):
        for one in past.homes(name, spell):
            bound = past.bound(one)
            held = [
                span for span in past.windows(name) if span[0] <= spell.begins + past.world.gathering + 10.0
            ]
            quiet = [*past.granted(one), *held, *past.asleep(name, one), *_elsewhere(past, one)]
            foul = [*past.journal.unable(), *past.unreachable(one.page(len(one.policy))[0])]
            rings = [s.at for s in past.naming(name, one) if s.kind != "acknowledged"]
            for begins, ends in without([(spell.begins - 10.0, spell.ends)], [*quiet, *foul]):
                for since, until in _gaps(begins, ends, rings):
                    if until - since > bound:
                        yield f"{name} was down, and no phone said so from {since:.1f} to {until:.1f}"


def _elsewhere(past: Hindsight, one: IncidentRow) -> list[Span]:
    """When what stands in an incident went on in another one, or may have come from one that went on in this."""
    merged = past.journal.merged
    gone = [(merged[one.id][0], past.end)] if one.id in merged else []
    return [*gone, *((0.0, at) for at, target in merged.values() if target == one.id)]


def first_told(past: Hindsight, name: str) -> Iterator[str]:
    """Whoever joins is told of, also where somebody has answered for the others already."""
    for spell in past.spells(name):
        for one in past.homes(name, spell):
            paged = [
                s
                for s in past.shows
                if s.incident == one.id and s.kind == "page" and s.at < spell.begins - 60
            ]
            granted = any(a.at >= spell.begins - 60 for a in answers_to(past.world, one.id))
            if not paged or granted or past.been_before(name, spell, one):
                continue
            people = {show.person for show in paged}
            foul = [*past.windows(name), *past.journal.unable(), *past.unreachable(people)]
            foul += past.asleep(name, one)
            told = [s.at for s in past.naming(name, one) if spell.begins - 10.0 <= s.at]
            first = min([*told, spell.ends])
            bound = past.world.gathering + LONGEST_RETRY + LEASE + 2 * A_CONTACT + 20.0 + past.slack
            if any(b - a > bound for a, b in without([(spell.begins, first)], foul)):
                yield f"{name} joined incident {one.id} at {spell.begins:.1f}, and nobody was told"


def worse(past: Hindsight, name: str) -> Iterator[str]:
    """What is worse than anything that was answered pages afresh."""
    for spell in past.spells(name):
        for one in past.homes(name, spell):
            until = max(
                (
                    past.ends(answer)
                    for answer in answers_to(past.world, one.id)
                    if answer.at < spell.begins - 60.0
                ),
                default=0.0,
            )
            known = past.severities(one, before=spell.begins)
            mine = past.referee.lives[name].job.severity.rank
            if until < spell.begins + 60.0 or not known or min(known) <= mine:
                continue
            foul = [*past.windows(name), *past.journal.unable(), *past.unreachable(one.page(0)[0])]
            foul += past.asleep(name, one)
            rings = [s.at for s in past.naming(name, one) if s.kind == "page" and s.at >= spell.begins]
            answered = [a.at for a in answers_to(past.world, one.id) if a.at >= spell.begins - 60.0]
            first = min([*rings, *answered, spell.ends])
            bound = past.world.gathering + LONGEST_RETRY + LEASE + 2 * A_CONTACT + 20.0 + past.slack
            if any(b - a > bound for a, b in without([(spell.begins, first)], foul)):
                yield f"{name} joined incident {one.id}, is worse than what was answered, and nobody was paged"


def _gaps(begins: float, ends: float, at: list[float]) -> Iterator[Span]:
    """The stretches between the moments `at` (and the two ends)."""
    inside = sorted(moment for moment in at if begins <= moment <= ends)
    yield from zip([begins, *inside], [*inside, ends], strict=True)
