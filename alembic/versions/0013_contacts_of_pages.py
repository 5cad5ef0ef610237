"""The contact of each page and attempt, and whether an attempt without an answer may have arrived

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pages", sa.Column("contact_mark", sa.Text(), nullable=True))
    op.add_column("attempts", sa.Column("contact_mark", sa.Text(), nullable=True))
    op.add_column(
        "attempts",
        sa.Column("may_have_arrived", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
