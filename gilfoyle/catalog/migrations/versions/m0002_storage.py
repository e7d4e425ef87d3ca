"""In which backend a media lies, and its CID in IPFS. What there is lies in the filesystem."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("media", sa.Column("storage", sa.String(20), nullable=False, server_default="filesystem"))
    op.add_column("media", sa.Column("cid", sa.String(100)))


def downgrade() -> None:
    op.drop_column("media", "cid")
    op.drop_column("media", "storage")
