"""What the pipeline reports. Activities may run twice, late and out of order, so:

Every method can be repeated. Progress never goes back. Reports on an encoding that is not being made (its media is
deleted, it is finished, or it has failed) do nothing, without an error. An encoding is being made for a media that is
Processing, or as the replacement of one that is Ready. Renditions that are retried once the media is Ready are the
exception: `progress` reports on them, too, but only `catalog.retries` ends them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from gilfoyle.catalog.models import (
    FINAL,
    SILENT_S,
    Media,
    MediaStatus,
    Recipe,
    Rendition,
    RenditionStatus,
    Replacement,
    TrackRow,
    now,
)
from gilfoyle.catalog.rows import Rows
from gilfoyle.catalog.tracks import OWN_OBJECT, enter_tracks, tell_ready, track_rows
from gilfoyle.errors import Conflict, NotFound
from gilfoyle.media.tracks import Track, TrackKind


class RenditionProgress(BaseModel):
    """How far a rendition is. None leaves a value as it was."""

    model_config = ConfigDict(frozen=True)

    name: str
    status: RenditionStatus = RenditionStatus.ENCODING
    stored_segments: int = Field(default=0, ge=0)
    """Stored segments from the first on, without a gap."""
    stored_bytes: int = Field(default=0, ge=0)
    codecs: str | None = None
    bandwidth: int | None = None
    average_bandwidth: int | None = None
    error_code: str | None = None
    error_message: str | None = None


class Encodings(Rows):
    """`catalog.encodings`."""

    async def begun(self, media_id: UUID, encoding: int) -> Media:
        """The media of an encoding. Raises NotFound if it was deleted, Conflict if the encoding has ended."""
        async with self._database.reading() as session:
            media = await session.get(Media, media_id)
            if media is None or media.status == MediaStatus.DELETING:
                raise NotFound("The media was deleted.")
            if media.encoding != encoding and await _replacement(session, media, encoding) is None:
                raise Conflict("Another encoding of the media has begun since: this one ends.", code="superseded")
            if not await _is_wanted(session, media, encoding):
                raise Conflict("The encoding was cancelled, or has failed: this one ends.", code="superseded")
        return media

    async def is_wanted(self, media_id: UUID, encoding: int) -> bool:
        """Whether an encoding is played, or being made."""
        async with self._database.reading() as session:
            media = await session.get(Media, media_id)
            return media is not None and await _is_wanted(session, media, encoding)

    async def probed(self, media_id: UUID, encoding: int) -> dict[str, Any] | None:
        """What the probe found in the encoding's source, as JSON; None before that."""
        async with self._database.reading() as session:
            media = await session.get(Media, media_id)
            state = media and (media if media.encoding == encoding else await _replacement(session, media, encoding))
            return state.probe if state else None

    async def checksum(self, media_id: UUID, encoding: int, sha256: str) -> None:
        """Enter the SHA-256 of the encoding's source."""
        async with self._made(media_id, encoding) as (_session, _media, state):
            if state is not None:
                state.source_sha256 = sha256

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
        held_back: Mapping[str, int] | None = None,
    ) -> None:
        """Insert the renditions of an encoding and their tracks; rows that exist stay.

        Does nothing for an encoding that is superseded.

        If given, also keep the kind of media; the probe, as JSON, with the length in seconds; and the inputs that
        produce the encoding: plan and policy, as JSON. The last call counts. `held_back`: passes that are not
        handed out at once, by their queue; only the first call counts, since a later one is of what has begun.
        """
        rows = [rendition.model_dump() | {"media_id": media_id, "encoding": encoding} for rendition in renditions]
        async with self._made(media_id, encoding) as (session, media, state):
            if media is None or state is None:
                return
            state.kind = kind or state.kind
            if probe is not None:
                state.probe, state.duration_s = probe
            if rows:
                await session.execute(insert(Rendition).values(rows).on_conflict_do_nothing())
                media.updated_at = now()
            if tracks:
                await enter_tracks(session, media, encoding, tracks)
            if recipe is not None:
                made_by = dict(zip(("plan", "policy"), recipe, strict=True))
                insertion = insert(Recipe).values(
                    media_id=media_id, encoding=encoding, held_back=dict(held_back or {}) or None, **made_by
                )
                await session.execute(insertion.on_conflict_do_update(constraint="recipe_pkey", set_=made_by))

    async def progress(
        self,
        media_id: UUID,
        encoding: int,
        updates: Sequence[RenditionProgress],
        playable: bool,
        progress: float,
        held_back: Mapping[str, int] | None = None,
    ) -> None:
        """Record how far the renditions are; `progress` is the whole media's, 0 to 1.

        `held_back`: passes that are not handed out yet, by their queue; None: as it was.
        """
        async with self._locked_if_any(media_id, heard=True) as (session, media):
            if media is None or media.status not in (MediaStatus.PROCESSING, MediaStatus.READY):
                return
            rows = await rendition_rows(session, media_id, encoding)
            for update in updates:
                if update.name not in rows:
                    continue
                if media.status == MediaStatus.READY and media.encoding == encoding and update.status in FINAL:
                    update = update.model_copy(update={"status": RenditionStatus.ENCODING})
                advance(rows[update.name], update)
            if (state := await _state(session, media, encoding)) is None:
                return
            if held_back is not None:
                await _hold_back(session, media_id, encoding, held_back)
            state.progress = max(state.progress, min(progress, 1.0))
            if isinstance(state, Media):
                state.playable = state.playable or playable

    async def finish(self, media_id: UUID, encoding: int, cid: str | None = None) -> None:
        """Processing -> Ready. The media serves this encoding from now on; failed renditions stay Errored.

        `cid`: of the encoding's folder, if it lies in IPFS.
        """
        async with self._made(media_id, encoding) as (session, media, state):
            if media is None or state is None:
                return
            rows = await rendition_rows(session, media_id, encoding)
            for row in rows.values():
                if row.status not in FINAL:
                    row.status = RenditionStatus.READY
            if isinstance(state, Replacement) and state.upload == media.upload:
                _edit_as(await track_rows(session, media), await track_rows(session, media, encoding))
            await tell_whole_tracks(session, media, encoding, rows.values())
            if isinstance(state, Replacement):
                _take_over(media, state)
                await session.delete(state)
            media.status, media.playable, media.progress = MediaStatus.READY, True, 1.0
            media.cid = cid
            await self._settle(session, media)

    async def fail(self, media_id: UUID, code: str, message: str, encoding: int | None = None) -> None:
        """Processing -> Errored, for good. Renditions that are not whole share the media's reason.

        What was encoded is removed, so it is not playable any more; a media that was to be replaced plays on.
        With `encoding`: only if that encoding is being made.
        """
        async with self._made(media_id, encoding) as (session, media, state):
            if media is None or state is None:
                return
            state.status, state.error_code, state.error_message = MediaStatus.ERRORED, code[:50], _storable(message)
            for row in (await rendition_rows(session, media_id, state.encoding)).values():
                if row.status not in FINAL:
                    row.status = RenditionStatus.ERRORED
                    row.error_code, row.error_message = state.error_code, state.error_message
            if isinstance(state, Media):
                state.playable = False
                state.promise(SILENT_S)
            else:
                await self._settle(session, media)

    async def recipe(self, media_id: UUID, encoding: int) -> Recipe | None:
        """The inputs that produced an encoding, if they were kept."""
        async with self._database.reading() as session:
            return await session.get(Recipe, (media_id, encoding))

    async def held_back(self) -> dict[str, int]:
        """How many passes of all encodings that are being made are not handed out yet, by their queue."""
        async with self._database.reading() as session:
            return {row[0]: row[1] for row in await session.execute(_HELD_BACK)}

    @asynccontextmanager
    async def _made(
        self, media_id: UUID, encoding: int | None
    ) -> AsyncIterator[tuple[AsyncSession, Media | None, Media | Replacement | None]]:
        """The locked row of a media, and the row that keeps the progress of its encoding: see `_state`.

        `encoding` None: the encoding of a media that is Processing.
        """
        async with self._locked_if_any(media_id, heard=True) as (session, media):
            yield session, media, media and await _state(session, media, encoding or media.encoding)


