"""How much pings use of their limits

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ping_usage",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_ping_usage")),
    )
    created_by_pings = sa.text("origin = 'ping'")
    op.create_index(
        "ix_checks_created_by_pings",
        "checks",
        ["id"],
        postgresql_where=created_by_pings,
        sqlite_where=created_by_pings,
    )
