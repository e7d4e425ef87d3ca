"""Fetching the file of a media from a URL, for as long as that takes: what arrived is kept, and any worker goes on."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import suppress
from uuid import UUID

from gilfoyle.catalog import Catalog, Import, MediaKind, MediaStatus
from gilfoyle.catalog.models import now
from gilfoyle.config import ImportSettings
from gilfoyle.errors import (
    FetchFailed,
    GilfoyleError,
    Locked,
    NotFound,
    ObjectNotFound,
    StorageError,
    Unavailable,
    WrongOffset,
)
from gilfoyle.ingest.acceptance import Ingest
from gilfoyle.ingest.remote import AskLater, Changed, RemoteFile, Whole, asked_from, named
from gilfoyle.ingest.resume import Arrived
from gilfoyle.net.fetch import Fetcher
from gilfoyle.tasks import raise_if_cancelled

log = logging.getLogger(__name__)

NOTE_S = 1.0
"""How often the catalog is told how much has arrived (seconds); so soon a cancelled import ends, too."""
WAIT_HERE_S = 10.0
"""Longer pauses (seconds) are left to the caller, who needs no slot for them."""
LONGEST_PAUSE_S = 3600.0
"""A server that wants to be asked later than this (seconds) is asked then."""
# Those that failed together do not all come back in the same moment.
_JITTER = 0.1
# What has nothing to do with the file, and passes: the caller tries again for as long as it takes.
_PASSING = (StorageError, Unavailable, Locked)


class Importing:
    """Imports of one process. Whatever is fetched goes the way of every upload (`Ingest`)."""

    def __init__(self, catalog: Catalog, ingest: Ingest, settings: ImportSettings, allow: list[str]) -> None:
        """`allow`: as `net.allow` has it."""
        self._catalog = catalog
        self._ingest = ingest
        self._settings = settings
        self._allow = allow

    async def run(self, media_id: UUID, import_id: str) -> float | None:
        """Fetch, until the file is accepted, can't be had, or is not wanted any more: then None.

        Else for how long to wait before this is called again (seconds). Raises StorageError, Unavailable, Locked.
        """
        async with Fetcher(self._allow, silence_s=self._settings.silence_s) as fetcher:
            while (wanted := await self._wanted(media_id, import_id)) is not None:
                pause = await self._try(fetcher, wanted)
                if pause is not None and pause > WAIT_HERE_S:
                    return pause
                await asyncio.sleep(pause or 0)
        await self._clear(media_id)
        return None

    async def give_up(self, media_id: UUID, import_id: str, code: str, message: str) -> None:
        """End an import for good, and drop what has arrived. Can be repeated. Raises Unavailable."""
        media = await self._catalog.imports.fail(media_id, import_id, code, message)
        if media is None:
            return
        log.info("the import of media %s has failed: %s", media_id, message)
        await self._ingest.drop_or_leave(media)

    async def _clear(self, media_id: UUID) -> None:
        """Drop what came for a media that was deleted meanwhile: who deletes it may have looked before."""
        with suppress(NotFound):
            media = await self._catalog.medias.source(media_id)
            if media.status == MediaStatus.DELETING:
                await self._ingest.drop_or_leave(media)

    async def _wanted(self, media_id: UUID, import_id: str) -> Import | None:
        return await self._catalog.imports.wanted(media_id, import_id, self._settings.longest_s)

    async def _try(self, fetcher: Fetcher, wanted: Import) -> float | None:
        """One request; the pause before the next one (seconds), or None: it has ended."""
        note = _Note(self._catalog, wanted)
        left = (wanted.ends_at - now()).total_seconds() if wanted.ends_at else self._settings.longest_s
        try:
            async with asyncio.timeout(max(left, 0)) as limit:
                await self._fetch(fetcher, wanted, note)
        except TimeoutError:
            raise_if_cancelled()
            if not limit.expired():
                raise
            await self._end(wanted, "import_timeout", f"The import took longer than {self._settings.longest_s:g} s.")
        except (FetchFailed, WrongOffset, ObjectNotFound) as error:
            if isinstance(error, FetchFailed) and not error.retryable:
                await self._end(wanted, error.reason, error.message)
            else:
                return await self._again(wanted, note, error)
        except _PASSING:
            raise
        except GilfoyleError as error:
            await self._end(wanted, error.reason, error.message)
        return None

    async def _fetch(self, fetcher: Fetcher, wanted: Import, note: _Note) -> None:
        """Take what one answer brings; returns when the file is accepted. Raises what keeps it from that."""
        there = await self._ingest.arrived(wanted.media_id, replace=wanted.replace)
        offset = there.offset if wanted.total and there.offset <= wanted.total else 0
        url, known = wanted.url or "", wanted.validator
        if offset and offset == wanted.total:  # a worker has died just before it was accepted
            await self._take(wanted, Whole(offset, wanted.file_name or named(url)))
            return
        asked = asked_from(offset, known)
        async with fetcher.open(url, headers=asked) as response:
            file = RemoteFile(response, offset if asked else 0, known, wanted.total, note)
            file.file_name = wanted.file_name or file.file_name or named(url)
            await self._take(wanted, file)

    async def _take(self, wanted: Import, file: RemoteFile | Whole) -> None:
        upload = await self._catalog.upload_sessions.get(wanted.upload_id) if wanted.upload_id else None
        kind = MediaKind.AUDIO if wanted.kind == MediaKind.AUDIO else None
        taken = await self._ingest.resume(
            wanted.media_id, kind, file, replace=wanted.replace, session=upload, imported=wanted
        )
        if isinstance(taken, Arrived):
            raise FetchFailed(f"The server broke off after {taken.offset} bytes.")

    async def _again(self, wanted: Import, note: _Note, error: GilfoyleError) -> float | None:
        """The pause before it is tried once more; None: it has ended, perhaps with this."""
        anew = isinstance(error, (Changed, ObjectNotFound))
        now_is = await self._catalog.imports.failed(wanted.media_id, wanted.id, note.position, anew=anew)
        if now_is is None:
            return None
        left = self._settings.give_up_after_s - (now() - (now_is.failing_since or now())).total_seconds()
        pauses = self._settings.retry_after_s
        pause = pauses[min(now_is.tries, len(pauses)) - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)
        if isinstance(error, AskLater):
            pause = max(pause, min(error.after_s, LONGEST_PAUSE_S))
        pause = min(pause, left)  # the last try is when the time is up
        if left <= 0:
            tried = f"It was tried {now_is.tries} times." if now_is.tries > 1 else "It was not tried again."
            await self._end(wanted, "import_failed", f"{error.message} {tried}")
            return None
        log.info("the import of media %s goes on in %.1f s: %s", wanted.media_id, pause, error.message)
        return pause

    async def _end(self, wanted: Import, code: str, message: str) -> None:
        """If it is still wanted: what was cancelled has no reason of its own."""
        await self.give_up(wanted.media_id, wanted.id, code, message)


class _Note:
    """How far one request is; the catalog is told from time to time."""

    def __init__(self, catalog: Catalog, wanted: Import) -> None:
        self._catalog, self._media_id, self._import_id = catalog, wanted.media_id, wanted.id
        self._told = time.monotonic()
        self.position: int | None = None
        """Bytes of the file that have arrived; None: this request brought none."""

    async def begun(self, total: int | None, validator: str | None) -> None:
        """See RemoteFile. Raises Gone."""
        await self._catalog.imports.begun(self._media_id, self._import_id, total, validator)

    async def arrived(self, position: int) -> None:
        """See RemoteFile. Raises Gone if the import is not wanted any more."""
        self.position = position
        if time.monotonic() - self._told >= NOTE_S:
            self._told = time.monotonic()
            await self._catalog.imports.progress(self._media_id, self._import_id, position)
