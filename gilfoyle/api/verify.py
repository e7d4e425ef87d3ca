"""Comparing a media with the file it was made of."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from gilfoyle.api import examples
from gilfoyle.api.envelope import Envelope
from gilfoyle.api.reason import Reason
from gilfoyle.api.services import Injected
from gilfoyle.catalog import MediaStatus
from gilfoyle.catalog.replacements import require_source
from gilfoyle.errors import Conflict
from gilfoyle.media.agreement.report import Agreement

router = APIRouter(prefix="/v1/medias", tags=["medias"])


class Verification(BaseModel):
    """How far comparing a media with its source is, and what came of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.VERIFICATION]})

    status: Literal["Running", "Done", "Failed"]
    agreement: Agreement | None = Field(description="what was found; null unless it is Done")
    error: Reason | None = Field(description="why nothing could be compared; null unless it is Failed")


class VerificationEnvelope(Envelope[Verification]):
    """What came of comparing one media."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.VERIFICATION)]})


@router.post(
    "/{media_id}/verify",
    status_code=202,
    operation_id="verifyMedia",
    summary="Decode a media and its source, and compare them",
)
async def verify(media_id: UUID, services: Injected) -> VerificationEnvelope:
    """It takes about as long as decoding the source and every rendition once, and changes nothing.

    One that is under way goes on. Refused (409): a media that is not Ready, or whose source was deleted.
    """
    media, renditions = await services.catalog.medias.with_renditions(media_id)
    if media.status != MediaStatus.READY:
        raise Conflict(f"The media {media_id} is {media.status}: only one that is Ready can be verified.")
    require_source(media)
    recipe = await services.catalog.encodings.recipe(media_id, media.encoding)
    await services.pipeline.start_verifying(media, renditions, recipe)
    return VerificationEnvelope(data=Verification(status="Running", agreement=None, error=None))


@router.get("/{media_id}/verify", operation_id="getVerification", summary="What came of verifying a media")
async def verification(media_id: UUID, services: Injected) -> VerificationEnvelope:
    """Of the last time, for as long as Temporal keeps what has ended. 404 `not_verified` if there was none."""
    found = await services.pipeline.verification(await services.catalog.medias.get(media_id))
    if found is None:
        shown = Verification(status="Running", agreement=None, error=None)
    elif isinstance(found, Agreement):
        shown = Verification(status="Done", agreement=found, error=None)
    else:
        shown = Verification(status="Failed", agreement=None, error=Reason(code=found.code, message=found.message))
    return VerificationEnvelope(data=shown)
