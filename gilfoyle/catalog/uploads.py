"""Uploads: one at a time per media, and none twice.

An upload holds a lease that it renews as bytes arrive, so one whose server died lets go by itself. The lease's end
is also the proof of holding it: every renewal names the end it was given, and fails once another has taken over.
The database's clock counts, not those of the servers.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import case, func, update
from sqlmodel import col

from gilfoyle.catalog.models import NO_UPLOAD, SOON_S, Media, MediaStatus
from gilfoyle.catalog.rows import Rows
from gilfoyle.errors import Conflict

_WHY_NOT = {
    MediaStatus.PROCESSING: "it has its upload already and is being processed",
    MediaStatus.READY: "it has its upload already and is ready",
}
TAKES_UPLOAD = (MediaStatus.AWAITING_UPLOAD, MediaStatus.ERRORED)
"""A media in these takes an upload."""


def _state_conflict(media: Media) -> Conflict:
    reason = _WHY_NOT[MediaStatus(media.status)]
    return Conflict(f"The media {media.id} takes no upload, since {reason} (status {media.status}).")


class Uploads(Rows):
    """`catalog.uploads`."""

    async def lease(self, media_id: UUID, seconds: float, storage: str = "filesystem") -> datetime:
        """Take the lease for so long, for an upload into that storage; returns its end, which others want to see.

        One that is Errored may be uploaded again: until that is accepted, it stays where it is.
        Raises NotFound, and Conflict if the media takes no upload or another upload's lease is alive.
        """
        takes_one = col(Media.status).in_(TAKES_UPLOAD)
        place = case((col(Media.status) == MediaStatus.ERRORED, col(Media.storage)), else_=storage)
        until = await self._set_lease(media_id, seconds, NO_UPLOAD & takes_one, storage=place)
        if until is None:
            async with self._locked(media_id) as (_session, media):
                if media.status not in TAKES_UPLOAD:
                    raise _state_conflict(media)
                raise Conflict(f"Another upload to the media {media_id} is in progress.")
        return until

    async def renew(self, media_id: UUID, seconds: float, held: datetime) -> datetime:
        """Prolong the lease that ends at `held`; returns its new end. Raises NotFound, and Conflict if it is lost."""
        until = await self._set_lease(media_id, seconds, col(Media.upload_lease) == held)
        if until is None:
            async with self._locked(media_id):
                raise Conflict(f"The upload to the media {media_id} paused for too long: another took its place.")
        return until

    async def release(self, media_id: UUID, held: datetime) -> None:
        """Let others upload. Nothing happens if the lease is lost or the media gone."""
        mine = (col(Media.id) == media_id) & (col(Media.upload_lease) == held)
        async with self._database.session() as session:
            await session.execute(update(Media).where(mine).values(upload_lease=None))

    async def accept(
        self,
        media_id: UUID,
        *,
        kind: str,
        file_name: str | None,
        size: int,
        sha256: str,
        held: datetime | None = None,
        storage: str = "",
    ) -> Media:
        """AwaitingUpload or Errored -> Processing, for a source that is stored whole as its `next_upload`.

        `held` is the uploader's lease, if any; `storage` where the source lies, if that is another place than before.
        Raises NotFound if the media was deleted meanwhile, and Conflict if another upload was accepted.
        """
        async with self._locked(media_id) as (_session, media):
            if media.status not in TAKES_UPLOAD:
                raise _state_conflict(media)
            if held is not None and media.upload_lease != held:
                raise Conflict(f"Another upload to the media {media_id} took the place of this one.")
            media.upload = media.next_upload
            if media.status == MediaStatus.ERRORED:
                media.begin_encoding()
            media.status = MediaStatus.PROCESSING
            media.storage = storage or media.storage
            media.kind, media.file_name = kind, file_name
            media.source_bytes, media.source_sha256 = size, sha256
            media.upload_lease = None
            media.promise(SOON_S)
        return media

    async def _set_lease(self, media_id: UUID, seconds: float, condition: object, **changes: object) -> datetime | None:
        alive = col(Media.status) != MediaStatus.DELETING
        change = (
            update(Media)
            .where(col(Media.id) == media_id, alive, condition)  # type: ignore[arg-type]
            .values(upload_lease=func.now() + timedelta(seconds=seconds), **changes)
            .returning(col(Media.upload_lease))
        )
        async with self._database.session() as session:
            return (await session.execute(change)).scalar_one_or_none()
