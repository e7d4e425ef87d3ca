"""Medias as people see them: made, found, listed, described and taken away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unicodedata import normalize
from uuid import UUID

from sqlalchemy import delete, func, literal_column, or_, select, tuple_
from sqlmodel import col

from gilfoyle.catalog.models import SOON_S, Media, MediaStatus, PlaybackId, Rendition
from gilfoyle.catalog.rows import Rows, no_media

# What nobody sees and few can type: joiners, selectors of an emoji's style, marks of direction, soft hyphens.
_INVISIBLE = "\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\ufe0e\ufe0f"
_LADDER = (col(Rendition.position), col(Rendition.name))


class Medias(Rows):
    """`catalog.medias`."""

    async def create(self, title: str, description: str = "", storage: str = "filesystem") -> Media:
        """A new media that awaits its upload, which is expected to go into that storage; it has one playback id."""
        media = Media(title=title, description=description, storage=storage)
        async with self._database.session() as session:
            session.add(media)
            await session.flush()
            session.add(PlaybackId(media_id=media.id))
        return media

    async def get(self, media_id: UUID) -> Media:
        """Raises NotFound, also for a media that is Deleting."""
        media = await self._find(media_id)
        if media is None or media.status == MediaStatus.DELETING:
            raise no_media(media_id)
        return media

    async def shown(self, media_id: UUID) -> tuple[Media, list[Rendition]]:
        """As `get`, with the renditions of the encoding that it serves: the best first. By one query."""
        served = (col(Rendition.media_id) == col(Media.id)) & (col(Rendition.encoding) == col(Media.encoding))
        query = select(Media, Rendition).outerjoin(Rendition, served).where(col(Media.id) == media_id)
        async with self._database.reading() as session:
            rows = (await session.execute(query.order_by(*_LADDER))).all()
        if not rows or rows[0][0].status == MediaStatus.DELETING:
            raise no_media(media_id)
        return rows[0][0], [rendition for _media, rendition in rows if rendition is not None]

    async def source(self, media_id: UUID) -> Media:
        """The row whatever its state, Deleting as well. Raises NotFound if there is none."""
        media = await self._find(media_id)
        if media is None:
            raise no_media(media_id)
        return media

    async def page(
        self, limit: int, offset: int, status: MediaStatus | None = None, q: str = "", sha256: str = ""
    ) -> tuple[list[Media], int]:
        """Medias, the newest first, and how many match in all. `q` is sought in title, description and file name.

        As it reads: in any case, with any kind of space, with accents composed or not (macOS sends them apart).
        `sha256`: only those made of the file with that checksum (64 lower-case hex digits).
        """
        conditions: list[Any] = [col(Media.status) != MediaStatus.DELETING]
        if status is not None:
            conditions.append(col(Media.status) == status)
        if sought := normalize("NFKC", q).translate(dict.fromkeys(map(ord, _INVISIBLE))):
            texts = (_as_it_reads(text) for text in (Media.title, Media.description, Media.file_name))
            conditions.append(or_(*(text.icontains(sought, autoescape=True) for text in texts)))
        if sha256:
            conditions.append(col(Media.source_sha256) == sha256)
        newest = (col(Media.created_at).desc(), col(Media.id).desc())
        async with self._database.reading() as session:
            total = (await session.scalars(select(func.count()).select_from(Media).where(*conditions))).one()
            query = select(Media).where(*conditions).order_by(*newest).limit(limit).offset(offset)
            return list((await session.scalars(query)).all()), total

    async def renditions(self, media_id: UUID, encoding: int) -> list[Rendition]:
        """The renditions of one encoding, in the ladder's order: the best first."""
        return (await self._renditions([(media_id, encoding)]))[media_id]

    async def renditions_of(self, medias: Sequence[Media]) -> dict[UUID, list[Rendition]]:
        """For each media the renditions of the encoding that it serves, by one query."""
        return await self._renditions([(media.id, media.encoding) for media in medias])

    async def edit(self, media_id: UUID, *, title: str | None = None, description: str | None = None) -> Media:
        """Change what is given. Raises NotFound."""
        async with self._locked(media_id) as (_session, media):
            if title is not None:
                media.title = title
            if description is not None:
                media.description = description
        return media

    async def counts(self) -> dict[str, int]:
        """How many medias are in each status, Deleting as well."""
        async with self._database.reading() as session:
            query = select(col(Media.status), func.count()).group_by(col(Media.status))
            found: dict[str, int] = {row[0]: row[1] for row in await session.execute(query)}
        return {status: found.get(status, 0) for status in MediaStatus}

    async def mark_deleting(self, media_id: UUID) -> None:
        """Any state -> Deleting: the media is gone for everyone but the workflow that removes it.

        Raises NotFound if there is no such media, or it is Deleting already.
        """
        async with self._locked(media_id) as (_session, media):
            media.status = MediaStatus.DELETING
            media.playable = False
            media.upload_lease = None
            media.promise(SOON_S)

    async def shares_cid(self, cid: str, media_id: UUID, encoding: int | None = None) -> bool:
        """Whether another media has this CID as well; of this one, whether it serves it as another encoding.

        One that is Deleting doesn't count. `encoding`: the one of the media that goes; None: all of it.
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

    async def _renditions(self, wanted: Sequence[tuple[UUID, int]]) -> dict[UUID, list[Rendition]]:
        found: dict[UUID, list[Rendition]] = {media_id: [] for media_id, _encoding in wanted}
        if not wanted:
            return found
        key = tuple_(col(Rendition.media_id), col(Rendition.encoding))
        query = select(Rendition).where(key.in_(wanted)).order_by(*_LADDER)
        async with self._database.reading() as session:
            for rendition in await session.scalars(query):
                found[rendition.media_id].append(rendition)
        return found


def _as_it_reads(text: Any) -> Any:
    """What `q` is sought in: NFKC turns every kind of space into the plain one."""
    return func.translate(func.normalize(col(text), literal_column("NFKC")), _INVISIBLE, "")
