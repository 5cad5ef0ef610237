"""The tables of the history of numbers: bounded for each check by its names and days."""

from sqlalchemy import JSON, BigInteger, Column, Float, ForeignKey, Table, Text

from alerting.sql import metadata

measured_checks = Table(
    "measured_checks",
    metadata,
    Column("check_id", ForeignKey("checks.id", ondelete="CASCADE"), primary_key=True),
    # The last ping whose numbers are in the history.
    Column("n", BigInteger, nullable=False),
)

measured_days = Table(
    "measured_days",
    metadata,
    Column("check_id", ForeignKey("checks.id", ondelete="CASCADE"), primary_key=True),
    # A day in UTC, such as 2026-05-03.
    Column("day", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("low", Float, nullable=False),
    Column("middle", Float, nullable=False),
    Column("high", Float, nullable=False),
    # For each hour with values: the hour, their number, the lowest, the middle, the highest.
    Column("hours", JSON, nullable=False),
    # The samples for medians; empty once a later day has begun. See `history.Day`.
    Column("samples", JSON(none_as_null=True)),
)
