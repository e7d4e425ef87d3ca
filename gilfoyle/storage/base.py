"""The protocol that every storage backend keeps, and the rules for keys.

A backend stores whole, immutable-once-seen objects under keys such as `{media_id}/1/720p/00042.m4s`. It is
asynchronous, and no method blocks the event loop. Errors are translated at its edge into `StorageError` and
`ObjectNotFound`. `gilfoyle.testing.storage_contract` is the contract test that each backend passes, also one of another
package.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gilfoyle.errors import InvalidRequest, ObjectNotFound, WrongOffset

CHUNK_BYTES = 1 << 20
"""How many bytes a streamed read yields at a time: large enough that the hand-over costs nothing."""

# One path element: no separators, no control characters, not `.` or `..`, no longer than a file name may be.
_ELEMENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,200}")


@dataclass(frozen=True)
class ObjectInfo:
    """What a stored object is. `size` in bytes."""

    key: str
    size: int
    etag: str
    """Changes whenever the content does; opaque, without quotes."""
    modified: float
    """When it was written, in seconds since the epoch, to about a second; 0 where the backend doesn't know."""


@dataclass(frozen=True)
class Unfinished:
    """A write that has not ended: one in progress, or what a process that died has left of one."""

    id: str
    """Names it to its backend, and to nobody else."""
    key: str
    """The object it was to become; empty where the backend doesn't know."""
    size: int | None
    """Bytes it takes, where the backend knows."""
    modified: float
    """When it was begun or last written to, in seconds since the epoch."""


def check_key(key: str) -> str:
    """Return `key` if it is a relative path of plain elements.

    Raises InvalidRequest otherwise: an empty, absolute, escaping (`..`) or oddly spelt key never reaches a backend.
    """
    if len(key) > 900 or not all(_ELEMENT.fullmatch(part) for part in key.split("/")):
        raise InvalidRequest(f"{key[:80]!r} is not a valid object key", code="invalid_key")
    return key


def not_begun(key: str) -> ObjectNotFound:
    """Of an object that was to grow."""
    return ObjectNotFound(f"Nothing of the object {key} has arrived, or it was dropped: send it from its beginning.")


def check_offset(key: str, offset: int, arrived: int) -> None:
    """Raises WrongOffset if data for a growing object does not begin where it has to."""
    if offset != arrived:
        raise WrongOffset(
            f"Of the object {key}, {arrived} bytes have arrived, not {offset}: go on from there.", arrived
        )


@runtime_checkable
class Storage(Protocol):
    """Where sources, segments and playlists are kept."""

    async def write(self, key: str, data: bytes | AsyncIterator[bytes]) -> ObjectInfo:
        """Store an object, replacing any under that key. Readers see the old one or the whole new one.

        When it returns, the object survives a crash of whatever keeps it. If the iterator raises or the task is
        cancelled, nothing is left and nothing has changed.
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

    def folders(self, prefix: str = "") -> AsyncIterator[str]:
        """The names of the folders directly below the folder `prefix` (empty: the root), in order.

        The root may hold what is not ours: such names need not be valid in a key.
        """
        ...

    async def delete(self, key: str) -> None:
        """Remove one object. No error if there is none."""
        ...

    async def delete_prefix(self, prefix: str) -> int:
        """Remove every object below the folder `prefix`; returns how many there were."""
        ...

    def unfinished(self) -> AsyncIterator[Unfinished]:
        """Writes that have not ended. Those of a backend that keeps nothing of them: none."""
        ...

    async def abandon(self, write: Unfinished) -> None:
        """Remove what there is of an unfinished write. No error if it has ended meanwhile."""
        ...

    async def ffmpeg_input(self, key: str) -> str:
        """A path or URL that ffmpeg can read by range, for as long as an encode takes. Raises ObjectNotFound."""
        ...

    async def player_url(self, key: str) -> str | None:
        """A URL that a player can fetch directly, or None: then the API streams the object.

        It need not exist: a URL for a missing object answers 404 by itself.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class ContentAddressed(Protocol):
    """What a backend can do besides, if a folder's name can be its content: IPFS."""

    async def cid(self, prefix: str) -> str:
        """The CID of the folder as it is now. Raises ObjectNotFound."""
        ...

    async def pin(self, cid: str, name: str) -> None:
        """Keep the content from garbage collection, and let the node announce it, until it is unpinned."""
        ...

    async def unpin(self, cid: str) -> None:
        """No error if it isn't pinned."""
        ...


@runtime_checkable
class WritesNew(Protocol):
    """What a backend can do besides, if it is spared a question that way: S3."""

    async def write_new(self, key: str, data: bytes) -> bool:
        """As `write`, unless there is something under that key: that stays. Whether it was stored."""
        ...


@runtime_checkable
class Opens(Protocol):
    """What a backend can do besides, if it is spared a question that way: S3."""

    async def open(self, key: str, start: int = 0, end: int | None = None) -> tuple[ObjectInfo, AsyncIterator[bytes]]:
        """What `stat` says, and the pieces that `stream` gives. Raises ObjectNotFound.

        Nothing is held for an iterator that was not begun; close one that was not read to its end.
        """
        ...


@runtime_checkable
class Resumable(Protocol):
    """What a backend can do besides, if an object can grow: over many calls, also of several processes, one at a time.

    What has arrived of an object is known by its key, and nobody sees it before `finish`: what lies under the key stays
    until then. Meanwhile it is one of `unfinished`, with its key, its size, and when it was last appended to.
    """

    async def begin(self, key: str) -> None:
        """Have an object of no bytes grow. What had arrived of another one for that key is dropped."""
        ...

    async def arrived(self, key: str) -> int:
        """How many bytes have arrived. Raises ObjectNotFound if none was begun, or it has been finished or dropped."""
        ...

    async def append(self, key: str, offset: int, data: AsyncIterator[bytes]) -> int:
        """Add what the iterator gives, from byte `offset` on; returns how many bytes have arrived then, in all.

        When it returns, they survive a crash. If the iterator raises or the task is cancelled, some of what it gave
        may be kept: `arrived` says how much. Raises WrongOffset, before it asks for data, if another number of bytes
        has arrived; ObjectNotFound as `arrived` does.
        """
        ...

    async def finish(self, key: str) -> ObjectInfo:
        """Make an object of what has arrived, replacing any under that key. Readers see it whole or not at all.

        Raises ObjectNotFound as `arrived` does.
        """
        ...

    async def abort(self, key: str) -> None:
        """Drop what has arrived. No error if nothing has."""
        ...
