"""Uploads as resources: a back end orders one, and whoever has its URL brings the file, by any way there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gilfoyle.api import examples
from gilfoyle.api.auth import Caller, Principal, guard
from gilfoyle.api.body import PLAIN_BODY, RequestBody, form_body
from gilfoyle.api.envelope import Envelope, Page, PageMetadata
from gilfoyle.api.errors import answering
from gilfoyle.api.inputs import Inputs, clipped, wanted
from gilfoyle.api.medias import project_of, require_ladder
from gilfoyle.api.reason import Reason
from gilfoyle.api.schemas import MediaDescribed, Title
from gilfoyle.api.services import BaseUrl, Injected, Services
from gilfoyle.api.upload import begin, more_to_come
from gilfoyle.api.upload_access import Session
from gilfoyle.catalog import Media, MediaKind, MediaStatus, UploadSession, UploadStatus, takes_upload
from gilfoyle.catalog.models import now
from gilfoyle.catalog.rows import no_media
from gilfoyle.catalog.upload_sessions import new_token, partial_upload
from gilfoyle.config import ORIGIN
from gilfoyle.errors import Conflict, InvalidRequest
from gilfoyle.ingest import FORM_BYTES, Arrived, FormFile, PlainFile
from gilfoyle.ingest.receive import too_large

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])

LONGEST_S = 30 * 86400
_MOST_BYTES = 2**53
_FORM = form_body("the media file", "bunny.mp4")


class UploadedMedia(MediaDescribed):
    """What the media is to be like. Without a title it is called as its file."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.CREATE]})

    title: Title | None = None  # type: ignore[assignment]

    def settings(self) -> dict[str, Any]:
        """For `UploadSession.settings`."""
        named = {"title", "description", "playback_policy"}
        said = self.model_dump(mode="json", include=named, exclude_unset=True, exclude_none=True)
        given: dict[str, Any] = {**self.given()}
        if self.expires_at is not None:
            given["expires_at"] = self.expires_at.isoformat()
        return {**said, "given": given}


class UploadCreate(BaseModel):
    """An upload that somebody else is to do."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.UPLOAD_CREATE]})

    media: UploadedMedia | None = Field(
        None, description="the media that it becomes; null: one that is called as its file"
    )
    media_id: UUID | None = Field(None, description="a media that there is already, whose source it brings")
    replace: bool = Field(False, description="if that media is Ready, this becomes its next version")
    input: Inputs | None = Field(
        None, description="the file, which the server fetches from there; null: others send it"
    )
    kind: Literal["audio"] | None = Field(None, description="`audio` for the audio of the file only")
    length: int | None = Field(None, ge=1, le=_MOST_BYTES, description="of the file, in bytes, if it is known")
    file_name: str | None = Field(None, min_length=1, max_length=255)
    max_bytes: int | None = Field(None, ge=1, le=_MOST_BYTES, description="no more than `limits.upload_bytes`")
    max_duration_s: float | None = Field(
        None, gt=0, le=10**9, strict=True, description="no more than `limits.duration_s`"
    )
    cors_origin: str | None = Field(
        None, pattern=ORIGIN, max_length=300, description="whose pages may upload; null: those of `server.cors_origins`"
    )
    ttl_s: int | None = Field(
        None, ge=60, le=LONGEST_S, description="it expires when nothing comes for so long; null: `limits.upload_ttl_s`"
    )


class UploadOut(BaseModel):
    """An upload."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.UPLOAD]})

    id: str
    status: UploadStatus
    url: str = Field(description="where the file goes: by tus, by PUT or as a form")
    token: str | None = Field(None, description="shown once: it is in `url`, too")
    project: str
    media_id: UUID | None = Field(description="the media that it becomes; null until its first bytes come")
    replace: bool
    partial: bool = Field(description="it is a partial upload of tus, of which another is made")
    kind: MediaKind | None
    length: int | None = Field(description="in bytes; null until it is known")
    file_name: str | None
    media_type: str | None = Field(description="as the client said it")
    max_bytes: int | None
    max_duration_s: float | None
    cors_origin: str | None
    expires_at: datetime
    error: Reason | None
    created_at: datetime
    updated_at: datetime


