"""What a player can choose of a media: the tracks of its source, and those that have an object of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, tuple_
from sqlmodel import col

from gilfoyle.catalog.models import Media, TrackRow
from gilfoyle.catalog.rows import Rows
from gilfoyle.media.tracks import Track

OWN_OBJECT = 0
"""In place of an encoding's number: of a track that belongs to all of them."""


class Tracks(Rows):
    """`catalog.tracks`."""

    async def of(self, media_id: UUID, encoding: int) -> list[Track]:
        """Those of an encoding, in their order: pictures, sounds, texts."""
        return (await self._found([(media_id, encoding)]))[media_id]

    async def of_many(self, medias: Sequence[Media]) -> dict[UUID, list[Track]]:
        """For each media the tracks of the encoding that it serves, by one query."""
        return await self._found([(media.id, media.encoding) for media in medias])

    async def _found(self, wanted: Sequence[tuple[UUID, int]]) -> dict[UUID, list[Track]]:
        found: dict[UUID, list[Track]] = {media_id: [] for media_id, _ in wanted}
        if not wanted:
            return found
        key = tuple_(col(TrackRow.media_id), col(TrackRow.encoding))
        own = col(TrackRow.media_id).in_(found) & (col(TrackRow.encoding) == OWN_OBJECT)
        query = select(TrackRow).where(or_(key.in_(wanted), own)).order_by(col(TrackRow.position), col(TrackRow.name))
        async with self._database.reading() as session:
            for row in await session.scalars(query):
                found[row.media_id].append(_track(row))
        return found


def row_values(track: Track, position: int) -> dict[str, Any]:
    """A track as its row has it, but for the media and the encoding."""
    values = track.model_dump(exclude={"default"})
    return values | {"chosen": track.default, "position": position}


def _track(row: TrackRow) -> Track:
    return Track(default=row.chosen, **row.model_dump(include=set(Track.model_fields)))
