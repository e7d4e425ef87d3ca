"""The protocol that every storage backend keeps, and the rules for keys.

A backend stores whole, immutable-once-seen objects under keys such as `{media_id}/1/720p/00042.m4s`. It is
asynchronous, and no method blocks the event loop. Errors are translated at its edge into `StorageError` and
`ObjectNotFound`. `gilfoyle.testing.storage_contract` is the contract test that each backend passes, also one of another
package.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from gilfoyle.errors import InvalidRequest, ObjectNotFound, WrongOffset

CHUNK_BYTES = 1 << 20
"""How many bytes a streamed read yields at a time: large enough that handing them over costs nothing."""

# Of a path element: no separators, no control characters, not `.` or `..`, no longer than a file name may be.
_ELEMENT = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]{1,200}"
_KEY = re.compile(rf"{_ELEMENT}(?:/{_ELEMENT})*")


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
    """A write that has not ended: in progress, or left behind by a process that died."""

    id: str
    """Identifies it to its backend only."""
    key: str
    """The object that it would become; empty where the backend doesn't know."""
    size: int | None
    """Bytes it takes, where the backend knows."""
    modified: float
    """When it was begun or last written to, in seconds since the epoch."""


@dataclass(frozen=True)
class SentParts:
    """What there is of an object whose parts come straight to the store. Sizes in bytes."""

    part_bytes: int
    """Of each part but the last, which may be smaller."""
    sizes: Mapping[int, int]
    """Of the parts that have arrived, by their numbers (1, 2 …)."""
    modified: float
    """When the last one arrived, or it was begun: in seconds since the epoch."""


def check_key(key: str) -> str:
    """Return `key` if it is a relative path of plain elements.

    Raises InvalidRequest otherwise: an empty, absolute, escaping (`..`) or oddly spelt key never reaches a backend.
    """
    if len(key) > 900 or not _KEY.fullmatch(key):
        raise InvalidRequest(f"{key[:80]!r} is not a valid object key", code="invalid_key")
    return key


def not_begun(key: str) -> ObjectNotFound:
    """The error for an object whose growing was not begun."""
    return ObjectNotFound(f"Nothing of the object {key} has arrived, or it was dropped: send it from its beginning.")


def check_offset(key: str, offset: int, arrived: int) -> None:
    """Raise WrongOffset if data for a growing object does not begin at its end."""
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
        """Remove what is stored of an unfinished write. No error if it has ended meanwhile."""
        ...

    async def player_url(self, key: str) -> str | None:
        """A URL that a player can fetch directly, or None: then the API streams the object.

        It need not exist: a URL for a missing object answers 404 by itself.
        """
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


@runtime_checkable
class ContentAddressed(Protocol):
    """An optional capability: folders are addressed by their content (IPFS)."""

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
class Presigns(Protocol):
    """An optional capability: the storage gives an object out by itself, to whoever has an address that it made."""

    async def download_url(self, key: str, disposition: str, media_type: str) -> str | None:
        """Such an address, which answers with that Content-Disposition and that type; None: the API gives it out."""
        ...


@runtime_checkable
class HasPaths(Protocol):
    """An optional capability: objects are files, which ffmpeg can read in place."""

    async def path(self, key: str) -> Path | None:
        """Where the object lies; None: it is read by `stream`. Raises ObjectNotFound."""
        ...


@runtime_checkable
class OpensFiles(Protocol):
    """An optional capability: objects are files, which the kernel can send by itself."""

    def open_file(self, key: str) -> tuple[ObjectInfo, BinaryIO] | None:
        """What `stat` says, and the file, open to be read; the caller closes it. Raises ObjectNotFound, StorageError.

        It stays as it was when it was opened, also when the object is replaced or removed meanwhile. It is opened at
        once, not in a thread, which costs more than all the rest of sending a segment. None where that could take
        long: then use `stat` and `stream`.
        """
        ...


@runtime_checkable
class Resumable(Protocol):
    """An optional capability: an object can grow over many calls, even by several processes, one at a time.

    A growing object is known by its key and invisible before `finish`: what lies under the key stays until then.
    Meanwhile it is one of `unfinished`, with its key, its size, and when it was last appended to.
    """

    async def begin(self, key: str) -> None:
        """Begin an empty object that can grow. What had arrived for that key before is dropped."""
        ...

    async def arrived(self, key: str) -> int:
        """How many bytes have arrived. Raises ObjectNotFound if none was begun, or it has been finished or dropped."""
        ...

    async def append(self, key: str, offset: int, data: AsyncIterator[bytes]) -> int:
        """Append what the iterator yields, from byte `offset` on; returns how many bytes have arrived in all.

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


@runtime_checkable
class Concatenates(Protocol):
    """An optional capability: an object is made of others, whose bytes the store copies, or links to, by itself."""

    async def concatenate(self, key: str, parts: Sequence[str]) -> ObjectInfo:
        """Make one object of those, in their order, replacing any under that key. They stay.

        As with `write`: readers see it whole or not at all, and if the task is cancelled, nothing is left. Raises
        ObjectNotFound if one of them is not there.
        """
        ...


@runtime_checkable
class SignsParts(Resumable, Protocol):
    """An optional capability besides: whoever has a signed URL sends a part straight to the store (S3).

    What comes so grows as any object does: `arrived` counts the parts from the first on without a gap, and `finish` and
    `abort` end it.
    """

    async def begin_parts(self, key: str, size: int) -> SentParts:
        """As `begin`, for an object of `size` bytes that comes in parts. Their size follows from that of the object."""
        ...

    async def parts(self, key: str) -> SentParts:
        """What has arrived. Raises ObjectNotFound unless `begin_parts` was called, and nothing has ended it since."""
        ...

    async def part_urls(self, key: str, sizes: Mapping[int, int], seconds: int) -> list[str]:
        """A URL for each of those parts, that takes a PUT of so many bytes, and no other, for so long.

        In the order of `sizes`. Raises ObjectNotFound as `parts` does.
        """
        ...