class UploadEnvelope(Envelope[UploadOut]):
    """One upload."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.UPLOAD)]})


class UploadPage(Page[UploadOut]):
    """A page of uploads, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.page(examples.UPLOAD)]})


@router.post("", status_code=201, operation_id="createUpload", summary="Order an upload", dependencies=[Depends(guard)])
async def create(
    body: UploadCreate, caller: Caller, services: Injected, base_url: BaseUrl, response: Response
) -> UploadEnvelope:
    """`url` is for one upload, and needs no key: hand it to a browser. With `Tus-Resumable`, this is tus' creation.

    With `input`, the server fetches the file itself: then there is no token, and the media is there at once.
    """
    media = await _check(body, caller, services)
    named = body.media.project if body.media else None
    project = media.project if media else await project_of(caller, named, services)
    if body.input:
        upload = await _import(body, media, project, services)
        response.headers["Location"] = upload_url(upload.id, base_url)
        return UploadEnvelope(data=upload_out(upload, base_url))
    token, token_hash = new_token()
    upload = await order(
        services,
        project=project,
        settings=body.media.settings() if body.media else {},
        media_id=body.media_id,
        makes_media=body.media_id is None,
        replace=body.replace,
        kind=body.kind,
        length=body.length,
        file_name=body.file_name,
        max_bytes=body.max_bytes,
        max_duration_s=body.max_duration_s,
        cors_origin=body.cors_origin,
        ttl_s=body.ttl_s or services.settings.limits.upload_ttl_s,
        token_hash=token_hash,
    )
    shown = upload_out(upload, base_url, token)
    response.headers["Location"] = shown.url
    return UploadEnvelope(data=shown)


async def _import(body: UploadCreate, media: Media | None, project: str, services: Services) -> UploadSession:
    """Order an upload that the server does."""
    assert body.input
    for name in ("length", "cors_origin", "ttl_s"):
        if name in body.model_fields_set:
            raise InvalidRequest(f"{name} is of a file that others send.", fields={name: "excludes input"})
    fetched = await wanted(body.input, services.fetcher)
    options = clipped(body.media.encoding if body.media else None, body.input)
    described = (body.media or UploadedMedia()).model_copy(update={"encoding": options}) if media is None else None
    if media is not None and media.status == MediaStatus.READY and options is not None:
        fetched.policy = options.applied_to(services.pipeline.policy_of(media)).model_dump(mode="json")
    longest = int(services.settings.imports.longest_s)
    upload = UploadSession(
        project=project,
        settings=described.settings() if described else {},
        media_id=body.media_id,
        makes_media=body.media_id is None,
        replace=body.replace,
        kind=body.kind,
        file_name=body.file_name,
        max_bytes=body.max_bytes,
        max_duration_s=body.max_duration_s,
        ttl_s=longest,
        expires_at=now() + timedelta(seconds=longest),
    )
    clip = options.model_dump(mode="json")["clip"] if media is not None and options is not None else None
    await services.catalog.imports.order(upload, fetched, services.storages.default, clip)
    await services.pipeline.begin_importing(fetched)
    return upload


@router.get("", operation_id="listUploads", summary="List uploads, the newest first", dependencies=[Depends(guard)])
async def index(
    caller: Caller,
    services: Injected,
    base_url: BaseUrl,
    limit: Annotated[int, Query(ge=1, le=100, description="how many at most")] = 50,
    offset: Annotated[int, Query(ge=0, le=_MOST_BYTES, description="how many to skip")] = 0,
    status: Annotated[UploadStatus | None, Query(description="only those with this status")] = None,
) -> UploadPage:
    found, total = await services.catalog.upload_sessions.page(caller.only, status, limit, offset)
    metadata = PageMetadata(total=total, offset=offset, limit=limit)
    return UploadPage(data=[upload_out(each, base_url) for each in found], metadata=metadata)


@router.get("/{upload_id}", operation_id="getUpload", summary="One upload")
async def show(upload: Session, base_url: BaseUrl) -> UploadEnvelope:
    return UploadEnvelope(data=upload_out(upload, base_url))


@router.delete("/{upload_id}", status_code=204, operation_id="cancelUpload", summary="Cancel an upload")
async def cancel(upload: Session, services: Injected) -> Response:
    """What has arrived is removed, and with it the media that was made for it. tus' termination."""
    await services.sessions.end(upload.id, UploadStatus.CANCELLED)
    return Response(status_code=204)


