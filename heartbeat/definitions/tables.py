"""The table of status pages, as they are defined."""

from sqlalchemy import JSON, Column, Table, Text

from alerting.sql import metadata

status_pages = Table(
    "status_pages",
    metadata,
    Column("slug", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("components", JSON, nullable=False),
    Column("origin", Text, nullable=False, server_default="file"),
    # The whole definition but slug and title; empty in a row that a release before 0.2 has written.
    Column("details", JSON(none_as_null=True)),
)