_HELD_BACK = text(
    """
    SELECT kept.key, sum(kept.value::int)::int
    FROM recipe
    JOIN media ON media.id = recipe.media_id
    LEFT JOIN replacement ON replacement.media_id = media.id AND replacement.encoding = recipe.encoding
    CROSS JOIN jsonb_each_text(recipe.held_back) AS kept
    WHERE recipe.held_back IS NOT NULL
    AND (
        (media.status = 'Processing' AND media.encoding = recipe.encoding)
        OR (media.status = 'Ready' AND replacement.status = 'Processing')
    )
    GROUP BY kept.key
    """
)


async def _hold_back(session: AsyncSession, media_id: UUID, encoding: int, passes: Mapping[str, int]) -> None:
    """Past the session's rows: a recipe holds the whole plan."""
    kept = dict(passes) or None
    of_encoding = (col(Recipe.media_id) == media_id) & (col(Recipe.encoding) == encoding)
    changed = col(Recipe.held_back).is_distinct_from(kept)
    await session.execute(update(Recipe).where(of_encoding, changed).values(held_back=kept))


async def _state(session: AsyncSession, media: Media, encoding: int) -> Media | Replacement | None:
    """The row that keeps an encoding's progress: its media while that is Processing, or its replacement.

    None: the encoding is not being made.
    """
    if media.status == MediaStatus.PROCESSING:
        return media if media.encoding == encoding else None
    replacement = await _replacement(session, media, encoding)
    return replacement if replacement and replacement.status == MediaStatus.PROCESSING else None


