"""Versions that are made to take the place of the one that plays; how many encodings and uploads there have been."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "replacement",
        sa.Column("media_id", sa.Uuid(), sa.ForeignKey("media.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("encoding", sa.Integer(), nullable=False),
        sa.Column("upload", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(10)),
        sa.Column("file_name", sa.String(255)),
        sa.Column("source_bytes", sa.BigInteger()),
        sa.Column("source_sha256", sa.String(64)),
        sa.Column("policy", postgresql.JSONB()),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("duration_s", sa.Float()),
        sa.Column("probe", postgresql.JSONB()),
        sa.Column("error_code", sa.String(50)),
        sa.Column("error_message", sa.String(4000)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.add_column("media", sa.Column("encodings", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("media", sa.Column("uploads", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE media SET encodings = encoding")
    op.execute("UPDATE media SET uploads = upload WHERE status <> 'AwaitingUpload'")


def downgrade() -> None:
    op.drop_column("media", "uploads")
    op.drop_column("media", "encodings")
    op.drop_table("replacement")
