"""Pages that are put off: the working hours of policies, and what incidents wait for

Revision ID: 0052
Revises: 0051
"""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("policies", sa.Column("warnings_wait_for", sa.JSON))
    op.add_column("incidents", sa.Column("waits_until", sa.DateTime(timezone=True)))
    op.add_column("incidents", sa.Column("waits_for", sa.Text))
    waits = sa.column("waits_until").is_not(None)
    op.create_index(
        "ix_incidents_waits_until",
        "incidents",
        ["waits_until"],
        postgresql_where=waits,
        sqlite_where=waits,
    )
