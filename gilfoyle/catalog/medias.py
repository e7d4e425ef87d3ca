"""Medias as people see them: made, found, listed, described and taken away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypedDict, Unpack, cast
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import delete, exists, func, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from gilfoyle.catalog.listing import MediaFilter, Paging, columns, count_query, page_of, page_query
from gilfoyle.catalog.merge import checked, merged
from gilfoyle.catalog.models import (
    DEFAULT_PROJECT,
    EXTERNAL_ID_INDEX,
    HAS_OWN_OBJECTS,
    Media,
    MediaStatus,
    PlaybackId,
    Policy,
    Rendition,
    now,
)
from gilfoyle.catalog.rows import Rows, no_media
from gilfoyle.errors import Conflict, InvalidRequest, PreconditionFailed

MOST_DELETED = 1000
"""So many are marked in one transaction."""
_LADDER = (col(Rendition.position), col(Rendition.name))


class MediaGiven(TypedDict, total=False):
    """What clients may say of a media besides its title and description."""

    external_id: str | None
    metadata: Mapping[str, Any] | None
    """Merged into what there is (RFC 7396); None: no key stays."""
    tags: list[str]
    expires_at: datetime | None
    options: Mapping[str, Any] | None
    """EncodingOptions as JSON, merged into what there is; None: none at all."""


class MediaChanges(MediaGiven, total=False):
    """What clients may change of a media."""

    title: str
    description: str


class Medias(Rows):
    """`catalog.medias`."""

    async def create(
        self,
        title: str,
        description: str = "",
        storage: str = "filesystem",
        project: str = DEFAULT_PROJECT,
        policy: Policy = Policy.PUBLIC,
        **given: Unpack[MediaGiven],
    ) -> Media:
        """A new media that awaits its upload, which is expected to go into that storage.

        It has one playback id, of that policy.

        Raises Conflict if its external id is taken in the project, InvalidRequest if its metadata are too much.
        """
        media = Media(title=title, description=description, storage=storage, project=project)
        async with external_id_free(), self._database.session() as session:
            return await add_media(session, media, given, policy)

    async def get(self, media_id: UUID) -> Media:
        """A media. Raises NotFound, also for one that is Deleting."""
        media = await self._find(media_id)
        if media is None or media.status == MediaStatus.DELETING:
            raise no_media(media_id)
        return media

    async def with_renditions(self, media_id: UUID) -> tuple[Media, list[Rendition]]:
        """As `get`, with the renditions of the encoding that it serves, the best first."""
        async with self._database.reading() as session:
            return await read_with_renditions(session, media_id)

    async def has_own_objects(self, media_id: UUID) -> bool:
        """Whether it has attachments or texts of its own: then it stays in their storage."""
        async with self._database.reading() as session:
            return bool(await session.scalar(select(HAS_OWN_OBJECTS).where(col(Media.id) == media_id)))

    async def source(self, media_id: UUID) -> Media:
        """The row in any state, even Deleting. Raises NotFound if there is none."""
        media = await self._find(media_id)
        if media is None:
            raise no_media(media_id)
        return media

    async def page(
        self, limit: int, offset: int, status: MediaStatus | None = None, q: str = "", sha256: str = ""
    ) -> tuple[list[Media], int]:
        """Medias, the newest first, and how many match in all: see MediaFilter."""
        sought = MediaFilter([status] if status else [], q, sha256)
        async with self._database.reading() as session:
            paging = Paging(limit, offset)
            rows = (await session.execute(page_query(select(*columns()), sought, paging))).all()
            return cast(list[Media], page_of(rows, paging)[0]), (await session.scalars(count_query(sought))).one()

    async def renditions(self, media_id: UUID, encoding: int) -> list[Rendition]:
        """The renditions of one encoding, in the ladder's order: the best first."""
        async with self._database.reading() as session:
            return (await read_renditions(session, [(media_id, encoding)]))[media_id]

    async def edit(self, media_id: UUID, seen: datetime | None = None, **changes: Unpack[MediaChanges]) -> Media:
        """Change what is given. `seen`: only if it was changed last then.

        Raises NotFound, PreconditionFailed; Conflict and InvalidRequest as `create` does.
        """
        async with external_id_free(), self._locked(media_id) as (_session, media):
            _require_unchanged(media, seen)
            _apply(changes, media)
        return media

    async def counts(self) -> dict[str, int]:
        """How many medias are in each status, Deleting as well."""
        async with self._database.reading() as session:
            query = select(col(Media.status), func.count()).group_by(col(Media.status))
            found: dict[str, int] = {row[0]: row[1] for row in await session.execute(query)}
        return {status: found.get(status, 0) for status in MediaStatus}

    async def mark_deleting(self, media_id: UUID, seen: datetime | None = None) -> None:
        """Any state -> Deleting: the media is gone for everyone but the workflow that removes it.

        `seen`: only if it was changed last then. Raises PreconditionFailed; NotFound if there is no such media, or it
        is Deleting already.
        """
        async with self._locked(media_id) as (_session, media):
            _require_unchanged(media, seen)
            media.begin_deleting()

    async def begin_deleting(self, sought: MediaFilter, most: int = MOST_DELETED) -> int:
        """Have those that match deleted, at most so many, the oldest first: they are due at once. Returns how many."""
        query = select(Media).where(*sought.conditions()).order_by(col(Media.created_at), col(Media.id))
        async with self._database.session() as session:
            medias = (await session.scalars(query.limit(most).with_for_update(skip_locked=True, of=Media))).all()
            for media in medias:
                media.begin_deleting()
                media.updated_at = now()
                media.promise(0)
        return len(medias)

    async def count(self, sought: MediaFilter) -> int:
        """How many match, counted up to one more than MOST_COUNTED."""
        async with self._database.reading() as session:
            return (await session.scalars(count_query(sought))).one()

    async def shares_cid(self, cid: str, media_id: UUID, encoding: int | None = None) -> bool:
        """Whether another media has this CID, too, or this media serves it as another encoding.

        A media that is Deleting doesn't count. `encoding`: the one that is removed; None: all of the media.
        """
        other = col(Media.id) != media_id
        if encoding is not None:
            other |= col(Media.encoding) != encoding
        others = (col(Media.cid) == cid) & other & (col(Media.status) != MediaStatus.DELETING)
        async with self._database.session() as session:
            return (await session.scalar(select(func.count()).select_from(Media).where(others))) != 0

    async def remove(self, media_id: UUID) -> None:
        """Delete the rows of a media and its renditions, if there are any."""
        async with self._database.session() as session:
            await session.execute(delete(Media).where(col(Media.id) == media_id))

    async def _find(self, media_id: UUID) -> Media | None:
        async with self._database.reading() as session:
            return await session.get(Media, media_id)


