"""Tracks of which all can be played: those of medias that are Ready have been told of long ago."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column("track", sa.Column("ready", sa.Boolean(), nullable=False, server_default="false"))
    op.execute("UPDATE track SET ready = true FROM media WHERE media.id = track.media_id AND media.status = 'Ready'")


def downgrade() -> None:
    op.drop_column("track", "ready")
