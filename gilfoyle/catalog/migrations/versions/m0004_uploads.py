"""Which of a media's uploads its source is. What there is was uploaded once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("media", sa.Column("upload", sa.Integer(), nullable=False, server_default="1"))


def downgrade() -> None:
    op.drop_column("media", "upload")
