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
from gilfoyle.api.schemas import MediaEnvelope
from gilfoyle.api.services import Injected
from gilfoyle.catalog import MediaKind
from gilfoyle.errors import GilfoyleError
from gilfoyle.ingest import FORM_BYTES, FormFile

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
    ingest = services.ingest
    body = RequestBody(request.receive, ingest.upload_bytes + FORM_BYTES)
    form = FormFile(request.headers.get("content-type", ""), _length(request), body)
    try:
        media = await ingest.accept(media_id, kind, form)
        services.playbacks.forget(media_id)
        await services.pipeline.begin(media)
        return await medias.envelope(services, media_id)
    except ClientDisconnect:
        log.info("the upload of media %s broke off after %d bytes", media_id, body.received)
        return Response(status_code=400)  # nobody is there to read it
    except GilfoyleError as error:
        return problem(error) if body.complete else Refusal(problem(error))


def _length(request: Request) -> int | None:
    """The Content-Length: digits only, which the server has checked; more than 19 are too many whatever they say."""
    declared = request.headers.get("content-length", "")
    return int(declared[:20]) if declared else None