async def add_media(session: AsyncSession, media: Media, given: MediaGiven, policy: Policy = Policy.PUBLIC) -> Media:
    """Enter a media, with one playback id of that policy. Raises InvalidRequest if its metadata are too much."""
    _apply(given, media)
    session.add(media)
    await session.flush()
    session.add(PlaybackId(media_id=media.id, policy=policy))
    return media


async def read_with_renditions(session: AsyncSession, media_id: UUID) -> tuple[Media, list[Rendition]]:
    """`Medias.with_renditions`, in one query."""
    served = (col(Rendition.media_id) == col(Media.id)) & (col(Rendition.encoding) == col(Media.encoding))
    query = select(Media, Rendition).outerjoin(Rendition, served).where(col(Media.id) == media_id)
    rows = (await session.execute(query.order_by(*_LADDER))).all()
    if not rows or rows[0][0].status == MediaStatus.DELETING:
        raise no_media(media_id)
    return rows[0][0], [rendition for _media, rendition in rows if rendition is not None]


async def read_renditions(session: AsyncSession, wanted: Sequence[tuple[UUID, int]]) -> dict[UUID, list[Rendition]]:
    """The renditions of each media and encoding, the best first, in one query."""
    found: dict[UUID, list[Rendition]] = {media_id: [] for media_id, _encoding in wanted}
    key = tuple_(col(Rendition.media_id), col(Rendition.encoding))
    for rendition in await session.scalars(select(Rendition).where(key.in_(wanted)).order_by(*_LADDER)):
        found[rendition.media_id].append(rendition)
    return found


def _require_unchanged(media: Media, seen: datetime | None) -> None:
    if seen is not None and media.updated_at != seen:
        raise PreconditionFailed("It has just been changed: read it again, and send what its ETag is now in If-Match.")


def _apply(changes: MediaChanges | MediaGiven, media: Media) -> None:
    """Raises InvalidRequest if its metadata become too much."""
    for name, value in changes.items():
        if name == "metadata":
            media.client_metadata = _metadata(media.client_metadata, value)
        elif name == "options":
            media.options = merged(media.options, value) or None
        else:
            setattr(media, name, value)


def _metadata(before: dict[str, Any], patch: object) -> dict[str, Any]:
    try:
        return checked(merged(before, patch) or {})
    except ValueError as error:
        raise InvalidRequest(f"The metadata {error}.", fields={"metadata": str(error)}) from error


@asynccontextmanager
async def external_id_free() -> AsyncIterator[None]:
    """Turns a violation of its uniqueness into Conflict."""
    try:
        yield
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation) or error.orig.diag.constraint_name != EXTERNAL_ID_INDEX:
            raise
        raise _external_id_taken() from error


async def require_external_id_free(session: AsyncSession, project: str, external_id: str) -> None:
    """For who will make a media later: raises Conflict if one of the project has it already."""
    others = (col(Media.project) == project) & (col(Media.external_id) == external_id)
    alive = col(Media.status) != MediaStatus.DELETING
    if await session.scalar(select(exists().where(others, alive))):
        raise _external_id_taken()


def _external_id_taken() -> Conflict:
    return Conflict(
        "Another media has that external_id.", code="external_id_taken", fields={"external_id": "is another media's"}
    )
