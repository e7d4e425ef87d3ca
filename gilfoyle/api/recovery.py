"""Keeping what the catalog promises: of each media that is due, Temporal is asked what became of its workflow.

One that runs is left alone. What was never begun, or was lost with Temporal's database, is begun; a deletion is begun
again however it ended. A workflow that somebody cancelled or terminated, or that failed before it could tell, ends its
media with that reason. Any number of processes may do this at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from pydantic import ValidationError

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import FINAL, Catalog, Media, MediaStatus, RenditionProgress, RenditionStatus
from gilfoyle.errors import GilfoyleError, NotFound, Unavailable
from gilfoyle.tasks import stop
from gilfoyle.temporal.failures import Reason

EVERY_S = 2.0
_LAST_LOOK_S = 2.0
_AT_ONCE = 20
log = logging.getLogger(__name__)


@asynccontextmanager
async def recovering(catalog: Catalog, pipeline: Pipeline) -> AsyncIterator[None]:
    """Look for what is due until the end of the block."""
    ended = asyncio.Event()
    task = asyncio.create_task(keep_recovering(catalog, pipeline, ended))
    try:
        yield
    finally:
        ended.set()
        # A connection that is cancelled while it is made stays open.
        await asyncio.wait([task], timeout=_LAST_LOOK_S)
        await stop([task])


async def keep_recovering(catalog: Catalog, pipeline: Pipeline, ended: asyncio.Event, every_s: float = EVERY_S) -> None:
    """Look for what is due, until `ended`. Whatever goes wrong is logged, and then it goes on."""
    said = ""
    while not ended.is_set():
        try:
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
    standing = await pipeline.look_up(media)
    if standing.running:
        return
    if media.status == MediaStatus.DELETING or media.is_unpublished or standing.fault is None:
        await _begin_again(catalog, pipeline, media)
    else:
        log.warning("the work for media %s has ended: %s", media.id, standing.fault.message)
        await _end(catalog, media, standing.fault)


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
