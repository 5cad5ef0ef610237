"""Indexes of checks in the order of the list, and of those that missed a run

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_checks_urgency", "checks", ["state", "severity_rank", sa.text("lower(name)"), "slug"])
    missed = sa.text("missed > 0")
    op.create_index("ix_checks_missed", "checks", ["missed"], postgresql_where=missed, sqlite_where=missed)
