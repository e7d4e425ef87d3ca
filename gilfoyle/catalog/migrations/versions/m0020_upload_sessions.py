"""Upload sessions, and how long the source of one media may be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "upload_session",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("project", sa.String(40), sa.ForeignKey("project.id"), nullable=False, server_default="default"),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("media_id", sa.Uuid(), sa.ForeignKey("media.id", ondelete="SET NULL"), index=True),
        sa.Column("makes_media", sa.Boolean(), nullable=False),
        sa.Column("replace", sa.Boolean(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False, server_default=""),
        sa.Column("settings", JSONB(), nullable=False),
        sa.Column("length", sa.BigInteger()),
        sa.Column("file_name", sa.String(255)),
        sa.Column("media_type", sa.String(255)),
        sa.Column("kind", sa.String(10)),
        sa.Column("tus_metadata", sa.String(8192), nullable=False, server_default=""),
        sa.Column("max_bytes", sa.BigInteger()),
        sa.Column("max_duration_s", sa.Float()),
        sa.Column("cors_origin", sa.String(300)),
        sa.Column("ttl_s", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error_code", sa.String(50)),
        sa.Column("error_message", sa.String(4000)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("upload_session_newest", "upload_session", ["project", "created_at", "id"])
    op.create_index(
        "upload_session_open",
        "upload_session",
        ["expires_at"],
        postgresql_where=sa.text("status IN ('waiting', 'uploading')"),
    )
    for table in ("media", "replacement"):
        op.add_column(table, sa.Column("duration_limit_s", sa.Float()))


def downgrade() -> None:
    for table in ("media", "replacement"):
        op.drop_column(table, "duration_limit_s")
    op.drop_table("upload_session")
