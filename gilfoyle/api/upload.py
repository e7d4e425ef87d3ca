"""Receiving a media's file and handing it to the pipeline."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from gilfoyle.api import medias
from gilfoyle.api.body import RequestBody
from gilfoyle.api.errors import Refusal, problem
from gilfoyle.api.schemas import MediaEnvelope
from gilfoyle.api.services import BaseUrl, Injected, Services
from gilfoyle.catalog import Media, MediaKind
from gilfoyle.errors import GilfoyleError
from gilfoyle.ingest import FORM_BYTES, Arrived, FormFile, PlainFile

log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1/medias", tags=["medias"])

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
    _header("Content-Range", "which bytes of the file the body has, if not all", "bytes 1000-4999/5000"),
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
async def upload(media_id: UUID, kind: MediaKind, request: Request, services: Injected, base_url: BaseUrl) -> Any:
    """Streams the file into the storage and has it processed. A media that is Errored may be uploaded again.

    Refused at once, before the file is read: an unknown media (404), one that has its upload already (409), a
    length above the limit (413). If the connection breaks, nothing is kept and the upload can be repeated.
    """
    body = RequestBody(request.receive, services.ingest.upload_bytes + FORM_BYTES)

    async def take() -> Media:
        return await services.ingest.accept(media_id, kind, FormFile(request.headers, body))

    return await _answer(media_id, take, body, services, base_url)


@router.put(
    "/{media_id}/source",
    status_code=202,
    operation_id="putSource",
    summary="Upload the file of a media as a plain body",
    response_model=MediaEnvelope,
    responses={308: {"description": "more is to come, from the byte on that `Upload-Offset` names"}},
    openapi_extra={"requestBody": _PLAIN_BODY, "parameters": _HEADERS},
)
async def put_source(
    media_id: UUID,
    request: Request,
    services: Injected,
    base_url: BaseUrl,
    kind: Annotated[MediaKind, Query(description="`audio` for its sound alone")] = MediaKind.VIDEO,
    file_name: Annotated[str, Query(description="if Content-Disposition does not say it")] = "",
) -> Any:
    """As `uploadMedia`, with the file itself as the body: `curl -T film.mp4`. A file without pictures becomes audio.

    If the connection breaks, what arrived is kept. `bytes */TOTAL`, without a body, asks how much that is; `HEAD` too.
    """
    body = RequestBody(request.receive, services.ingest.upload_bytes)

    async def take() -> Media | Arrived:
        return await services.ingest.resume(media_id, kind, PlainFile(request.headers, body, file_name))

    return await _answer(media_id, take, body, services, base_url)


@router.head(
    "/{media_id}/source",
    status_code=204,
    operation_id="sourceOffset",
    summary="How much of the file has arrived",
    response_class=Response,
)
async def source_offset(media_id: UUID, services: Injected) -> Response:
    """`Upload-Offset` is where `putSource` goes on; `Upload-Complete` is `?1` once the media has its file."""
    return Response(status_code=204, headers=_offset(await services.ingest.arrived(media_id)))


async def _answer(
    media_id: UUID,
    take: Callable[[], Awaitable[Media | Arrived]],
    body: RequestBody,
    services: Services,
    base_url: str,
) -> Any:
    try:
        taken = await take()
        if isinstance(taken, Arrived):
            return await _shown(media_id, taken, services, base_url)
        services.playbacks.forget(media_id)
        await services.pipeline.begin(taken)
        return await medias.envelope(services, media_id, base_url)
    except ClientDisconnect:
        log.info("the upload of media %s broke off after %d bytes", media_id, body.received)
        return Response(status_code=400)  # nobody is there to read it
    except GilfoyleError as error:
        return problem(error) if body.complete else Refusal(problem(error))


async def _shown(media_id: UUID, arrived: Arrived, services: Services, base_url: str) -> Response:
    """More to come is 308 without a Location, as Google Cloud Storage and its clients have it; `Range` is what came."""
    if arrived.complete:
        return JSONResponse((await medias.envelope(services, media_id, base_url)).model_dump(mode="json"))
    there = {"Range": f"bytes=0-{arrived.offset - 1}"} if arrived.offset else {}
    return Response(status_code=308, headers={**_offset(arrived), **there})


def _offset(arrived: Arrived) -> dict[str, str]:
    """Headers named as in the IETF's draft of resumable uploads (draft-ietf-httpbis-resumable-upload)."""
    complete = f"?{arrived.complete:d}"
    return {"Upload-Offset": str(arrived.offset), "Upload-Complete": complete, "Cache-Control": "no-store"}
