"""When the encoding began that is made or served, for the log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    for table in ("media", "replacement"):
        op.add_column(table, sa.Column("begun_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    for table in ("replacement", "media"):
        op.drop_column(table, "begun_at")
