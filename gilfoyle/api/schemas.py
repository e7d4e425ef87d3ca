"""Medias and renditions as clients see them, and what they may send."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast, get_args
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from gilfoyle.api import examples
from gilfoyle.api.envelope import Envelope, Page
from gilfoyle.api.inputs import INPUT, InputOut, Inputs, clipped, input_shown
from gilfoyle.api.probe import ProbeOut, probe_out
from gilfoyle.api.reason import Reason
from gilfoyle.catalog import (
    Media,
    MediaChanges,
    MediaGiven,
    MediaKind,
    MediaStatus,
    MediaView,
    Policy,
    Rendition,
    RenditionStatus,
    Replacement,
    warnings_of,
)
from gilfoyle.catalog.merge import checked, merged
from gilfoyle.catalog.models import now
from gilfoyle.media.options import EncodingOptions
from gilfoyle.media.tracks import Role, Track, TrackKind

_LAST_YEAR = 9000
_DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")
"""A time near the year 9999 can't be told in every zone."""


def storable(text: str) -> str:
    """The text, if PostgreSQL can hold it. Raises ValueError."""
    if "\0" in text:
        raise ValueError("must not contain the character NUL")
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of text that can be seen")
    return text


def _text_of_time(given: object) -> object:
    """Numbers, which pydantic takes for seconds or milliseconds by their size, are none, in text neither."""
    if not isinstance(given, str) or not _DATE.match(given):
        raise ValueError("must be a time such as 2030-01-31T12:00:00Z")
    return given


def _in_the_future(time: datetime) -> datetime:
    if time <= now() or time.year > _LAST_YEAR:
        raise ValueError(f"must be a time in the future, before the year {_LAST_YEAR + 1}")
    return time.astimezone(UTC)


Title = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True), AfterValidator(storable)]
Description = Annotated[str, StringConstraints(max_length=5000), AfterValidator(storable)]
Query = Annotated[str, StringConstraints(max_length=200), AfterValidator(storable)]

ProjectId = Annotated[str, StringConstraints(max_length=40), AfterValidator(storable)]
ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_printable)]
Tag = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, strip_whitespace=True, pattern="^[^,]*$"),
    AfterValidator(_printable),
]
Tags = Annotated[list[Tag], Field(max_length=50), AfterValidator(lambda tags: [*dict.fromkeys(tags)])]
Metadata = Annotated[dict[str, Any], AfterValidator(lambda given: checked(merged({}, given)))]
Time = Annotated[AwareDatetime, BeforeValidator(_text_of_time)]
Expiry = Annotated[Time, AfterValidator(_in_the_future)]

Sha256 = Annotated[str, StringConstraints(pattern=r"^([0-9A-Fa-f]{64})?$")]


_EXTERNAL_ID = "what you call it: no two medias of a project have the same"
_METADATA = "an object of your own: 50 keys of 100 characters, texts of 1,000, 16 KiB in all, 5 levels"
_TAGS = "to find it by: 50 of 100 characters, without commas"
_EXPIRES_AT = "it is deleted then, within a minute (RFC 3339, with a time zone); null: never by itself"
_ENCODING = "how encodings of it that begin from now on differ from the server's settings"


_SAID_APART = {"title", "description", "playback_policy", "project", "input"}


class MediaDescribed(BaseModel):
    """What a new media is to be like."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.CREATE]})

    title: Title
    description: Description = ""
    external_id: ExternalId | None = Field(None, description=_EXTERNAL_ID)
    metadata: Metadata = Field({}, description=_METADATA)
    tags: Tags = Field([], description=_TAGS)
    expires_at: Expiry | None = Field(None, description=_EXPIRES_AT)
    encoding: EncodingOptions | None = Field(None, description=_ENCODING)
    playback_policy: Policy = Field(Policy.PUBLIC, description="of its first playback id: who may play it")
    project: ProjectId | None = Field(None, description="the project to which it is to belong; null: the caller's")

    def given(self) -> MediaGiven:
        """What the catalog takes by the names that it has here."""
        return cast(MediaGiven, _for_catalog(self, self.model_fields_set - _SAID_APART))


class MediaCreate(MediaDescribed):
    """A new media."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [examples.CREATE, examples.CREATE_BY_IMPORT]}
    )

    input: Inputs | None = Field(None, description=INPUT)

    def with_clip(self) -> MediaCreate:
        """With the part of its input among the options of its encoding. Raises InvalidRequest."""
        encoding = clipped(self.encoding, self.input) if self.input else self.encoding
        return self if encoding is self.encoding else self.model_copy(update={"encoding": encoding})


