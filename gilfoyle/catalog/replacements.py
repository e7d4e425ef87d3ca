"""Replacements: the next version of a Ready media, made while the current version plays."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from gilfoyle.catalog.models import NO_UPLOAD, SOON_S, Media, MediaKind, MediaStatus, Replacement
from gilfoyle.catalog.rows import Rows
from gilfoyle.errors import Conflict, NotFound


class Replacements(Rows):
    """`catalog.replacements`: at most one per media. `catalog.encodings` ends it, as it ends any encoding."""

    async def of(self, media_id: UUID) -> Replacement | None:
        """The replacement that is being made or has failed; None: there is none."""
        async with self._database.reading() as session:
            return await session.get(Replacement, media_id)

    async def encode(self, media_id: UUID, policy: dict[str, Any] | None = None) -> tuple[Media, Replacement]:
        """Begin a replacement from the media's own source. `policy`: an EncodingPolicy as JSON; None: the settings.

        Raises NotFound, and Conflict if the media is not Ready, or is being replaced or uploaded already.
        """
        async with self._locked(media_id) as (session, media):
            if media.status != MediaStatus.READY:
                raise Conflict(f"The media {media_id} is {media.status}: it can be encoded again once it is Ready.")
            if not await session.scalar(select(NO_UPLOAD).where(col(Media.id) == media_id)):
                raise Conflict(f"A new source of the media {media_id} is just being uploaded.")
            require_source(media)
            replacement = await begin(session, media, media.upload)
            for name in ("audio_only", "file_name", "source_bytes", "source_sha256", "duration_limit_s"):
                setattr(replacement, name, getattr(media, name))
            replacement.kind = MediaKind.AUDIO if media.audio_only else None
            replacement.policy = policy
        return media, replacement

    async def begin_again(self, media_id: UUID) -> tuple[Media, Replacement]:
        """Retry a replacement that is Errored. Raises NotFound; Conflict if there is none, or no source."""
        async with self._locked(media_id) as (session, media):
            replacement = await session.get(Replacement, media_id)
            if replacement is None or replacement.status != MediaStatus.ERRORED or media.status != MediaStatus.READY:
                raise Conflict(f"The media {media_id} has no replacement that could be tried again.")
            if replacement.error_code == "not_media":
                raise Conflict(
                    "What was uploaded is no video or audio file, and was removed: upload another.", code="no_source"
                )
            if replacement.upload == media.upload:
                require_source(media)
            replacement.begin_encoding(media.next_encoding())
            media.promise(SOON_S)
        return media, replacement

    async def drop(self, media_id: UUID) -> tuple[Media, Replacement]:
        """Drop a replacement: the current version stays. Raises NotFound if there is none."""
        async with self._locked(media_id) as (session, media):
            replacement = await session.get(Replacement, media_id)
            if replacement is None:
                raise NotFound(f"The media {media_id} is not being replaced.")
            await session.delete(replacement)
            await self._settle(session, media)
        return media, replacement


async def begin(session: AsyncSession, media: Media, upload: int) -> Replacement:
    """The row of a version that begins now, in the transaction that holds the media's row.

    Raises Conflict if another version is being made.
    """
    replacement = await session.get(Replacement, media.id)
    if replacement is not None and replacement.status == MediaStatus.PROCESSING:
        raise being_replaced(media.id)
    if replacement is None:
        replacement = Replacement(media_id=media.id, encoding=0, upload=upload)
        session.add(replacement)
    replacement.begin_encoding(media.next_encoding())
    replacement.upload, replacement.policy = upload, None
    media.promise(SOON_S)
    return replacement


def require_source(media: Media) -> None:
    """Raises Conflict if the media's source was deleted."""
    if media.source_deleted_at is not None:
        raise Conflict(
            f"The source of the media {media.id} was deleted, so nothing can be encoded of it: "
            "send a file with ?replace=true.",
            code="no_source",
        )


def being_replaced(media_id: UUID) -> Conflict:
    """The error for a client that wants to replace it once more."""
    return Conflict(
        f"The media {media_id} is being replaced already: wait until that has ended, or delete its replacement.",
        code="replacing",
    )
