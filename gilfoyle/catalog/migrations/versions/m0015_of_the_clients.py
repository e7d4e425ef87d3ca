"""What clients keep with a media: an id of theirs, metadata, tags, until when it stays, and how it is encoded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"

_COLUMNS = ("external_id", "metadata", "tags", "expires_at", "options")


def upgrade() -> None:
    op.add_column("media", sa.Column("external_id", sa.String(255)))
    op.add_column("media", sa.Column("metadata", postgresql.JSONB(), nullable=False, server_default="{}"))
    op.add_column("media", sa.Column("tags", sa.ARRAY(sa.String(100)), nullable=False, server_default="{}"))
    op.add_column("media", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.add_column("media", sa.Column("options", postgresql.JSONB()))
    op.create_index("media_expires", "media", ["expires_at"], postgresql_where="expires_at IS NOT NULL")
    op.create_index(
        "media_external_id",
        "media",
        ["project", "external_id"],
        unique=True,
        postgresql_where="external_id IS NOT NULL AND status <> 'Deleting'",
    )


def downgrade() -> None:
    op.drop_index("media_external_id", "media")
    op.drop_index("media_expires", "media")
    for name in _COLUMNS:
        op.drop_column("media", name)
