"""Runs the subjects one after the other, and says whether all is proven."""

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from tests.proof import failover, kills, outcome, power, rounds, sockets, world
from tests.proof.outcome import Outcome

RESULTS = Path("build/proof.json")
Prove: TypeAlias = Callable[[bool], Outcome]
SUBJECTS: dict[str, Prove] = {
    "kills": kills.prove,
    "power": power.prove,
    "failover": failover.prove,
    "sockets": sockets.prove,
    "world": world.prove,
}


def main(arguments: Sequence[str]) -> int:
    """Prove the subjects that were named, else all. Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    parser.add_argument("subjects", nargs="*", choices=[*SUBJECTS, []], help="what to prove; else all")
    parser.add_argument("--short", action="store_true", help="repeat each less often")
    parser.add_argument("--minutes", type=float, help="stop each when its share of this time is over")
    options = parser.parse_args(arguments)
    chosen = {name: SUBJECTS[name] for name in options.subjects or SUBJECTS}
    share = float("inf") if options.minutes is None else options.minutes * 60 / max(len(chosen), 1)
    outcomes = proven(chosen, short=options.short, seconds_each=share)
    print(outcome.table(outcomes))
    outcome.write(outcomes, RESULTS)
    return 1 if any(one.faults for one in outcomes) else 0


def proven(
    subjects: Mapping[str, Prove], *, short: bool, seconds_each: float = float("inf")
) -> list[Outcome]:
    """The outcome of each of these subjects. One that raises has failed, and the others go on."""
    outcomes = []
    for name, prove in subjects.items():
        print(f"proving {name} …", file=sys.stderr, flush=True)
        began = time.monotonic()
        rounds.allow(seconds_each)
        try:
            result = prove(short)
        except Exception as error:  # noqa: BLE001  # whatever it is, the proof has failed
            traceback.print_exc()
            result = outcome.failed(name, f"{type(error).__name__}: {error}")
        outcomes.append(replace(result, seconds=time.monotonic() - began))
    return outcomes
