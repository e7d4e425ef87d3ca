"""Creating, listing, describing and deleting medias."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from gilfoyle.api import schemas
from gilfoyle.api.envelope import PageMetadata
from gilfoyle.api.schemas import MediaCreate, MediaEdit, MediaEnvelope, MediaPage, media_out
from gilfoyle.api.services import BaseUrl, Injected, Services
from gilfoyle.catalog import MediaStatus
from gilfoyle.errors import Unavailable

DELETE_WAIT_S = 10.0
_MAX_OFFSET = 2**53  # what JSON's numbers hold exactly
log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1/medias", tags=["medias"])

ShownStatus = Literal["AwaitingUpload", "Processing", "Ready", "Errored"]


@router.post("", status_code=201, operation_id="createMedia", summary="Create a media, to upload into")
async def create(body: MediaCreate, services: Injected, base_url: BaseUrl) -> MediaEnvelope:
    media = await services.catalog.medias.create(body.title, body.description, services.storages.default)
    return await envelope(services, media.id, base_url)


@router.get("", operation_id="listMedias", summary="List medias, the newest first")
async def index(
    services: Injected,
    base_url: BaseUrl,
    limit: Annotated[int, Query(ge=1, le=100, description="how many at most")] = 50,
    offset: Annotated[int, Query(ge=0, le=_MAX_OFFSET, description="how many to skip")] = 0,
    status: Annotated[ShownStatus | None, Query(description="only those with this status")] = None,
    q: Annotated[schemas.Query, Query(description="only those with this in title, description or file name")] = "",
    sha256: Annotated[schemas.Sha256, Query(description="only those made of the file with this checksum")] = "",
) -> MediaPage:
    chosen = MediaStatus(status) if status else None
    medias, total = await services.catalog.medias.page(limit, offset, chosen, q, sha256.lower())
    renditions = await services.catalog.medias.renditions_of(medias)
    tracks = await services.catalog.tracks.of_many(medias)
    playback_ids = await services.catalog.playback.of_many([media.id for media in medias])
    return MediaPage(
        data=[
            media_out(media, renditions[media.id], tracks[media.id], playback_ids[media.id], base_url)
            for media in medias
        ],
        metadata=PageMetadata(total=total, offset=offset, limit=limit),
    )


@router.get("/{media_id}", operation_id="getMedia", summary="One media, with its renditions and their progress")
async def show(media_id: UUID, services: Injected, base_url: BaseUrl) -> MediaEnvelope:
    return await envelope(services, media_id, base_url)


@router.patch("/{media_id}", operation_id="editMedia", summary="Change title or description")
async def edit(media_id: UUID, body: MediaEdit, services: Injected, base_url: BaseUrl) -> MediaEnvelope:
    await services.catalog.medias.edit(media_id, title=body.title, description=body.description)
    return await envelope(services, media_id, base_url)


@router.delete("/{media_id}", status_code=204, operation_id="deleteMedia", summary="Delete a media")
async def delete(media_id: UUID, services: Injected) -> Response:
    """Stops what runs for it and removes every object and row. It is gone for clients at once.

    The catalog comes first: from then on it is deleted in the end, whatever happens to this process or to Temporal.
    """
    await services.catalog.medias.mark_deleting(media_id)
    services.playbacks.forget(media_id)
    try:
        workflow = await services.pipeline.start_deleting(media_id)
        async with asyncio.timeout(DELETE_WAIT_S):
            await workflow.result()
    except TimeoutError:
        log.info("deleting media %s takes longer; it goes on", media_id)
    except Unavailable as error:
        log.warning("the objects of media %s are removed later: %s", media_id, error.message)
    except Exception:
        log.exception("deleting media %s", media_id)
    return Response(status_code=204)


async def envelope(services: Services, media_id: UUID, base_url: str) -> MediaEnvelope:
    """What is shown of a media. Raises NotFound."""
    media, renditions = await services.catalog.medias.shown(media_id)
    tracks = await services.catalog.tracks.of(media_id, media.encoding)
    playback_ids = await services.catalog.playback.of(media_id)
    return MediaEnvelope(data=media_out(media, renditions, tracks, playback_ids, base_url))
