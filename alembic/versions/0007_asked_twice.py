"""The idempotency key of an announcement, so that a repeated request creates only one

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("announcements", sa.Column("request_key", sa.Text(), nullable=True))
    op.create_index(op.f("ix_announcements_request_key"), "announcements", ["request_key"], unique=False)
