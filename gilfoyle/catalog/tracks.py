"""The tracks of a media: those of its source, and those with an object of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from gilfoyle.catalog import outbox
from gilfoyle.catalog.models import SOON_S, Media, MediaStatus, TrackRow
from gilfoyle.catalog.outbox import EventType, Happening
from gilfoyle.catalog.rows import Rows
from gilfoyle.errors import Conflict, NotFound
from gilfoyle.media.tracks import Track, TrackKind

OWN_OBJECT = 0
"""The encoding number of tracks that belong to all encodings."""


KINDS = (TrackKind.VIDEO, TrackKind.AUDIO, TrackKind.TEXT)
"""The order of tracks."""
MOST_TRACKS = 200
"""The most tracks of one media, of all kinds."""


@dataclass(frozen=True)
class Published:
    """The inputs of one publish."""

    tracks: Sequence[Track]
    changes: int
    """How many changes of tracks there were by then."""


class Tracks(Rows):
    """`catalog.tracks`."""

    async def of(self, media_id: UUID, encoding: int) -> list[Track]:
        """The tracks of an encoding, in order: video, audio, texts."""
        async with self._database.reading() as session:
            return (await read_tracks(session, [(media_id, encoding)]))[media_id]

    @asynccontextmanager
    async def publishing(self, media_id: UUID, encoding: int) -> AsyncIterator[Published]:
        """The tracks to publish; until the end of the block, no one else publishes the media.

        So the last writer has seen the last change.
        """
        async with self._database.session() as session:
            await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(media_id), 0))))
            tracks = (await read_tracks(session, [(media_id, encoding)]))[media_id]
            changes = await session.scalar(select(col(Media.changes)).where(col(Media.id) == media_id))
            yield Published(tracks, changes or 0)

    async def published(self, media_id: UUID, encoding: int, changes: int, cid: str | None = None) -> None:
        """Note how many changes of tracks the playlists contain. `cid`: the folder's new CID, in IPFS.

        Does nothing if the media serves another encoding by now, or is gone.
        """
        async with self._locked_if_any(media_id) as (session, media):
            if media is None or media.status != MediaStatus.READY or media.encoding != encoding:
                return
            media.published = max(media.published, changes)
            media.cid = cid or media.cid
            if not media.is_unpublished:
                rows = await track_rows(session, media)
                tell_ready(session, media, [row for row in rows if row.encoding == OWN_OBJECT])
                await self._settle(session, media)

    async def add(self, media_id: UUID, track: Track) -> Media:
        """Add a track with an object of its own. Raises NotFound, and Conflict if the media has too many."""
        async with self._changed(media_id) as (session, media):
            rows = [row for row in await track_rows(session, media) if not row.removed]
            if len(rows) >= MOST_TRACKS:
                raise Conflict(f"The media has {len(rows)} tracks already: remove one first.", code="too_many_tracks")
            if track.default:
                _only_default(rows, track.kind)
            position = 1 + max((row.position for row in rows), default=0)
            session.add(TrackRow(media_id=media_id, encoding=OWN_OBJECT, **row_values(track, position)))
            outbox.add(session, _happening(EventType.TRACK_CREATED, media, track, OWN_OBJECT))
        return media

    async def edit(self, media_id: UUID, name: str, changes: dict[str, Any]) -> tuple[Media, Track]:
        """Change `language`, `label`, `role` or `default` of a track. Raises NotFound, Conflict."""
        async with self._changed(media_id) as (session, media):
            rows = [row for row in await track_rows(session, media) if not row.removed]
            row = _named(rows, name)
            if "default" in changes:
                if not changes["default"] and row.kind == TrackKind.AUDIO:
                    raise Conflict("One audio track is the default: choose another one instead.", code="default_track")
                _only_default(rows, row.kind)
                row.chosen = changes["default"]
            for field in ("language", "label", "role"):
                if field in changes:
                    setattr(row, field, changes[field])
            if any(session.is_modified(each) for each in rows):
                outbox.add(session, _happening(EventType.TRACK_UPDATED, media, _track(row), row.encoding))
        return media, _track(row)

    async def remove(self, media_id: UUID, name: str) -> tuple[Media, Track]:
        """Remove a track. Raises NotFound, and Conflict for one that the media can't be played without."""
        async with self._changed(media_id) as (session, media):
            row = _named([row for row in await track_rows(session, media) if not row.removed], name)
            if row.kind == TrackKind.VIDEO or (row.kind == TrackKind.AUDIO and row.chosen):
                raise Conflict(f"The track {name} is what plays by itself, and can't be removed.", code="default_track")
            outbox.add(session, _happening(EventType.TRACK_DELETED, media, _track(row), row.encoding))
            row.removed, row.chosen = True, False
        return media, _track(row)

    async def drop(self, media_id: UUID, encoding: int, names: Sequence[str]) -> None:
        """Forget empty tracks of an encoding's source."""
        ours = (col(TrackRow.media_id) == media_id) & (col(TrackRow.encoding) == encoding)
        gone = delete(TrackRow).where(ours, col(TrackRow.name).in_(names)).returning(TrackRow)
        async with self._database.session() as session:
            rows = (await session.scalars(gone)).all() if names else []
            if rows and (media := await session.get(Media, media_id)):
                told = (_happening(EventType.TRACK_DELETED, media, _track(row), encoding) for row in rows)
                outbox.add(session, *told)

    async def removed_texts(self, media_id: UUID) -> list[str]:
        """The names of removed texts whose objects may still be stored."""
        gone = (col(TrackRow.media_id) == media_id) & (col(TrackRow.kind) == TrackKind.TEXT) & col(TrackRow.removed)
        async with self._database.reading() as session:
            return list(await session.scalars(select(col(TrackRow.name)).where(gone)))

    async def forget(self, media_id: UUID, names: Sequence[str]) -> None:
        """Forget removed texts whose objects are gone."""
        gone = (col(TrackRow.media_id) == media_id) & col(TrackRow.name).in_(names) & col(TrackRow.removed)
        async with self._database.session() as session:
            await session.execute(delete(TrackRow).where(gone))

    @asynccontextmanager
    async def _changed(self, media_id: UUID) -> AsyncIterator[tuple[AsyncSession, Media]]:
        """Lock the media's row and count the change: published playlists must be written again."""
        async with self._locked(media_id) as (session, media):
            yield session, media
            media.changes += 1
            if media.status == MediaStatus.READY:
                media.promise(SOON_S)


