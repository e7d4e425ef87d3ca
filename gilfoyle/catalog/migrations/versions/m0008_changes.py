"""How often a media's tracks were changed, which of the changes its playlists have, and what was taken out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    for name in ("changes", "published"):
        op.add_column("media", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))

    op.add_column("track", sa.Column("removed", sa.Boolean(), nullable=False, server_default="false"))


def downgrade() -> None:
    op.drop_column("track", "removed")
    op.drop_column("media", "published")
    op.drop_column("media", "changes")
