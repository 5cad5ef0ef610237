"""When a job last pinged by a former name

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("former_slugs", sa.Column("last_heard_at", sa.DateTime(timezone=True), nullable=True))