async def read_tracks(session: AsyncSession, wanted: Sequence[tuple[UUID, int]]) -> dict[UUID, list[Track]]:
    """The tracks of each media and encoding, in order, in one query."""
    found: dict[UUID, list[Track]] = {media_id: [] for media_id, _ in wanted}
    key = tuple_(col(TrackRow.media_id), col(TrackRow.encoding))
    own = col(TrackRow.media_id).in_(found) & (col(TrackRow.encoding) == OWN_OBJECT)
    query = select(TrackRow).where(or_(key.in_(wanted), own), col(TrackRow.removed).is_(False))
    query = query.order_by(col(TrackRow.position), col(TrackRow.name))
    for row in await session.scalars(query):
        found[row.media_id].append(_track(row))
    return {media_id: sorted(tracks, key=lambda track: KINDS.index(track.kind)) for media_id, tracks in found.items()}


async def enter_tracks(session: AsyncSession, media: Media, encoding: int, tracks: Sequence[Track]) -> None:
    """Insert the tracks of an encoding's source; rows that exist stay."""
    of = {"media_id": media.id, "encoding": encoding}
    values = [of | row_values(track, position) for position, track in enumerate(tracks)]
    entering = insert(TrackRow).values(values).on_conflict_do_nothing().returning(col(TrackRow.name))
    new = set(await session.scalars(entering))
    told = (_happening(EventType.TRACK_CREATED, media, track, encoding) for track in tracks if track.name in new)
    outbox.add(session, *told)


def tell_ready(session: AsyncSession, media: Media, rows: Sequence[TrackRow]) -> None:
    """All of these can be played, unless they were removed. Each is told of once."""
    for row in rows:
        if not row.ready and not row.removed:
            row.ready = True
            outbox.add(session, _happening(EventType.TRACK_READY, media, _track(row), row.encoding))


async def track_rows(session: AsyncSession, media: Media, encoding: int | None = None) -> list[TrackRow]:
    """The tracks of an encoding, including removed ones. None: of the encoding that the media serves."""
    encodings = OWN_OBJECT, encoding or media.encoding
    ours = (col(TrackRow.media_id) == media.id) & col(TrackRow.encoding).in_(encodings)
    return list(await session.scalars(select(TrackRow).where(ours)))


def row_values(track: Track, position: int) -> dict[str, Any]:
    """The values of a track's row, without media and encoding."""
    values = track.model_dump(exclude={"default"})
    return values | {"chosen": track.default, "position": position}


def _track(row: TrackRow) -> Track:
    return Track(default=row.chosen, **row.model_dump(include=set(Track.model_fields)))


def _happening(type: EventType, media: Media, track: Track, encoding: int) -> Happening:
    data = track.model_dump(mode="json", exclude={"stream"})
    return Happening(type, media.project, media.id, {**data, "version": encoding or None})


def _named(rows: Sequence[TrackRow], name: str) -> TrackRow:
    found = next((row for row in rows if row.name == name), None)
    if found is None:
        there = ", ".join(sorted(row.name for row in rows)) or "none yet"
        raise NotFound(f"The media has no track of that name; it has: {there}.")
    return found


def _only_default(rows: Sequence[TrackRow], kind: str) -> None:
    """Make another track of the kind the default."""
    for row in rows:
        if row.kind == kind:
            row.chosen = False
