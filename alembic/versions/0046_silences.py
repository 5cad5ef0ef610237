"""Silences, and the reason for which a symptom is held

Revision ID: 0046
Revises: 0045
"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("maintenance", sa.Column("kind", sa.Text, nullable=False, server_default="maintenance"))
    op.add_column("symptoms", sa.Column("held_why", sa.Text))
