"""What has happened to medias."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("project", sa.String(40), nullable=False),
        sa.Column("media_id", sa.Uuid()),
        sa.Column("type", sa.String(50), nullable=False),
        sa.Column("data", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("event_of_media", "event", ["media_id", "id"])
    op.create_index("event_created", "event", ["created_at"])


def downgrade() -> None:
    op.drop_table("event")
