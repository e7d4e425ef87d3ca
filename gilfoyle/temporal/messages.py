"""The input of each workflow: one model, so that fields can be added without breaking running workflows."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel

from gilfoyle.media.info import MediaInfo
from gilfoyle.media.plan import Pass
from gilfoyle.media.policy import EncodingPolicy

MOST_EVENTS = 8_000
"""Temporal warns of a history with 10,240 events, and ends a workflow with more than 51,200.

What is in flight when a run is to end, 256 passes at most, still adds some 2,000.
"""
MOST_BYTES = 8 * 2**20
"""Temporal warns of a history with 10 MiB, and ends a workflow with more than 50.

Each pass is told the whole ladder. With 63 audio tracks of three codecs that is 40 KB, so 8,000 events would be
50 MiB or more.
"""


class Version(BaseModel):
    """A version of a media that is removed once another has taken its place."""

    encoding: int
    upload: int
    keep_s: float
    """How long it stays (seconds), for players that have begun to play it."""


class FailedRendition(BaseModel):
    """A rendition that can't be encoded, why (`temporal.failures.Reason`), and the passes that it lacks."""

    kind: str
    code: str
    message: str
    lacks: list[Pass] = []


class EncodingState(BaseModel):
    """How far a workflow is with an encoding: all that its next run needs when its history has grown long."""

    info: MediaInfo
    encoded: dict[str, list[tuple[int, int]]] = {}
    """For each rendition the ranges of segments whose passes have ended: the first, and the one after the last."""
    failed: dict[str, FailedRendition] = {}
    swift: bool | None = None
    """The machine encodes everything faster than it plays (`workflows.pacing`); None: not known yet."""
    texts: bool = False
    """The texts of the source are stored."""


class ProcessMediaInput(BaseModel):
    """An accepted upload: its source lies whole under `storage.keys.source(media_id, upload)`."""

    media_id: UUID
    encoding: int = 1
    kind: str
    """`audio`: only its audio is wanted; `video`: all that there is."""
    upload: int = 1
    """Which of the media's uploads the source is."""
    storage: str = ""
    """The backend in which the source lies, and the encoding will; empty: the default one."""
    source_bytes: int
    """Size that was received, in bytes; the store step holds the object to it."""
    policy: EncodingPolicy
    """The ladder as it was configured when the upload was accepted."""
    heartbeat_timeout_s: float = 30
    longest_s: float | None = None
    """How long the source may be, if it is less than the settings allow (seconds)."""
    without_checksum: bool = False
    """The source's checksum was not taken while it was received."""
    replaces: Version | None = None
    """The version that plays meanwhile, if this encoding will replace it."""
    most_events: int = MOST_EVENTS
    """With this many events in its history the workflow continues in another run."""
    most_bytes: int = MOST_BYTES
    """Or with this many bytes."""
    state: EncodingState | None = None
    """How far the run before this one came; None: this is the first."""


class DeleteMediaInput(BaseModel):
    """A media to remove, whatever its state."""

    media_id: UUID


def process_media_id(media_id: UUID, encoding: int) -> str:
    """The workflow id of an encoding: the same media and encoding can never run twice at once."""
    return f"media-{media_id}-{encoding}"


def delete_media_id(media_id: UUID) -> str:
    """The workflow id of a deletion."""
    return f"delete-{media_id}"


class RetryMediaInput(BaseModel):
    """A Ready media with renditions that wait for a retry."""

    media_id: UUID
    encoding: int
    heartbeat_timeout_s: float = 30
    most_events: int = MOST_EVENTS
    most_bytes: int = MOST_BYTES
    state: EncodingState | None = None
    """See ProcessMediaInput."""
    renditions: list[str] = []
    """The renditions in the state."""


WAKE_SIGNAL = "wake"
"""No workflow handles it: it makes a worker load a waiting workflow, and so its history."""


class RetryRenditionInput(BaseModel):
    """One rendition of the encoding that a workflow runs."""

    rendition: str


def retry_media_id(media_id: UUID, encoding: int) -> str:
    """The workflow id of retries: one for all renditions of an encoding, so that one workflow writes the playlists."""
    return f"retry-{media_id}-{encoding}"


RETRY_SIGNAL = "rendition_waits"
"""Tells RetryMedia, which may be running, that a rendition waits in the catalog."""


class PublishMediaInput(BaseModel):
    """A Ready media whose tracks were changed after its playlists were written."""

    media_id: UUID


PUBLISH_SIGNAL = "tracks_changed"
"""Tells PublishMedia, which may be running, that there is more to publish."""


def publish_media_id(media_id: UUID) -> str:
    """The workflow id of publishing a media again: one at a time."""
    return f"publish-{media_id}"


class DeliverWebhookInput(BaseModel):
    """A webhook for which something waits."""

    webhook_id: UUID


DELIVER_SIGNAL = "events_wait"
"""Tells DeliverWebhook, which may be running, that there is more to send."""


