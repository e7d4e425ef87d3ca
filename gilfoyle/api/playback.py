"""What a playback id plays, and whether it can be played yet."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from gilfoyle.api.tokens import Tokens, Viewer
from gilfoyle.catalog import Catalog, Media, MediaStatus, Policy
from gilfoyle.errors import Conflict, TooEarly

REMEMBER_S = 1.0
_MOST = 10_000


@dataclass(frozen=True)
class Playing:
    media_id: UUID
    project: str
    storage: str
    """The backend that holds it."""
    encoding: int
    """The served encoding: the version in its addresses."""
    complete: bool
    """Its playlists won't change any more, except for tracks."""
    signed: bool
    """It was asked for by an id that is played with a token only."""


class Playbacks:
    """Looks medias up in the catalog, and caches playable ones for a second: players request many segments at once.

    Medias that are not playable yet are not cached, so that a change is seen at once.
    """

    def __init__(self, catalog: Catalog, tokens: Tokens, remember_s: float = REMEMBER_S) -> None:
        self._catalog = catalog
        self._tokens = tokens
        self._remember_s = remember_s
        self._known: dict[str, tuple[float, Playing]] = {}

    async def of(self, playback_id: str, viewer: Viewer, version: int = 0) -> Playing:
        """The catalog is asked if `version` is later than what is cached: another process may have published it.

        Raises NotFound; Forbidden if the id is signed and the viewer's token is not for it; then TooEarly before there
        is anything to play, and Conflict if there never will be.
        """
        known = self._known.get(playback_id)
        if known and known[0] > time.monotonic() and known[1].encoding >= version:
            if known[1].signed:
                await self._tokens.check(viewer, playback_id, known[1].project)
            return known[1]
        self._known.pop(playback_id, None)
        media, signed = await self._media(playback_id, viewer)
        if not media.playable and media.status == MediaStatus.ERRORED:
            raise Conflict(f"The media can't be played: {media.error_message}", code="media_errored")
        if not media.playable:
            raise TooEarly("There is nothing to play yet: ask again in a second.")
        complete = media.status == MediaStatus.READY
        playing = Playing(media.id, media.project, media.storage, media.encoding, complete, signed)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[playback_id] = (time.monotonic() + self._remember_s, playing)
        return playing

    async def media(self, playback_id: str, viewer: Viewer) -> Media:
        """The media, whether or not it can be played yet. Raises NotFound, and Forbidden as `of` does."""
        return (await self._media(playback_id, viewer))[0]

    async def _media(self, playback_id: str, viewer: Viewer) -> tuple[Media, bool]:
        media, policy = await self._catalog.playback.find(playback_id)
        if policy == Policy.SIGNED:
            await self._tokens.check(viewer, playback_id, media.project)
        return media, policy == Policy.SIGNED

    def forget(self, media_id: UUID) -> None:
        """Ask again at the next request: the media was deleted, or what it serves has changed."""
        gone = [playback_id for playback_id, (_, playing) in self._known.items() if playing.media_id == media_id]
        for playback_id in gone:
            self._known.pop(playback_id, None)
