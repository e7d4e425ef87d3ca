"""What metrics need: passes that workflows hold back, and which process tells of the whole installation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.add_column("recipe", sa.Column("held_back", postgresql.JSONB()))
    # Of a million encodings, those that are being made.
    op.create_index(
        "recipe_held_back", "recipe", ["media_id", "encoding"], postgresql_where=sa.text("held_back IS NOT NULL")
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(50), primary_key=True),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("lease")
    op.drop_index("recipe_held_back", "recipe")
    op.drop_column("recipe", "held_back")
