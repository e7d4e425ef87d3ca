"""Receiving a media's file and handing it to the pipeline."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from gilfoyle.api import medias
from gilfoyle.api.body import RequestBody
from gilfoyle.api.errors import Refusal, problem
from gilfoyle.api.lease import upload_lease
from gilfoyle.api.multipart import Form
from gilfoyle.api.receive import FORM_BYTES, receive
from gilfoyle.api.schemas import MediaEnvelope
from gilfoyle.api.services import Injected, Services
from gilfoyle.catalog import Media, MediaKind
from gilfoyle.errors import GilfoyleError, NotFound, StorageError, TooLarge
from gilfoyle.storage import Storage, keys

log = logging.getLogger(__name__)
router = APIRouter(prefix="/medias", tags=["medias"])

_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary", "description": "the media file"},
                    "sha256": {"type": "string", "description": "if given, the file must have it (hexadecimal)"},
                },
            },
            "example": {"file": "bunny.mp4"},
        }
    },
}


@router.post(
    "/{media_id}/upload/{kind}",
    status_code=202,
    operation_id="uploadMedia",
    summary="Upload the file of a media",
    response_model=MediaEnvelope,
    openapi_extra={"requestBody": _BODY},
)
async def upload(media_id: UUID, kind: MediaKind, request: Request, services: Injected) -> Any:
    """Streams the file into the storage and has it processed. A media that is Errored may be uploaded again.

    Refused at once, before the file is read: an unknown media (404), one that has its upload already (409), a
    length above the limit (413). If the connection breaks, nothing is kept and the upload can be repeated.
    """
    body = RequestBody(request.receive, services.settings.limits.upload_bytes + FORM_BYTES)
    try:
        media = await _accept(media_id, kind, request, body, services)
        services.playbacks.forget(media_id)
        await services.pipeline.begin(media)
        return await medias.envelope(services, media_id)
    except ClientDisconnect:
        log.info("the upload of media %s broke off after %d bytes", media_id, body.received)
        return Response(status_code=400)  # nobody is there to read it
    except GilfoyleError as error:
        return problem(error) if body.complete else Refusal(problem(error))


async def _accept(media_id: UUID, kind: MediaKind, request: Request, body: RequestBody, services: Services) -> Media:
    """The media, Processing, with its source stored."""
    limit = services.settings.limits.upload_bytes
    name = services.storages.default
    async with upload_lease(services.catalog, media_id, name) as lease:
        _check_length(request, limit)
        form = Form(request.headers.get("content-type", ""), body)
        storage = await services.storages.of(name)
        key = keys.source(media_id, (await services.catalog.medias.get(media_id)).next_upload)
        received = await receive(form, lease, storage, key, limit)
        try:
            async with lease.lock:
                return await services.catalog.uploads.accept(
                    media_id,
                    kind=kind,
                    file_name=received.file_name,
                    size=received.size,
                    sha256=received.sha256,
                    held=lease.until,
                    storage=name,
                )
        except NotFound:  # deleted meanwhile, perhaps before the object was there
            await _discard(storage, key)
            raise


def _check_length(request: Request, limit: int) -> None:
    declared = request.headers.get("content-length", "")
    # Digits only, checked by the server; more than 19 of them are too many whatever they say.
    if len(declared) > 19 or int(declared or 0) > limit + FORM_BYTES:
        raise TooLarge(f"The file is larger than the {limit} bytes that are allowed.")


async def _discard(storage: Storage, key: str) -> None:
    try:
        await storage.delete(key)
    except StorageError:
        log.exception("%s is left in the storage", key)
