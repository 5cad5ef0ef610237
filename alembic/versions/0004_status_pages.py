"""Public status pages: their whole definition, incidents for customers, history, subscribers

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Only additions: the release before reads and writes its own columns as before."""
    op.add_column("status_pages", sa.Column("details", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("status_pages", "details")
