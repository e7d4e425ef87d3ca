"""The next version of a media that is Ready: the same source encoded anew, or a file from a URL; and giving one up."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from gilfoyle.api import examples
from gilfoyle.api.inputs import Inputs, clipped, wanted
from gilfoyle.api.medias import envelope, require_ladder
from gilfoyle.api.schemas import MediaEnvelope
from gilfoyle.api.services import BaseUrl, Injected
from gilfoyle.media.options import EncodingOptions

router = APIRouter(prefix="/v1/medias/{media_id}/replacement", tags=["medias"])


class ReplacementCreate(EncodingOptions):
    """By what it is encoded anew; what is left out is as the media, or the server's settings, have it now."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.REPLACEMENT_CREATE]})

    input: Inputs | None = Field(
        None, description="another file, which the server fetches from there; null: the one that the media has"
    )

    def options(self) -> EncodingOptions:
        """What is said of the encoding."""
        return EncodingOptions.model_validate(self.model_dump(exclude={"input"}, exclude_unset=True))


@router.post("", status_code=202, operation_id="replaceMedia", summary="Encode a media anew, or another file")
async def create(
    media_id: UUID, services: Injected, base_url: BaseUrl, body: ReplacementCreate | None = None
) -> MediaEnvelope:
    """By the settings of now, or those that are given. The media plays as it is until the new version is ready.

    To have another file in its place, name it in `input`, or upload it with `?replace=true`. Refused (409): a media
    that is not Ready, or is being replaced already.
    """
    media = await services.catalog.medias.get(media_id)
    options = body.options() if body is not None else EncodingOptions()
    if body is not None and body.input:
        options = clipped(options, body.input) or options
    policy = None
    if options.model_fields_set:
        require_ladder(options, services.settings)
        policy = options.applied_to(services.pipeline.policy_of(media)).model_dump(mode="json")
    if body is not None and body.input:
        fetched = await wanted(body.input, services.fetcher)
        fetched.policy = policy
        await services.catalog.imports.replace(media_id, fetched)
        await services.pipeline.begin_importing(fetched)
        return await envelope(services, media_id, base_url)
    media, replacement = await services.catalog.replacements.encode(media_id, policy)
    await services.pipeline.begin_replacing(media, replacement)
    return await envelope(services, media_id, base_url)


@router.delete("", status_code=204, operation_id="deleteReplacement", summary="Give up the next version of a media")
async def delete(media_id: UUID, services: Injected) -> Response:
    """Ends what is being fetched or made of it, and removes that. The version that plays stays."""
    imported = await services.catalog.imports.of(media_id)
    if imported is not None and imported.is_running:
        await services.ingest.drop_or_leave(await services.catalog.imports.cancel_replacement(media_id))
        await services.pipeline.cancel_importing(imported)
        return Response(status_code=204)
    _media, replacement = await services.catalog.replacements.drop(media_id)
    await services.pipeline.cancel_replacing(media_id, replacement.encoding)
    return Response(status_code=204)
