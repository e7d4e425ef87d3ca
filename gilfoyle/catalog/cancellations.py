"""Cancelling what is being encoded: a media, the version that is to take its place, renditions that are tried again.

The catalog comes first: the rows are Errored, `cancelled`, at once, and due until Temporal was told.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from gilfoyle.catalog.encodings import rendition_rows
from gilfoyle.catalog.models import FINAL, SOON_S, Media, MediaStatus, Rendition, RenditionStatus, Replacement
from gilfoyle.catalog.rows import Rows
from gilfoyle.errors import Conflict

CANCELLED = "cancelled"
"""The `error_code` of what was cancelled."""
_SENTENCE = "It was cancelled."


@dataclass(frozen=True)
class Cancelled:
    """What of a media was cancelled: whose workflows are to be stopped."""

    media_id: UUID
    encoding: int | None = None
    """The encoding that was made: the media's own, or its replacement's."""
    retried: int | None = None
    """The encoding of which renditions were tried again."""


class Cancellations(Rows):
    """`catalog.cancellations`."""

    async def cancel(self, media_id: UUID) -> Cancelled:
        """Processing -> Errored, of all that is encoded for the media; its source and what plays stay. Can be repeated.

        Raises NotFound, and Conflict if nothing is being encoded and nothing was cancelled.
        """
        async with self._locked(media_id) as (session, media):
            replacement = await session.get(Replacement, media_id)
            rows = await _open_rows(session, media, replacement)
            made = [each for each in (media, replacement) if each and each.status == MediaStatus.PROCESSING]
            for row in (*made, *rows):
                row.status, row.error_code, row.error_message = RenditionStatus.ERRORED, CANCELLED, _SENTENCE
            media.playable = media.playable and media.status == MediaStatus.READY
            found = await _found(session, media, replacement)
            if found == Cancelled(media_id):
                raise Conflict(f"The media {media_id} is {media.status}, and nothing of it is being encoded.")
            media.promise(SOON_S)
        return found

    async def found(self, media_id: UUID) -> Cancelled:
        """What was cancelled of it, and is not tried again by now."""
        async with self._locked_if_any(media_id) as (session, media):
            if media is None:
                return Cancelled(media_id)
            return await _found(session, media, await session.get(Replacement, media_id))


async def _open_rows(session: AsyncSession, media: Media, replacement: Replacement | None) -> list[Rendition]:
    """The renditions that are not whole, of what is being encoded."""
    encodings = [media.encoding] if media.status in (MediaStatus.PROCESSING, MediaStatus.READY) else []
    if replacement is not None and replacement.status == MediaStatus.PROCESSING:
        encodings.append(replacement.encoding)
    return [
        row
        for encoding in encodings
        for row in (await rendition_rows(session, media.id, encoding)).values()
        if row.status not in FINAL
    ]


async def _found(session: AsyncSession, media: Media, replacement: Replacement | None) -> Cancelled:
    if (media.status, media.error_code) == (MediaStatus.ERRORED, CANCELLED):
        return Cancelled(media.id, media.encoding)
    if media.status != MediaStatus.READY:
        return Cancelled(media.id)
    dropped = replacement is not None and replacement.error_code == CANCELLED
    rows = (await rendition_rows(session, media.id, media.encoding)).values()
    stopped = any(row.error_code == CANCELLED for row in rows) and all(row.status in FINAL for row in rows)
    return Cancelled(
        media.id,
        replacement.encoding if replacement and dropped else None,
        media.encoding if stopped else None,
    )
