"""Rotations with their overrides and swaps, teams, and channels

Revision ID: 0041
Revises: 0040
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("people", sa.Column("channel", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "rotations",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("layers", sa.JSON(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False, server_default="file"),
    )
    op.create_table(
        "teams",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False, server_default="file"),
    )
    op.create_table(
        "overrides",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("rotation", sa.Text()),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("on_call", sa.Text()),
        sa.Column("off_call", sa.Text()),
        sa.Column("starts_at", Instant, nullable=False),
        sa.Column("ends_at", Instant, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", Instant, nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name="overrides_last"),
        sa.CheckConstraint("on_call IS NOT NULL OR off_call IS NOT NULL", name="overrides_change_something"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_overrides_ends_at", "overrides", ["ends_at"])
    op.create_table(
        "swaps",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("rotation", sa.Text(), nullable=False),
        sa.Column("offered_by", sa.Text(), nullable=False),
        sa.Column("offered_from", Instant, nullable=False),
        sa.Column("offered_until", Instant, nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("asked_from", Instant, nullable=False),
        sa.Column("asked_until", Instant, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", Instant, nullable=False),
        sqlite_autoincrement=True,
    )
