"""Which attempts a rate limit refused: they say nothing against their provider

Revision ID: 0055
Revises: 0054
"""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("throttled", sa.Boolean, nullable=False, server_default=sa.false()))
