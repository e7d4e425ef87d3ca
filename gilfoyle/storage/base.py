"""The protocol that every storage backend keeps, and the rules for keys.

A backend stores whole, immutable-once-seen objects under keys such as `{media_id}/1/720p/00042.m4s`. It is
asynchronous, and no method blocks the event loop. Errors are translated at its edge into `StorageError` and
`ObjectNotFound`. `tests/storage_contract.py` is the contract test that each backend passes.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gilfoyle.errors import InvalidRequest

CHUNK_BYTES = 1 << 20
"""How many bytes a streamed read yields at a time: large enough that the hand-over costs nothing."""

# One path element: no separators, no control characters, not `.` or `..`, no longer than a file name may be.
_ELEMENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,200}")


@dataclass(frozen=True)
class ObjectInfo:
    """What a stored object is. `size` in bytes, `modified` in seconds since the epoch."""

    key: str
    size: int
    etag: str
    """Changes whenever the content does; opaque, without quotes."""
    modified: float


def check_key(key: str) -> str:
    """Return `key` if it is a relative path of plain elements.

    Raises InvalidRequest otherwise: an empty, absolute, escaping (`..`) or oddly spelt key never reaches a backend.
    """
    if len(key) > 900 or not all(_ELEMENT.fullmatch(part) for part in key.split("/")):
        raise InvalidRequest(f"{key[:80]!r} is not a valid object key", code="invalid_key")
    return key


@runtime_checkable
class Storage(Protocol):
    """Where sources, segments and playlists are kept."""

    async def write(self, key: str, data: bytes | AsyncIterator[bytes]) -> ObjectInfo:
        """Store an object, replacing any under that key. Readers see the old one or the whole new one.

        If the iterator raises or the task is cancelled, nothing is left and nothing has changed.
        """
        ...

    async def read(self, key: str) -> bytes:
        """The whole object. For playlists and init segments, not for sources. Raises ObjectNotFound."""
        ...

    def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes `[start, end)`, in pieces of at most CHUNK_BYTES. Raises ObjectNotFound at the first piece."""
        ...

    async def stat(self, key: str) -> ObjectInfo:
        """Raises ObjectNotFound."""
        ...

    def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Every object below the folder `prefix` (no trailing slash), in key order; none if there is none."""
        ...

    async def delete(self, key: str) -> None:
        """Remove one object. No error if there is none."""
        ...

    async def delete_prefix(self, prefix: str) -> int:
        """Remove every object below the folder `prefix`; returns how many there were."""
        ...

    async def ffmpeg_input(self, key: str) -> str:
        """A path or URL that ffmpeg can read by range, for as long as an encode takes. Raises ObjectNotFound."""
        ...

    async def player_url(self, key: str) -> str | None:
        """A URL that a player can fetch directly, or None: then the API streams the object."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
