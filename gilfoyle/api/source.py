"""The file that a media was made of, once it is stored: downloading it, links for who has no key, and deleting it."""

from __future__ import annotations

import base64
import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from gilfoyle.api import examples, links
from gilfoyle.api.auth import Keyed, guard
from gilfoyle.api.downloads import disposition, download_headers, named_type
from gilfoyle.api.envelope import Envelope
from gilfoyle.api.objects import answer_stored, object_headers
from gilfoyle.api.services import BaseUrl, Injected, Services
from gilfoyle.api.upload import Replace, offset_headers
from gilfoyle.catalog import Media, MediaStatus
from gilfoyle.errors import GilfoyleError, Gone, NotFound, ObjectNotFound, StorageError
from gilfoyle.storage import ObjectInfo, Presigns, keys

log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1/medias/{media_id}/source", tags=["medias"])
open_router = APIRouter(prefix="/v1/medias/{media_id}/source", tags=["medias"])
"""For who has a link, too."""

_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"*/*": {}}, "description": "the file, of the type that its name tells"},
    206: {"description": "the range of it that was asked for"},
    304: {"description": "the client has it already"},
    307: {"description": "the storage gives it out, at that address, for a while"},
}
_LONGEST_S = 7 * 86_400


class SourceLinkCreate(BaseModel):
    """How long a link is good for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.SOURCE_LINK_CREATE]})

    ttl_s: int = Field(3600, ge=1, le=_LONGEST_S, description="in seconds, a week at most")


class SourceLink(BaseModel):
    """An address from which a browser downloads the file of a media, without a key."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SOURCE_LINK]})

    url: str
    expires_at: datetime = Field(description="a download that has begun goes on")


class SourceLinkEnvelope(Envelope[SourceLink]):
    """A link to the file of a media."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.SOURCE_LINK)]})


class _Downloading(Keyed):
    """The media of the path, for whoever may download its file: with a link's token no key is needed."""

    async def __call__(
        self,
        media_id: UUID,
        request: Request,
        services: Injected,
        token: Annotated[str, Query(max_length=200, description="of a link")] = "",
    ) -> Media:
        """Raises NotFound, Unauthorized, Forbidden."""
        if not token:
            await guard(request)
            return await services.catalog.medias.get(media_id)
        try:
            media = await services.catalog.medias.get(media_id)
        except NotFound as error:
            raise links.invalid() from error
        links.check(token, media)
        return media


Downloaded = Annotated[Media, Depends(_Downloading())]


@open_router.get(
    "",
    operation_id="downloadSource",
    summary="Download the file of a media",
    response_class=Response,
    responses=_FILE,
)
async def download(media: Downloaded, request: Request, services: Injected) -> Response:
    """As it was uploaded, under its name, by ranges too. Of one that is being replaced, that of the version of now."""
    return await _file(media, request, services)


@open_router.head(
    "",
    status_code=204,
    operation_id="sourceOffset",
    summary="How much of the file has arrived; and what a download of it would be",
    response_class=Response,
    responses={200: {"description": "all of it, and it can be downloaded"}},
)
async def source_offset(media: Downloaded, request: Request, services: Injected, replace: Replace = False) -> Response:
    """`Upload-Offset` is where `putSource` goes on; `Upload-Complete` is `?1` once the media has its file."""
    arrived = await services.ingest.arrived(media.id, replace=replace)
    upload = offset_headers(arrived)
    if arrived.complete and not replace:
        with suppress(GilfoyleError):  # what the storage lacks is told to who wants to have it
            file = await _file(media, request, services, redirect=False)
            file.headers.update({name: value for name, value in upload.items() if name.startswith("Upload-")})
            return file
    return Response(status_code=204, headers=upload)


@router.delete("", status_code=204, operation_id="deleteSource", summary="Delete a media's file, and keep the stream")
async def delete(media_id: UUID, services: Injected) -> Response:
    """Nothing can be encoded of it any more, nor verified: another file may take its place. May be repeated.

    Refused (409): a media that is not Ready, or of whose file something is just being encoded.
    """
    media = await services.catalog.sources.delete(media_id)
    try:
        storage = await services.storages.of(media.storage)
        await storage.delete(keys.source(media.id, media.upload))
    except StorageError as error:
        log.warning("the source of media %s is removed later, by the sweep: %s", media_id, error.message)
    return Response(status_code=204)


@router.post("/links", status_code=201, operation_id="createSourceLink", summary="Make a link for a download")
async def create_link(
    media_id: UUID, services: Injected, base_url: BaseUrl, response: Response, body: SourceLinkCreate | None = None
) -> SourceLinkEnvelope:
    """For who has no key, such as a browser. It leads to the file that the media has now, until it expires."""
    media, secret = await services.catalog.sources.link_secret(media_id)
    _require_file(media)
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=(body or SourceLinkCreate()).ttl_s)
    url = f"{base_url}/v1/medias/{media_id}/source?token={links.token(media, secret, expires_at)}"
    response.headers["Cache-Control"] = "no-store"
    return SourceLinkEnvelope(data=SourceLink(url=url, expires_at=expires_at))


@router.delete("/links", status_code=204, operation_id="revokeSourceLinks", summary="Take all links to a file back")
async def revoke_links(media_id: UUID, services: Injected) -> Response:
    """None that was made before is good any more."""
    await services.catalog.medias.get(media_id)
    await services.catalog.sources.revoke_links(media_id)
    return Response(status_code=204)


async def _file(media: Media, request: Request, services: Services, *, redirect: bool = True) -> Response:
    """Raises NotFound, Gone, StorageError."""
    _require_file(media)
    storage, key = await services.storages.of(media.storage), keys.source(media.id, media.upload)
    name = media.file_name or str(media.id)
    if redirect and isinstance(storage, Presigns):
        url = await storage.download_url(key, disposition(name), named_type(name))
        if url is not None:
            return RedirectResponse(url, 307, {"Cache-Control": "no-store"})

    def headers(found: ObjectInfo) -> dict[str, str]:
        known = object_headers(named_type(name), found.etag, "private, no-cache") | download_headers(name)
        if media.source_sha256:  # RFC 9530, 3: of the whole, also with a part of it
            known["Repr-Digest"] = f"sha-256=:{base64.b64encode(bytes.fromhex(media.source_sha256)).decode()}:"
        return known

    try:
        return await answer_stored(request, storage, key, headers)
    except ObjectNotFound as error:
        raise NotFound(
            f"The source of the media {media.id} is not in the storage any more.", code="no_source"
        ) from error


def _require_file(media: Media) -> None:
    """Raises Gone, and NotFound."""
    if media.source_deleted_at is not None:
        raise Gone(f"The source of the media {media.id} was deleted; its stream plays on.", code="source_deleted")
    if media.status == MediaStatus.AWAITING_UPLOAD:
        raise NotFound(f"The media {media.id} awaits its upload: it has no file yet.", code="no_source")
