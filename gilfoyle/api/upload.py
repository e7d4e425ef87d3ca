"""Receiving a media's file and handing it to the pipeline."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from gilfoyle.api import medias
from gilfoyle.api.body import PLAIN_BODY, RequestBody, form_body
from gilfoyle.api.errors import answering, problem
from gilfoyle.api.schemas import MediaEnvelope
from gilfoyle.api.services import BaseUrl, Injected, Services
from gilfoyle.catalog import Media, MediaKind, MediaStatus
from gilfoyle.errors import Conflict, GilfoyleError, Locked
from gilfoyle.ingest import FORM_BYTES, Arrived, FormFile, PlainFile

router = APIRouter(prefix="/v1/medias", tags=["medias"])

_SHA256 = {"type": "string", "description": "if given, the file must have it (hexadecimal)"}
_BODY = form_body("the media file", "bunny.mp4", sha256=_SHA256)

Replace = Annotated[
    bool,
    Query(
        description="a media that is Ready gets this file in place of its own, and plays as it is until that is ready"
    ),
]


def header(name: str, description: str, example: str, *, required: bool = False) -> dict[str, Any]:
    """In OpenAPI: a header of the request."""
    schema = {"type": "string", "example": example}
    return {"name": name, "in": "header", "description": description, "required": required, "schema": schema}


_HEADERS = [
    header("Content-Range", "which bytes of the file the body has, if not all", "bytes 1000-4999/5000"),
    header("Content-Disposition", "the file's name", 'attachment; filename="bunny.mp4"'),
    header(
        "Repr-Digest",
        "RFC 9530; if given, the file must have it",
        "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
    ),
]


@router.post(
    "/{media_id}/upload",
    status_code=202,
    operation_id="uploadMedia",
    summary="Upload the file of a media",
    response_model=MediaEnvelope,
    openapi_extra={"requestBody": _BODY},
)
async def upload(
    media_id: UUID, request: Request, services: Injected, base_url: BaseUrl, replace: Replace = False
) -> Any:
    """Streams the file into the storage and has it processed. A media that is Errored may be uploaded again.

    Refused at once, before the file is read: an unknown media (404), one that has its upload already (409), a
    length above the limit (413). If the connection breaks, nothing is kept and the upload can be repeated.
    """
    return await _take_form(media_id, None, request, services, base_url, replace)


@router.post(
    "/{media_id}/upload/{kind}",
    status_code=202,
    operation_id="uploadMediaAs",
    summary="Upload the file of a media, for its audio only",
    response_model=MediaEnvelope,
    openapi_extra={"requestBody": _BODY},
)
async def upload_as(
    media_id: UUID,
    kind: MediaKind,
    request: Request,
    services: Injected,
    base_url: BaseUrl,
    replace: Replace = False,
) -> Any:
    """As `uploadMedia`; of what is sent to `audio`, only the audio is taken. What is sent to `video` may be audio."""
    return await _take_form(media_id, kind, request, services, base_url, replace)


@router.put(
    "/{media_id}/source",
    status_code=202,
    operation_id="putSource",
    summary="Upload the file of a media as a plain body",
    response_model=MediaEnvelope,
    responses={308: {"description": "more is to come, from the byte on that `Upload-Offset` names"}},
    openapi_extra={"requestBody": PLAIN_BODY, "parameters": _HEADERS},
)
async def put_source(
    media_id: UUID,
    request: Request,
    services: Injected,
    base_url: BaseUrl,
    kind: Annotated[MediaKind | None, Query(description="`audio` for its audio only; else it is found out")] = None,
    file_name: Annotated[str, Query(description="if Content-Disposition does not say it")] = "",
    replace: Replace = False,
) -> Any:
    """As `uploadMedia`, with the file itself as the body: `curl -T film.mp4`.

    If the connection breaks, what arrived is kept. `bytes */TOTAL`, without a body, asks how much that is; `HEAD` too.
    """
    body = RequestBody(request.receive, services.ingest.upload_bytes)

    async def take() -> Media | Arrived:
        file = PlainFile(request.headers, body, file_name)
        return await services.ingest.resume(media_id, kind, file, replace=replace)

    return await _answer(media_id, take, body, services, base_url)


async def _take_form(
    media_id: UUID, kind: MediaKind | None, request: Request, services: Services, base_url: str, replace: bool
) -> Any:
    body = RequestBody(request.receive, services.ingest.upload_bytes + FORM_BYTES)

    async def take() -> Media:
        return await services.ingest.accept(media_id, kind, FormFile(request.headers, body), replace=replace)

    return await _answer(media_id, take, body, services, base_url)


async def _answer(
    media_id: UUID,
    take: Callable[[], Awaitable[Media | Arrived]],
    body: RequestBody,
    services: Services,
    base_url: str,
) -> Any:
    async def answer() -> Any:
        taken = await take()
        if isinstance(taken, Arrived):
            return await _shown(media_id, taken, services, base_url)
        await begin(services, taken)
        return await medias.envelope(services, media_id, base_url)

    return await answering(body, f"the upload of media {media_id}", answer, _told)


def _told(error: GilfoyleError) -> JSONResponse:
    """Clients of these ways know a lock as any other conflict."""
    return problem(Conflict(error.message) if isinstance(error, Locked) else error)


async def begin(services: Services, media: Media) -> None:
    """Have made what was uploaded: the media, or its next version while the one of now plays."""
    replacement = await services.catalog.replacements.of(media.id) if media.status == MediaStatus.READY else None
    if replacement is not None:
        await services.pipeline.begin_replacing(media, replacement)
    else:
        services.playbacks.forget(media.id)
        await services.pipeline.begin(media)


async def _shown(media_id: UUID, arrived: Arrived, services: Services, base_url: str) -> Response:
    if arrived.complete:
        return JSONResponse((await medias.envelope(services, media_id, base_url)).model_dump(mode="json"))
    return more_to_come(arrived)


def more_to_come(arrived: Arrived) -> Response:
    """308 without a Location, as Google Cloud Storage and its clients have it; `Range` is what came."""
    there = {"Range": f"bytes=0-{arrived.offset - 1}"} if arrived.offset else {}
    return Response(status_code=308, headers={**offset_headers(arrived), **there})


def offset_headers(arrived: Arrived) -> dict[str, str]:
    """Headers named as in the IETF's draft of resumable uploads (draft-ietf-httpbis-resumable-upload)."""
    complete = f"?{arrived.complete:d}"
    return {"Upload-Offset": str(arrived.offset), "Upload-Complete": complete, "Cache-Control": "no-store"}
