"""The tables of checks. Each ping writes `checks`: see the notes on its columns before adding an index."""

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
    false,
    func,
    true,
)

from alerting.sql import Frozen, Utc, key_type, metadata
from heartbeat.checks import expectation, schedule
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
    # Whether the plain lane may take its successes: see `Check.plain`.
    Column("plain", Boolean, nullable=False, server_default=true()),
    # The owner of the definition: 'file' (the configuration), 'api' or 'ping' (created by its first ping).
    Column("origin", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("cause", Text),
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
    CheckConstraint(
        f"state IN ({', '.join(repr(state.value) for state in State if state is not State.LATE)})",
        name="state",
    ),
    CheckConstraint(f"(state = '{State.DOWN}') = (cause IS NOT NULL)", name="cause"),
    CheckConstraint(f"state NOT IN ('{State.NEW}', '{State.UP}') OR wake_at IS NOT NULL", name="armed"),
    postgresql_with={"fillfactor": "70"},
)
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
    CheckConstraint("ends_at >= starts_at", name="ends_after_start"),
)
