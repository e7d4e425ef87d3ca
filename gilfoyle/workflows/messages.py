"""What starts each workflow. One model in, so that a field can be added without breaking those that run."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel

from gilfoyle.media.policy import EncodingPolicy


class ProcessMediaInput(BaseModel):
    """An accepted upload: its source lies whole under `storage.keys.source(media_id)`."""

    media_id: UUID
    encoding: int = 1
    kind: str
    """`video` or `audio`: what the client said."""
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