async def _is_wanted(session: AsyncSession, media: Media, encoding: int) -> bool:
    if media.encoding == encoding:
        return media.status in (MediaStatus.PROCESSING, MediaStatus.READY)
    return await _state(session, media, encoding) is not None


async def _replacement(session: AsyncSession, media: Media, encoding: int) -> Replacement | None:
    replacement = await session.get(Replacement, media.id) if media.status == MediaStatus.READY else None
    return replacement if replacement and replacement.encoding == encoding else None


def _take_over(media: Media, new: Replacement) -> None:
    """Take over everything that belongs to a version from the replacement. Ids and addresses stay."""
    source = ("upload", "audio_only", "file_name", "source_bytes", "source_sha256", "duration_limit_s")
    for name in ("encoding", *source, "kind", "duration_s", "probe", "begun_at"):
        setattr(media, name, getattr(new, name))
    media.source_deleted_at = None
    if media.changes:  # it may have been packaged before the last of them
        media.published = media.changes - 1


def _edit_as(before: Sequence[TrackRow], after: Sequence[TrackRow]) -> None:
    """Bring the changes that people made over to the tracks of the same source, encoded again."""
    known = {(row.kind, row.stream): row for row in before if row.encoding != OWN_OBJECT}
    for row in after:
        if row.encoding == OWN_OBJECT:
            continue
        if same := known.get((row.kind, row.stream)):
            row.language, row.label, row.role = same.language, same.label, same.role
            row.chosen, row.removed = same.chosen, same.removed


async def rendition_rows(session: AsyncSession, media_id: UUID, encoding: int) -> dict[str, Rendition]:
    """The renditions of an encoding, by name."""
    query = select(Rendition).where(col(Rendition.media_id) == media_id, col(Rendition.encoding) == encoding)
    query = query.order_by(col(Rendition.position))
    return {row.name: row for row in await session.scalars(query)}


async def tell_whole_tracks(
    session: AsyncSession, media: Media, encoding: int, renditions: Collection[Rendition]
) -> None:
    """Of an encoding that is done: texts, and what has a rendition that is Ready."""
    await session.flush()  # renditions are told of first
    whole = {row.track for row in renditions if row.status == RenditionStatus.READY}
    rows = await track_rows(session, media, encoding)
    ours = [row for row in rows if row.encoding == encoding and (row.kind == TrackKind.TEXT or row.name in whole)]
    tell_ready(session, media, ours)


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
