"""What a player can choose, and which rendition is a form of what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "track",
        sa.Column("media_id", sa.Uuid(), sa.ForeignKey("media.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("encoding", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("language", sa.String(40)),
        sa.Column("label", sa.String(200)),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.Column("stream", sa.Integer()),
    )
    op.add_column("rendition", sa.Column("track", sa.String(40)))


def downgrade() -> None:
    op.drop_column("rendition", "track")
    op.drop_table("track")
