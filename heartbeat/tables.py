"""The tables of the whole installation: its facts, and the audit log."""

from sqlalchemy import JSON, Column, Table, Text

from alerting.sql import Utc, key_type, metadata

audit = Table(
    "audit",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("at", Utc, nullable=False),
    Column("actor", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("remote", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False, index=True),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
)

installation = Table(
    "installation",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", JSON, nullable=False),
)
