"""Numbers in the ring of pings, and checks whose every ping is looked at singly

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checks", sa.Column("plain", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("pings", sa.Column("measurements", sa.JSON()))
    op.add_column("pings", sa.Column("misread", sa.Text()))
