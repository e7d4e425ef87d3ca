"""Keeping what the catalog promises: of each media that is due, Temporal is asked what became of its workflow.

One that runs is left alone, unless what it makes was cancelled. What was never begun, or was lost with Temporal's
database, is begun; a deletion is begun again however it ended. A workflow that somebody cancelled or terminated, or
that failed before it could tell, ends its media with that reason. When all is done, the workflow is looked at until it
has ended: Temporal may have lost that end with its last seconds, and a workflow that can't go on would run for ever. A
media whose time is up is deleted, and an upload that has expired is ended. Any number of processes may do this at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from pydantic import ValidationError

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import FINAL, Catalog, Import, Media, MediaStatus, RenditionProgress, RenditionStatus, Replacement
from gilfoyle.errors import GilfoyleError, NotFound, Unavailable
from gilfoyle.ingest import SessionIngest
from gilfoyle.tasks import stop
from gilfoyle.temporal.failures import Reason
from gilfoyle.temporal.messages import import_media_id, process_media_id, publish_media_id, retry_media_id

EVERY_S = 2.0
_LAST_LOOK_S = 2.0
_AT_ONCE = 20
# Medias for which a file may be fetched.
_TAKES_FILES = (MediaStatus.AWAITING_UPLOAD, MediaStatus.ERRORED, MediaStatus.READY)
log = logging.getLogger(__name__)


@asynccontextmanager
async def recovering(
    catalog: Catalog, pipeline: Pipeline, sessions: SessionIngest | None = None
) -> AsyncIterator[None]:
    """Look for what is due until the end of the block."""
    ended = asyncio.Event()
    task = asyncio.create_task(keep_recovering(catalog, pipeline, ended, sessions=sessions))
    try:
        yield
    finally:
        ended.set()
        # A connection that is cancelled while it is made stays open.
        await asyncio.wait([task], timeout=_LAST_LOOK_S)
        await stop([task])


async def keep_recovering(
    catalog: Catalog,
    pipeline: Pipeline,
    ended: asyncio.Event,
    every_s: float = EVERY_S,
    *,
    sessions: SessionIngest | None = None,
) -> None:
    """Look for what is due, until `ended`. Whatever goes wrong is logged, and then it goes on.

    With `sessions`, uploads that have expired are ended, too.
    """
    said = ""
    while not ended.is_set():
        try:
            while await catalog.promises.expire(_AT_ONCE) == _AT_ONCE:
                pass
            if sessions is not None:
                await sessions.expire()
            while await recover(catalog, pipeline) == _AT_ONCE:
                pass
            await recover_errands(catalog, pipeline)
            said = ""
        except GilfoyleError as error:
            if error.message != said:  # an outage is told once, not every two seconds
                log.warning("what is due waits: %s", error.message)
            said = error.message
        except Exception:
            log.exception("looking for what is due")
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), every_s)


async def recover(catalog: Catalog, pipeline: Pipeline) -> int:
    """See to some of what is due; returns how many medias that were. Raises Unavailable, and then all is due again."""
    if not await catalog.promises.is_any_due():
        return 0
    await pipeline.ping()
    medias = await catalog.promises.due(_AT_ONCE)
    ends = await asyncio.gather(*(_see_to(catalog, pipeline, media) for media in medias), return_exceptions=True)
    failed = {media.id: end for media, end in zip(medias, ends, strict=True) if isinstance(end, Exception)}
    for media_id, end in failed.items():
        if not isinstance(end, Unavailable):  # that media waits for its next turn
            log.error("seeing to media %s", media_id, exc_info=end)
    away = {media_id: end for media_id, end in failed.items() if isinstance(end, Unavailable)}
    if away:
        await catalog.promises.due_again([*away])
        raise next(iter(away.values()))
    return len(medias)


async def recover_errands(catalog: Catalog, pipeline: Pipeline) -> None:
    """Begin again the work on the whole installation that Temporal has lost. Raises Unavailable."""
    for errand in await catalog.errands.due():
        standing = await pipeline.look_up_workflow(errand.id)
        if not standing.known:
            log.warning("%s was lost: it is begun again", errand.id)
            await pipeline.start_errand(errand)
        elif not standing.running:  # somebody has stopped it, or it could not tell its end
            await catalog.errands.end(errand.id)


async def _see_to(catalog: Catalog, pipeline: Pipeline, media: Media) -> None:
    if media.status in (MediaStatus.ERRORED, MediaStatus.READY):
        await pipeline.cancel(await catalog.cancellations.found(media.id))
    replacement = await catalog.replacements.of(media.id) if media.status == MediaStatus.READY else None
    imported = await catalog.imports.of(media.id) if media.status in _TAKES_FILES else None
    done = await _is_done(catalog, media)
    if imported and imported.is_running:
        await _see_to_import(catalog, pipeline, imported)
    elif replacement and replacement.status == MediaStatus.PROCESSING:
        await _see_to_replacement(catalog, pipeline, media, replacement)
    elif done:
        await _look_back(catalog, pipeline, media)
    if done:
        return  # nothing else is promised of it
    standing = await pipeline.look_up(media)
    if standing.running:
        return
    if media.status == MediaStatus.DELETING or media.is_unpublished or standing.fault is None:
        await _begin_again(catalog, pipeline, media)
    else:
        log.warning("the work for media %s has ended: %s", media.id, standing.fault.message)
        await _end(catalog, media, standing.fault)


async def _is_done(catalog: Catalog, media: Media) -> bool:
    """Whether nothing is promised of a media but an import or a replacement, if there is one."""
    if media.status == MediaStatus.READY:
        return not media.is_unpublished and not await catalog.retries.waiting(media.id)
    return media.status in (MediaStatus.AWAITING_UPLOAD, MediaStatus.ERRORED)


async def _look_back(catalog: Catalog, pipeline: Pipeline, media: Media) -> None:
    """Whether the workflows of what was done have ended. One that can't go on is ended by the look."""
    encodings = {process_media_id(media.id, number) for number in (media.encoding, media.encodings)}
    done = [*encodings, retry_media_id(media.id, media.encoding), publish_media_id(media.id)]
    standings = [await pipeline.look_up_workflow(each) for each in done]
    if not any(each.running for each in standings):
        await catalog.promises.kept(media)


