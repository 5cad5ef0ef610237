"""The provider's id of each accepted attempt, and its receipt

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("provider_id", sa.Text(), nullable=True))
    op.add_column("attempts", sa.Column("receipt", sa.Text(), nullable=True))
    op.add_column("attempts", sa.Column("receipt_said", sa.Text(), nullable=True))
    op.add_column("attempts", sa.Column("receipt_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_attempts_provider_id",
        "attempts",
        ["provider_id", "via"],
        unique=False,
        postgresql_where=sa.text("provider_id IS NOT NULL"),
        sqlite_where=sa.text("provider_id IS NOT NULL"),
    )
