"""The runbook of each check, and the failures and missed runs that it tolerates

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checks", sa.Column("runbook", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "checks", sa.Column("alert_after_failures", sa.Integer(), server_default="1", nullable=False)
    )
    op.add_column("checks", sa.Column("alert_after_missed", sa.Integer(), server_default="1", nullable=False))
    op.add_column("checks", sa.Column("failures", sa.Integer(), server_default="0", nullable=False))
    op.add_column("checks", sa.Column("missed", sa.Integer(), server_default="0", nullable=False))
