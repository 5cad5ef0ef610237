"""An index for the pages that wait for one contact

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    waiting = sa.text("next_at IS NOT NULL")
    op.create_index(
        "ix_pages_stream",
        "pages",
        ["person", "via", "severity_rank", "next_at", "id"],
        unique=False,
        postgresql_where=waiting,
        sqlite_where=waiting,
    )
