"""What the last run of a check is down for

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
    op.add_column("checks", sa.Column("fault", sa.JSON(none_as_null=True)))
