"""Sources: that one was deleted while its stream stays, and what links to it are signed with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("media", sa.Column("source_deleted_at", sa.DateTime(timezone=True)))
    op.add_column("media", sa.Column("link_secret", sa.String(64)))


def downgrade() -> None:
    op.drop_column("media", "link_secret")
    op.drop_column("media", "source_deleted_at")
