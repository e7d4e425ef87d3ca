"""Files that are fetched from a URL to be the source of a media."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "import",
        sa.Column("media_id", sa.Uuid(), sa.ForeignKey("media.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("url", sa.String(2048)),
        sa.Column("shown_url", sa.String(2048), nullable=False),
        sa.Column("upload_id", sa.String(40), sa.ForeignKey("upload_session.id", ondelete="SET NULL")),
        sa.Column("replace", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(10)),
        sa.Column("file_name", sa.String(255)),
        sa.Column("policy", postgresql.JSONB()),
        sa.Column("validator", sa.String(1000)),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("most_received", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("ends_at", sa.DateTime(timezone=True)),
        sa.Column("error_code", sa.String(50)),
        sa.Column("error_message", sa.String(4000)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("import")
