"""What the API answers with. A server that is newer may tell more: that is kept, and can be read by its name."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """An object of the API."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Reason(Model):
    """Why a media or a rendition is Errored."""

    code: str
    message: str


class Warned(Model):
    """What a media lacks that can be played all the same."""

    code: str
    message: str


class PlaybackId(Model):
    """An address under which a media is played."""

    id: str
    policy: str
    """`signed`: whoever plays it needs a token, too."""


class Colour(Model):
    """What the numbers of a pixel mean. Names are ffmpeg's, for the code points of ITU-T H.273."""

    primaries: str
    transfer: str
    matrix: str
    range: str
    """`tv`: limited, `pc`: full."""
    hdr: str | None
    """Null: SDR."""


class ProbedVideo(Model):
    """The file's video."""

    codec: str
    """As ffmpeg names it."""
    width: int
    """As it is shown: in square pixels, and turned."""
    height: int
    frame_rate: float
    """Frames per second."""
    variable_frame_rate: bool
    """Then `frame_rate` is an average, or that of its motion."""
    interlaced: bool
    rotation: int
    """In degrees, as the container says it."""
    pixel_format: str
    """As ffmpeg names it."""
    bit_depth: int | None
    """Of each component; null if it is not known."""
    colour: Colour
    """What the file does not say is filled in."""


class ProbedAudio(Model):
    """One of the file's audio tracks."""

    codec: str
    """As ffmpeg names it."""
    sample_rate: int
    """In Hz."""
    channels: int
    layout: str | None
    """Where the channels are heard, such as `5.1(side)`; null if not said."""
    language: str | None
    """BCP 47; null if it is not known."""
    title: str | None
    role: str
    default: bool


class ProbedText(Model):
    """Captions or subtitles in the file that can be shown as text."""

    codec: str
    """As ffmpeg names it."""
    language: str | None
    """BCP 47; null if it is not known."""
    title: str | None
    role: str
    default: bool


class Probe(Model):
    """What was found in the file; only of its audio, where only that was asked for."""

    container: str
    """As ffmpeg names it: `mov` for MP4 and its likes."""
    duration_s: float
    """From when its first stream begins to when the last one ends."""
    bit_rate: int | None
    """Of the whole file, in bit/s; null if it is not known."""
    video: ProbedVideo | None
    audio: list[ProbedAudio]
    text: list[ProbedText]


class Track(Model):
    """One thing that a player can choose: the video, an audio track, a text."""

    name: str
    """Unique in its media; renditions name the track that they are a form of."""
    kind: str
    language: str | None
    """BCP 47; null if it is not known."""
    label: str | None
    """What a person reads, where the language does not say enough."""
    role: str
    default: bool
    """What plays as long as nobody chooses."""


class Rendition(Model):
    """One encoded form of a media."""

    name: str
    kind: str
    track: str | None
    """The name of its track."""
    status: str
    width: int | None
    height: int | None
    frame_rate: float | None
    """Frames per second."""
    channels: int | None
    codecs: str | None
    """RFC 6381."""
    segments: int
    """How many it has when it is whole."""
    stored_segments: int
    """How many can be played, from the first on without a gap."""
    stored_bytes: int
    progress: float
    """0 to 1."""
    bandwidth: int | None
    """Peak of the segments' bit rates, in bit/s, as measured."""
    average_bandwidth: int | None
    """In bit/s, as measured."""
    error: Reason | None


class Deleted(Model):
    """What became of deleting all medias that match."""

    count: int
    """How many are being deleted, or would be."""
    more: bool
    """Others match as well."""
    dry_run: bool


class Replacement(Model):
    """The next version of a media, which is made while the one of now plays."""

    version: int
    status: str
    """Processing, or Errored: then the version of now stays."""
    progress: float
    """0 to 1."""
    file_name: str | None
    source_bytes: int | None
    source_sha256: str | None
    error: Reason | None


class SourceLink(Model):
    """An address from which a browser downloads the file of a media, without a key."""

    url: str
    expires_at: datetime
    """A download that has begun goes on."""


class Input(Model):
    """A file that the server fetches, or has fetched."""

    url: str
    """Without its query, which may be a secret."""
    status: str
    received_bytes: int
    """That have arrived."""
    total_bytes: int | None
    """Of the file; null until its server says so."""
    error: Reason | None
    """Why it could not be fetched."""


class Media(Model):
    """A media, with what was asked for of its parts: in a list, only what `include` names is there."""

    id: UUID
    project: str
    """The project to which it belongs."""
    title: str
    description: str
    external_id: str | None
    """What you call it: no two medias of a project have the same."""
    metadata: dict[str, Any]
    """An object of your own: 50 keys of 100 characters, texts of 1,000, 16 KiB in all, 5 levels."""
    tags: list[str]
    """To find it by: 50 of 100 characters, without commas."""
    expires_at: datetime | None
    """It is deleted then, within a minute (RFC 3339, with a time zone); null: never by itself."""
    encoding: dict[str, Any] | None
    """How encodings of it that begin from now on differ from the server's settings."""
    kind: str | None
    """Found in the file; null until then, unless it was said with the upload."""
    status: str
    version: int
    """Of what is played: each new source or ladder is one more."""
    replacement: Replacement | None
    """The version that is to take its place."""
    playable: bool
    """The stream can be played, though it may still grow."""
    progress: float
    """0 to 1."""
    duration_s: float | None
    """In seconds; null until it was probed."""
    file_name: str | None
    source_bytes: int | None
    source_sha256: str | None
    source_deleted_at: datetime | None
    """When its file was deleted, while its stream stayed; null: the file is kept."""
    storage: str
    """The backend in which it lies: filesystem, s3, ipfs or another."""
    cid: str | None
    """In IPFS, once it is Ready: `ipfs://CID/master.m3u8` plays on any gateway."""
    input: list[Input] = []
    """What the server fetches to be its file, or has fetched; else empty."""
    error: Reason | None
    stream_url: str | None
    """Of the HLS multivariant playlist, once there is something to play."""
    watch_url: str | None
    """Of a page that plays it, also while it is encoded."""
    playback_ids: list[str]
    """The addresses under which it is played, the oldest first."""
    playback: list[PlaybackId]
    """The same, with the policy of each."""
    created_at: datetime
    updated_at: datetime
    probe: Probe | None = None
    """What was found in the file; null until then."""
    warnings: list[Warned] = []
    """What it lacks, though it plays: of its file, and of its encoding."""
    tracks: list[Track] = []
    """What a player can choose."""
    renditions: list[Rendition] = []
    """The best first."""


