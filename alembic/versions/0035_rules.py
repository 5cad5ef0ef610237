"""Rules over the runs of a check

Revision ID: 0035
Revises: 0034
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checks", sa.Column("rules", sa.JSON()))
    op.add_column("checks", sa.Column("label_rules", sa.JSON()))
