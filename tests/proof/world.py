"""Nights of the simulated world: whatever goes wrong in whatever order, every promise is kept.

Method: the whole service runs on virtual time, with a real SQLite database and providers that answer like the real
ones. In each night, drawn from its number, jobs run, fail, fall silent and come back, people answer and edit, and
something goes wrong every few minutes. A referee looks on all the while and compares with an oracle that knows
nothing of the service's own reasoning: docs/design.md has the promises. Faults are counted where they were felt: a
process that died, a request that met a provider in bad weather, a ping that found nobody.

Control: known ways to lose a page, each planted in the real code. The same referee must notice every one of them.
"""

import gc
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random

import pytest

from tests.proof.outcome import Outcome, Row
from tests.proof.rounds import rounds
from tests.simulation import cast
from tests.simulation.disk import Disk
from tests.simulation.mutants import Mutant
from tests.simulation.process import Point
from tests.simulation.providers import Ill
from tests.simulation.referee import Broken
from tests.simulation.scenario import (
    Answers,
    AnswersAreLost,
    ClockIsSet,
    ComesLater,
    DatabaseGoes,
    Dies,
    DiskFills,
    Edits,
    Event,
    FallsSilent,
    GoesBad,
    Maintains,
    Merges,
    Pings,
    PowerFails,
    Presses,
    Reports,
    Restaffs,
    Restarts,
    Runs,
    Scenario,
    Splits,
    StandsStill,
    play,
)
from tests.simulation.stories import STORIES
from tests.simulation.world import World

NIGHTS, SHORT_NIGHTS = 400, 12
STAFF = ("contacts", "goes", "comes back", "turns", "steps", "leave", "override")
STAGES = ("house", "house", "usual", "exacting", "nested", "turns", "chained", "chained")
CONTACTS = ("first/1", "first/2", "second/1", "second/2", "third/1")
JOB_YEAR = 365.25 * cast.DAY
STEPS = 7
"""In each night of this many the clock is set. Then the service is never away for long, or the oracle could not tell
what was due."""
METHOD = "random nights of the whole service on virtual time, judged by an oracle; planted faults beside it"


def prove(short: bool) -> Outcome:
    """Live through nights, then plant each known fault."""
    counts: Counter[str] = Counter()
    broken: list[str] = []
    with _quiet():
        for number in rounds(SHORT_NIGHTS if short else NIGHTS):
            broken += _lived_through(number, counts)
            gc.collect()
        # Where the time is short, one is control enough: the tests of the simulation plant them all.
        planted = zip(STORIES, rounds(len(STORIES)), strict=False)
        noticed = {mutant.__name__: _is_noticed(mutant) for mutant, _ in planted}
    years = counts.pop("job-seconds") / JOB_YEAR
    done = f"nights, in which {years:.2f} job-years passed: promises"
    rows = [Row(done, counts.pop("nights"), len(broken), next(iter(broken), ""))]
    rows += [Row(what, count) for what, count in sorted(counts.items())]
    missed = [name for name, was in noticed.items() if not was]
    rows.append(
        Row(
            "faults planted in the code, which a story must notice",
            len(noticed),
            len(missed),
            ", ".join(missed),
        )
    )
    return Outcome(
        "world", METHOD, tuple(rows), tuple(Row(name, 1, int(was)) for name, was in noticed.items())
    )


def night(number: int) -> Scenario:
    """The night of this number. The same number is always the same night."""
    random = Random(number)
    name = STAGES[number % len(STAGES)]
    jobs = cast.STAGES[name].names
    pause = 1200.0 if name == "house" else 300.0
    acts = []
    for _ in range(30):
        gap = random.choice((0.0, 2.0, random.expovariate(1 / pause), random.expovariate(1 / pause)))
        acts.append((round(gap, 3), _event(random, jobs, number % STEPS == 0, name != "exacting")))
    running = tuple(job for job in jobs if random.random() < 0.9)
    return Scenario(tuple(acts), running, name, number, calm=30.0)


def _event(random: Random, jobs: tuple[str, ...], steps: bool, replays: bool) -> Event:
    job = random.choice(jobs)
    rid = random.choice((None, "a"))
    troubles: tuple[Event, ...] = (
        Pings(job, random.choice(("fail", "3"))),
        Pings(job, random.choice(("success", "start", "log")), rid, random.choice((1.0, 0.0, None))),
        Reports(job, rid, random.random() < 0.5),
        FallsSilent(job),
        Runs(job),
        # The oracle does not know which run a report that comes later is about.
        ComesLater(job, random.random() < 0.5, random.choice((1, 1, 2))) if replays else Runs(job),
    )
    people: tuple[Event, ...] = (
        Answers(
            "acknowledge",
            random.randrange(3),
            random.choice((4.0, 30.0, 120.0)),
            late=random.choice((0, -1, 1)),
        ),
        Answers(
            random.choice(("snooze", "resolve", "acknowledge")), random.randrange(3), times=2, by="second"
        ),
        Answers(random.choice(("reassign", "take over", "withdraw")), random.randrange(3), by="second"),
        Presses(random.randrange(4), random.choice((1, 2))),
        random.choice((Merges(random.random() < 0.5), Splits(random.randrange(3), random.random() < 0.5))),
        Restaffs(random.choice(STAFF), random.randrange(5)),
        Edits(random.choice(("pause", "resume", "grace", "tolerance", "policy", "reschedule")), job),
        Maintains(random.choice(("us", "eu", "web", None)), random.choice((4.0, 30.0, 0.0))),
    )
    return random.choice(
        (
            random.choice(troubles),
            random.choice(people),
            _misfortune(random, steps),
            _misfortune(random, steps),
        )
    )


