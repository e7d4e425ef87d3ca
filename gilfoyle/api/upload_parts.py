"""Uploads whose parts a client sends straight to the bucket, by URLs that are signed for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from gilfoyle.api import examples
from gilfoyle.api.envelope import Envelope
from gilfoyle.api.services import BaseUrl, Injected
from gilfoyle.api.upload import begin
from gilfoyle.api.upload_access import Session
from gilfoyle.api.uploads import UploadEnvelope, upload_out
from gilfoyle.catalog import UploadSession
from gilfoyle.catalog.models import now
from gilfoyle.ingest import DirectParts

router = APIRouter(prefix="/v1/uploads/{upload_id}/parts", tags=["uploads"])

_MOST_BYTES = 5 << 40
_MOST_PARTS = 10_000
_LONGEST_S = 7 * 86400
"""Of what S3 signs (Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters")."""


class PartsCreate(BaseModel):
    """A file that comes in parts."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.PARTS_CREATE]})

    length: int | None = Field(None, ge=1, le=_MOST_BYTES, description="of the file, in bytes; null: as ordered")
    file_name: str | None = Field(None, min_length=1, max_length=255)
    media_type: str | None = Field(None, min_length=1, max_length=255, description="as the browser knows it")


class PartOut(BaseModel):
    """A part that has arrived."""

    model_config = ConfigDict(json_schema_extra={"examples": examples.PARTS["arrived"]})

    number: int
    bytes: int


class PartsOut(BaseModel):
    """The parts of a file: `count` of them, each of `part_bytes` but the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PARTS]})

    length: int = Field(description="of the file, in bytes")
    part_bytes: int
    count: int
    arrived: list[PartOut] = Field(description="what the bucket has; send the others, in any order")
    expires_at: datetime = Field(description="when the upload ends, unless more comes")


class PartUrlsCreate(BaseModel):
    """For which parts URLs are wanted."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.PART_URLS_CREATE]})

    first: int = Field(ge=1, le=_MOST_PARTS)
    last: int = Field(ge=1, le=_MOST_PARTS, description="at most 500 at a time")
    ttl_s: int | None = Field(
        None, ge=60, le=_LONGEST_S, description="for how long they are valid; null: `storage.s3.presign_s`"
    )


class PartUrlOut(BaseModel):
    """Where a part goes, by PUT, with no other header than its length."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PART_URL]})

    number: int
    bytes: int = Field(description="how long the part is: a body of another length is refused")
    url: str
    expires_at: datetime


class PartsEnvelope(Envelope[PartsOut]):
    """The parts of a file."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.PARTS)]})


class PartUrlsEnvelope(Envelope[list[PartUrlOut]]):
    """URLs of parts."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope([examples.PART_URL])]})


@router.post("", status_code=201, operation_id="beginParts", summary="Begin to send a file straight to the bucket")
async def create(upload: Session, body: PartsCreate, services: Injected) -> PartsEnvelope:
    """The size of the parts follows from the length. Asked again, it says what has arrived.

    409 `no_direct_parts` where the storage is not S3: then the file goes to the upload's `url`.
    """
    parts = await services.direct.begin(upload, **body.model_dump())
    return _shown(parts, await services.catalog.upload_sessions.get(upload.id))


@router.get("", operation_id="listParts", summary="Which parts have arrived")
async def index(upload: Session, services: Injected) -> PartsEnvelope:
    """By the bucket's own word: this is how an upload goes on that broke off."""
    return _shown(await services.direct.state(upload), upload)


@router.post("/urls", operation_id="signParts", summary="URLs for parts of the file")
async def sign(upload: Session, body: PartUrlsCreate, services: Injected) -> PartUrlsEnvelope:
    """PUT each part to its URL, several at a time. A part that failed may be sent again, also to a newer URL."""
    seconds = body.ttl_s or services.settings.storage.s3.presign_s
    expires_at = now() + timedelta(seconds=seconds)
    urls = await services.direct.urls(upload, body.first, body.last, seconds)
    found = [PartUrlOut(number=number, bytes=size, url=url, expires_at=expires_at) for number, size, url in urls]
    return PartUrlsEnvelope(data=found)


@router.post("/complete", status_code=202, operation_id="completeParts", summary="All parts were sent")
async def complete(upload: Session, services: Injected, base_url: BaseUrl) -> UploadEnvelope:
    """The file is put together and accepted. 409 `parts_missing` names those that the bucket does not have."""
    await services.direct.complete(upload)
    now_is = await services.catalog.upload_sessions.get(upload.id)
    if upload.is_open and now_is.media_id is not None:
        await begin(services, await services.catalog.medias.get(now_is.media_id))
    return UploadEnvelope(data=upload_out(now_is, base_url))


def _shown(parts: DirectParts, upload: UploadSession) -> PartsEnvelope:
    arrived: list[Any] = [{"number": number, "bytes": size} for number, size in sorted(parts.sent.sizes.items())]
    shown = PartsOut(
        length=parts.length,
        part_bytes=parts.sent.part_bytes,
        count=parts.count,
        arrived=arrived,
        expires_at=upload.expires_at,
    )
    return PartsEnvelope(data=shown)
