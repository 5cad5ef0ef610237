"""Runs as Hypothesis draws them: short ones, in which much happens at once."""

from itertools import chain
from operator import add
from typing import Any

from hypothesis import strategies as st

from tests.simulation import cast
from tests.simulation.moments import Moment, Near
from tests.simulation.process import Point
from tests.simulation.providers import Ill, Slip
from tests.simulation.scenario import (
    Answers,
    AnswersAreLost,
    ClockIsSet,
    ComesLater,
    DatabaseGoes,
    Dies,
    DiskFills,
    Edits,
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
)

CONTACTS = ["first/1", "third/1", "second/1", "first/1", "first/2", "third/1", "second/2"]


LATE = ("stepped", "turned", "turns")


def one_of(*strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One of these, each as often as it is named. Hypothesis's own makes a union of unions one large union."""
    return st.sampled_from(strategies).flatmap(lambda one: one)


# Just before a step is due, at that moment, while its page is under way, and once it was shown.
moments = st.builds(
    Near, st.sampled_from([Moment.STEP] * 4 + [*Moment]), st.sampled_from([-0.5, 0.0, 0.1, 1.0])
)
instants = st.sampled_from([0.0, 0.0, 0.05, 0.3, 2.0])
gaps = st.sampled_from([0.0, 0.0, 2.0, 12.0, 45.0, 75.0, 150.0])
downtimes = st.sampled_from([0.0, 0.0, 3.0, 40.0, 200.0])

answers = st.builds(
    Answers,
    st.sampled_from(
        [
            "acknowledge",
            "acknowledge",
            "acknowledge",
            "snooze",
            "resolve",
            "withdraw",
            "take over",
            "reassign",
            "page next",
        ]
    ),
    nth=st.integers(0, 2),
    minutes=st.sampled_from([2.0, 4.0, 30.0]),
    times=st.sampled_from([1, 1, 2]),
    by=st.sampled_from(["first", "second"]),
    late=st.sampled_from([0, 0, -1, 1]),
)
# Somebody is handed an incident, answers, and is handed it again once that is over.
handed_back = st.builds(
    lambda when, by, gap: (
        (when, Answers("reassign", by=by)),
        (30.0, Answers("acknowledge", minutes=2.0)),
        (gap, Answers("reassign", by=by)),
    ),
    moments,
    st.sampled_from(["first", "second"]),
    st.sampled_from([0.3, 90.2, 150.0]),
)
wishes = st.builds(
    Answers,
    st.sampled_from(["page next", "page next", "reassign"]),
    nth=st.integers(0, 2),
    by=st.sampled_from(["first", "second"]),
)
presses = st.builds(Presses, st.sampled_from([0, 0, 1, 3]), st.sampled_from([1, 2]))
regroupings = one_of(st.builds(Merges, st.booleans()), st.builds(Splits, st.integers(0, 2), st.booleans()))
restaffings = st.builds(
    Restaffs,
    st.sampled_from(
        ["contacts", "goes", "comes back", "turns", "steps", "leave", "override", "hours", "quiet"]
    ),
    st.integers(0, 11),
)
rehourings = st.builds(Restaffs, st.just("hours"), st.integers(0, 11))
maintenance = st.builds(
    Maintains,
    st.sampled_from(["us", "us", "eu", None]),
    st.sampled_from([1.0, 4.0, 15.0, 0.0]),
    st.sampled_from(["once", "once", "weekly", "silence"]),
)
ills = st.builds(
    GoesBad,
    st.sampled_from(CONTACTS),
    st.sampled_from([*Ill, Ill.LIMITED, Ill.MUTE]),
    st.sampled_from([3.0, 1.0, 20.0]),
    st.sampled_from([None, None, 2, 50, 400]),
)
slips = st.builds(
    GoesBad,
    st.sampled_from(["first/1", "third/1", "second/2"]),
    st.sampled_from([*(slip for slip in Slip if slip is not Slip.HELD), Slip.LOST]),
    st.sampled_from([3.0, 1.0, 20.0]),
)
deaths = one_of(
    st.builds(Dies, st.none(), st.none(), downtimes),
    st.builds(
        Dies, st.sampled_from([Point.BEFORE_COMMIT, Point.AFTER_COMMIT]), st.integers(0, 12), downtimes
    ),
    st.builds(Dies, st.sampled_from([Point.AFTER_SEND, Point.BEFORE_SEND]), st.integers(0, 2), downtimes),
)
others = one_of(
    st.builds(Restarts, downtimes),
    st.builds(DatabaseGoes, st.sampled_from([1.0, 4.0, 70.0]), st.booleans()),
    st.builds(ClockIsSet, st.sampled_from([-60.0, -5.0, 5.0, 60.0, 3600.0, -3600.0])),
    st.builds(DiskFills, st.sampled_from([4.0, 70.0])),
    st.builds(PowerFails, downtimes),
    st.builds(StandsStill, st.sampled_from([2.0, 40.0, 400.0])),
    st.builds(AnswersAreLost, st.just(2.0)),
)
aways = one_of(
    st.builds(Dies, st.none(), st.none(), st.sampled_from([40.0, 200.0])),
    st.builds(Restarts, st.just(60.0)),
    st.builds(DatabaseGoes, st.just(70.0), st.booleans()),
    st.builds(DiskFills, st.just(70.0)),
)
kinds = st.sampled_from(["success", "success", "success", "fail", "start"])
misfortunes = one_of(ills, ills, deaths, others)


def flaps(jobs: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """A job fails, is well again, and fails again before that counts as over, or once it does."""
    return st.builds(
        lambda when, job, first, then: (
            (when, Pings(job, "fail")),
            (first, Pings(job)),
            (then, Pings(job, "fail")),
        ),
        gaps,
        jobs,
        st.sampled_from([15.0, 45.0]),
        st.sampled_from([2.0, 45.0, 125.0]),
    )


def stale(jobs: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Somebody answers a job that fails, for a short time, and answers an old page once that is over."""
    old = one_of(
        st.builds(Answers, st.just("acknowledge"), minutes=st.just(30.0), late=st.just(1)),
        st.builds(Presses, st.integers(1, 3)),
    )
    return st.builds(
        lambda when, job, how, by, gap, last: (
            (when, Pings(job, "fail")),
            (30.0, Answers(how, minutes=2.0, by=by)),
            (gap, last),
        ),
        gaps,
        jobs,
        st.sampled_from(["acknowledge", "acknowledge", "snooze"]),
        st.sampled_from(["first", "second"]),
        st.sampled_from([100.0, 120.5, 135.0]),
        one_of(old, old, st.builds(Pings, jobs, st.just("fail"))),
    )


def again(jobs: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """A group of jobs is taken under maintenance or silenced, one of them fails, and the hold ends."""
    return st.builds(
        lambda when, job, host, how, gap, last: (
            (when, Maintains(host, 1.0, how)),
            (5.0, Pings(job, "fail")),
            (gap, last),
        ),
        gaps,
        jobs,
        st.sampled_from(["us", "eu", None]),
        st.sampled_from(["once", "weekly", "silence"]),
        st.sampled_from([30.0, 75.0]),
        one_of(st.just(Maintains(None, 0.0)), answers, st.builds(Pings, jobs, st.just("fail"))),
    )


def losses(jobs: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Nobody can hear a job, which keeps what it has said, and says it again: later, or too early for the service."""
    return st.builds(
        lambda when, away, job, kinds, spans, later: (
            (when, away),
            (2.0, Pings(job, kinds[0])),
            (spans[0], Pings(job, kinds[1])),
            (spans[1], ComesLater(job, *later)),
            (spans[2], ComesLater(job, *later)),
        ),
        one_of(st.builds(Near, st.just(Moment.DEADLINE), st.sampled_from([-70.0, -20.0, 5.0])), gaps),
        aways,
        jobs,
        st.tuples(kinds, kinds),
        st.tuples(st.sampled_from([5.0, 15.0]), st.sampled_from([1.0, 75.0, 200.0]), gaps),
        st.tuples(st.booleans(), st.sampled_from([1, 1, 2])),
    )


def scenarios_on(name: str) -> st.SearchStrategy[Scenario]:
    """Runs on the stage of this name."""
    stage = cast.STAGES[name]
    jobs = st.sampled_from([*stage.names, *stage.often])
    failures = st.builds(Pings, jobs, st.sampled_from(["fail", "3"]))
    pings = st.builds(
        Pings,
        jobs,
        st.sampled_from(["success", "success", "0", "start", "log"]),
        st.sampled_from([None, None, "a", "b"]),
        st.sampled_from([1.0, 0.0, 0.0, None] if name == "exacting" else [1.0]),
        # What names about the time of its arrival, a time in which it would have been heard, or none yet.
        st.sampled_from([None, None, None, None, 15.0, 240.0, 7200.0, -300.0]),
    )
    replays = st.builds(ComesLater, jobs, st.booleans(), st.sampled_from([1, 1, 2]))
    edits = st.builds(
        Edits,
        st.sampled_from(["pause", "resume", "reschedule", "grace", "tolerance", "policy", "delete"]),
        jobs,
        st.sampled_from([3.0, 6.0, 11.0]),
    )
    reports = st.builds(Reports, jobs, st.sampled_from([None, None, "a"]), st.booleans())
    habits = one_of(st.builds(FallsSilent, jobs), st.builds(Runs, jobs))
    exacting = (pings, pings, reports) if name == "exacting" else ()
    slipping = (slips, slips, slips) if name == "stepped" else ()
    # Turns are counted by who there is at the end.
    staffing = rehourings if name == "turned" else restaffings
    events = one_of(
        failures,
        pings,
        *(() if name == "exacting" else (replays,)),
        *exacting,
        *slipping,
        answers,
        answers,
        presses,
        regroupings,
        staffing,
        *((staffing, staffing) if name == "turns" else ()),
        misfortunes,
        misfortunes,
        habits,
        edits,
        maintenance,
    )
    acts = st.tuples(gaps, events).map(lambda act: (act,))
    waits = name == "turned"
    answering = one_of(answers, *((wishes, wishes, wishes) if waits else (answers, presses, wishes)))
    changing = one_of(staffing, staffing, edits, maintenance, regroupings, failures)
    # Somebody answers, and in the same seconds somebody edits, near a moment at which that may get lost.
    flurries = st.builds(
        lambda when, events, spans: tuple(zip((when, *spans), events, strict=True)),
        one_of(moments, moments, gaps),
        st.tuples(answering, changing, one_of(answering, changing)).flatmap(st.permutations),
        st.tuples(instants, instants),
    )
    series = [flurries, *(one(jobs) for one in (flaps, stale, again, losses))]
    usual = [acts, acts, acts, acts, flurries, *series]
    waiting = [acts, flurries, flurries, handed_back, *series]
    # What is special about some stages comes later in the night.
    begins = st.sampled_from([*[0.0] * 7, 540.0] if name in LATE else [0.0])
    # Something goes wrong before the first page, so that a short run has something to show.
    starts = st.tuples(
        st.tuples(st.builds(add, begins, gaps), misfortunes),
        st.tuples(gaps, failures),
        st.tuples(gaps, failures),
    )
    return st.builds(
        Scenario,
        st.builds(
            lambda start, rest: (*start, *chain.from_iterable(rest)),
            starts,
            st.lists(one_of(*(waiting if waits else usual)), min_size=2, max_size=5 + len(exacting)),
        ),
        st.lists(jobs, unique=True, max_size=5).map(tuple),
        st.just(name),
        st.integers(0, 3),
        st.sampled_from([1.0, 1.0, 1.0, 1.0, 3.0, 20.0]),
    )


STAGES = ("usual", "exacting", "nested", "chained", "stepped", "turned", "turns")
scenarios = one_of(*map(scenarios_on, STAGES))