def _misfortune(random: Random, steps: bool) -> Event:
    downtime = random.choice((0.0, 3.0, 40.0, 200.0, 1800.0))
    minutes = random.choice((1.0, 3.0, 20.0))
    waits = random.choice((None, None, 2, 50, 400))
    if steps:
        return random.choice(
            (
                ClockIsSet(random.choice((-3600.0, -60.0, -5.0, 5.0, 60.0, 3600.0))),
                Dies(random.choice(tuple(Point)), random.randrange(8)),
                GoesBad(random.choice(CONTACTS), random.choice(tuple(Ill)), minutes, waits),
            )
        )
    return random.choice(
        (
            Dies(None, None, downtime),
            Dies(random.choice(tuple(Point)), random.randrange(8), downtime),
            Restarts(downtime),
            PowerFails(downtime),
            DatabaseGoes(random.choice((1.0, 4.0, 70.0, 600.0)), random.random() < 0.5),
            DiskFills(random.choice((4.0, 70.0, 600.0))),
            StandsStill(random.choice((2.0, 40.0, 400.0, 1800.0))),
            AnswersAreLost(minutes),
            GoesBad(random.choice(CONTACTS), random.choice(tuple(Ill)), minutes, waits),
            GoesBad(random.choice(CONTACTS), random.choice(tuple(Ill)), minutes, waits),
        )
    )


def _lived_through(number: int, counts: Counter[str]) -> list[str]:
    """Live through a night, and count what happened in it. Return the promises that it broke."""

    class Watched(World):
        def __exit__(self, *given: object) -> None:
            _count(self, counts)
            super().__exit__(None, None, None)

    scenario = night(number)
    counts["nights"] += 1
    counts.update(_planned(scenario))
    try:
        play(scenario, Watched)
    except Broken as promise:
        return [f"night {number}: {promise}"]
    return []


def _planned(scenario: Scenario) -> Iterator[str]:
    """What people and bad luck did, as it was planned: nothing of it can go unfelt."""
    words = {
        PowerFails: "power cuts",
        StandsStill: "times that the machine stood still",
        ClockIsSet: "steps of the clock",
        Restarts: "restarts",
        Edits: "edits and pauses",
        Restaffs: "edits of people, rotations and policies",
        Merges: "merges, where two incidents had one policy",
        Splits: "splits, where an incident had several jobs",
        Maintains: "maintenance begun or ended",
    }
    return (words[type(event)] for _, event in scenario.acts if type(event) in words)


def _count(world: World, counts: Counter[str]) -> None:
    journal = world.journal
    counts["job-seconds"] += int(world.time * len(world.jobs))
    counts["pings sent"] += len(journal.pings)
    counts["pings that found nobody, or no answer"] += sum(not ping.acknowledged for ping in journal.pings)
    counts["deaths of the process"] += len(journal.deaths)
    counts["times that the database was away"] += sum(not outage.full for outage in journal.outages)
    counts["times that the disk was full"] += sum(outage.full for outage in journal.outages)
    counts["answers of people"] += len(journal.answers)
    counts["notices shown"] += len(world.network.shows)
    counts["incidents"] += len(world.incidents(open_only=False))
    counts["blind times noticed"] += len(world.disk.rows("SELECT id FROM blind_spans"))
    for _, _, ill in world.network.heard:
        if ill is not None:
            counts[f"requests that a provider met with: {ill.value}"] += 1


def _is_noticed(mutant: Mutant) -> bool:
    """Whether one of its stories notices a fault that is planted in the code."""
    with pytest.MonkeyPatch.context() as patch:
        mutant(patch)
        for story in STORIES[mutant]:
            with suppress(Broken):
                play(story)
                continue
            return True
    return False


@contextmanager
def _quiet() -> Iterator[None]:
    """Worlds keep the service's errors themselves; and the collector would be half of a night's time."""
    loggers = [logging.getLogger(name) for name in ("heartbeat", "alerting")]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
        logger.propagate = False
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        Disk.throw_away()
