"""The rules of the checks in one batch of pings: each run that reports success gets its verdict."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from heartbeat.checks import finished_run, judgement, life, rule
from heartbeat.checks.cause import Cause
from heartbeat.checks.check import Check, Ping, Signal, Verdict
from heartbeat.checks.finished_run import FinishedRun
from heartbeat.checks.rule import NOTHING_OLDER, Older
from heartbeat.measurements import history, rule_hours
from heartbeat.measurements import store as measurements
from heartbeat.pings import store
from heartbeat.pings.arrival import Arrival

log = logging.getLogger(__name__)


class Rulings:
    """The last runs of the checks of a batch that have rules, and the verdicts on their new ones."""

    def __init__(self, db: Connection, checks: Sequence[Check], at: Sequence[datetime]) -> None:
        """Read what the rules look back to from pings at these times. Checks without rules cost nothing."""
        ruled = [check for check in checks if check.all_rules]
        self._runs: dict[int, list[FinishedRun]] = {}
        for with_bodies in (False, True):
            some = [check for check in ruled if judgement.bodies_needed(check) is with_bodies]
            if some:
                count = max(map(judgement.runs_needed, some))
                self._runs |= store.finished_runs(db, [check.id for check in some], count, bodies=with_bodies)
        self._older = _older(db, ruled, self._runs, at)

    def judged(self, check: Check, ping: Ping, arrival: Arrival) -> Ping:
        """Return the ping with the verdict of the check's rules on its run."""
        earlier = self._runs.get(check.id)
        if earlier is None or ping.signal not in (Signal.SUCCESS, Signal.FAIL):
            return ping
        run = _run(check, ping, arrival)
        judged = ping
        if ping.signal is Signal.SUCCESS:
            judged = replace(ping, verdict=self._verdict(check, earlier, run))
        earlier.append(run)
        return judged

    def _verdict(self, check: Check, earlier: Sequence[FinishedRun], run: FinishedRun) -> Verdict | None:
        try:
            return judgement.verdict(check, earlier, run, self._older.get(check.id, NOTHING_OLDER))
        except Exception:
            # A rule that cannot be judged keeps no ping from being heard, and is not kept: nobody knows.
            log.exception("the rules of check %s cannot be judged", check.slug)
            return Verdict(Cause.INEFFECTIVE, "its rules could not be judged; the log says why")


def _older(
    db: Connection, checks: Sequence[Check], runs: Mapping[int, Sequence[FinishedRun]], at: Sequence[datetime]
) -> dict[int, Older]:
    """Return the middle values of hours about a week ago, where a rule compares with these and the ring has none."""
    names = {
        check.id: judgement.compared_by_week(check)
        for check in checks
        if check.pings >= store.KEEP and not rule.reaches_a_week_back(runs[check.id], min(at))
    }
    names = {number: of_check for number, of_check in names.items() if of_check}
    if not names:
        return {}
    first, last = (
        history.day_of(when)
        for when in (min(at) - rule.WEEK - rule.NEARBY, max(at) - rule.WEEK + rule.NEARBY)
    )
    days = measurements.of_checks(db, names, first, last, set().union(*names.values()))
    return {
        number: {name: rule_hours.middles(list(history.hours(of_name))) for name, of_name in of_check.items()}
        for number, of_check in days.items()
    }


def _run(check: Check, ping: Ping, arrival: Arrival) -> FinishedRun:
    body = arrival.body or b""
    duration = life.duration_of(check, ping)
    values = finished_run.values(arrival.measurements, duration, ping.exit_status, len(body))
    return FinishedRun(ping.at, values, ping.signal is Signal.FAIL, body.decode(errors="replace"))
