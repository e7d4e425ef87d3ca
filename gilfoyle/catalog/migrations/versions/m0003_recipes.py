"""By what each encoding is made, so that a part of it can be made once more. What there is has no such record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("media", sa.Column("retries", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "recipe",
        sa.Column("media_id", sa.Uuid(), sa.ForeignKey("media.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("encoding", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("plan", JSONB(), nullable=False),
        sa.Column("policy", JSONB(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("recipe")
    op.drop_column("media", "retries")
