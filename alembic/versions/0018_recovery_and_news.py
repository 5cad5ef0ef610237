"""The recovery of incidents, and what people were told of each symptom

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("incidents", sa.Column("recovered_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("incidents", sa.Column("settles_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("incidents", sa.Column("falls", sa.JSON(), nullable=True))
    op.add_column("incidents", sa.Column("seen_rank", sa.Integer(), nullable=True))
    op.add_column("symptoms", sa.Column("told", sa.Text(), nullable=True))
    op.add_column("symptoms", sa.Column("falls", sa.JSON(), nullable=True))
    op.add_column("pages", sa.Column("news", sa.JSON(), nullable=True))
    op.create_index(
        "ix_incidents_settles_at",
        "incidents",
        ["settles_at"],
        unique=False,
        postgresql_where=sa.text("settles_at IS NOT NULL"),
        sqlite_where=sa.text("settles_at IS NOT NULL"),
    )
    # The release before told of everything that it had raised by then.
    op.execute(
        "UPDATE symptoms SET told = cause WHERE cleared_at IS NULL AND EXISTS (SELECT 1 FROM incidents "
        "WHERE incidents.id = symptoms.incident_id AND symptoms.raised_at <= incidents.told_at)"
    )
    op.execute("UPDATE incidents SET seen_rank = severity_rank WHERE told_at IS NOT NULL")
