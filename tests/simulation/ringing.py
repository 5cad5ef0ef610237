"""Promises 4 and 5, looked back on: whom each step pages, and that phones ring while something is down."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from tests.simulation import books, duty
from tests.simulation.books import IncidentRow, PageRow
from tests.simulation.hindsight import LATENCY, Hindsight, Steps
from tests.simulation.journal import Span, merged, without
from tests.simulation.referee import answers_to


def steps(past: Hindsight) -> Iterator[str]:
    """Each step pages all whom it means, gives them the time that it promises, and is left out only for nobody."""
    stretches: dict[tuple[int, int], list[PageRow]] = defaultdict(list)
    for page in past.pages:
        if page.kind == "page":
            stretches[(page.incident, page.occurrence)].append(page)
    for (number, occurrence), rows in stretches.items():
        if past.incidents[number].rounds:
            continue  # Whom a round pages is another rule: see `turns`.
        policy = past.policy(past.incidents[number], occurrence)
        for fault in _climbed(past, number, policy, rows):
            yield f"incident {number}, occurrence {occurrence}: {fault}"


def _climbed(past: Hindsight, number: int, policy: Steps, rows: Sequence[PageRow]) -> Iterator[str]:
    begun: dict[int, float] = {}
    for row in rows:
        if not _is_beside(past, policy, row):
            begun.setdefault(row.step, row.created)
    before, due = -1, 0.0
    for step, at in begun.items():
        if missing := _missing(past, policy, rows, step, at):
            yield f"step {step} did not page {missing}"
        early = begun.get(before)
        if past.journal.wants(number, (early or 0.0) - LATENCY, at + LATENCY):
            # Whoever wants a page now is not kept waiting, and goes past those who sleep.
            before, due = step, at + waits(past, policy, step, at)
            continue
        in_time = early is None or at - early >= waits(past, policy, before, early) - 0.001 - past.slack
        if early is not None and not in_time and not _refused(past, rows, step, at):
            yield f"step {step} came {at - early:.1f} s after the one before"
        for skipped in range(before + 1, step):
            # Nobody is paged anew who has not been reached since the step before. A service that comes late asks who is
            # on call then.
            left_out = [_missing(past, policy, rows, skipped, moment) for moment in (min(at, due or at), at)]
            if all(left_out):
                yield f"step {step} came at {at:.1f} without step {skipped}, which means {left_out[0]}"
            due += _wait(policy, skipped)
        before, due = step, at + waits(past, policy, step, at)


def _is_beside(past: Hindsight, policy: Steps, row: PageRow) -> bool:
    """Whether a page is the operator's beside a step whose people refuse: it comes when they do, not with the step."""
    targets = policy[min(row.step, len(policy) - 1)][0]
    ways = past.configured_at(past.world.clock.when(row.created, 0.0))
    return row.person == duty.NOBODY_HERE and all(duty.reached(one, targets, row.created) for one in ways)


def _refused(past: Hindsight, rows: Sequence[PageRow], step: int, at: float) -> bool:
    """Whether a contact of everybody whom the steps before one paged refused: nobody waits for these."""
    earlier = [row for row in rows if row.step < step]
    waiting = [row for row in earlier if row.step == step - 1 or _waited(past, row, at)]
    return bool(waiting) and all(past.refuses(row.person, at) for row in waiting)


def _wait(policy: Steps, step: int) -> float:
    return policy[min(max(step, 0), len(policy) - 1)][1]


def waits(past: Hindsight, policy: Steps, step: int, at: float) -> float:
    """How long a step waits that pages at a moment. Where it reaches nobody, it waits as the one that pages instead."""
    place = min(step, len(policy) - 1)
    order = [*range(place, len(policy)), *reversed(range(place))]
    moment = past.world.clock.when(at, 0.0)
    paging = [
        next((n for n in order if duty.reached(configured, policy[n][0], at)), place)
        for configured in past.configured_at(moment)
    ]
    return min(policy[n][1] for n in paging)


def _missing(past: Hindsight, policy: Steps, rows: Sequence[PageRow], step: int, at: float) -> str:
    """Whom a step means at a moment, and did not page: in words, and nothing where it paged all of them."""
    if past.slack and len(past.journal.configured) > 1:
        return ""  # The clock was set, and people were edited: nobody can tell who was on call.
    missing = [
        {
            person
            for person in wanted - _people(rows, step)
            if not any(r.person == person and r.step < step and _waited(past, r, at) for r in rows)
        }
        for wanted in past.paged_by(policy, step, at)
    ]
    return " or ".join(map(str, map(sorted, missing))) if all(missing) else ""


def _people(rows: Sequence[PageRow], step: int) -> set[str]:
    return {row.person for row in rows if row.step == step}


