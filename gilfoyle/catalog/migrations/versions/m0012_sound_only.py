"""Whether the sound alone of a file was asked for, apart from what was found in it.

Of medias that are there it is not known any more: what was found to be sound stays so.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    for table in ("media", "replacement"):
        op.add_column(table, sa.Column("sound_only", sa.Boolean(), nullable=False, server_default="false"))
        op.execute(f"UPDATE {table} SET sound_only = true WHERE kind = 'audio'")


def downgrade() -> None:
    for table in ("media", "replacement"):
        op.drop_column(table, "sound_only")
