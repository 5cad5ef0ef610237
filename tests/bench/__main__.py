"""`python -m tests.bench [subject …]`: measure, print the table, write build/bench.json."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench import (
    blindness,
    commands,
    databases,
    figures,
    large,
    load,
    outage,
    pings,
    screens,
    sending,
    status,
    storm_pings,
    sweep,
    telling,
    workers,
)
from tests.bench.databases import Bench
from tests.bench.figures import Figure

RESULTS = Path("build/bench.json")
SUBJECTS = {
    "pings": (pings.measure, ("postgres", "sqlite")),
    "workers": (workers.measure, ("postgres",)),
    "sweep": (sweep.measure, ("postgres",)),
    "telling": (telling.measure, ("postgres", "sqlite")),
    "sending": (sending.measure, ("postgres", "sqlite")),
    "status": (status.measure, ("sqlite",)),
    "commands": (commands.measure, ("postgres", "sqlite")),
    "storm": (storm_pings.measure, ("postgres", "sqlite")),
    "large": (large.measure, ("postgres", "sqlite")),
    "blindness": (blindness.measure, ("postgres", "sqlite")),
    "outage": (outage.measure, ("postgres", "sqlite")),
    "screens": (screens.measure, ("postgres", "sqlite")),
}


def main() -> None:
    """Measure the subjects that were named, else all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("subjects", nargs="*", choices=[*SUBJECTS, []], help="what to measure; else all")
    wanted = parser.parse_args().subjects or list(SUBJECTS)
    # A stop from outside ends like Ctrl-C: through the finalizers, which stop what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with databases.opened() as bench:
        print(f"client: {load.NAME}, {load.CONNECTIONS} connections; {os.cpu_count()} processors, {_busy()}")
        print(bench.durability(), flush=True)
        measured = list(_measured(bench, wanted))
    print(figures.table(measured))
    print(f"at the end: {_busy()}")
    figures.write(measured, RESULTS)


def _measured(bench: Bench, wanted: list[str]) -> Iterator[Figure]:
    for subject in wanted:
        measure, kinds = SUBJECTS[subject]
        for kind in kinds:
            print(f"measuring {subject} on {kind} …", file=sys.stderr, flush=True)
            yield from measure(bench, kind)


def _busy() -> str:
    return "load average {:.1f}, {:.1f}, {:.1f}".format(*os.getloadavg())


main()
