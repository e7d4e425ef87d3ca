"""Objects that grow in IPFS: chunks in a folder beside, which become one file by a node that links to them.

So does an object that is made of others.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.storage.base import ObjectInfo, Unfinished, check_offset, not_begun
from gilfoyle.storage.ipfs import unixfs
from gilfoyle.storage.ipfs.changes import Placement
from gilfoyle.storage.ipfs.commit import Commits
from gilfoyle.storage.ipfs.node import Entry, Node, in_thread
from gilfoyle.storage.ipfs.tree import Tree
from gilfoyle.storage.ipfs.unixfs import Piece

CHUNK_BYTES = 64 << 20
CHUNK_S = 60.0
"""A chunk ends with what arrived within so long: what is on its way to Kubo is lost if this process dies (seconds)."""
ID = "growing/"
"""How the ids of unfinished writes begin that grow. Those of others have no slash."""

_CHUNK = re.compile(r"(?P<offset>[0-9]{20})-(?P<time>[0-9]+)")
_TRIES = 3
# Kubo's calls take milliseconds; more at once would wait for each other.
_AT_ONCE = 8


@dataclass(frozen=True)
class _Chunk:
    name: str
    offset: int
    time: int
    """When it was begun, in seconds since the epoch. MFS keeps no times."""
    entry: Entry


class Growing:
    """All that grows. A chunk is named after the offset at which it begins, and the time."""

    def __init__(
        self,
        node: Node,
        commits: Commits,
        tree: Tree,
        write: Callable[[Tree, str, bytes | AsyncIterator[bytes]], Awaitable[ObjectInfo]],
        remove: Callable[[Tree, str], Awaitable[None]],
    ) -> None:
        """`tree` is that of the objects; `write` stores one in a tree, `remove` takes a folder out of one."""
        self._node, self._commits, self._tree = node, commits, tree
        self._beside = tree.beside("growing")
        self._write, self._remove = write, remove

    async def begin(self, key: str) -> None:
        """See Resumable.begin. An empty chunk says that it was begun, and when."""
        await self.abort(key)
        await self._write(self._beside, _chunk_key(key, 0), b"")

    async def arrived(self, key: str) -> int:
        """See Resumable.arrived."""
        return sum(chunk.entry.size for chunk in _chain(await self._chunks(key)))

    async def append(self, key: str, offset: int, data: AsyncIterator[bytes]) -> int:
        """See Resumable.append. If it breaks off, the chunk is lost that was on its way."""
        check_offset(key, offset, await self.arrived(key))
        cutter = _Cutter(data)
        while await cutter.more():
            stored = await self._write(self._beside, _chunk_key(key, offset), cutter.chunk())
            offset += stored.size
        return offset

    async def finish(self, key: str) -> ObjectInfo:
        """See Resumable.finish. The blocks stay where they are: the node that joins them is all that is written."""
        info = await self._join(key, [chunk.entry for chunk in _chain(await self._chunks(key))])
        await self.abort(key)
        return info

    async def concatenate(self, key: str, parts: Sequence[str]) -> ObjectInfo:
        """See Concatenates.concatenate. The parts' blocks are those of the whole: only what links to them is new."""
        return await self._join(key, [await self._node.stat(self._tree.path(part)) for part in parts])

    async def abort(self, key: str) -> None:
        """See Resumable.abort."""
        await self._remove(self._beside, _folder(key))

    async def unfinished(self) -> AsyncIterator[Unfinished]:
        """All that grows; it is as old as its last chunk."""
        for name in await self._node.names(self._beside.folder):
            key = name.replace(",", "/")
            try:
                chunks = await self._chunks(key)
            except ObjectNotFound:  # it has ended meanwhile
                continue
            size = sum(chunk.entry.size for chunk in _chain(chunks))
            yield Unfinished(ID + name, key, size, max((chunk.time for chunk in chunks), default=0))

    async def _chunks(self, key: str) -> list[_Chunk]:
        """In the order of their offsets, of one offset the newest last. Raises ObjectNotFound."""
        folder = await self._node.find(self._beside.path(_folder(key)))
        if folder is None:
            raise not_begun(key)
        found = []
        for name, entry in await self._node.entries(folder.cid):
            if match := _CHUNK.fullmatch(name):
                found.append(_Chunk(name, int(match["offset"]), int(match["time"]), entry))
        return sorted(found, key=lambda chunk: (chunk.offset, chunk.time))

    async def _join(self, key: str, entries: Sequence[Entry]) -> ObjectInfo:
        """Give the object its place. Until then garbage collection may take the joining nodes: then once more."""
        pieces = await self._pieces([entry for entry in entries if entry.size])
        if not pieces:
            return await self._write(self._tree, key, b"")
        size = sum(piece.size for piece in pieces)
        for attempt in range(_TRIES):
            cid = await self._joined(pieces)
            try:
                await self._commits.commit(Placement(self._node, self._tree, key, cid, self._tree.stage()))
            except ObjectNotFound:
                if attempt == _TRIES - 1:
                    raise
            else:
                break
        found = await self._node.stat(self._tree.path(key))
        if found.size != size:
            raise StorageError(f"Kubo joined {found.size} bytes to the object {key}, not the {size} that arrived.")
        return ObjectInfo(key, size, found.cid, 0)

    async def _pieces(self, entries: Sequence[Entry]) -> list[Piece]:
        limit = asyncio.Semaphore(_AT_ONCE)

        async def piece(entry: Entry) -> Piece:
            async with limit:
                stored = await self._node.stored_bytes(entry.cid)
            return Piece(entry.cid, entry.size, stored)

        return list(await asyncio.gather(*map(piece, entries)))

    async def _joined(self, pieces: list[Piece]) -> str:
        """The CID of all in one."""
        while len(pieces) > 1:
            pieces = [await self._put(group) for group in unixfs.groups(pieces)]
        return pieces[0].cid

    async def _put(self, group: Sequence[Piece]) -> Piece:
        if len(group) == 1:
            return group[0]
        block = unixfs.node(group)

        async def once() -> str:
            return await in_thread(self._node.transfers, self._node.kubo.put_block, block)

        cid = await self._node.patiently(once)
        return Piece(cid, sum(piece.size for piece in group), len(block) + sum(piece.stored for piece in group))


def _folder(key: str) -> str:
    """Its name beside. A key has no comma."""
    return key.replace("/", ",")


def _chunk_key(key: str, offset: int) -> str:
    return f"{_folder(key)}/{offset:020d}-{int(time.time())}"


def _chain(chunks: list[_Chunk]) -> list[_Chunk]:
    """Those that follow each other from the beginning on; of several at one offset the newest that has content."""
    latest = {chunk.offset: chunk for chunk in chunks if chunk.entry.size}
    chain, position = list[_Chunk](), 0
    while position in latest:
        chain.append(latest[position])
        position += latest[position].entry.size
    return chain


class _Cutter:
    """Cuts what an iterator gives into chunks."""

    def __init__(self, data: AsyncIterator[bytes]) -> None:
        self._data = aiter(data)
        self._rest = b""

    async def more(self) -> bool:
        """Whether another chunk follows. Waits for its first bytes."""
        while not self._rest:
            piece = await anext(self._data, None)
            if piece is None:
                return False
            self._rest = piece
        return True

    async def chunk(self) -> AsyncIterator[bytes]:
        """The next chunk."""
        left, begun = CHUNK_BYTES, time.monotonic()
        while left and time.monotonic() - begun < CHUNK_S and await self.more():
            piece, self._rest = self._rest[:left], self._rest[left:]
            left -= len(piece)
            yield piece