def deliver_webhook_id(webhook_id: UUID) -> str:
    """The workflow id of sending to a webhook: one at a time."""
    return f"webhook-{webhook_id}"


class ImportMediaInput(BaseModel):
    """An import that the catalog promises. Its URL may be a secret: it is in the catalog alone."""

    media_id: UUID
    import_id: str
    longest_s: float = 86_400
    """How long it may take in all (seconds)."""


def import_media_id(media_id: UUID, import_id: str) -> str:
    """The workflow id of an import."""
    return f"import-{media_id}-{import_id}"


class VerifyMediaInput(BaseModel):
    """A Ready media to compare with its source."""

    media_id: UUID
    encoding: int
    upload: int = 1
    storage: str = ""
    has_video: bool
    """Video is expected: the file was not sent as audio."""
    renditions: dict[str, int]
    """The Ready renditions and the bytes of their segments, by the catalog."""
    duration_s: float = 0
    """Length of the media, in seconds."""
    lead_s: float | None = None
    """It is a clip, that begins so long after the source (seconds)."""


def verify_media_id(media_id: UUID, encoding: int) -> str:
    """The workflow id of comparing an encoding with its source: one at a time; the last result is kept."""
    return f"verify-{media_id}-{encoding}"


class SweepInput(BaseModel):
    """Find what no media owns, and remove it."""

    older_than_s: int
    """Younger objects are left alone (seconds)."""
    dry_run: bool = False
    """Remove nothing, only report what would be removed."""
    force: bool = False
    """Remove even if it is most of a backend."""
    scheduled: bool = False
    """The sweep is scheduled, so no one reads the result: fail if a backend was refused or could not be swept."""


class SweptItem(BaseModel):
    """Something that no media owns."""

    key: str
    """A folder, or the object that an unfinished write would become."""
    reason: str
    """Why no media owns it: `no_media`, `moved`, `superseded`, `errored`, `abandoned_upload`, `unfinished`."""
    bytes: int | None
    """Its size, where the backend knows."""
    age_s: float | None
    """Seconds since it was last written to, where the backend knows."""


class SweptBackend(BaseModel):
    """What a sweep found and did in one backend."""

    backend: str
    medias: int = 0
    """Media folders that were checked."""
    foreign: int = 0
    """Other folders: not ours, and left alone."""
    found: int = 0
    """Folders that no media owns."""
    removed: int = 0
    unfinished_found: int = 0
    """Writes that never ended."""
    unfinished_removed: int = 0
    bytes_found: int = 0
    """The size of all of it, as far as the backend knows."""
    bytes_freed: int = 0
    items: list[SweptItem] = []
    """The first items that were found."""
    refused: str = ""
    """Why nothing was removed here, as a sentence."""
    fault: str = ""
    """Why the backend could not be swept, or not to its end, as a sentence."""


class SweepResult(BaseModel):
    """One entry for each backend."""

    backends: list[SweptBackend]

    @property
    def faults(self) -> list[str]:
        """A sentence for each backend that was refused or failed."""
        return [f"{each.backend}: {each.refused or each.fault}" for each in self.backends if each.refused or each.fault]


def sweep_id(queue_prefix: str) -> str:
    """The workflow id of a sweep, so that two commands never sweep at once. Scheduled ones add their time to it."""
    return f"{queue_prefix}-storage-sweep"


class FailedMove(BaseModel):
    """A media that stays where it is."""

    media_id: UUID
    message: str
    """Why, as a sentence."""


class MoveProgress(BaseModel):
    """How far a move is; at its end, its result."""

    target: str
    """The backend to which the medias move."""
    source: str = ""
    """Only medias in this backend; empty: in any other than the target."""
    moved: int = 0
    """Medias that are in the target now."""
    objects: int = 0
    """Of them."""
    bytes: int = 0
    left: int = 0
    """Medias that are not there yet, without the failed ones."""
    waiting: int = 0
    """Those among them that are being uploaded or processed: they move when that has ended."""
    failed: list[FailedMove] = []
    remains: list[FailedMove] = []
    """Medias that have moved and still have objects in the old backend."""


class MoveStorageInput(BaseModel):
    """Move every media into a backend."""

    target: str
    source: str = ""
    """Only medias in this backend; empty: in any other than the target."""
    concurrency: int = 4
    """Medias at a time."""
    page: int = 20
    """Medias that are looked up at a time."""
    pages: int = 20
    """Pages before the workflow continues as new, so that its history stays small."""
    linger_s: float = 10
    """How long the old objects stay, in seconds, for players and caches that still read them."""
    round_s: float = 15
    """Pause before looking again for medias that could not move yet, in seconds."""
    after: UUID | None = None
    """Where the previous run stopped, in the order of ids."""
    progress: MoveProgress | None = None
    """The progress of the previous runs."""


def move_id(queue_prefix: str) -> str:
    """The workflow id of a move: there is one at a time."""
    return f"{queue_prefix}-storage-move"
