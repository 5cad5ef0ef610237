"""The messages of which a provider must be asked what became of them

Revision ID: 0043
Revises: 0042
"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "polls",
        sa.Column("via", sa.Text(), primary_key=True),
        sa.Column("provider_id", sa.Text(), primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("poll_at", sa.DateTime(timezone=True), nullable=False, index=True),
    )