async def _see_to_import(catalog: Catalog, pipeline: Pipeline, imported: Import) -> None:
    standing = await pipeline.look_up_workflow(import_media_id(imported.media_id, imported.id))
    if standing.running:
        return
    if standing.fault is not None:
        log.warning("the import of media %s has ended: %s", imported.media_id, standing.fault.message)
        await catalog.imports.fail(imported.media_id, imported.id, standing.fault.code, standing.fault.message)
        return
    log.info("nobody fetches the file of media %s: it is begun", imported.media_id)
    await pipeline.start_importing(imported)


async def _see_to_replacement(catalog: Catalog, pipeline: Pipeline, media: Media, replacement: Replacement) -> None:
    standing = await pipeline.look_up_workflow(process_media_id(media.id, replacement.encoding))
    if standing.running:
        return
    if standing.fault is not None:
        log.warning("the replacement of media %s has ended: %s", media.id, standing.fault.message)
        await catalog.encodings.fail(media.id, standing.fault.code, standing.fault.message, replacement.encoding)
        return
    now = await catalog.replacements.of(media.id)
    if now is None or (now.encoding, now.status) != (replacement.encoding, replacement.status):
        return
    log.info("nobody works for the replacement of media %s: it is begun", media.id)
    await pipeline.start_replacing(media, now, await catalog.encodings.recipe(media.id, now.encoding))


async def _begin_again(catalog: Catalog, pipeline: Pipeline, media: Media) -> None:
    """Unless somebody was faster, or it had ended well in the meantime."""
    try:
        now = await catalog.medias.source(media.id)
    except NotFound:
        return
    if (now.status, now.encoding) != (media.status, media.encoding) or now.due_at is None:
        return
    log.info("nobody works for media %s (%s): it is begun", media.id, media.status)
    try:
        await pipeline.start(now, await catalog.encodings.recipe(media.id, media.encoding))
    except ValidationError:  # by settings that this release does not know: from the beginning, by those of now
        await pipeline.start(await catalog.retries.begin_again(media.id, media.encoding))


async def _end(catalog: Catalog, media: Media, fault: Reason) -> None:
    """Nothing happens if the media has another state or encoding by now."""
    if media.status == MediaStatus.PROCESSING:
        await catalog.encodings.fail(media.id, fault.code, fault.message, media.encoding)
        return
    rows = await catalog.medias.renditions(media.id, media.encoding)
    status, why = RenditionStatus.ERRORED, {"error_code": fault.code, "error_message": fault.message}
    ended = [RenditionProgress(name=row.name, status=status, **why) for row in rows if row.status not in FINAL]
    await catalog.retries.settle(media.id, media.encoding, ended)
