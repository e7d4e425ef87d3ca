"""URLs to which events are sent, and what is on its way to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    _create_webhook()
    _create_delivery()


def downgrade() -> None:
    op.drop_table("delivery")
    op.drop_table("webhook")


def _create_webhook() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("project", sa.String(40), sa.ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("types", sa.ARRAY(sa.String(50)), nullable=False, server_default="{}"),
        sa.Column("description", sa.String(500), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(200)),
        sa.Column("secret", sa.String(100), nullable=False),
        sa.Column("old_secret", sa.String(100)),
        sa.Column("old_secret_until", sa.DateTime(timezone=True)),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_webhook_project", "webhook", ["project"])


def _create_delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("webhook_id", sa.Uuid(), sa.ForeignKey("webhook.id", ondelete="CASCADE"), nullable=False),
        sa.Column("message_id", sa.String(50), nullable=False),
        sa.Column("event", JSONB(), nullable=False),
        sa.Column("chain", sa.Uuid()),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True)),
        sa.Column("first_tried_at", sa.DateTime(timezone=True)),
        sa.Column("tried_at", sa.DateTime(timezone=True)),
        sa.Column("duration_s", sa.Float()),
        sa.Column("answer_status", sa.Integer()),
        sa.Column("answer", sa.String(1000)),
        sa.Column("error", sa.String(500)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("delivery_of_webhook", "delivery", ["webhook_id", "id"])
    op.create_index("delivery_created", "delivery", ["created_at"])
    waiting = sa.text("status = 'Waiting'")
    op.create_index("delivery_waiting", "delivery", ["webhook_id", "chain", "id"], postgresql_where=waiting)
