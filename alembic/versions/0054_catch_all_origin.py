"""Who has defined the catch-all

Revision ID: 0054
Revises: 0053
"""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("catch_all", sa.Column("origin", sa.Text, nullable=False, server_default="file"))
