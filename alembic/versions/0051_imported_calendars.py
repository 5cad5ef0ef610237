"""Calendars that layers of rotations follow

Revision ID: 0051
Revises: 0050
"""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "imported_calendars",
        sa.Column("rotation", sa.Text, primary_key=True),
        sa.Column("mark", sa.Text, primary_key=True),
        sa.Column("events", sa.JSON, nullable=False),
        sa.Column("bookings", sa.JSON, nullable=False),
        sa.Column("strangers", sa.JSON, nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True)),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("fault", sa.Text),
    )
