"""Receiving a media's file and handing it to the pipeline."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from starlette.requests import ClientDisconnect

from gilfoyle.api import medias
from gilfoyle.api.body import RequestBody
from gilfoyle.api.errors import Refusal, problem
from gilfoyle.api.schemas import MediaEnvelope
from gilfoyle.api.services import Injected, Services
from gilfoyle.catalog import MediaKind
from gilfoyle.errors import GilfoyleError
from gilfoyle.ingest import FORM_BYTES, FormFile, Incoming, PlainFile

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

_PLAIN_BODY: dict[str, Any] = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}


def _header(name: str, description: str, example: str) -> dict[str, Any]:
    schema = {"type": "string", "example": example}
    return {"name": name, "in": "header", "description": description, "schema": schema}


_HEADERS = [
    _header("Content-Disposition", "the file's name", 'attachment; filename="bunny.mp4"'),
    _header(
        "Repr-Digest",
        "RFC 9530; if given, the file must have it",
        "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
    ),
]


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
    body = RequestBody(request.receive, services.ingest.upload_bytes + FORM_BYTES)
    return await _accept(media_id, kind, partial(FormFile, request.headers, body), body, services)


@router.put(
    "/{media_id}/source",
    status_code=202,
    operation_id="putSource",
    summary="Upload the file of a media as a plain body",
    response_model=MediaEnvelope,
    openapi_extra={"requestBody": _PLAIN_BODY, "parameters": _HEADERS},
)
async def put_source(
    media_id: UUID,
    request: Request,
    services: Injected,
    kind: Annotated[MediaKind, Query(description="`audio` for its sound alone")] = MediaKind.VIDEO,
    file_name: Annotated[str, Query(description="if Content-Disposition does not say it")] = "",
) -> Any:
    """As `uploadMedia`, with the file itself as the body: `curl -T film.mp4`. A file without pictures becomes audio."""
    body = RequestBody(request.receive, services.ingest.upload_bytes)
    return await _accept(media_id, kind, partial(PlainFile, request.headers, body, file_name), body, services)


async def _accept(
    media_id: UUID, kind: MediaKind, incoming: Callable[[], Incoming], body: RequestBody, services: Services
) -> Any:
    try:
        media = await services.ingest.accept(media_id, kind, incoming())
        services.playbacks.forget(media_id)
        await services.pipeline.begin(media)
        return await medias.envelope(services, media_id)
    except ClientDisconnect:
        log.info("the upload of media %s broke off after %d bytes", media_id, body.received)
        return Response(status_code=400)  # nobody is there to read it
    except GilfoyleError as error:
        return problem(error) if body.complete else Refusal(problem(error))
