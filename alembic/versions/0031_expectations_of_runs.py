"""The expectation of a check's runs, and when its last runs began

Revision ID: 0031
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checks", sa.Column("expectation", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("checks", sa.Column("recent_runs", sa.JSON()))
