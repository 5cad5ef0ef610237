"""The tables of checks. Each ping writes `checks`: see the notes on its columns before adding an index."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    and_,
    case,
    false,
    func,
    true,
)
from sqlalchemy.sql.elements import ColumnElement

from alerting.sql import Frozen, Utc, key_type, metadata
from heartbeat.checks import expectation, recurrence, schedule
from heartbeat.checks.check import Measure, State

checks = Table(
    "checks",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("group_key", Text, nullable=False, index=True),
    Column("schedule", Frozen(schedule.to_json, schedule.from_json), nullable=False),
    Column("grace", Float, nullable=False),
    Column("max_runtime", Float),
    # True if a run may go on until it is done, as long as its estimate is within `max_runtime`.
    Column("until_done", Boolean, nullable=False, server_default=false()),
    # Seconds without progress after which a run is stuck. 0: learnt from its own pace. Null: never.
    Column("stuck_after", Float),
    Column("severity_rank", Integer, nullable=False),
    Column("policy", Text),
    Column("manual_resume", Boolean, nullable=False),
    # A URL, or a line of text.
    Column("runbook", Text, nullable=False, server_default=""),
    # The failures, and the missed runs, in a row that turn it down.
    Column("alert_after_failures", Integer, nullable=False, server_default="1"),
    Column("alert_after_missed", Integer, nullable=False, server_default="1"),
    Column("measure", Text, nullable=False, server_default=Measure.JSON.value),
    # Its limit of runs, its shortest run and the like.
    Column(
        "expectation", Frozen(expectation.to_json, expectation.from_json), nullable=False, server_default="{}"
    ),
    # The slugs that it had before, as its definition lists them. `former_slugs` has them for the path of a ping.
    Column("formerly", JSON(none_as_null=True)),
    # The checks that it runs after: slugs, and labels.
    Column("after", JSON(none_as_null=True)),
    # The rules that its runs must keep: its own, and those of the configuration for its labels.
    Column("rules", JSON(none_as_null=True)),
    Column("label_rules", JSON(none_as_null=True)),
    # Whether the plain lane may take its successes: see `Check.plain`.
    Column("plain", Boolean, nullable=False, server_default=true()),
    # The owner of the definition: 'file' (the configuration), 'api' or 'ping' (created by its first ping).
    Column("origin", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("cause", Text),
    # What its last run is down for, also while the cause is one that time has brought about.
    Column("fault", JSON(none_as_null=True)),
    Column("since", Utc, nullable=False),
    # The start of the current expectation: created, resumed, re-scheduled or re-armed.
    Column("armed_at", Utc, nullable=False),
    # A ping on a healthy check writes only these two. No index may ever name them: on PostgreSQL that would
    # turn off HOT updates, halve the throughput and more than double the WAL.
    Column("last_ok_at", Utc),
    Column("pings", BigInteger, nullable=False),
    Column("last_fail_at", Utc),
    Column("last_other_at", Utc),
    # The failures since the last success, and the missed runs since the last ping. The plain lane leaves out checks
    # with any.
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("missed", Integer, nullable=False, server_default="0"),
    Column("runs", JSON(none_as_null=True)),
    # The last time that one of its runs ended, then when its last runs began: at most one more than its limit.
    Column("recent_runs", JSON(none_as_null=True)),
    # Never later than the true deadline, which is derived. Empty if no ping is expected.
    Column("wake_at", Utc),
    # True for a check that is unknown. It is stored as new, as which the release before expects it.
    Column("unheard", Boolean, nullable=False, server_default=false()),
    CheckConstraint(
        f"state IN ({', '.join(repr(state.value) for state in State if state not in (State.LATE, State.UNKNOWN))})",
        name="state",
    ),
    CheckConstraint(f"(state = '{State.DOWN}') = (cause IS NOT NULL)", name="cause"),
    CheckConstraint(f"state NOT IN ('{State.NEW}', '{State.UP}') OR wake_at IS NOT NULL", name="armed"),
    postgresql_with={"fillfactor": "70"},
)
UNKNOWN = and_(checks.c.state == State.NEW, checks.c.unheard)
"""The condition of the checks that are unknown."""
STATE: ColumnElement[Any] = case((UNKNOWN, State.UNKNOWN.value), else_=checks.c.state)
"""The state of a check."""


def in_state(state: State) -> ColumnElement[bool]:
    """Return the condition of the checks in a state. `LATE` finds none: it follows from the time."""
    if state is State.UNKNOWN:
        return UNKNOWN
    if state is State.NEW:
        return and_(checks.c.state == state, ~checks.c.unheard)
    return checks.c.state == state.value


Index(
    "ix_checks_wake_at",
    checks.c.severity_rank,
    checks.c.wake_at,
    postgresql_where=checks.c.wake_at.is_not(None),
    sqlite_where=checks.c.wake_at.is_not(None),
)
# They are counted often.
Index(
    "ix_checks_created_by_pings",
    checks.c.id,
    postgresql_where=checks.c.origin == "ping",
    sqlite_where=checks.c.origin == "ping",
)
Index(
    "ix_checks_unheard",
    checks.c.armed_at,
    postgresql_where=checks.c.unheard,
    sqlite_where=checks.c.unheard,
)
# Few checks run after others.
Index(
    "ix_checks_after",
    checks.c.id,
    postgresql_where=checks.c.after.is_not(None),
    sqlite_where=checks.c.after.is_not(None),
)

# In the order of the list of checks.
Index("ix_checks_urgency", checks.c.state, checks.c.severity_rank, func.lower(checks.c.name), checks.c.slug)
Index(
    "ix_checks_missed",
    checks.c.missed,
    postgresql_where=checks.c.missed > 0,
    sqlite_where=checks.c.missed > 0,
)

former_slugs = Table(
    "former_slugs",
    metadata,
    # A ping to this slug is for the check, unless another check has the slug now.
    Column("slug", Text, primary_key=True),
    Column("check_id", ForeignKey("checks.id", ondelete="CASCADE"), nullable=False, index=True),
    # The last ping by this name, exact to a minute.
    Column("last_heard_at", Utc),
)

# The levels above each group of checks. A group without levels has none.
group_levels = Table(
    "group_levels",
    metadata,
    Column("level_key", Text, primary_key=True),
    Column("group_key", Text, primary_key=True),
)

transitions = Table(
    "transitions",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("check_id", ForeignKey("checks.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Utc, nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("cause", Text),
    Column("why", Text, nullable=False),
)

# The last sign of life of each process that takes pings: one small row that it writes each second.
beats = Table(
    "beats",
    metadata,
    Column("process", Text, primary_key=True),
    Column("at", Utc, nullable=False),
    # The seconds since the start `boot` of its machine, which setting the clock does not change.
    Column("elapsed", Float, nullable=False),
    Column("boot", Text, nullable=False),
    # True once the process has ended in an orderly way.
    Column("stopped", Boolean, nullable=False),
    postgresql_with={"fillfactor": "50"},
)

# The times in which no ping could be heard. Two processes that notice the same one write it once.
blind_spans = Table(
    "blind_spans",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("began_at", Utc, nullable=False, unique=True),
    Column("ended_at", Utc, nullable=False, index=True),
    Column("why", Text, nullable=False),
    # The checks whose deadline came unheard because of it.
    Column("checks", Integer, nullable=False),
    # The time at which people are to be told of it, empty once that is done.
    Column("tell_at", Utc, index=True),
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    # The labels that a check must have; all of them.
    Column("match", JSON, nullable=False),
    Column("starts_at", Utc, nullable=False),
    Column("ends_at", Utc, nullable=False, index=True),
    Column("made_by", Text, nullable=False),
    Column("made_at", Utc, nullable=False),
    # The caller's key of the request, so that a repeated request creates one window.
    Column("request_key", Text, unique=True),
    # Empty unless it recurs. Its times are then those of the occurrence that came first after the last change.
    Column("recurrence", Frozen(recurrence.to_json, recurrence.from_json)),
    # 'maintenance' or 'silence'.
    Column("kind", Text, nullable=False, server_default="maintenance"),
    CheckConstraint("ends_at >= starts_at", name="ends_after_start"),
)