@router.put(
    "/{upload_id}",
    status_code=202,
    operation_id="putUpload",
    summary="Upload the file as a plain body",
    response_model=UploadEnvelope,
    responses={308: {"description": "more is to come, from the byte on that `Upload-Offset` names"}},
    openapi_extra={"requestBody": PLAIN_BODY},
)
async def put(
    upload: Session,
    request: Request,
    services: Injected,
    base_url: BaseUrl,
    file_name: Annotated[str, Query(description="if Content-Disposition does not say it")] = "",
) -> Any:
    """As `putSource`, also in parts with `Content-Range`."""
    body = RequestBody(request.receive, upload.limit(services.ingest.upload_bytes))

    async def take() -> Media | Arrived:
        return await services.sessions.resume(upload, PlainFile(request.headers, body, file_name))

    return await _answer(upload, take, body, services, base_url)


@router.post(
    "/{upload_id}",
    status_code=202,
    operation_id="postUpload",
    summary="Upload the file in a form",
    response_model=UploadEnvelope,
    openapi_extra={"requestBody": _FORM},
)
async def post(upload: Session, request: Request, services: Injected, base_url: BaseUrl) -> Any:
    """As `uploadMedia`. With `Tus-Resumable`, this is tus' creation: it answers with this very URL."""
    body = RequestBody(request.receive, upload.limit(services.ingest.upload_bytes) + FORM_BYTES)

    async def take() -> Media:
        return await services.sessions.accept(upload, FormFile(request.headers, body))

    return await _answer(upload, take, body, services, base_url)


async def order(services: Services, **facts: Any) -> UploadSession:
    """Enter a session; `facts`: columns of UploadSession. Raises TooLarge for a length beyond its limits."""
    upload = UploadSession(**facts, expires_at=now() + timedelta(seconds=facts["ttl_s"]))
    limit = upload.limit(services.ingest.upload_bytes)
    if upload.length is not None and upload.length > limit:
        raise too_large(limit)
    return await services.catalog.upload_sessions.create(upload)


def upload_out(upload: UploadSession, base_url: str, token: str | None = None) -> UploadOut:
    shown = upload.model_dump(include=set(UploadOut.model_fields))
    error = Reason(code=upload.error_code, message=upload.error_message or "") if upload.error_code else None
    return UploadOut(**shown, url=upload_url(upload.id, base_url, token), token=token, error=error)


def upload_url(upload_id: str, base_url: str, token: str | None = None) -> str:
    return f"{base_url}/v1/uploads/{upload_id}" + (f"?token={token}" if token else "")


async def _check(body: UploadCreate, caller: Principal, services: Services) -> Media | None:
    """The media whose source it brings, if it makes none. Raises NotFound, InvalidRequest and Conflict."""
    if body.media:
        require_ladder(body.media.encoding, services.settings)
    if body.media_id is None:
        if body.replace:
            raise InvalidRequest(
                "Only the source of a media that is there can be replaced.", fields={"replace": "needs media_id"}
            )
        return None
    if body.media is not None:
        raise InvalidRequest(
            "Either the upload becomes a new media, or it brings one its source.", fields={"media": "excludes media_id"}
        )
    media = await services.catalog.medias.get(body.media_id)
    if not caller.sees(media.project):
        raise no_media(body.media_id)
    replacement = await services.catalog.replacements.of(body.media_id)
    if not takes_upload(media, replacement, replace=body.replace):
        raise Conflict(f"The media {media.id} takes no upload now: it is {media.status}.")
    return media


async def _answer(
    upload: UploadSession,
    take: Callable[[], Awaitable[Media | Arrived]],
    body: RequestBody,
    services: Services,
    base_url: str,
) -> Any:
    async def answer() -> Any:
        upload.require_open()
        if upload.partial:
            raise partial_upload(upload.id)
        taken = await take()
        if isinstance(taken, Arrived) and not taken.complete:
            return more_to_come(taken)
        if isinstance(taken, Media):
            await begin(services, taken)
        now_is = await services.catalog.upload_sessions.get(upload.id)
        return UploadEnvelope(data=upload_out(now_is, base_url))

    return await answering(body, f"the upload {upload.id}", answer)
