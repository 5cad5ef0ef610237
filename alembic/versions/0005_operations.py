"""Operations: retention, encrypted secrets

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notifiers", sa.Column("origin", sa.Text(), server_default="file", nullable=False))
    op.add_column("notifiers", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("notifiers", sa.Column("changed_by", sa.Text(), nullable=True))
    op.create_index(
        "ix_incidents_resolved_at",
        "incidents",
        ["resolved_at"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NOT NULL"),
        sqlite_where=sa.text("resolved_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_transitions_at"), "transitions", ["at"], unique=False)
