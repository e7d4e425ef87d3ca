"""Uploads that have ended keep no project: they go with it."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"

_NAME = "upload_session_project_fkey"


def upgrade() -> None:
    op.drop_constraint(_NAME, "upload_session", type_="foreignkey")
    op.create_foreign_key(_NAME, "upload_session", "project", ["project"], ["id"], ondelete="CASCADE")


def downgrade() -> None:
    op.drop_constraint(_NAME, "upload_session", type_="foreignkey")
    op.create_foreign_key(_NAME, "upload_session", "project", ["project"], ["id"])
