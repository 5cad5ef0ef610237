"""Addresses of subscribers that their mail servers refuse

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "status_subscribers", sa.Column("refusals", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("status_subscribers", sa.Column("refusal", sa.Text(), nullable=True))
    op.add_column("status_subscribers", sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True))
