"""Policies of playback ids, and the keys with which playback tokens are checked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("playback", sa.Column("policy", sa.String(10), nullable=False, server_default="public"))
    op.create_table(
        "signing_key",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("project", sa.String(40), sa.ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("algorithm", sa.String(10), nullable=False),
        sa.Column("secret", sa.Text()),
        sa.Column("public_key", sa.Text()),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_signing_key_project", "signing_key", ["project"])


def downgrade() -> None:
    op.drop_table("signing_key")
    op.drop_column("playback", "policy")