class Attachment(Model):
    """A small file beside a media."""

    name: str
    """Of the file; unique in its media."""
    media_type: str
    """By its name."""
    bytes: int
    sha256: str
    url: str
    """To download it from."""
    created_at: datetime


class Finding(Model):
    """One thing that was compared, of one rendition or of the stream."""

    check: str
    of: str
    verdict: str
    source: str = ""
    stream: str = ""
    detail: str = ""


class Agreement(Model):
    """What came of comparing a media's stream with its source."""

    media_id: UUID
    encoding: int
    findings: list[Finding] = []
    agrees: bool
    """Nothing differs, and something was compared."""


class Verification(Model):
    """How far comparing a media with its source is, and what came of it."""

    status: str
    agreement: Agreement | None
    """What was found; null unless it is Done."""
    error: Reason | None
    """Why nothing could be compared; null unless it is Failed."""


class Event(Model):
    """Something that has happened. What `data` holds depends on `type`: docs/events.md."""

    id: int
    """Greater than that of every event before."""
    type: str
    """Such as `media.ready`; there may be others than today's."""
    project: str
    media_id: UUID | None
    data: dict[str, Any]
    created_at: datetime


class Upload(Model):
    """An upload."""

    id: str
    status: str
    url: str
    """Where the file goes: by tus, by PUT or as a form."""
    token: str | None = None
    """Shown once: it is in `url`, too."""
    project: str
    media_id: UUID | None
    """The media that it becomes; null until its first bytes come."""
    replace: bool
    partial: bool
    """It is a partial upload of tus, of which another is made."""
    kind: str | None
    length: int | None
    """In bytes; null until it is known."""
    file_name: str | None
    media_type: str | None
    """As the client said it."""
    max_bytes: int | None
    max_duration_s: float | None
    cors_origin: str | None
    expires_at: datetime
    error: Reason | None
    created_at: datetime
    updated_at: datetime


class Part(Model):
    """A part that has arrived."""

    number: int
    bytes: int


class Parts(Model):
    """The parts of a file that goes straight to the bucket: `count` of them, each of `part_bytes` but the last."""

    length: int
    part_bytes: int
    count: int
    arrived: list[Part]
    """What the bucket has; send the others, in any order."""
    expires_at: datetime


class PartUrl(Model):
    """Where a part goes, by PUT."""

    number: int
    bytes: int
    url: str
    expires_at: datetime


class Webhook(Model):
    """A receiver of events."""

    id: UUID
    project: str
    url: str
    types: list[str]
    description: str
    enabled: bool
    disabled_reason: str | None
    """Why it is not, if nobody has asked for that: it answered 410."""
    created_at: datetime
    updated_at: datetime


class WebhookMade(Webhook):
    """A receiver of events, with its secret."""

    secret: str
    """Signs what is sent: shown now, and never again."""


class Answer(Model):
    """What a receiver answered."""

    status: int
    body: str
    """Its first characters, 1000 at most."""


class Delivery(Model):
    """An event on its way to a webhook, or what came of it."""

    id: int
    message_id: str
    """The header `webhook-id`: the same whenever this is sent."""
    event: Event
    status: str
    attempts: int
    created_at: datetime
    tried_at: datetime | None
    """When it was sent last."""
    next_try_at: datetime | None
    """Not before then; null if it is not tried any more."""
    duration_s: float | None
    """How long the last attempt took, in seconds."""
    answer: Answer | None
    """Of the last attempt; null if there was none."""
    error: str | None
    """Why the last attempt does not count, as a sentence."""


class Key(Model):
    """A key, without its secret."""

    id: UUID
    name: str
    prefix: str
    """The beginning of the secret, to recognise it by."""
    scope: str
    project: str | None
    """The project to which it is bound; null: all."""
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To within a minute."""
    created_at: datetime


class KeyMade(Key):
    """A key that was just made."""

    secret: str
    """The key itself: shown now, and never again."""


class Project(Model):
    """A namespace of medias and keys."""

    id: str
    name: str
    created_at: datetime


class SigningKey(Model):
    """A signing key, without what tokens are signed with."""

    id: str
    """The `kid` of its tokens."""
    name: str
    algorithm: str
    project: str
    """Whose medias its tokens are for."""
    public_key: str | None
    """As PEM; null for HS256."""
    revoked_at: datetime | None
    created_at: datetime


class SigningKeyMade(SigningKey):
    """A signing key that was just made."""

    secret: str | None
    """Of HS256, the text itself is the key: shown now, and never again."""
    private_key: str | None
    """As PEM, if the pair was made here: shown now, and kept nowhere."""
