"""Reports of past pages

Revision ID: 0038
Revises: 0037
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    delivered = sa.column("delivered_at").is_not(None)
    op.create_index(
        "ix_pages_delivered_at",
        "pages",
        ["delivered_at"],
        postgresql_where=delivered,
        sqlite_where=delivered,
    )
