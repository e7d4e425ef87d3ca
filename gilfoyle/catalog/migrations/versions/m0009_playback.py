"""Addresses under which medias are played. Each media that is there gets one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "playback",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("media_id", sa.Uuid(), sa.ForeignKey("media.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_playback_media_id", "playback", ["media_id"])
    op.execute(
        "INSERT INTO playback (id, media_id, created_at) "
        "SELECT replace(gen_random_uuid()::text, '-', ''), id, created_at FROM media"
    )


def downgrade() -> None:
    op.drop_table("playback")
