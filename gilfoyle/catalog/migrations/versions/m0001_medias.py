"""Medias and their renditions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "media",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("description", sa.String(5000), nullable=False),
        sa.Column("kind", sa.String(10)),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("playable", sa.Boolean(), nullable=False),
        sa.Column("encoding", sa.Integer(), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("file_name", sa.String(255)),
        sa.Column("source_bytes", sa.BigInteger()),
        sa.Column("source_sha256", sa.String(64)),
        sa.Column("duration_s", sa.Float()),
        sa.Column("probe", JSONB()),
        sa.Column("error_code", sa.String(50)),
        sa.Column("error_message", sa.String(4000)),
        sa.Column("upload_lease", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("media_newest", "media", ["created_at", "id"])
    op.create_index("ix_media_status", "media", ["status"])
    op.create_table(
        "rendition",
        sa.Column("media_id", sa.Uuid(), sa.ForeignKey("media.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("encoding", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("width", sa.Integer()),
        sa.Column("height", sa.Integer()),
        sa.Column("frame_rate", sa.Float()),
        sa.Column("channels", sa.Integer()),
        sa.Column("codecs", sa.String(80)),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("stored_segments", sa.Integer(), nullable=False),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False),
        sa.Column("bandwidth", sa.Integer()),
        sa.Column("average_bandwidth", sa.Integer()),
        sa.Column("error_code", sa.String(50)),
        sa.Column("error_message", sa.String(4000)),
    )


def downgrade() -> None:
    op.drop_table("rendition")
    op.drop_table("media")
