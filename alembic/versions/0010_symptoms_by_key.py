"""An index for the incidents of a symptom

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_symptoms_key", "symptoms", ["key", "incident_id"], unique=False)
