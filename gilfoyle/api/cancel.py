"""Cancelling what is being fetched or encoded."""

from __future__ import annotations

import logging
from uuid import UUID

from fastapi import APIRouter

from gilfoyle.api.medias import envelope
from gilfoyle.api.schemas import MediaEnvelope
from gilfoyle.api.services import BaseUrl, Injected
from gilfoyle.errors import Conflict, Unavailable

log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1/medias", tags=["medias"])


@router.post(
    "/{media_id}/cancel", status_code=202, operation_id="cancelMedia", summary="End what is being encoded of a media"
)
async def cancel(media_id: UUID, services: Injected, base_url: BaseUrl) -> MediaEnvelope:
    """One that is Processing is Errored, `cancelled`: its source stays, what was encoded goes, `retry` begins again.

    One whose file is being fetched is Errored as well, and what has arrived goes. One that is Ready plays on: what ends
    is the version that is to take its place, and renditions that are tried again. May be repeated. Refused (409): one
    of which nothing is being fetched or encoded, or whose file is fetched by an upload, which is cancelled by itself.
    """
    fetched = await services.catalog.imports.cancel(media_id)
    if fetched is not None:
        await services.pipeline.cancel_importing(fetched)
        await services.ingest.drop_or_leave(await services.catalog.medias.get(media_id))
    try:
        cancelled = await services.catalog.cancellations.cancel(media_id)
    except Conflict:
        if fetched is None:
            raise
        return await envelope(services, media_id, base_url)
    services.playbacks.forget(media_id)
    try:
        await services.pipeline.cancel(cancelled)
    except Unavailable as error:
        log.warning("what runs for media %s is ended later: %s", media_id, error.message)
    return await envelope(services, media_id, base_url)