class MediaEdit(BaseModel):
    """JSON Merge Patch (RFC 7396): what is left out stays, null removes, objects are merged."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.EDIT]})

    title: Title = Field(default_factory=str)
    description: Description | None = None
    external_id: ExternalId | None = Field(None, description=_EXTERNAL_ID)
    metadata: dict[str, Any] | None = Field(None, description=_METADATA)
    tags: Tags | None = Field(None, description=_TAGS)
    expires_at: Expiry | None = Field(None, description=_EXPIRES_AT)
    encoding: EncodingOptions | None = Field(None, description=_ENCODING)

    def changes(self) -> MediaChanges:
        """For the catalog."""
        return cast(MediaChanges, _for_catalog(self, self.model_fields_set))


def _for_catalog(body: MediaDescribed | MediaEdit, names: Collection[str]) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(body, name) for name in names if name not in ("metadata", "encoding")}
    for name, nothing in (("description", ""), ("tags", [])):
        if name in found:
            found[name] = found[name] or nothing
    if "metadata" in names:
        found["metadata"] = body.metadata
    if "encoding" in names:
        found["options"] = body.encoding and body.encoding.model_dump(mode="json", exclude_unset=True)
    return found


class Warned(BaseModel):
    """What a media lacks that can be played all the same."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.WARNING]})

    code: str
    message: str


class TrackOut(BaseModel):
    """One thing that a player can choose: the video, an audio track, a text."""

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


class PlaybackIdOut(BaseModel):
    """An address under which a media is played."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PLAYBACK]})

    id: str
    policy: Policy = Field(description="`signed`: whoever plays it needs a token, too")


class ReplacementOut(BaseModel):
    """The next version of a media, which is made while the one of now plays."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.REPLACEMENT]})

    version: int
    status: MediaStatus = Field(description="Processing, or Errored: then the version of now stays")
    progress: float = Field(description="0 to 1")
    file_name: str | None
    source_bytes: int | None
    source_sha256: str | None
    error: Reason | None


_PROBE = "what was found in the file; null until then"
_WARNINGS = "what it lacks, though it plays: of its file, and of its encoding"
_TRACKS = "what a player can choose"
_RENDITIONS = "the best first"
MediaPart = Literal["renditions", "tracks", "probe", "warnings"]
"""What a list shows of its medias only if it is asked to."""
MEDIA_PARTS: tuple[MediaPart, ...] = get_args(MediaPart)


class _MediaFacts(BaseModel):
    """What every answer shows of a media."""

    id: UUID
    project: str = Field(description="the project to which it belongs")
    title: str
    description: str
    external_id: str | None = Field(description=_EXTERNAL_ID)
    metadata: dict[str, Any] = Field(description=_METADATA)
    tags: list[str] = Field(description=_TAGS)
    expires_at: datetime | None = Field(description=_EXPIRES_AT)
    encoding: dict[str, Any] | None = Field(description=_ENCODING)
    kind: MediaKind | None = Field(description="found in the file; null until then, unless it was said with the upload")
    status: MediaStatus
    version: int = Field(description="of what is played: each new source or ladder is one more")
    replacement: ReplacementOut | None = Field(description="the version that is to take its place")
    playable: bool = Field(description="the stream can be played, though it may still grow")
    progress: float = Field(description="0 to 1")
    duration_s: float | None = Field(description="in seconds; null until it was probed")
    file_name: str | None
    source_bytes: int | None
    source_sha256: str | None
    source_deleted_at: datetime | None = Field(
        description="when its file was deleted, while its stream stayed; null: the file is kept"
    )
    storage: str = Field(description="the backend in which it lies: filesystem, s3, ipfs or another")
    cid: str | None = Field(description="in IPFS, once it is Ready: `ipfs://CID/master.m3u8` plays on any gateway")
    input: list[InputOut] = Field(description="what the server fetches to be its file, or has fetched; else empty")
    error: Reason | None
    stream_url: str | None = Field(description="of the HLS multivariant playlist, once there is something to play")
    watch_url: str | None = Field(description="of a page that plays it, also while it is encoded")
    playback_ids: list[str] = Field(description="the addresses under which it is played, the oldest first")
    playback: list[PlaybackIdOut] = Field(description="the same, with the policy of each")
    created_at: datetime
    updated_at: datetime


