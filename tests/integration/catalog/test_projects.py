from __future__ import annotations

from uuid import uuid4

import pytest

from gilfoyle.catalog import DEFAULT_PROJECT, Catalog, Database, MediaFilter, Paging, Project
from gilfoyle.errors import NotFound


@pytest.fixture
async def other(database: Database) -> str:
    async with database.session() as session:
        session.add(Project(id="other", name="Other"))
    return "other"


async def test_a_media_belongs_to_the_default_project_unless_another_is_named(catalog: Catalog, other: str) -> None:
    assert (await catalog.medias.create("Film")).project == DEFAULT_PROJECT
    made = await catalog.medias.create("Film", project=other)
    assert (await catalog.medias.get(made.id)).project == other


async def test_a_list_is_of_one_project_or_of_all(catalog: Catalog, other: str) -> None:
    ours, theirs = await catalog.medias.create("Film"), await catalog.medias.create("Film", project=other)

    async def found(project: str) -> list[object]:
        return [view.media.id for view in (await catalog.views.page(MediaFilter(project=project), Paging(10))).views]

    assert await found(DEFAULT_PROJECT) == [ours.id]
    assert await found(other) == [theirs.id]
    assert await found("") == [theirs.id, ours.id]


async def test_a_media_of_another_project_is_as_unknown_as_none(catalog: Catalog, other: str) -> None:
    media = await catalog.medias.create("Film")
    await catalog.projects.require(DEFAULT_PROJECT, media.id)
    for project, media_id in ((other, media.id), (DEFAULT_PROJECT, uuid4())):
        with pytest.raises(NotFound, match=f"There is no media {media_id}"):
            await catalog.projects.require(project, media_id)
