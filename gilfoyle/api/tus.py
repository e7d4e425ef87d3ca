"""tus 1.0 (https://tus.io/protocols/resumable-upload): uploads that go on where they broke off, as browsers do them.

Bytes go straight into the storage, and any process can go on. What tus leaves open:
- POST to an upload that was ordered begins that one: a browser needs nothing but its URL.
- 423 while another request brings bytes of the same upload: clients try again in a moment.
- An upload that says that all has arrived has been accepted: HEAD sees to it, if a process died in between.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, timedelta
from email.utils import format_datetime
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from gilfoyle.api.addresses import app_path
from gilfoyle.api.auth import Caller, guard
from gilfoyle.api.body import RequestBody
from gilfoyle.api.errors import answering, problem
from gilfoyle.api.services import BaseUrl, Injected, Services
from gilfoyle.api.upload import begin, header
from gilfoyle.api.upload_access import Session, token_of
from gilfoyle.api.uploads import UploadedMedia, order, upload_url
from gilfoyle.catalog import Media, UploadSession, UploadStatus
from gilfoyle.catalog.models import now
from gilfoyle.catalog.upload_sessions import partial_upload
from gilfoyle.errors import (
    Conflict,
    Forbidden,
    GilfoyleError,
    Gone,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    UnsupportedMediaType,
)
from gilfoyle.ingest import Arrived
from gilfoyle.ingest.partial import concatenates
from gilfoyle.ingest.receive import require_bytes, too_large
from gilfoyle.ingest.resume import wrong_offset
from gilfoyle.ingest.tus import CHECKSUM_ALGORITHMS, Concat, TusMetadata, TusPart, number
from gilfoyle.storage import Resumable

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
CONCATENATION = "concatenation"
PART_TYPE = "application/offset+octet-stream"
_OVERRIDDEN = ("PATCH", "DELETE", "HEAD")
_RESUMABLE = {"Tus-Resumable": VERSION, "Cache-Control": "no-store"}


_HEADERS = [
    header("Tus-Resumable", "the version of tus", VERSION, required=True),
    header("Upload-Offset", "at which byte of the file the part begins", "1048576", required=True),
    header("Upload-Length", "of the file, if it was deferred: with any part, with the last at the latest", "276134947"),
    header(
        "Upload-Checksum",
        "of the part: sha1, sha256 or md5, and its value in base64",
        "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
    ),
]


class TusRoute(APIRoute):
    """A route for requests of tus only: whatever else comes to the path is for other routes."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and not is_tus(Headers(scope=scope)):
            return Match.NONE, {}
        return super().matches(scope)


def is_tus(headers: Headers) -> bool:
    """Whether a request is one of tus, perhaps one that lacks the header with its version."""
    return any(name in headers for name in ("tus-resumable", "upload-length", "upload-defer-length", "upload-concat"))


