"""What the pipeline reports. Activities run twice, late and out of order, so:

every method can be repeated; nothing that was reached is lowered again; and on a media that is not Processing (it is
deleted, finished, or has failed) nothing happens, without an error. Renditions that are tried again once
the media is Ready are the exception: `progress` tells of them too, but only `catalog.retries` ends them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from gilfoyle.catalog.models import FINAL, Media, MediaStatus, Recipe, Rendition, RenditionStatus, TrackRow, now
from gilfoyle.catalog.rows import Rows
from gilfoyle.catalog.tracks import row_values
from gilfoyle.media.tracks import Track


class RenditionProgress(BaseModel):
    """How far a rendition is. What is None is left as it was."""

    model_config = ConfigDict(frozen=True)

    name: str
    status: RenditionStatus = RenditionStatus.ENCODING
    stored_segments: int = Field(default=0, ge=0)
    """From the first on, without a gap."""
    stored_bytes: int = Field(default=0, ge=0)
    codecs: str | None = None
    bandwidth: int | None = None
    average_bandwidth: int | None = None
    error_code: str | None = None
    error_message: str | None = None


class Encodings(Rows):
    """`catalog.encodings`."""

    async def plan(
        self,
        media_id: UUID,
        encoding: int,
        renditions: Sequence[Rendition],
        *,
        tracks: Sequence[Track] = (),
        kind: str | None = None,
        probe: tuple[dict[str, Any], float] | None = None,
        recipe: tuple[dict[str, Any], dict[str, Any]] | None = None,
    ) -> None:
        """Insert the renditions of an encoding and the tracks that they are forms of; those that are there stay.

        Not of an encoding that is superseded.

        Keep also, if given, what kind of media it is; what ffprobe found, as JSON, with the length in seconds; and by
        what the encoding is made: plan and policy, as JSON. Of these the last counts.
        """
        rows = [rendition.model_dump() | {"media_id": media_id, "encoding": encoding} for rendition in renditions]
        async with self._processing(media_id) as (session, media):
            if media is None or encoding < media.encoding:
                return
            media.kind = kind or media.kind
            if probe is not None:
                media.probe, media.duration_s = probe
            if rows:
                await session.execute(insert(Rendition).values(rows).on_conflict_do_nothing())
                media.updated_at = now()
            if tracks:
                of = {"media_id": media_id, "encoding": encoding}
                values = [of | row_values(track, position) for position, track in enumerate(tracks)]
                await session.execute(insert(TrackRow).values(values).on_conflict_do_nothing())
            if recipe is not None:
                made_by = dict(zip(("plan", "policy"), recipe, strict=True))
                insertion = insert(Recipe).values(media_id=media_id, encoding=encoding, **made_by)
                await session.execute(insertion.on_conflict_do_update(constraint="recipe_pkey", set_=made_by))

    async def progress(
        self,
        media_id: UUID,
        encoding: int,
        updates: Sequence[RenditionProgress],
        playable: bool,
        progress: float,
    ) -> None:
        """Record how far the renditions are; `progress` is the whole media's, 0 to 1."""
        async with self._locked_if_any(media_id, heard=True) as (session, media):
            if media is None or media.status not in (MediaStatus.PROCESSING, MediaStatus.READY):
                return
            rows = await rendition_rows(session, media_id, encoding)
            for update in updates:
                if update.name not in rows:
                    continue
                if media.status == MediaStatus.READY and update.status in FINAL:
                    update = update.model_copy(update={"status": RenditionStatus.ENCODING})
                advance(rows[update.name], update)
            if encoding == media.encoding and media.status == MediaStatus.PROCESSING:
                media.playable = media.playable or playable
                media.progress = max(media.progress, min(progress, 1.0))

    async def finish(self, media_id: UUID, encoding: int, cid: str | None = None) -> None:
        """Processing -> Ready. The media serves this encoding from now on; what failed stays Errored.

        `cid`: of the encoding's folder, if it lies in IPFS.
        """
        async with self._processing(media_id) as (session, media):
            if media is None or encoding < media.encoding:
                return
            for row in (await rendition_rows(session, media_id, encoding)).values():
                if row.status not in FINAL:
                    row.status = RenditionStatus.READY
            media.status, media.playable, media.progress = MediaStatus.READY, True, 1.0
            media.encoding, media.cid, media.due_at = encoding, cid, None
            if media.is_unpublished:
                media.promise(0)

    async def fail(self, media_id: UUID, code: str, message: str, encoding: int | None = None) -> None:
        """Processing -> Errored, for good. Renditions that are not whole share the media's reason.

        What was encoded is removed, so it is not playable any more. With `encoding`, only if that one is served.
        """
        async with self._processing(media_id) as (session, media):
            if media is None or (encoding or media.encoding) != media.encoding:
                return
            media.status, media.playable, media.due_at = MediaStatus.ERRORED, False, None
            media.error_code, media.error_message = code[:50], _storable(message)
            for row in (await rendition_rows(session, media_id, media.encoding)).values():
                if row.status not in FINAL:
                    row.status = RenditionStatus.ERRORED
                    row.error_code, row.error_message = media.error_code, media.error_message

    async def recipe(self, media_id: UUID, encoding: int) -> Recipe | None:
        """By what an encoding is made, if that was kept."""
        async with self._database.reading() as session:
            return await session.get(Recipe, (media_id, encoding))

    @asynccontextmanager
    async def _processing(self, media_id: UUID) -> AsyncIterator[tuple[AsyncSession, Media | None]]:
        """The locked row of a media that is Processing; else None."""
        async with self._locked_if_any(media_id, heard=True) as (session, media):
            running = media is not None and media.status == MediaStatus.PROCESSING
            yield session, media if running else None


async def rendition_rows(session: AsyncSession, media_id: UUID, encoding: int) -> dict[str, Rendition]:
    """The renditions of an encoding, by name."""
    query = select(Rendition).where(col(Rendition.media_id) == media_id, col(Rendition.encoding) == encoding)
    query = query.order_by(col(Rendition.position))
    return {row.name: row for row in await session.scalars(query)}


def advance(row: Rendition, update: RenditionProgress) -> None:
    """Enter how far a rendition is, unless it is further already."""
    row.stored_segments = max(row.stored_segments, update.stored_segments)
    row.stored_bytes = max(row.stored_bytes, update.stored_bytes)
    for name in ("codecs", "bandwidth", "average_bandwidth"):
        value = getattr(update, name)
        if value is not None:
            setattr(row, name, value)
    if row.status in FINAL or update.status == RenditionStatus.WAITING:
        return
    row.status = update.status
    if update.status == RenditionStatus.ERRORED:
        row.error_code = (update.error_code or "encode_failed")[:50]
        row.error_message = _storable(update.error_message or "")


def _storable(message: str) -> str:
    """A message that fits its column; PostgreSQL's text can't hold NUL, and ffmpeg's stderr may."""
    return message.replace("\0", "")[:4000]
