"""The name of the installation, and the name under which an incident or announcement is known outside

Revision ID: 0015
Revises: 0014
"""

import json
from secrets import token_hex

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Empty for those that are known outside without a name: they keep their ids.
    op.add_column("incidents", sa.Column("installation", sa.Text(), nullable=True))
    op.add_column("announcements", sa.Column("installation", sa.Text(), nullable=True))
    drawn = "INSERT INTO installation (key, value) VALUES ('name', :name) ON CONFLICT (key) DO NOTHING"
    op.get_bind().execute(sa.text(drawn), {"name": json.dumps(token_hex(6))})
