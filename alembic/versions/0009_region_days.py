"""The days of each region of a component

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "status_region_days",
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("up", sa.Float(), nullable=False),
        sa.Column("degraded", sa.Float(), nullable=False),
        sa.Column("down", sa.Float(), nullable=False),
        sa.Column("maintenance", sa.Float(), nullable=False),
        sa.Column("unknown", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("page", "component", "region", "day", name=op.f("pk_status_region_days")),
    )
