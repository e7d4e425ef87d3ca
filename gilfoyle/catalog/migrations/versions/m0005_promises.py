"""When to look whether somebody works for a media. What is under way is looked at at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_UNDER_WAY = """
UPDATE media SET due_at = now() WHERE status IN ('Processing', 'Deleting') OR status = 'Ready' AND EXISTS (
    SELECT FROM rendition WHERE media_id = media.id AND encoding = media.encoding
    AND rendition.status NOT IN ('Ready', 'Errored')
)
"""


def upgrade() -> None:
    op.add_column("media", sa.Column("due_at", sa.DateTime(timezone=True)))
    op.create_index("media_due", "media", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.execute(_UNDER_WAY)


def downgrade() -> None:
    op.drop_index("media_due", "media")
    op.drop_column("media", "due_at")
