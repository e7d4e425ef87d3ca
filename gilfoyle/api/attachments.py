"""Attachments of a media: any small files beside it, kept and given back as they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from gilfoyle.api import examples
from gilfoyle.api.body import PLAIN_BODY, RequestBody, form_body
from gilfoyle.api.downloads import download_headers, named_type
from gilfoyle.api.envelope import Envelope
from gilfoyle.api.errors import answering
from gilfoyle.api.objects import answer_stored, object_headers
from gilfoyle.api.services import BaseUrl, Injected
from gilfoyle.catalog import Attachment
from gilfoyle.errors import InvalidRequest, NotFound, ObjectNotFound
from gilfoyle.ingest import FORM_BYTES, FormFile, PlainFile
from gilfoyle.ingest.attaching import checked_name
from gilfoyle.storage import keys

router = APIRouter(prefix="/v1/medias/{media_id}/attachments", tags=["attachments"])

_FORM = form_body("with its name", "licence.pdf")
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"*/*": {}}, "description": "the file, of the type that its name tells"},
    206: {"description": "the range of it that was asked for"},
    304: {"description": "the client has it already"},
}


class AttachmentOut(BaseModel):
    """A small file beside a media."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ATTACHMENT]})

    name: str = Field(description="of the file; unique in its media")
    media_type: str = Field(description="by its name")
    bytes: int
    sha256: str
    url: str = Field(description="to download it from")
    created_at: datetime


class AttachmentEnvelope(Envelope[AttachmentOut]):
    """One attachment."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.ATTACHMENT)]})


class AttachmentsEnvelope(Envelope[list[AttachmentOut]]):
    """All attachments of a media."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope([examples.ATTACHMENT])]})


@router.get("", operation_id="listAttachments", summary="The files beside a media, by name")
async def index(media_id: UUID, services: Injected, base_url: BaseUrl) -> AttachmentsEnvelope:
    await services.catalog.medias.get(media_id)
    found = await services.catalog.attachments.of(media_id)
    return AttachmentsEnvelope(data=[_shown(each, base_url) for each in found])


@router.post(
    "",
    status_code=201,
    operation_id="addAttachment",
    summary="Add a file",
    response_model=AttachmentEnvelope,
    openapi_extra={"requestBody": _FORM},
)
async def add(media_id: UUID, request: Request, services: Injected, base_url: BaseUrl) -> Any:
    """Under the name that the form gives it, without its folders. Refused (409) if there is one of that name."""
    body = RequestBody(request.receive, services.attaching.most_bytes + FORM_BYTES)

    async def take() -> tuple[Attachment, bool]:
        return await services.attaching.attach(media_id, FormFile(request.headers, body), replace=False)

    return await _answer(take, body, base_url)


@router.put(
    "/{name:path}",
    status_code=201,
    operation_id="putAttachment",
    summary="Add a file under a name, or put it in the place of another",
    response_model=AttachmentEnvelope,
    responses={200: {"model": AttachmentEnvelope, "description": "it took the place of another"}},
    openapi_extra={"requestBody": PLAIN_BODY},
)
async def put(media_id: UUID, name: str, request: Request, services: Injected, base_url: BaseUrl) -> Any:
    """The body is the file itself: `curl -T licence.pdf`. `Repr-Digest` may say its SHA-256, as of a source."""
    body = RequestBody(request.receive, services.attaching.most_bytes)

    async def take() -> tuple[Attachment, bool]:
        file = PlainFile(request.headers, body, checked_name(name))
        if file.range is not None:
            raise InvalidRequest(
                "An attachment is sent whole, without Content-Range.", fields={"Content-Range": "is not supported"}
            )
        return await services.attaching.attach(media_id, file, replace=True)

    return await _answer(take, body, base_url)


@router.head("/{name:path}", include_in_schema=False)
@router.get(
    "/{name:path}",
    operation_id="getAttachment",
    summary="Download a file",
    response_class=Response,
    responses=_FILE,
)
async def download(media_id: UUID, name: str, request: Request, services: Injected) -> Response:
    """Browsers save it, and never show it as a page of this server."""
    media = await services.catalog.medias.get(media_id)
    found = await services.catalog.attachments.get(media_id, name)
    storage, key = await services.storages.of(media.storage), keys.attachment(media_id, found.id)
    headers = object_headers(named_type(found.name), found.sha256[:32], "no-cache") | download_headers(found.name)
    try:
        return await answer_stored(request, storage, key, lambda _: headers)
    except ObjectNotFound as error:
        raise NotFound("The attachment is not in the storage any more.") from error


@router.delete("/{name:path}", status_code=204, operation_id="removeAttachment", summary="Remove a file")
async def remove(media_id: UUID, name: str, services: Injected) -> Response:
    await services.attaching.remove(media_id, name)
    return Response(status_code=204)


async def _answer(take: Callable[[], Awaitable[tuple[Attachment, bool]]], body: RequestBody, base_url: str) -> Response:
    async def stored() -> Response:
        attachment, replaced = await take()
        shown = _shown(attachment, base_url)
        content = AttachmentEnvelope(data=shown).model_dump(mode="json")
        return JSONResponse(content, 200 if replaced else 201, {"Location": shown.url})

    response: Response = await answering(body, "an attachment", stored)
    return response


def _shown(attachment: Attachment, base_url: str) -> AttachmentOut:
    url = f"{base_url}/v1/medias/{attachment.media_id}/attachments/{quote(attachment.name, safe='')}"
    shown = attachment.model_dump(include=set(AttachmentOut.model_fields))
    return AttachmentOut(**shown, media_type=named_type(attachment.name), url=url)