class MediaOut(_MediaFacts):
    """A media and what became of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.MEDIA]})

    probe: ProbeOut | None = Field(description=_PROBE)
    warnings: list[Warned] = Field(description=_WARNINGS)
    tracks: list[TrackOut] = Field(description=_TRACKS)
    renditions: list[RenditionOut] = Field(description=_RENDITIONS)


class MediaListed(_MediaFacts):
    """A media in a list: parts that `include` does not name are absent."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.MEDIA_LISTED]})

    probe: ProbeOut | None = Field(None, description=_PROBE)
    warnings: list[Warned] = Field(default_factory=list, description=_WARNINGS)
    tracks: list[TrackOut] = Field(default_factory=list, description=_TRACKS)
    renditions: list[RenditionOut] = Field(default_factory=list, description=_RENDITIONS)


class MediaEnvelope(Envelope[MediaOut]):
    """One media."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.MEDIA)]})


class Deleted(BaseModel):
    """What became of deleting all medias that match."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DELETED]})

    count: int = Field(description="how many are being deleted, or would be")
    more: bool = Field(description="others match as well")
    dry_run: bool


class DeletedEnvelope(Envelope[Deleted]):
    """How many medias are being deleted."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.envelope(examples.DELETED)]})


class MediaPage(Page[MediaListed]):
    """A page of medias, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.page(examples.MEDIA_LISTED)]})


def media_out(view: MediaView, base_url: str) -> MediaOut:
    """All of a media. `base_url`: of the API, as the client reaches it."""
    return MediaOut.model_validate(media_shown(view, base_url, MEDIA_PARTS))


def media_shown(view: MediaView, base_url: str, parts: Collection[MediaPart]) -> dict[str, Any]:
    """What `MediaOut` and `MediaListed` have, with those parts; what they need is in the view.

    As it is written to the answer: to check it once more would take longer than to read it.
    """
    return {**_facts(view, base_url), **{part: _SHOWN[part](view) for part in parts}}


_SHOWN: dict[MediaPart, Callable[[MediaView], Any]] = {
    "probe": lambda view: probe_out(view.media.probe),
    "warnings": lambda view: [each.model_dump() for each in warnings_of(view.media, view.renditions)],
    "tracks": lambda view: [_track(track) for track in view.tracks],
    "renditions": lambda view: [_rendition(rendition) for rendition in view.renditions],
}
_OWN = tuple(name for name in _MediaFacts.model_fields if name in Media.model_fields)
_OF_TRACK = tuple(TrackOut.model_fields)
_OF_RENDITION = tuple(name for name in RenditionOut.model_fields if name in Rendition.model_fields)
_OF_REPLACEMENT = tuple(name for name in ReplacementOut.model_fields if name in Replacement.model_fields)


def _facts(view: MediaView, base_url: str) -> dict[str, Any]:
    media = view.media
    # What anyone can play, if there is such.
    first = next((each.id for each in sorted(view.playback_ids, key=lambda each: each.policy)), None)
    return {
        **{name: getattr(media, name) for name in _OWN},
        "metadata": media.client_metadata,
        "encoding": media.options,
        "version": media.encoding,
        "replacement": _replacement(view.replacement) if view.replacement else None,
        "input": [input_shown(view.imported)] if view.imported else [],
        "error": _fault(media),
        "stream_url": f"{base_url}/stream/{first}/master.m3u8" if first and media.playable else None,
        "watch_url": f"{base_url}/watch/{first}" if first else None,
        "playback_ids": [each.id for each in view.playback_ids],
        "playback": [{"id": each.id, "policy": each.policy} for each in view.playback_ids],
    }


def track_out(track: Track) -> TrackOut:
    return TrackOut.model_validate(_track(track))


def _track(track: Track) -> dict[str, Any]:
    return {name: getattr(track, name) for name in _OF_TRACK}


def _rendition(rendition: Rendition) -> dict[str, Any]:
    share = rendition.stored_segments / rendition.segments if rendition.segments else 0.0
    progress = 1.0 if rendition.status == RenditionStatus.READY else min(share, 1.0)
    own = {name: getattr(rendition, name) for name in _OF_RENDITION}
    return {**own, "progress": progress, "error": _fault(rendition)}


def _replacement(replacement: Replacement) -> dict[str, Any]:
    own = {name: getattr(replacement, name) for name in _OF_REPLACEMENT}
    return {**own, "version": replacement.encoding, "error": _fault(replacement)}


def _fault(row: Media | Rendition | Replacement) -> dict[str, str] | None:
    return {"code": row.error_code, "message": row.error_message or ""} if row.error_code else None
