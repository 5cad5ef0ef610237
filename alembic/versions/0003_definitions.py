"""Definitions by the API and the console: origins of people, policies, keys and pages; maintenance windows

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("people", "policies", "ping_keys", "status_pages"):
        op.add_column(table, sa.Column("origin", sa.Text(), nullable=False, server_default="file"))
    op.add_column("ping_keys", sa.Column("made_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("ping_keys", sa.Column("made_by", sa.Text(), nullable=True))
    op.add_column("symptoms", sa.Column("held_until", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "maintenance",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("match", sa.JSON(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=True),
        sa.CheckConstraint("ends_at >= starts_at", name=op.f("ck_maintenance_ends_after_start")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance")),
        sa.UniqueConstraint("request_key", name=op.f("uq_maintenance_request_key")),
    )
    op.create_index(op.f("ix_maintenance_ends_at"), "maintenance", ["ends_at"], unique=False)
