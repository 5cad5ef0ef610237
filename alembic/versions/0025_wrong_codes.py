"""Wrong codes of a second factor in a row

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("wrong_codes", sa.Integer(), nullable=False, server_default="0"))