class OverrideMethod:
    """Middleware: X-HTTP-Method-Override, for clients from behind what lets only GET and POST pass."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and app_path(scope).startswith("/v1/uploads/"):
            headers = Headers(scope=scope)
            meant = headers.get("x-http-method-override", "").strip().upper()
            if meant in _OVERRIDDEN and "tus-resumable" in headers:
                scope = {**scope, "method": meant}
        await self._app(scope, receive, send)


router = APIRouter(prefix="/v1/uploads", tags=["uploads"])
only_tus = APIRouter(prefix="/v1/uploads", tags=["uploads"], route_class=TusRoute, include_in_schema=False)


@router.options("", status_code=204, operation_id="tusOptions", summary="What of tus there is", response_class=Response)
async def options(services: Injected) -> Response:
    """`Tus-Extension` names what the storage can do."""
    return Response(status_code=204, headers=await _capabilities(services))


@router.options("/{upload_id}", include_in_schema=False)
async def options_of_one(services: Injected) -> Response:
    return Response(status_code=204, headers=await _capabilities(services))


@router.head(
    "/{upload_id}", operation_id="uploadOffset", summary="How much of the file has arrived", response_class=Response
)
async def head(upload: Session, request: Request, services: Injected) -> Response:
    """`Upload-Offset` is where `patchUpload` goes on. If it is `Upload-Length`, the file was accepted."""
    if "tus-resumable" in request.headers:
        _check_version(request.headers)
    arrived = await _arrived(upload, services)
    upload = await services.catalog.upload_sessions.get(upload.id)
    # Of a final upload the offset is told once it is made (tus 1.0, Concatenation).
    offset = {} if upload.parts and not arrived.complete else {"Upload-Offset": str(arrived.offset)}
    return Response(status_code=200, headers={**_state(upload), **offset})


@router.patch(
    "/{upload_id}",
    status_code=204,
    operation_id="patchUpload",
    summary="Send a part of the file, by tus",
    response_class=Response,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {PART_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        },
        "parameters": _HEADERS,
    },
)
async def patch(upload: Session, request: Request, services: Injected) -> Response:
    """`Upload-Offset` says where the part begins. 409 if that is another byte, 423 while another request brings bytes,
    460 if the part has another `Upload-Checksum`: then nothing of it is kept.
    """
    body = RequestBody(request.receive, upload.limit(services.ingest.upload_bytes))
    return await _answering(body, upload.id, lambda: _patch(upload, request.headers, body, services))


@only_tus.post("", dependencies=[Depends(guard)])
async def create(request: Request, caller: Caller, services: Injected, base_url: BaseUrl) -> Response:
    """Creation: an upload of who sends it."""
    body = RequestBody(request.receive, services.ingest.upload_bytes)

    async def created() -> Response:
        headers = request.headers
        _check_version(headers)
        await _require_resumable(services)
        concat, metadata = (
            Concat.parse(headers.get("upload-concat")),
            TusMetadata.parse(headers.get("upload-metadata", "")),
        )
        facts = {**_facts(metadata), "project": caller.project, "ttl_s": services.settings.limits.upload_ttl_s}
        if concat is None:
            upload = await order(services, **facts, settings=_settings(metadata), length=_length(headers))
        elif not concat.parts:
            upload = await _create_partial(headers, services, **facts)
        else:
            chosen = await _chosen(
                concat, headers, services, lambda each: each.part_of is None and caller.sees(each.project)
            )
            size, ids = sum(each.length or 0 for each in chosen), [each.id for each in chosen]
            upload = await order(services, **facts, settings=_settings(metadata), length=size, parts=ids)
            try:
                return await _concatenate(upload, upload_url(upload.id, base_url), services)
            except GilfoyleError as error:  # nobody else knows of it
                with suppress(Conflict, Gone, NotFound):
                    await services.sessions.end(upload.id, UploadStatus.ERRORED, error)
                raise
        return await _begin(upload, upload_url(upload.id, base_url), headers, body, services)

    return await _answering(body, "", created)


@only_tus.post("/{upload_id}")
async def create_ordered(upload: Session, request: Request, services: Injected, base_url: BaseUrl) -> Response:
    """Creation, of an upload that was ordered: its URL is where it goes."""
    body = RequestBody(request.receive, upload.limit(services.ingest.upload_bytes))

    async def begun() -> Response:
        headers = request.headers
        _check_version(headers)
        await _require_resumable(services)
        if upload.partial:
            raise partial_upload(upload.id)
        token = token_of(headers.get("authorization", ""), request.query_params.get("token", ""))
        concat, metadata = (
            Concat.parse(headers.get("upload-concat")),
            TusMetadata.parse(headers.get("upload-metadata", "")),
        )
        if concat is not None and not concat.parts:
            partial = await _create_partial(headers, services, **_facts(metadata), **_inherited(upload))
            return await _begin(partial, upload_url(partial.id, base_url, token), headers, body, services)
        chosen = []
        if concat is not None:
            chosen = await _chosen(concat, headers, services, lambda each: each.part_of == upload.id)
        length = sum(each.length or 0 for each in chosen) if concat else _length(headers)
        limit, ids = upload.limit(services.ingest.upload_bytes), [each.id for each in chosen]
        if length is not None and length > limit:
            raise too_large(limit)
        sessions, url = services.catalog.upload_sessions, upload_url(upload.id, base_url, token)
        described = await sessions.describe(upload.id, length=length, parts=ids, **_facts(metadata))
        if concat is not None:
            return await _concatenate(described, url, services)
        return await _begin(described, url, headers, body, services)

    return await _answering(body, upload.id, begun)


async def _create_partial(headers: Mapping[str, str], services: Services, **facts: Any) -> UploadSession:
    """A partial upload; `facts`: columns of UploadSession. Its length must be known: it counts against the limits."""
    length = _length(headers)
    if length is None:
        raise InvalidRequest(
            "A partial upload must say its Upload-Length.", fields={"Upload-Defer-Length": "is not for partial uploads"}
        )
    expires_at = now() + timedelta(seconds=facts["ttl_s"])
    return await services.sessions.partials.create(UploadSession(**facts, length=length, expires_at=expires_at))


def _inherited(order: UploadSession) -> dict[str, Any]:
    """What a partial upload has of its order: whoever may do one may do the other."""
    named = ("project", "token_hash", "max_bytes", "cors_origin", "ttl_s")
    return {"part_of": order.id, **{name: getattr(order, name) for name in named}}


async def _chosen(
    concat: Concat, headers: Mapping[str, str], services: Services, admits: Callable[[UploadSession], bool]
) -> list[UploadSession]:
    """The partial uploads of a final one."""
    await services.sessions.partials.require_concatenation()
    if "upload-length" in headers or "upload-defer-length" in headers:
        raise InvalidRequest(
            "A final upload is as long as its partial ones are.", fields={"Upload-Length": "must be left out"}
        )
    return await services.sessions.partials.chosen(concat.parts, admits)


async def _concatenate(upload: UploadSession, url: str, services: Services) -> Response:
    """Answer the creation of a final upload, once its file is accepted."""
    await begin(services, await services.sessions.concatenate(upload))
    upload = await services.catalog.upload_sessions.get(upload.id)
    return Response(status_code=201, headers={**_state(upload), "Location": url, "Upload-Offset": str(upload.length)})


def _facts(metadata: TusMetadata) -> dict[str, Any]:
    """What Upload-Metadata says of the file, for an UploadSession."""
    return {"file_name": metadata.file_name, "media_type": metadata.media_type, "tus_metadata": metadata.sent}


async def _begin(
    upload: UploadSession, url: str, headers: Mapping[str, str], body: RequestBody, services: Services
) -> Response:
    """Answer a creation, once the bytes that came with it are stored. If they broke off, the client asks how many."""
    offset = 0
    if headers.get("content-type", "").partition(";")[0].strip().lower() == PART_TYPE:
        offset = await _take(upload, TusPart(headers, body, 0, upload.length, upload.file_name), services)
    upload = await services.catalog.upload_sessions.get(upload.id)
    return Response(status_code=201, headers={**_state(upload), "Location": url, "Upload-Offset": str(offset)})


async def _patch(upload: UploadSession, headers: Mapping[str, str], body: RequestBody, services: Services) -> Response:
    _check_version(headers)
    if upload.parts:
        raise Forbidden("That upload is made of partial ones, and takes no bytes.", code="final_upload")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != PART_TYPE:
        raise UnsupportedMediaType(f"The Content-Type must be {PART_TYPE}.", fields={"Content-Type": "is another one"})
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise InvalidRequest(
            "The file must be sent as it is, without Content-Encoding.", fields={"Content-Encoding": "is not supported"}
        )
    offset = number(headers, "Upload-Offset")
    if offset is None:
        raise InvalidRequest("Upload-Offset must say where the part begins.", fields={"Upload-Offset": "is missing"})
    if (length := number(headers, "Upload-Length")) is not None:
        limit = upload.limit(services.ingest.upload_bytes)
        if length > limit:
            raise too_large(limit)
        upload = await services.catalog.upload_sessions.describe(upload.id, length=length)
    part = TusPart(headers, body, offset, upload.length, upload.file_name)
    if part.range.asks:  # as a client does whose last answer was lost
        part.check(upload.limit(services.ingest.upload_bytes))
        taken = (await _arrived(upload, services)).offset
        if taken != offset:
            raise wrong_offset(taken, offset)
    else:
        upload.require_open()
        taken = await _take(upload, part, services)
    upload = await services.catalog.upload_sessions.get(upload.id)
    return Response(status_code=204, headers={**_state(upload), "Upload-Offset": str(taken)})


async def _arrived(upload: UploadSession, services: Services) -> Arrived:
    """How much has arrived. If that is all, and a process died with it, its media begins now."""
    arrived = await services.sessions.arrived(upload)
    if arrived.complete and upload.is_open and upload.media_id is not None:
        await begin(services, await services.catalog.medias.get(upload.media_id))
    return arrived


async def _take(upload: UploadSession, part: TusPart, services: Services) -> int:
    """Store a part; returns how many bytes have arrived."""
    taken = await services.sessions.resume(upload, part)
    if not isinstance(taken, Media):
        return taken.offset
    await begin(services, taken)
    return upload.length or 0


async def _answering(body: RequestBody, upload_id: str, answer: Callable[[], Awaitable[Response]]) -> Response:
    response: Response = await answering(body, f"the upload {upload_id}", answer, _told)
    return response


def _told(error: GilfoyleError) -> JSONResponse:
    more = {"Tus-Version": VERSION} if isinstance(error, PreconditionFailed) else {}
    return problem(error, {**_RESUMABLE, **more})


async def _capabilities(services: Services) -> dict[str, str]:
    storage = await services.storages.open()
    can = isinstance(storage, Resumable)
    extensions = f"{EXTENSIONS},{CONCATENATION}" if concatenates(storage) else EXTENSIONS
    return {
        **_RESUMABLE,
        "Tus-Version": VERSION,
        "Tus-Max-Size": str(services.ingest.upload_bytes),
        **({"Tus-Extension": extensions, "Tus-Checksum-Algorithm": ",".join(CHECKSUM_ALGORITHMS)} if can else {}),
    }


def _state(upload: UploadSession) -> dict[str, str]:
    """What tus says of an upload besides its offset."""
    length = {"Upload-Defer-Length": "1"} if upload.length is None else {"Upload-Length": str(upload.length)}
    expires = (
        {"Upload-Expires": format_datetime(upload.expires_at.astimezone(UTC), usegmt=True)} if upload.is_open else {}
    )
    metadata = {"Upload-Metadata": upload.tus_metadata} if upload.tus_metadata else {}
    concat = "partial" if upload.partial else f"final;{' '.join(f'/v1/uploads/{each}' for each in upload.parts)}"
    made = {"Upload-Concat": concat} if upload.partial or upload.parts else {}
    return {**_RESUMABLE, **length, **expires, **metadata, **made}


def _check_version(headers: Mapping[str, str]) -> None:
    if headers.get("tus-resumable", "").strip() != VERSION:
        raise PreconditionFailed(
            f"Tus-Resumable must be {VERSION}, which is the version that this server has.",
            fields={"Tus-Resumable": "is missing or another version"},
        )


def _length(headers: Mapping[str, str]) -> int | None:
    """How long the file is; None: that will be said later. Raises InvalidRequest if neither is said."""
    length, deferred = number(headers, "Upload-Length"), headers.get("upload-defer-length")
    if (length is None) == (deferred is None) or deferred not in (None, "1"):
        raise InvalidRequest(
            "Either Upload-Length says how many bytes the file has, or Upload-Defer-Length: 1 that this comes later.",
            fields={"Upload-Length": "is missing, or contradicts Upload-Defer-Length"},
        )
    if length is not None:
        require_bytes(length)
    return length


def _settings(metadata: TusMetadata) -> dict[str, Any]:
    """What Upload-Metadata says of the media. Raises InvalidRequest."""
    said = {name: value for name in ("title", "description") if (value := getattr(metadata, name))}
    try:
        return UploadedMedia(**said).settings()
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise InvalidRequest(
            f"The {name} in Upload-Metadata is not one that a media can have.", fields={"Upload-Metadata": name}
        ) from error


async def _require_resumable(services: Services) -> None:
    if not isinstance(await services.storages.open(), Resumable):
        raise InvalidRequest(
            "The storage can't keep a part of a file: send it whole, by PUT or as a form.", code="not_resumable"
        )
