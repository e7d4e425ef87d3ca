"""The files that medias were made of, once they are stored: taking them away, and who may download them."""

from __future__ import annotations

import secrets
from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import col

from gilfoyle.catalog.encodings import rendition_rows
from gilfoyle.catalog.models import FINAL, Media, MediaStatus, Replacement, now
from gilfoyle.catalog.replacements import being_replaced
from gilfoyle.catalog.rows import Rows, no_media
from gilfoyle.errors import Conflict


class Sources(Rows):
    """`catalog.sources`."""

    async def delete(self, media_id: UUID) -> Media:
        """The media keeps its stream, and its source may be removed from the storage. Can be repeated.

        Raises NotFound, and Conflict if the source is still needed: the media is not Ready, or something of it is
        being encoded.
        """
        async with self._locked(media_id) as (session, media):
            if media.status != MediaStatus.READY:
                raise Conflict(
                    f"The media {media_id} is {media.status}, so its source is needed: delete it once that is Ready."
                )
            replacement = await session.get(Replacement, media_id)
            if replacement is not None and replacement.status == MediaStatus.PROCESSING:
                raise being_replaced(media_id)
            rows = await rendition_rows(session, media_id, media.encoding)
            if any(row.status not in FINAL for row in rows.values()):
                raise Conflict(f"A rendition of the media {media_id} is being tried again, from its source: wait.")
            media.source_deleted_at = media.source_deleted_at or now()
            media.link_secret = None
        return media

    async def link_secret(self, media_id: UUID) -> tuple[Media, str]:
        """A media, and what links to its source are signed with. Raises NotFound."""
        alive = (col(Media.id) == media_id) & (col(Media.status) != MediaStatus.DELETING)
        secret = func.coalesce(col(Media.link_secret), secrets.token_urlsafe(32))
        # Past the session's records: nothing has happened to the media.
        change = update(Media).where(alive).values(link_secret=secret).returning(Media)
        async with self._database.session() as session:
            media = (await session.scalars(change)).one_or_none()
        if media is None:
            raise no_media(media_id)
        return media, media.link_secret or ""

    async def revoke_links(self, media_id: UUID) -> None:
        """No link that was given out leads to the source any more. No error if there is no such media."""
        change = update(Media).where(col(Media.id) == media_id).values(link_secret=None)
        async with self._database.session() as session:
            await session.execute(change)
