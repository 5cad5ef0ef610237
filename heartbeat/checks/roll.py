"""The roll: all checks in numbers at an instant, and the late ones. It reads the whole table, once."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy import Connection, func, select

from alerting.sql import Utc
from heartbeat.checks import lateness
from heartbeat.checks.check import State
from heartbeat.checks.tables import checks, in_state


@dataclass(frozen=True, slots=True)
class Roll:
    """All checks in numbers: by their state, and by their stored state, which is never late."""

    by_state: Mapping[State, int]
    stored: Mapping[State, int]
    newest_at: datetime | None
    """The last success of all."""
    failing: int
    """The checks whose last runs failed, though they are not down."""
    missing: int
    """The checks that missed their last runs, and did not fail, though they are not down."""
    late: Sequence[int]
    """The numbers of the late checks."""

    @property
    def total(self) -> int:
        """The number of all checks."""
        return sum(self.stored.values())


def call(db: Connection, now: datetime) -> Roll:
    """Call the roll."""
    failing, missing = checks.c.failures > 0, (checks.c.failures == 0) & (checks.c.missed > 0)
    states = [state for state in State if state is not State.LATE]
    # Not grouped by state: SQLite would sort the whole table.
    query = select(
        func.max(checks.c.last_ok_at, type_=Utc()),
        func.count().filter(lateness.WATCHED & failing),
        func.count().filter(lateness.WATCHED & missing),
        func.max(checks.c.grace + func.coalesce(checks.c.max_runtime, 0.0)),
        *(func.count().filter(in_state(state)) for state in states),
    )
    newest_at, failing_count, missing_count, room, *counts = db.execute(query.select_from(checks)).one()
    stored: dict[State, int] = {state: count for state, count in zip(states, counts, strict=True) if count}
    late = lateness.late(db, now, lateness.may_be_late(db, now, timedelta(seconds=room or 0)))
    by_state = {state: count - len(late.get(state, ())) for state, count in stored.items()}
    by_state[State.LATE] = sum(map(len, late.values()))
    return Roll(
        by_state={state: count for state, count in by_state.items() if count},
        stored=stored,
        newest_at=newest_at,
        failing=failing_count,
        missing=missing_count,
        late=array("q", chain.from_iterable(late.values())),
    )
