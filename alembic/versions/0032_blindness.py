"""The beats of processes that take pings, the times without any, and the checks that could not be heard

Revision ID: 0032
Revises: 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "beats",
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("elapsed", sa.Float(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_beats")),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "blind_spans",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("tell_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blind_spans")),
        sa.UniqueConstraint("began_at", name=op.f("uq_blind_spans_began_at")),
    )
    op.create_index(op.f("ix_blind_spans_ended_at"), "blind_spans", ["ended_at"])
    op.create_index(op.f("ix_blind_spans_tell_at"), "blind_spans", ["tell_at"])
    op.add_column(
        "checks", sa.Column("unheard", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    unheard = sa.text("unheard")
    op.create_index(
        "ix_checks_unheard", "checks", ["armed_at"], postgresql_where=unheard, sqlite_where=unheard
    )
