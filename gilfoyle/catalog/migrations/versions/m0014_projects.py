"""Projects: namespaces that medias belong to. Those that are there belong to `default`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "project",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.execute("INSERT INTO project (id, name, created_at) VALUES ('default', 'Default', now())")
    op.add_column(
        "media",
        sa.Column("project", sa.String(40), sa.ForeignKey("project.id"), nullable=False, server_default="default"),
    )
    op.create_index("media_project_newest", "media", ["project", "created_at", "id"])


def downgrade() -> None:
    op.drop_index("media_project_newest", "media")
    op.drop_column("media", "project")
    op.drop_table("project")
