"""What could not be encoded, and is tried again: a media as a whole, or one rendition of it.

A rendition is being retried while it is neither Ready nor Errored on a media that is Ready. That is all there is to
know of it, so nothing else can disagree: a move waits for it, and what was promised is found again after a crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from gilfoyle.catalog.encodings import RenditionProgress, advance, rendition_rows
from gilfoyle.catalog.models import FINAL, NO_UPLOAD, SOON_S, Media, MediaStatus, Recipe, Rendition, RenditionStatus
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
        """A new encoding, from the source that is there, in place of `encoding`, which failed or nobody works on.

        Raises NotFound, and Conflict if there is nothing to try again: what is no media is never tried again.
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
        """The media that a rendition is Errored of. Raises NotFound; Conflict if the rendition is not."""
        async with self._locked(media_id) as (session, media):
            _require_errored(media, await rendition_rows(session, media_id, media.encoding), name)
        return media

    async def reopen(self, media_id: UUID, name: str) -> Media:
        """Errored -> Waiting, for a rendition of a media that is Ready. From here on the retry is promised.

        Raises NotFound, and Conflict if the media or the rendition is not in a state that allows it.
        """
        async with self._locked(media_id) as (session, media):
            rows = await rendition_rows(session, media_id, media.encoding)
            _require_errored(media, rows, name)
            if media.status != MediaStatus.READY:
                raise Conflict(f"The media {media_id} is {media.status}: ask again once it is Ready.")
            if await session.get(Recipe, (media_id, media.encoding)) is None:
                raise Conflict(
                    "The media was encoded by a release that did not keep how: to have the rendition, upload it anew.",
                    code="no_recipe",
                )
            _reopen(rows[name])
            media.retries += 1
            media.promise(SOON_S)
        return media

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
        """A retry is over: each rendition is Ready or Errored, and the media has another CID if there is one.

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
                media.due_at = None
                if media.is_unpublished:
                    media.promise(0)


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
