"""What starts each workflow. One model in, so that a field can be added without breaking those that run."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel

from gilfoyle.media.policy import EncodingPolicy


class ProcessMediaInput(BaseModel):
    """An accepted upload: its source lies whole under `storage.keys.source(media_id, upload)`."""

    media_id: UUID
    encoding: int = 1
    kind: str
    """`video` or `audio`: what the client said."""
    upload: int = 1
    """Which of the media's uploads the source is."""
    storage: str = ""
    """The backend in which the source lies, and the encoding will; empty: the default one."""
    source_bytes: int
    """Size that was received, in bytes; the store step holds the object to it."""
    policy: EncodingPolicy
    """The ladder as it was configured when the upload was accepted."""
    heartbeat_timeout_s: float = 30


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
    """A media that is Ready, and has renditions that wait to be encoded again."""

    media_id: UUID
    encoding: int
    heartbeat_timeout_s: float = 30


class RetryRenditionInput(BaseModel):
    """One rendition of the encoding that a workflow runs."""

    rendition: str


def retry_media_id(media_id: UUID, encoding: int) -> str:
    """The workflow id of retries: one for all renditions of an encoding, so that one hand writes the playlists."""
    return f"retry-{media_id}-{encoding}"


RETRY_SIGNAL = "rendition_waits"
"""Tells RetryMedia, which may run already, that the catalog has a rendition that waits."""


class PublishMediaInput(BaseModel):
    """A media that is Ready, and whose tracks were changed since its playlists were written."""

    media_id: UUID


PUBLISH_SIGNAL = "tracks_changed"
"""Tells PublishMedia, which may run already, that there is more to publish."""


def publish_media_id(media_id: UUID) -> str:
    """The workflow id of publishing a media again: one at a time."""
    return f"publish-{media_id}"


class VerifyMediaInput(BaseModel):
    """A media that is Ready, to be compared with its source."""

    media_id: UUID
    encoding: int
    upload: int = 1
    storage: str = ""
    has_picture: bool
    """A picture is expected: the file was not sent as sound."""
    renditions: dict[str, int]
    """Those that are Ready, and the bytes of their segments: both by the catalog."""
    duration_s: float = 0
    """Length of the media, in seconds."""


def verify_media_id(media_id: UUID, encoding: int) -> str:
    """The workflow id of comparing an encoding with its source: one at a time, and the last one's result is kept."""
    return f"verify-{media_id}-{encoding}"


class SweepInput(BaseModel):
    """Look for what no media owns, and remove it."""

    older_than_s: int
    """What is younger is left alone (seconds)."""
    dry_run: bool = False
    """Remove nothing, only say what would be."""
    force: bool = False
    """Also if it is most of a backend."""
    scheduled: bool = False
    """Nobody waits for the result: fail if a backend was refused or could not be swept."""


class SweptItem(BaseModel):
    """Something that no media owns."""

    key: str
    """A folder, or the object that an unfinished write was to become."""
    reason: str
    """Why it is owned by none: `no_media`, `moved`, `superseded`, `errored`, `abandoned_upload`, `unfinished`."""
    bytes: int | None
    """Its size, where the backend knows."""
    age_s: float | None
    """Seconds since it was last written to, where the backend knows."""


class SweptBackend(BaseModel):
    """What a sweep found and did in one backend."""

    backend: str
    medias: int = 0
    """Folders of medias that were looked at."""
    foreign: int = 0
    """Other folders beside them: not ours, and left alone."""
    found: int = 0
    """Folders that no media owns."""
    removed: int = 0
    unfinished_found: int = 0
    """Writes that never ended."""
    unfinished_removed: int = 0
    bytes_found: int = 0
    """What all of it takes; without what the backend doesn't know."""
    bytes_freed: int = 0
    items: list[SweptItem] = []
    """The first of what was found."""
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
    """How far a move is; at its end, what became of it."""

    target: str
    """The backend into which the medias go."""
    source: str = ""
    """Only those that lie in this backend; empty: in any other."""
    moved: int = 0
    """Medias that lie in the target now."""
    objects: int = 0
    """Of them."""
    bytes: int = 0
    left: int = 0
    """Medias that do not lie there yet, without the failed ones."""
    waiting: int = 0
    """Those among them that are being uploaded or processed: they come along when that has ended."""
    failed: list[FailedMove] = []
    remains: list[FailedMove] = []
    """Medias that have moved, but are still there in the old backend as well."""


class MoveStorageInput(BaseModel):
    """Move every media into a backend."""

    target: str
    source: str = ""
    """Only those that lie in this backend; empty: in any other."""
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
    """Where a run before this one was, in the order of ids."""
    progress: MoveProgress | None = None
    """Of the runs before this one."""


def move_id(queue_prefix: str) -> str:
    """The workflow id of a move: there is one at a time."""
    return f"{queue_prefix}-storage-move"
