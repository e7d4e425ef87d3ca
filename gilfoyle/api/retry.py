"""Trying again what could not be encoded: one rendition, or a media as a whole."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import UUID

from fastapi import APIRouter

from gilfoyle.api.medias import envelope
from gilfoyle.api.schemas import MediaEnvelope
from gilfoyle.api.services import BaseUrl, Injected, Services
from gilfoyle.catalog import CANCELLED, Media, MediaStatus, RenditionStatus
from gilfoyle.errors import Conflict, ObjectNotFound, Unavailable
from gilfoyle.storage import keys
from gilfoyle.temporal.messages import retry_media_id

router = APIRouter(prefix="/v1/medias", tags=["medias"])

# A workflow that has published the whole takes milliseconds to its end; the catalog may be slow.
_LOOKS = 50
_PAUSE_S = 0.1


@router.post("/{media_id}/retry", status_code=202, operation_id="retryMedia", summary="Encode a media again")
async def retry_media(media_id: UUID, services: Injected, base_url: BaseUrl) -> MediaEnvelope:
    """A new encoding from the source that was uploaded: of a media that is Errored, or that nobody works on any more.

    Of one that is Ready, and whose replacement is Errored, that is tried again. Refused (409): one that is being
    processed, is Ready, awaits its upload, or has no source any more.
    """
    media = await services.catalog.medias.get(media_id)
    replacement = await services.catalog.replacements.of(media_id) if media.status == MediaStatus.READY else None
    if replacement and replacement.status == MediaStatus.ERRORED:
        await _require_source(services, media, replacement.upload)
        await services.pipeline.begin_replacing(*await services.catalog.replacements.begin_again(media_id))
        return await envelope(services, media_id, base_url)
    await _require_failed(services, media)
    await _require_source(services, media, media.upload)
    again = await services.catalog.retries.begin_again(media_id, media.encoding)
    services.playbacks.forget(media_id)
    await services.pipeline.begin(again)
    return await envelope(services, media_id, base_url)


@router.post(
    "/{media_id}/renditions/{name}/retry",
    status_code=202,
    operation_id="retryRendition",
    summary="Encode a rendition again that is Errored",
)
async def retry_rendition(media_id: UUID, name: str, services: Injected, base_url: BaseUrl) -> MediaEnvelope:
    """Only that one is encoded; the others stay as they are, and the media plays all the time.

    Refused: an unknown media or rendition (404), one that is not Errored or is being tried again already (409).
    """
    for _ in range(_LOOKS):
        media = await services.catalog.retries.errored(media_id, name)
        if media.status != MediaStatus.PROCESSING:
            if await _is_ending(services, media, name):
                await asyncio.sleep(_PAUSE_S)
                continue
            await _begin(services, media_id, name)
            break
        if await services.pipeline.retry_rendition(media, name):
            break
        await asyncio.sleep(_PAUSE_S)
    else:
        raise Conflict(f"The encoding of the media {media_id} is just ending: ask again in a moment.")
    return await envelope(services, media_id, base_url)


async def _is_ending(services: Services, media: Media, name: str) -> bool:
    """Whether a retry of it was cancelled and is just ending: it would take the next one with it."""
    rows = await services.catalog.medias.renditions(media.id, media.encoding)
    if not any((row.name, row.error_code) == (name, CANCELLED) for row in rows):
        return False
    with suppress(Unavailable):
        return (await services.pipeline.look_up_workflow(retry_media_id(media.id, media.encoding))).running
    return False


async def _begin(services: Services, media_id: UUID, name: str) -> None:
    """The catalog comes first: what it promises is found and started again, whatever happens to this process."""
    await services.pipeline.begin(await services.catalog.retries.reopen(media_id, name))


async def _require_failed(services: Services, media: Media) -> None:
    """Raises Conflict if there is nothing to try again; Unavailable if Temporal has to be asked and is away."""
    if media.status == MediaStatus.AWAITING_UPLOAD:
        raise Conflict(f"The media {media.id} awaits its upload: there is nothing to try again.")
    if media.status == MediaStatus.READY:
        raise Conflict(f"The media {media.id} is Ready: there is nothing to try again.{await _advice(services, media)}")
    if media.status == MediaStatus.PROCESSING and (await services.pipeline.look_up(media)).running:
        raise Conflict(f"The media {media.id} is being processed: there is nothing to try again yet.")


async def _advice(services: Services, media: Media) -> str:
    rows = await services.catalog.medias.renditions(media.id, media.encoding)
    failed = [row.name for row in rows if row.status == RenditionStatus.ERRORED]
    return f" Name the rendition to have it encoded again: {', '.join(failed)}." if failed else ""


async def _require_source(services: Services, media: Media, upload: int) -> None:
    """Raises Conflict if the storage has it no more, StorageError if the storage does not answer."""
    storage = await services.storages.of(media.storage)
    try:
        await storage.stat(keys.source(media.id, upload))
    except ObjectNotFound as error:
        raise Conflict(
            f"The source of the media {media.id} is not there any more: upload it again.", code="no_source"
        ) from error
