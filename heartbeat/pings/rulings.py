"""The rules of the checks in one batch of pings: each run that reports success gets its verdict."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from heartbeat.checks import finished_run, judgement, life
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Ping, Signal, Verdict
from heartbeat.checks.finished_run import FinishedRun
from heartbeat.pings import store
from heartbeat.pings.arrival import Arrival

log = logging.getLogger(__name__)


class Rulings:
    """The last runs of the checks of a batch that have rules, and the verdicts on their new ones."""

    def __init__(self, db: Connection, checks: Sequence[Check]) -> None:
        """Read the runs that the rules look back to. Checks without rules cost nothing."""
        ruled = [check for check in checks if check.all_rules]
        self._runs: dict[int, list[FinishedRun]] = {}
        for with_bodies in (False, True):
            some = [check for check in ruled if judgement.bodies_needed(check) is with_bodies]
            if some:
                count = max(map(judgement.runs_needed, some))
                self._runs |= store.finished_runs(db, [check.id for check in some], count, bodies=with_bodies)

    def judged(self, check: Check, ping: Ping, arrival: Arrival) -> Ping:
        """Return the ping with the verdict of the check's rules on its run."""
        earlier = self._runs.get(check.id)
        if earlier is None or ping.signal not in (Signal.SUCCESS, Signal.FAIL):
            return ping
        run = _run(check, ping, arrival)
        judged = ping
        if ping.signal is Signal.SUCCESS:
            judged = replace(ping, verdict=_verdict(check, earlier, run))
        earlier.append(run)
        return judged


def _verdict(check: Check, earlier: Sequence[FinishedRun], run: FinishedRun) -> Verdict | None:
    try:
        return judgement.verdict(check, earlier, run)
    except Exception:
        # A rule that cannot be judged keeps no ping from being heard, and is not kept: nobody knows.
        log.exception("the rules of check %s cannot be judged", check.slug)
        return Verdict(Cause.INEFFECTIVE, "its rules could not be judged; the log says why")


def _run(check: Check, ping: Ping, arrival: Arrival) -> FinishedRun:
    body = arrival.body or b""
    duration = life.duration_of(check, ping)
    values = finished_run.values(arrival.measurements, duration, ping.exit_status, len(body))
    return FinishedRun(ping.at, values, ping.signal is Signal.FAIL, body.decode(errors="replace"))
