"""Checks that run after others, and symptoms that wait for others

Revision ID: 0037
Revises: 0036
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checks", sa.Column("after", sa.JSON(none_as_null=True)))
    named = sa.column("after").is_not(None)
    op.create_index("ix_checks_after", "checks", ["id"], postgresql_where=named, sqlite_where=named)
    for name in ("waits_for", "waited_for"):
        op.add_column("symptoms", sa.Column(name, sa.Text()))
        stands = sa.column(name).is_not(None) & sa.column("cleared_at").is_(None)
        op.create_index(
            f"ix_symptoms_{name}", "symptoms", [name], postgresql_where=stands, sqlite_where=stands
        )
