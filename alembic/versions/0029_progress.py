"""Checks whose runs may go on until they are done, and the time after which a run is stuck

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checks", sa.Column("until_done", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("checks", sa.Column("stuck_after", sa.Float()))
