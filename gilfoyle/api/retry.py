"""Trying a rendition again that could not be encoded."""

from __future__ import annotations

import asyncio
import logging
from uuid import UUID

from fastapi import APIRouter

from gilfoyle.api.medias import envelope
from gilfoyle.api.schemas import MediaEnvelope
from gilfoyle.api.services import Injected, Services
from gilfoyle.catalog import MediaStatus
from gilfoyle.errors import Conflict, Unavailable

log = logging.getLogger(__name__)
router = APIRouter(prefix="/medias", tags=["medias"])

# A workflow that has published the whole takes milliseconds to its end; the catalog may be slow.
_LOOKS = 50
_PAUSE_S = 0.1


@router.post(
    "/{media_id}/renditions/{name}/retry",
    status_code=202,
    operation_id="retryRendition",
    summary="Encode a rendition again that is Errored",
)
async def retry(media_id: UUID, name: str, services: Injected) -> MediaEnvelope:
    """Only that one is encoded; the others stay as they are, and the media plays all the time.

    Refused: an unknown media or rendition (404), one that is not Errored or is being tried again already (409).
    """
    for _ in range(_LOOKS):
        media = await services.catalog.errored(media_id, name)
        if media.status != MediaStatus.PROCESSING:
            await _begin(services, media_id, name)
            break
        if await services.pipeline.retry_rendition(media, name):
            break
        await asyncio.sleep(_PAUSE_S)
    else:
        raise Conflict(f"The encoding of the media {media_id} is just ending: ask again in a moment.")
    return await envelope(services, media_id)


async def _begin(services: Services, media_id: UUID, name: str) -> None:
    """The catalog comes first: what it promises is found and started again, whatever happens to this process."""
    media = await services.catalog.reopen(media_id, name)
    try:
        await services.pipeline.start_retrying(media)
    except Unavailable as error:
        log.warning("the retry of %s of media %s begins later: %s", name, media_id, error.message)
