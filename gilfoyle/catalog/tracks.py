"""What a player can choose of a media: the tracks of its source, and those that have an object of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from gilfoyle.catalog.models import NO_RETRY, SOON_S, Media, MediaStatus, TrackRow
from gilfoyle.catalog.rows import Rows
from gilfoyle.errors import Conflict, NotFound
from gilfoyle.media.tracks import Track, TrackKind

OWN_OBJECT = 0
"""In place of an encoding's number: of a track that belongs to all of them."""


_ORDER = (TrackKind.VIDEO, TrackKind.AUDIO, TrackKind.TEXT)
MOST_TRACKS = 200
"""Of a media, all kinds together."""


@dataclass(frozen=True)
class Published:
    """What one publishing of a media is about."""

    tracks: Sequence[Track]
    changes: int
    """How often the tracks had been changed by then."""


class Tracks(Rows):
    """`catalog.tracks`."""

    async def of(self, media_id: UUID, encoding: int) -> list[Track]:
        """Those of an encoding, in their order: pictures, sounds, texts."""
        return (await self._found([(media_id, encoding)]))[media_id]

    async def of_many(self, medias: Sequence[Media]) -> dict[UUID, list[Track]]:
        """For each media the tracks of the encoding that it serves, by one query."""
        return await self._found([(media.id, media.encoding) for media in medias])

    @asynccontextmanager
    async def publishing(self, media_id: UUID, encoding: int) -> AsyncIterator[Published]:
        """What is to be published of the media's tracks; until the end of the block, nobody else publishes it.

        So whoever writes last has seen what was there last.
        """
        async with self._database.session() as session:
            await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(media_id), 0))))
            tracks = (await self._read(session, [(media_id, encoding)]))[media_id]
            changes = await session.scalar(select(col(Media.changes)).where(col(Media.id) == media_id))
            yield Published(tracks, changes or 0)

    async def published(self, media_id: UUID, encoding: int, changes: int, cid: str | None = None) -> None:
        """The playlists have so many changes of the tracks. `cid`: of the encoding's folder now, in IPFS.

        Nothing happens if the media serves another encoding by now, or is gone.
        """
        async with self._locked_if_any(media_id) as (session, media):
            if media is None or media.status != MediaStatus.READY or media.encoding != encoding:
                return
            media.published = max(media.published, changes)
            media.cid = cid or media.cid
            if not media.is_unpublished:
                retried = not await session.scalar(select(NO_RETRY).where(col(Media.id) == media_id))
                media.due_at = None
                if retried:
                    media.promise(0)

    async def add(self, media_id: UUID, track: Track) -> Media:
        """A track with an object of its own. Raises NotFound, and Conflict if the media has too many."""
        async with self._changed(media_id) as (session, media):
            rows = await self._rows(session, media)
            if len(rows) >= MOST_TRACKS:
                raise Conflict(f"The media has {len(rows)} tracks already: remove one first.", code="too_many_tracks")
            if track.default:
                _only_default(rows, track.kind)
            position = 1 + max((row.position for row in rows), default=0)
            session.add(TrackRow(media_id=media_id, encoding=OWN_OBJECT, **row_values(track, position)))
        return media

    async def edit(self, media_id: UUID, name: str, changes: dict[str, Any]) -> tuple[Media, Track]:
        """Change `language`, `label`, `role` or `default` of a track. Raises NotFound, Conflict."""
        async with self._changed(media_id) as (session, media):
            rows = await self._rows(session, media)
            row = _named(rows, name)
            if "default" in changes:
                if not changes["default"] and row.kind == TrackKind.AUDIO:
                    raise Conflict("One sound is the default: choose another one instead.", code="default_track")
                _only_default(rows, row.kind)
                row.chosen = changes["default"]
            for field in ("language", "label", "role"):
                if field in changes:
                    setattr(row, field, changes[field])
        return media, _track(row)

    async def remove(self, media_id: UUID, name: str) -> tuple[Media, Track]:
        """Raises NotFound, and Conflict for what a media can't be played without."""
        async with self._changed(media_id) as (session, media):
            row = _named(await self._rows(session, media), name)
            if row.kind == TrackKind.VIDEO or (row.kind == TrackKind.AUDIO and row.chosen):
                raise Conflict(f"The track {name} is what plays by itself, and can't be removed.", code="default_track")
            row.removed, row.chosen = True, False
        return media, _track(row)

    async def drop(self, media_id: UUID, encoding: int, names: Sequence[str]) -> None:
        """Forget tracks of an encoding's source in which there is nothing."""
        ours = (col(TrackRow.media_id) == media_id) & (col(TrackRow.encoding) == encoding)
        async with self._database.session() as session:
            await session.execute(delete(TrackRow).where(ours, col(TrackRow.name).in_(names)))

    async def removed_texts(self, media_id: UUID) -> list[str]:
        """The names of texts that were taken out, and whose objects may still be there."""
        gone = (col(TrackRow.media_id) == media_id) & (col(TrackRow.kind) == TrackKind.TEXT) & col(TrackRow.removed)
        async with self._database.reading() as session:
            return list(await session.scalars(select(col(TrackRow.name)).where(gone)))

    async def forget(self, media_id: UUID, names: Sequence[str]) -> None:
        """Their objects are gone: so are they."""
        gone = (col(TrackRow.media_id) == media_id) & col(TrackRow.name).in_(names) & col(TrackRow.removed)
        async with self._database.session() as session:
            await session.execute(delete(TrackRow).where(gone))

    @asynccontextmanager
    async def _changed(self, media_id: UUID) -> AsyncIterator[tuple[AsyncSession, Media]]:
        """The media's row, locked: from now on its playlists are to be written again, if they were."""
        async with self._locked(media_id) as (session, media):
            yield session, media
            media.changes += 1
            if media.status == MediaStatus.READY:
                media.promise(SOON_S)

    async def _rows(self, session: AsyncSession, media: Media) -> list[TrackRow]:
        ours = (col(TrackRow.media_id) == media.id) & col(TrackRow.encoding).in_((OWN_OBJECT, media.encoding))
        return list(await session.scalars(select(TrackRow).where(ours, col(TrackRow.removed).is_(False))))

    async def _found(self, wanted: Sequence[tuple[UUID, int]]) -> dict[UUID, list[Track]]:
        if not wanted:
            return {}
        async with self._database.reading() as session:
            return await self._read(session, wanted)

    async def _read(self, session: AsyncSession, wanted: Sequence[tuple[UUID, int]]) -> dict[UUID, list[Track]]:
        found: dict[UUID, list[Track]] = {media_id: [] for media_id, _ in wanted}
        key = tuple_(col(TrackRow.media_id), col(TrackRow.encoding))
        own = col(TrackRow.media_id).in_(found) & (col(TrackRow.encoding) == OWN_OBJECT)
        query = select(TrackRow).where(or_(key.in_(wanted), own), col(TrackRow.removed).is_(False))
        query = query.order_by(col(TrackRow.position), col(TrackRow.name))
        for row in await session.scalars(query):
            found[row.media_id].append(_track(row))
        return {
            media_id: sorted(tracks, key=lambda track: _ORDER.index(track.kind)) for media_id, tracks in found.items()
        }


def row_values(track: Track, position: int) -> dict[str, Any]:
    """A track as its row has it, but for the media and the encoding."""
    values = track.model_dump(exclude={"default"})
    return values | {"chosen": track.default, "position": position}


def _track(row: TrackRow) -> Track:
    return Track(default=row.chosen, **row.model_dump(include=set(Track.model_fields)))


def _named(rows: Sequence[TrackRow], name: str) -> TrackRow:
    found = next((row for row in rows if row.name == name), None)
    if found is None:
        there = ", ".join(sorted(row.name for row in rows)) or "none yet"
        raise NotFound(f"The media has no track of that name; it has: {there}.")
    return found


def _only_default(rows: Sequence[TrackRow], kind: str) -> None:
    """Another one of the kind becomes the default."""
    for row in rows:
        if row.kind == kind:
            row.chosen = False
