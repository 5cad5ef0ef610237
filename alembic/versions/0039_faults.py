"""What the last run of a check is down for

Revision ID: 0039
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checks", sa.Column("fault", sa.JSON(none_as_null=True)))
