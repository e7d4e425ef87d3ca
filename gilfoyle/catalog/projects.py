"""Projects: namespaces, so that the applications that share a server see nothing of each other."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import Column, DateTime, String, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from gilfoyle.catalog.lookups import CompiledQuery
from gilfoyle.catalog.models import DEFAULT_PROJECT, Media, now
from gilfoyle.catalog.rows import Rows, no_media
from gilfoyle.errors import Conflict, NotFound

MOST_PROJECTS = 1000
SLUG = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
"""What the id of a project looks like."""


class Project(SQLModel, table=True):
    """A namespace. The row `default` is always there."""

    __tablename__ = "project"

    id: str = Field(sa_column=Column(String(40), primary_key=True))
    """A slug, chosen by people."""
    name: str = Field(sa_column=Column(String(200), nullable=False))
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


class Projects(Rows):
    """`catalog.projects`."""

    async def create(self, project: str, name: str = "") -> Project:
        """Its name is its id unless one is given. Raises Conflict if it is there already."""
        async with self._database.session() as session:
            if (await session.scalar(select(func.count()).select_from(Project)) or 0) >= MOST_PROJECTS:
                raise Conflict(f"There are {MOST_PROJECTS} projects already.", code="too_many_projects")
            row = Project(id=project, name=name or project)
            adding = insert(Project).values(row.model_dump()).on_conflict_do_nothing().returning(col(Project.id))
            if await session.scalar(adding) is None:
                raise Conflict(f"There is a project {project} already.", code="project_exists")
        return row

    async def all(self, only: str | None = None) -> list[Project]:
        """By their ids. `only`: the one that the caller sees."""
        query = select(Project).order_by(col(Project.id))
        if only is not None:
            query = query.where(col(Project.id) == only)
        async with self._database.reading() as session:
            return list((await session.scalars(query)).all())

    async def get(self, project: str) -> Project:
        """Raises NotFound."""
        async with self._database.reading() as session:
            return await require_project(session, project)

    async def rename(self, project: str, name: str) -> Project:
        """Raises NotFound."""
        async with self._database.session() as session:
            row = await require_project(session, project)
            row.name = name
        return row

    async def delete(self, project: str) -> None:
        """Remove one that has no medias any more, with its keys. Raises NotFound, and Conflict."""
        if project == DEFAULT_PROJECT:
            raise Conflict(f"The project {DEFAULT_PROJECT} is always there.", code="project_in_use")
        try:
            async with self._database.session() as session:
                await session.delete(await require_project(session, project))
        except IntegrityError as error:  # by a foreign key: whatever refers to it
            raise Conflict(
                f"Something still belongs to the project {project}: delete its medias first.",
                code="project_in_use",
            ) from error

    async def require(self, project: str, media_id: UUID) -> None:
        """Raises NotFound if the media is not of that project: as if there were none."""
        if await self._database.row(_of_project(), media_id=media_id, project=project) is None:
            raise no_media(media_id)


@cache
def _of_project() -> CompiledQuery:
    wanted = (col(Media.id) == bindparam("media_id"), col(Media.project) == bindparam("project"))
    return CompiledQuery(select(col(Media.id)).where(*wanted))


async def require_project(session: AsyncSession, project: str) -> Project:
    """The project of that id. Raises NotFound."""
    row = await session.get(Project, project)
    if row is None:
        raise NotFound(f"There is no project {project[:100]}.")
    return row
