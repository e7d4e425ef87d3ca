"""The events of one project, found without looking at those of the others."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_index("event_of_project", "event", ["project", "id"])


def downgrade() -> None:
    op.drop_index("event_of_project", "event")
