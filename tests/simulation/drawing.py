"""Runs as Hypothesis draws them: short ones, in which much happens at once."""

from typing import Any

from hypothesis import strategies as st

from tests.simulation import cast
from tests.simulation.process import Point
from tests.simulation.providers import Ill, Slip
from tests.simulation.scenario import (
    Answers,
    AnswersAreLost,
    ClockIsSet,
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


def one_of(*strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One of these, each as often as it is named. Hypothesis's own makes a union of unions one large union."""
    return st.sampled_from(strategies).flatmap(lambda one: one)


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
        ]
    ),
    nth=st.integers(0, 2),
    minutes=st.sampled_from([2.0, 4.0, 30.0]),
    times=st.sampled_from([1, 1, 2]),
    by=st.sampled_from(["first", "second"]),
    late=st.sampled_from([0, 0, -1, 1]),
)
presses = st.builds(Presses, st.sampled_from([0, 0, 1, 3]), st.sampled_from([1, 2]))
regroupings = one_of(st.builds(Merges, st.booleans()), st.builds(Splits, st.integers(0, 2), st.booleans()))
restaffings = st.builds(
    Restaffs,
    st.sampled_from(["contacts", "goes", "comes back", "turns", "steps", "leave", "override"]),
    st.integers(0, 4),
)
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
misfortunes = one_of(ills, ills, deaths, others)


def scenarios_on(name: str) -> st.SearchStrategy[Scenario]:
    """Runs on the stage of this name."""
    stage = cast.STAGES[name]
    jobs = st.sampled_from(stage.names)
    failures = st.builds(Pings, jobs, st.sampled_from(["fail", "3"]))
    pings = st.builds(
        Pings,
        jobs,
        st.sampled_from(["success", "success", "0", "start", "log"]),
        st.sampled_from([None, None, "a", "b"]),
        st.sampled_from([1.0, 0.0, 0.0, None] if name == "exacting" else [1.0]),
        # What names about the time of its arrival, a time in which it would have been heard, or none yet.
        st.sampled_from([None, None, None, 15.0, 7200.0, -300.0]),
    )
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
    events = one_of(
        failures,
        pings,
        *exacting,
        *slipping,
        answers,
        answers,
        presses,
        regroupings,
        # Turns are counted by who there is at the end.
        *(() if name == "turned" else (restaffings,)),
        *((restaffings, restaffings) if name == "turns" else ()),
        misfortunes,
        misfortunes,
        habits,
        edits,
        maintenance,
    )
    # Something goes wrong before the first page, so that a short run has something to show.
    starts = st.tuples(st.tuples(gaps, misfortunes), st.tuples(gaps, failures), st.tuples(gaps, failures))
    return st.builds(
        Scenario,
        st.builds(
            lambda start, rest: (*start, *rest),
            starts,
            st.lists(st.tuples(gaps, events), min_size=3, max_size=10 + 2 * len(exacting)),
        ),
        st.lists(jobs, unique=True, max_size=5).map(tuple),
        st.just(name),
        st.integers(0, 3),
        st.sampled_from([1.0, 1.0, 1.0, 1.0, 3.0, 20.0]),
    )


STAGES = ("usual", "exacting", "nested", "chained", "stepped", "turned", "turns")
scenarios = one_of(*map(scenarios_on, STAGES))
