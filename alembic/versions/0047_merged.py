"""Incidents that are merged into others

Revision ID: 0047
Revises: 0046
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("incidents", sa.Column("merged_into", sa.BigInteger))
    merged = sa.column("merged_into").is_not(None)
    op.create_index(
        "ix_incidents_merged",
        "incidents",
        ["cause_key", "merged_into"],
        postgresql_where=merged,
        sqlite_where=merged,
    )
