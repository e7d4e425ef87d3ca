"""What Alembic runs: the migrations, in the transaction that `gilfoyle.catalog.migrate` opened."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from gilfoyle.catalog import models

__all__ = ["models"]  # imported for its tables, which SQLModel.metadata then knows

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=False,  # the caller commits, together with its lock
)
context.run_migrations()
