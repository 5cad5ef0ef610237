"""The last use of a ping key

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ping_keys", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
