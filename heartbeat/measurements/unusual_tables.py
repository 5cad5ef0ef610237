"""The table of unusual runs: bounded by age."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Table, Text

from alerting.sql import Utc, metadata

unusual_runs = Table(
    "unusual_runs",
    metadata,
    Column("check_id", ForeignKey("checks.id", ondelete="CASCADE"), primary_key=True),
    # The end of the run, and the number that was unusual.
    Column("at", Utc, primary_key=True, index=True),
    Column("name", Text, primary_key=True),
    Column("value", Float, nullable=False),
    # The band at that time, and whether it was that of a weekday and hour.
    Column("low", Float, nullable=False),
    Column("middle", Float, nullable=False),
    Column("high", Float, nullable=False),
    Column("weekly", Boolean, nullable=False),
)
