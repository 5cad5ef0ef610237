"""Levels of groups of checks

Revision ID: 0034
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "group_levels",
        sa.Column("level_key", sa.Text(), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("level_key", "group_key", name=op.f("pk_group_levels")),
    )
