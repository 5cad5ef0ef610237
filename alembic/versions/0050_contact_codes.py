"""Codes that were sent to prove contacts

Revision ID: 0050
Revises: 0049
"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contact_codes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("contact_mark", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("said", sa.Text()),
        sa.Column("provider_id", sa.Text()),
        sa.Column("receipt", sa.Text()),
        sa.Column("receipt_said", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_codes")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_contact_codes_person", "contact_codes", ["person"])
