"""Checks whose numbers are in lines of the body

Revision ID: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checks", sa.Column("measure", sa.Text(), nullable=False, server_default="json"))
