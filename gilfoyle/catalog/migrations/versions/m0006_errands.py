"""Work on the whole installation that was begun, and is to be brought to its end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "errand",
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("workflow", sa.String(50), nullable=False),
        sa.Column("job", JSONB(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("errand")
