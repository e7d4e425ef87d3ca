"""Retries of what could not be encoded: a whole media, or one of its renditions.

A rendition is being retried while it is neither Ready nor Errored on a media that is Ready. No other record of a retry
exists, so nothing can disagree with it: a move waits for it, and after a crash the promise is found again.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import not_, select
from sqlmodel import col

from gilfoyle.catalog.encodings import RenditionProgress, advance, rendition_rows, tell_whole_tracks
from gilfoyle.catalog.models import (
    FINAL,
    NO_RETRY,
    NO_UPLOAD,
    SOON_S,
    Media,
    MediaStatus,
    Recipe,
    Rendition,
    RenditionStatus,
)
from gilfoyle.catalog.replacements import require_source
from gilfoyle.catalog.rows import Rows
from gilfoyle.errors import Conflict, NotFound

_WHY_NOT = {
    RenditionStatus.READY: "it is Ready",
    RenditionStatus.WAITING: "it waits to be encoded already",
    RenditionStatus.ENCODING: "it is being encoded already",
}


class Retries(Rows):
    """`catalog.retries`."""

    async def begin_again(self, media_id: UUID, encoding: int) -> Media:
        """Begin a new encoding of the stored source, in place of `encoding`, which failed or was abandoned.

        Raises NotFound, and Conflict if there is nothing to retry: an unusable file is never retried.
        """
        async with self._locked(media_id) as (session, media):
            if media.encoding != encoding or media.status not in (MediaStatus.ERRORED, MediaStatus.PROCESSING):
                raise Conflict(f"The media {media_id} is being tried again already (status {media.status}).")
            if media.error_code == "not_media":
                raise Conflict(
                    "What was uploaded is no video or audio file, and was removed: upload another.", code="no_source"
                )
            if not await session.scalar(select(NO_UPLOAD).where(col(Media.id) == media_id)):
                raise Conflict(f"The media {media_id} is just being uploaded again.")
            media.begin_encoding()
            media.upload_lease = None
        return media

    async def errored(self, media_id: UUID, name: str) -> Media:
        """The media of an Errored rendition. Raises NotFound, and Conflict if the rendition is not Errored."""
        async with self._locked(media_id) as (session, media):
            _require_errored(media, await rendition_rows(session, media_id, media.encoding), name)
        return media

    async def reopen(self, media_id: UUID, name: str) -> Media:
        """Errored -> Waiting, for a rendition of a Ready media. From here on the retry is promised.

        Raises NotFound, and Conflict if the media or the rendition is not in a state that allows it.
        """
        async with self._locked(media_id) as (session, media):
            rows = await rendition_rows(session, media_id, media.encoding)
            _require_errored(media, rows, name)
            if media.status != MediaStatus.READY:
                raise Conflict(f"The media {media_id} is {media.status}: ask again once it is Ready.")
            require_source(media)
            if await session.get(Recipe, (media_id, media.encoding)) is None:
                raise Conflict(
                    "The media was encoded by a release that did not keep how: to have the rendition, upload it anew.",
                    code="no_recipe",
                )
            _reopen(rows[name])
            media.retries += 1
            media.promise(SOON_S)
        return media

    async def waiting(self, media_id: UUID) -> bool:
        """Whether a rendition of a Ready media waits for a retry."""
        async with self._database.reading() as session:
            return bool(await session.scalar(select(not_(NO_RETRY)).where(col(Media.id) == media_id)))

    async def resume(self, media_id: UUID, encoding: int, name: str) -> None:
        """Errored -> Waiting, while the media is Processing. Nothing happens in other states, and no error."""
        async with self._locked_if_any(media_id) as (session, media):
            if media is not None and media.status == MediaStatus.PROCESSING:
                row = (await rendition_rows(session, media_id, encoding)).get(name)
                if row is not None and row.status == RenditionStatus.ERRORED:
                    _reopen(row)

    async def settle(
        self, media_id: UUID, encoding: int, ended: Sequence[RenditionProgress], cid: str | None = None
    ) -> None:
        """End a retry: each rendition is Ready or Errored, and the media has a new CID, if one is given.

        Nothing happens, without an error, if it was settled before or the media is not Ready (it is Deleting).
        """
        async with self._locked_if_any(media_id) as (session, media):
            if media is None or media.status != MediaStatus.READY or media.encoding != encoding:
                return
            rows = await rendition_rows(session, media_id, encoding)
            ours = [each for each in ended if each.name in rows and rows[each.name].status not in FINAL]
            for each in ours:
                advance(rows[each.name], each)
            if ours and cid is not None:
                media.cid = cid
            if all(row.status in FINAL for row in rows.values()):
                await tell_whole_tracks(session, media, encoding, rows.values())
                await self._settle(session, media)


def _reopen(row: Rendition) -> None:
    row.status, row.error_code, row.error_message = RenditionStatus.WAITING, None, None


def _require_errored(media: Media, rows: dict[str, Rendition], name: str) -> None:
    row = rows.get(name)
    if row is None:
        there = f"it has {', '.join(rows)}" if rows else "it has none yet"
        raise NotFound(f"The media {media.id} has no rendition of that name: {there}.")
    if media.status == MediaStatus.ERRORED:
        raise Conflict(
            f"The media {media.id} is Errored as a whole, so there is nothing that its rendition {name} could join: "
            "try the media again."
        )
    if row.status != RenditionStatus.ERRORED:
        reason = _WHY_NOT[RenditionStatus(row.status)]
        raise Conflict(f"The rendition {name} can't be tried again, since {reason}.")
