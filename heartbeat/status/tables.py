"""The tables of status pages: announcements, counted days, and subscribers."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from alerting.sql import Utc, key_type, metadata

announcements = Table(
    "announcements",
    metadata,
    Column("id", key_type(), primary_key=True),
    # The slug of the page. A deleted page that is made again under it keeps its past.
    Column("page", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("impact", Text, nullable=False),
    Column("starts_at", Utc, nullable=False),
    Column("ends_at", Utc),
    Column("made_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
    Column("published_at", Utc),
    Column("monitoring_at", Utc),
    Column("resolved_at", Utc),
    Column("affected", JSON, nullable=False),
    Column("unrelated", JSON, nullable=False),
    Column("draft", Text, nullable=False),
    # The incident or window it was drafted from, which may be deleted first.
    Column("incident_id", BigInteger),
    Column("maintenance_id", BigInteger),
    Column("automatic", Boolean, nullable=False),
    # The installation's name when it was made. Empty for those of a release without names.
    Column("installation", Text),
    # The key of the request. Not unique, since the previous release does not know it.
    Column("request_key", Text, index=True),
    CheckConstraint("kind IN ('incident', 'maintenance')", name="kind"),
    CheckConstraint("kind = 'incident' OR ends_at IS NOT NULL", name="maintenance_ends"),
    Index("ix_announcements_page", "page", "id"),
    Index(
        "ix_announcements_open",
        "page",
        postgresql_where=text("resolved_at IS NULL"),
        sqlite_where=text("resolved_at IS NULL"),
    ),
)

updates = Table(
    "announcement_updates",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("announcement_id", ForeignKey("announcements.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Utc, nullable=False),
    Column("status", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("automatic", Boolean, nullable=False),
    Column("affected", JSON, nullable=False),
)

days = Table(
    "status_days",
    metadata,
    Column("page", Text, primary_key=True),
    Column("component", Text, primary_key=True),
    # A day in the zone of the page, and its seconds by health.
    Column("day", Date, primary_key=True),
    Column("up", Float, nullable=False),
    Column("degraded", Float, nullable=False),
    Column("down", Float, nullable=False),
    Column("maintenance", Float, nullable=False),
    Column("unknown", Float, nullable=False),
)

# The same in one region of the page, by the value of its label.
region_days = Table(
    "status_region_days",
    metadata,
    Column("page", Text, primary_key=True),
    Column("component", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("up", Float, nullable=False),
    Column("degraded", Float, nullable=False),
    Column("down", Float, nullable=False),
    Column("maintenance", Float, nullable=False),
    Column("unknown", Float, nullable=False),
)

subscribers = Table(
    "status_subscribers",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("page", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("asked_at", Utc, nullable=False),
    Column("confirmed_at", Utc),
    # Mails in a row that the server refused for good because of this address, and its last answer.
    Column("refusals", Integer, nullable=False, server_default="0"),
    Column("refusal", Text),
    Column("dropped_at", Utc),
    UniqueConstraint("page", "address", name="uq_status_subscribers_page_address"),
)

mails = Table(
    "status_mails",
    metadata,
    Column("id", key_type(), primary_key=True),
    Column("subscriber_id", ForeignKey("status_subscribers.id", ondelete="CASCADE"), nullable=False),
    # Empty for the mail that asks to confirm.
    Column("update_id", ForeignKey("announcement_updates.id", ondelete="CASCADE")),
    Column("next_at", Utc, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    UniqueConstraint("subscriber_id", "update_id", name="uq_status_mails_subscriber_update"),
)
