"""Partial uploads, of which others are made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.add_column("upload_session", sa.Column("partial", sa.Boolean(), nullable=False, server_default="false"))
    op.add_column(
        "upload_session",
        sa.Column("part_of", sa.String(40), sa.ForeignKey("upload_session.id", ondelete="CASCADE")),
    )
    op.add_column("upload_session", sa.Column("parts", sa.ARRAY(sa.String(40)), nullable=False, server_default="{}"))
    op.add_column("upload_session", sa.Column("storage", sa.String(20), nullable=False, server_default=""))
    op.add_column("upload_session", sa.Column("lease", sa.DateTime(timezone=True)))
    op.create_index("ix_upload_session_part_of", "upload_session", ["part_of"])


def downgrade() -> None:
    op.execute("DELETE FROM upload_session WHERE partial")
    for name in ("lease", "storage", "parts", "part_of", "partial"):
        op.drop_column("upload_session", name)
