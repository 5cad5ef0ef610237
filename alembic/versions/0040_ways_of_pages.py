"""Pages that move on to a further contact, and contacts of people for what is not critical

Revision ID: 0040
Revises: 0039
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("onward_at", "receipt_by", "not_before"):
        op.add_column("pages", sa.Column(name, sa.DateTime(timezone=True)))
    moves_on = sa.column("onward_at").is_not(None)
    op.create_index(
        "ix_pages_onward_at", "pages", ["onward_at"], postgresql_where=moves_on, sqlite_where=moves_on
    )
    op.add_column("people", sa.Column("warnings", sa.JSON(none_as_null=True)))
