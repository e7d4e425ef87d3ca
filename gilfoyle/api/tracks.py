"""What a player can choose of a media: shown, and changed whenever one likes."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import langcodes
from fastapi import APIRouter, Form, Response, UploadFile
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from gilfoyle.api import examples
from gilfoyle.api.envelope import Envelope
from gilfoyle.api.schemas import TrackOut, track_out
from gilfoyle.api.services import BaseUrl, Injected, Services
from gilfoyle.catalog import Media
from gilfoyle.errors import InvalidRequest, Unavailable
from gilfoyle.media.text import webvtt
from gilfoyle.media.tracks import Role, Track, TrackKind
from gilfoyle.storage import keys

log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1/medias/{media_id}/tracks", tags=["tracks"])


def _language(tag: str) -> str:
    if not langcodes.tag_is_valid(tag):
        raise ValueError("must be a language such as `de` or `pt-BR` (BCP 47)")
    return langcodes.standardize_tag(tag)


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of text that can be seen")
    return text


Language = Annotated[str, StringConstraints(min_length=2, max_length=35), AfterValidator(_language)]
Label = Annotated[
    str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True), AfterValidator(_one_line)
]
TextRole = Literal["caption", "subtitle", "forced"]


class TrackCreate(BaseModel):
    """A text to be shown with the media."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"file": "de.srt", "language": "de"}]})

    file: UploadFile = Field(
        description="WebVTT or SRT; the whole request has at most 1 MiB", json_schema_extra={"format": "binary"}
    )
    language: Language | None = Field(None, description="BCP 47, such as `de` or `pt-BR`")
    label: Label | None = Field(None, description="what a person reads; the language, if there is none")
    role: TextRole = Field("subtitle", description="`caption`: of all that is heard; `forced`: shown by itself")
    default: bool = Field(False, description="shown as long as nobody chooses")


class TrackEdit(BaseModel):
    """What is to be changed; what is left out stays, and null takes a language or a label away."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"label": "Deutsch"}]})

    language: Language | None = None
    label: Label | None = None
    role: Role | None = None
    default: bool | None = None


class TrackEnvelope(Envelope[TrackOut]):
    """One track."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.TRACK)]})


class TracksEnvelope(Envelope[list[TrackOut]]):
    """All tracks of a media."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope([examples.TRACK])]})


@router.get("", operation_id="listTracks", summary="What a player can choose")
async def index(media_id: UUID, services: Injected) -> TracksEnvelope:
    media = await services.catalog.medias.get(media_id)
    tracks = await services.catalog.tracks.of(media_id, media.encoding)
    return TracksEnvelope(data=[track_out(track) for track in tracks])


@router.post("", status_code=201, operation_id="addTrack", summary="Add captions or subtitles")
async def add(
    media_id: UUID,
    body: Annotated[TrackCreate, Form(media_type="multipart/form-data")],
    services: Injected,
    base_url: BaseUrl,
    response: Response,
) -> TrackEnvelope:
    """Before the upload, while the media is processed, or once it is Ready: players that begin then can choose it."""
    media = await services.catalog.medias.get(media_id)
    cues = webvtt.parse(await body.file.read())
    track = Track(
        name=f"text-{uuid4().hex[:12]}",
        kind=TrackKind.TEXT,
        language=body.language,
        label=body.label,
        role=Role(body.role),
        default=body.default,
    )
    # The storage that an upload that is still to come will go into, else the media's.
    storage = await services.storages.of(media.storage)
    key = keys.text(media_id, track.name)
    await storage.write(key, webvtt.render(cues).encode())
    try:
        media = await services.catalog.tracks.add(media_id, track)
    except BaseException:
        await storage.delete(key)
        raise
    await _publish(services, media)
    response.headers["Location"] = f"{base_url}/v1/medias/{media_id}/tracks/{track.name}"
    return TrackEnvelope(data=track_out(track))


@router.patch("/{name}", operation_id="editTrack", summary="Change language, label, role or default of a track")
async def edit(media_id: UUID, name: str, body: TrackEdit, services: Injected) -> TrackEnvelope:
    changes: dict[str, Any] = body.model_dump(exclude_unset=True)
    for field in ("role", "default"):
        if field in changes and changes[field] is None:
            raise InvalidRequest(f"{field} can't be null.", fields={field: "can't be null"})
    media, track = await services.catalog.tracks.edit(media_id, name, changes)
    await _publish(services, media)
    return TrackEnvelope(data=track_out(track))


@router.delete("/{name}", status_code=204, operation_id="removeTrack", summary="Remove a text, or an audio track")
async def remove(media_id: UUID, name: str, services: Injected) -> Response:
    """A text is removed for good. An audio track is not listed any more; what is stored of it stays with the media."""
    media, _ = await services.catalog.tracks.remove(media_id, name)
    await _publish(services, media)
    return Response(status_code=204)


async def _publish(services: Services, media: Media) -> None:
    """Of a media that is not Ready yet, what processes it publishes the change."""
    if not media.is_unpublished:
        return
    try:
        await services.pipeline.start_publishing(media)
    except Unavailable as error:  # the recovery sees to it
        log.warning("the tracks of media %s are published later: %s", media.id, error.message)
