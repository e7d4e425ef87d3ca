"""What is played at an address, and whether there is anything to play yet."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from gilfoyle.catalog import Catalog, MediaStatus
from gilfoyle.errors import Conflict, TooEarly

REMEMBER_S = 1.0
_MOST = 10_000


@dataclass(frozen=True)
class Playing:
    media_id: UUID
    storage: str
    """The backend in which it lies."""
    encoding: int
    """The one that is served: the version in its addresses."""
    complete: bool
    """The playlists of that one won't change any more, but for its tracks."""


class Playbacks:
    """Asks the catalog, and remembers for a second what is playable: players ask for many segments at once.

    What is not playable yet is never remembered, so that it is noticed at once when it is.
    """

    def __init__(self, catalog: Catalog, remember_s: float = REMEMBER_S) -> None:
        self._catalog = catalog
        self._remember_s = remember_s
        self._known: dict[str, tuple[float, Playing]] = {}

    async def of(self, playback_id: str) -> Playing:
        """Raises NotFound; TooEarly before there is anything to play; Conflict if there never will be."""
        known = self._known.get(playback_id)
        if known and known[0] > time.monotonic():
            return known[1]
        self._known.pop(playback_id, None)
        media = await self._catalog.playback.media(playback_id)
        if not media.playable and media.status == MediaStatus.ERRORED:
            raise Conflict(f"The media can't be played: {media.error_message}", code="media_errored")
        if not media.playable:
            raise TooEarly("There is nothing to play yet: ask again in a second.")
        playing = Playing(media.id, media.storage, media.encoding, complete=media.status == MediaStatus.READY)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[playback_id] = (time.monotonic() + self._remember_s, playing)
        return playing

    def forget(self, media_id: UUID) -> None:
        """Ask again at the next request: the media was deleted, or what it serves has changed."""
        gone = [playback_id for playback_id, (_, playing) in self._known.items() if playing.media_id == media_id]
        for playback_id in gone:
            self._known.pop(playback_id, None)