def frozen(past: Hindsight) -> Iterator[str]:
    """An incident pages by the policy as it was when it opened, whatever is edited meanwhile."""
    for one in past.incidents.values():
        origin = one
        while origin.id in past.journal.splits:
            origin = past.incidents[past.journal.splits[origin.id].source]
        name = origin.cause_key.split(":")[1]
        at = past.world.clock.when(origin.opened, 0.0)
        then = [
            tuple((tuple(step.targets), step.wait.total_seconds()) for step in c.policies[name].steps)
            for c in past.configured_at(at)
        ]
        if past.own_steps(one) not in then and not past.slack:
            yield f"incident {one.id} pages by {past.own_steps(one)}, and the policy {name} was {then}"


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
            if (name := names.get(words.rpartition(": ")[2], "")) == "":
                continue  # Everybody of the round refused, and the catch-all is paged beside it.
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
            held = [
                span for span in past.windows(name) if span[0] <= spell.begins + past.world.gathering + 10.0
            ]
            quiet = [*past.granted(one), *held, *past.asleep(name, one), *_elsewhere(past, one, name)]
            quiet += _in_others(past, one, name)
            foul = [*past.journal.unable(), *_unreachable(past, one)]
            rings = [s.at for s in past.naming(name, one) if s.kind != "acknowledged"]
            for begins, ends in without([(spell.begins - 10.0, spell.ends)], [*quiet, *foul]):
                for since, until in _gaps(begins, ends, rings):
                    if until - since > past.bound(one, since, until):
                        yield f"{name} was down, and no phone said so from {since:.1f} to {until:.1f}"


def _unreachable(past: Hindsight, one: IncidentRow) -> list[Span]:
    """When the step that repeats reached nobody by any contact."""
    targets = {target for step, _ in one.policy for target in step}
    if all(len(past.members([target])) == 1 and not past.has_gone(target) for target in targets):
        return past.unreachable(one.page(len(one.policy))[0])
    # Which step it is depends on who is on call.
    return merged(span for step, _ in one.policy for span in past.unreachable(step))


def _elsewhere(past: Hindsight, one: IncidentRow, name: str) -> list[Span]:
    """When what stands in an incident went on in another one, or may have come from one that went on in this."""
    together, apart = past.journal.merged, past.journal.splits
    gone = [(together[one.id][0], past.end)] if one.id in together else []
    gone += [
        (split.at, past.end) for split in apart.values() if split.source == one.id and name in split.jobs
    ]
    came = [(0.0, at) for at, target in together.values() if target == one.id]
    return [*gone, *came, *([(0.0, apart[one.id].at)] if one.id in apart else [])]


def _in_others(past: Hindsight, one: IncidentRow, name: str) -> list[Span]:
    """The times before and after a check was seen in an incident, where it was seen in others then."""
    seen = past.referee.belonged[name]
    mine = [at for at, home in seen if home == one.id]
    others = [at for at, home in seen if home != one.id]
    before = [(0.0, mine[0])] if any(at < mine[0] for at in others) else []
    return [*before, *([(mine[-1], past.end)] if any(at > mine[-1] for at in others) else [])]


def first_told(past: Hindsight, name: str) -> Iterator[str]:
    """Whoever joins is told of, also where somebody has answered for the others already."""
    for spell in past.spells(name):
        for one in past.homes(name, spell):
            begins = past.joined(name, spell, one)
            paged = [
                s for s in past.shows if s.incident == one.id and s.kind == "page" and s.at < begins - 60
            ]
            granted = any(a.at >= begins - 60 for a in answers_to(past.world, one.id))
            if not paged or granted or past.been_before(name, spell, one):
                continue
            people = {show.person for show in paged}
            foul = [*past.windows(name), *past.journal.unable(), *past.unreachable(people)]
            foul += past.asleep(name, one)
            told = [s.at for s in past.naming(name, one) if begins - 10.0 <= s.at]
            first = min([*told, spell.ends])
            bound = past.world.gathering + past.recovery(begins - 60.0, first) + 20.0
            if any(b - a > bound for a, b in without([(begins, first)], foul)):
                yield f"{name} joined incident {one.id} at {begins:.1f}, and nobody was told"


def worse(past: Hindsight, name: str) -> Iterator[str]:
    """What is worse than anything that was answered pages afresh."""
    for spell in past.spells(name):
        for one in past.homes(name, spell):
            begins = past.joined(name, spell, one)
            until = max(
                (past.ends(answer) for answer in answers_to(past.world, one.id) if answer.at < begins - 60.0),
                default=0.0,
            )
            known = past.severities(one, before=begins)
            mine = past.referee.lives[name].job.severity.rank
            if until < begins + 60.0 or not known or min(known) <= mine:
                continue
            foul = [*past.windows(name), *past.journal.unable(), *past.unreachable(one.page(0)[0])]
            foul += past.asleep(name, one)
            rings = [s.at for s in past.naming(name, one) if s.kind == "page" and s.at >= begins]
            answered = [a.at for a in answers_to(past.world, one.id) if a.at >= begins - 60.0]
            first = min([*rings, *answered, spell.ends])
            bound = past.world.gathering + past.recovery(begins - 60.0, first) + 20.0
            if any(b - a > bound for a, b in without([(begins, first)], foul)):
                yield f"{name} joined incident {one.id}, is worse than what was answered, and nobody was paged"


def _gaps(begins: float, ends: float, at: list[float]) -> Iterator[Span]:
    """The stretches between the moments `at` (and the two ends)."""
    inside = sorted(moment for moment in at if begins <= moment <= ends)
    yield from zip([begins, *inside], [*inside, ends], strict=True)
