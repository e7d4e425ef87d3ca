"""Medias and renditions as clients see them, and what they may send."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from gilfoyle.api import examples
from gilfoyle.api.envelope import Envelope, Page
from gilfoyle.catalog import Media, MediaKind, MediaStatus, Rendition, RenditionStatus, warnings_of
from gilfoyle.media.tracks import Role, Track, TrackKind


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the character NUL")
    return text


Title = Annotated[
    str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True), AfterValidator(_storable)
]
Description = Annotated[str, StringConstraints(max_length=5000), AfterValidator(_storable)]
Query = Annotated[str, StringConstraints(max_length=200), AfterValidator(_storable)]

Sha256 = Annotated[str, StringConstraints(pattern=r"^([0-9A-Fa-f]{64})?$")]


class MediaCreate(BaseModel):
    """A new media."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.CREATE]})

    title: Title
    description: Description = ""


class MediaEdit(BaseModel):
    """What is to be changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.EDIT]})

    title: Title | None = None
    description: Description | None = None


class Reason(BaseModel):
    """Why a media or a rendition is Errored."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.FAULT]})

    code: str
    message: str


class Warned(BaseModel):
    """What a media lacks that can be played all the same."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WARNING]})

    code: str
    message: str


class TrackOut(BaseModel):
    """One thing that a player can choose: the picture, a sound, a text."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.TRACK]})

    name: str = Field(description="unique in its media; renditions name the track that they are a form of")
    kind: TrackKind
    language: str | None = Field(description="BCP 47; null if it is not known")
    label: str | None = Field(description="what a person reads, where the language does not say enough")
    role: Role
    default: bool = Field(description="what plays as long as nobody chooses")


class RenditionOut(BaseModel):
    """One encoded form of a media."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RENDITION]})

    name: str
    kind: MediaKind
    track: str | None = Field(description="the name of its track")
    status: RenditionStatus
    width: int | None
    height: int | None
    frame_rate: float | None = Field(description="frames per second")
    channels: int | None
    codecs: str | None = Field(description="RFC 6381")
    segments: int = Field(description="how many it has when it is whole")
    stored_segments: int = Field(description="how many can be played, from the first on without a gap")
    stored_bytes: int
    progress: float = Field(description="0 to 1")
    bandwidth: int | None = Field(description="peak of the segments' bit rates, in bit/s, as measured")
    average_bandwidth: int | None = Field(description="in bit/s, as measured")
    error: Reason | None


class MediaOut(BaseModel):
    """A media and what became of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.MEDIA]})

    id: UUID
    title: str
    description: str
    kind: MediaKind | None = Field(description="null until the upload")
    status: MediaStatus
    playable: bool = Field(description="the stream can be played, though it may still grow")
    progress: float = Field(description="0 to 1")
    duration_s: float | None = Field(description="in seconds; null until it was probed")
    file_name: str | None
    source_bytes: int | None
    source_sha256: str | None
    storage: str = Field(description="the backend in which it lies: filesystem, s3, ipfs or another")
    cid: str | None = Field(description="in IPFS, once it is Ready: `ipfs://CID/master.m3u8` plays on any gateway")
    probe: dict[str, Any] | None = Field(description="what was found in the file")
    error: Reason | None
    warnings: list[Warned] = Field(description="what it lacks, though it plays: of its file, and of its encoding")
    stream_url: str | None = Field(description="of the HLS multivariant playlist, once there is something to play")
    watch_url: str | None = Field(description="of a page that plays it, also while it is encoded")
    playback_ids: list[str] = Field(description="the addresses under which it is played, the oldest first")
    created_at: datetime
    updated_at: datetime
    tracks: list[TrackOut] = Field(description="what a player can choose")
    renditions: list[RenditionOut] = Field(description="the best first")


class MediaEnvelope(Envelope[MediaOut]):
    """One media."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.MEDIA)]})


class MediaPage(Page[MediaOut]):
    """A page of medias, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.page(examples.MEDIA)]})


def media_out(
    media: Media,
    renditions: Sequence[Rendition],
    tracks: Sequence[Track],
    playback_ids: Sequence[str],
    base_url: str,
) -> MediaOut:
    """`base_url`: of the API, as the client reaches it."""
    first = playback_ids[0] if playback_ids else None
    shown = media.model_dump(include=set(MediaOut.model_fields))
    return MediaOut(
        **shown,
        error=_fault(media),
        warnings=[Warned(**each.model_dump()) for each in warnings_of(media, renditions)],
        stream_url=f"{base_url}/stream/{first}/master.m3u8" if first and media.playable else None,
        watch_url=f"{base_url}/watch/{first}" if first else None,
        playback_ids=list(playback_ids),
        tracks=[track_out(track) for track in tracks],
        renditions=[rendition_out(rendition) for rendition in renditions],
    )


def track_out(track: Track) -> TrackOut:
    return TrackOut(**track.model_dump(exclude={"stream"}))


def rendition_out(rendition: Rendition) -> RenditionOut:
    shown = rendition.model_dump(include=set(RenditionOut.model_fields))
    share = rendition.stored_segments / rendition.segments if rendition.segments else 0.0
    progress = 1.0 if rendition.status == RenditionStatus.READY else min(share, 1.0)
    return RenditionOut(**shown, progress=progress, error=_fault(rendition))


def _fault(row: Media | Rendition) -> Reason | None:
    return Reason(code=row.error_code, message=row.error_message or "") if row.error_code else None
