"""Steps that go round: whose turn it was, by policy and in each incident

Revision ID: 0049
Revises: 0048
"""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("incidents", sa.Column("turns", sa.JSON))
    op.create_table(
        "rounds",
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("turns", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("policy", "step", name=op.f("pk_rounds")),
    )
