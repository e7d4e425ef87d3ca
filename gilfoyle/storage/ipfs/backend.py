"""Objects in IPFS: a Kubo node keeps them, and each media's tree is a folder whose CID is its name in the network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from gilfoyle.config import IpfsSettings
from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.storage.base import ObjectInfo, Unfinished, check_key
from gilfoyle.storage.ipfs.body import Body
from gilfoyle.storage.ipfs.changes import Placement, Removal
from gilfoyle.storage.ipfs.commit import Commits
from gilfoyle.storage.ipfs.growing import ID, Growing
from gilfoyle.storage.ipfs.kubo import Download, TransientError
from gilfoyle.storage.ipfs.node import FORMAT, Entry, Node, in_thread
from gilfoyle.storage.ipfs.tree import Tree
from gilfoyle.tasks import finished

CHUNKER = "size-1048576"
"""How Kubo cuts objects into blocks: 1 MiB, as its own `unixfs-v1-2025` profile does."""


class IpfsStorage:
    """The `Storage`, `Resumable` and `ContentAddressed` protocols on the MFS of a Kubo node.

    `{folder}/{key}` of the MFS is the object. What is replaced or deleted, and what a broken upload leaves, are blocks
    without a name: Kubo's garbage collection takes them. Content is shared: two equal objects are the same blocks.
    A reader may see an object a moment before its write returns, and a node that is killed then forgets it until the
    write has been repeated.
    """

    def __init__(self, settings: IpfsSettings) -> None:
        """Nothing is connected yet. Raises ConfigError if `api` is no address."""
        self._public_gateway = settings.public_gateway
        self._tree = Tree(settings.folder)
        self._node = Node(settings)
        self._commits = Commits(self._node.flush, self._node.flush_once)
        self._growing = Growing(self._node, self._commits, self._tree, self._write, self._remove_folder)
        self._ready = False

    async def write(self, key: str, data: bytes | AsyncIterator[bytes]) -> ObjectInfo:
        """See Storage.write. Bytes are sent again when the node was away for a while; a stream can't be."""
        return await self._write(self._tree, check_key(key), data)

    async def _write(self, tree: Tree, key: str, data: bytes | AsyncIterator[bytes]) -> ObjectInfo:
        name = self._tree.stage()
        if not self._ready:
            await self._node.make_folder(self._tree.staging)
            self._ready = True
        cid, size = await (self._add(name, data) if isinstance(data, bytes) else self._add_stream(name, data))
        placement = Placement(self._node, tree, key, cid, name)
        try:
            await self._commits.commit(placement)
        finally:
            if not placement.used_up:
                await self._discard(placement.staged)
        return ObjectInfo(key, size, cid, 0)

    async def read(self, key: str) -> bytes:
        return b"".join([piece async for piece in self.stream(key)])

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """See Storage.stream. It is the object as it was at the first piece, also when it is replaced meanwhile."""
        entry = await self._find(key)
        async for piece in stream(
            self._node, entry.cid, start, min(entry.size, end if end is not None else entry.size)
        ):
            yield piece

    async def stat(self, key: str) -> ObjectInfo:
        """See Storage.stat. The etag is the CID; when it was written is not known."""
        entry = await self._find(key)
        return ObjectInfo(key, entry.size, entry.cid, 0)

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """See Storage.list. It is the folder as it was at the beginning."""
        check_key(prefix)
        found = await self._node.find(self._tree.path(prefix))
        waiting = [(prefix, found)] if found is not None and found.folder else []
        while waiting:
            key, entry = waiting.pop()
            if not entry.folder:
                yield ObjectInfo(key, entry.size, entry.cid, 0)
                continue
            inside = await self._node.entries(entry.cid)
            # Folders with their slash, so that the order is that of the keys.
            inside.sort(key=lambda each: f"{each[0]}/" if each[1].folder else each[0], reverse=True)
            waiting.extend((f"{key}/{name}", below) for name, below in inside)

    async def folders(self, prefix: str = "") -> AsyncIterator[str]:
        if prefix:
            check_key(prefix)
        found = await self._node.find(self._tree.path(prefix))
        if found is not None and found.folder:
            for name in sorted(
                name for name, entry in await self._node.entries(found.cid, sizes=False) if entry.folder
            ):
                yield name

    async def delete(self, key: str) -> None:
        check_key(key)
        await self._remove(self._tree, key, folder=False)

    async def delete_prefix(self, prefix: str) -> int:
        """See Storage.delete_prefix. The folders go as well."""
        count = 0
        async for _object in self.list(prefix):
            count += 1
        await self._remove_folder(self._tree, prefix)
        return count

    async def unfinished(self) -> AsyncIterator[Unfinished]:
        """Objects that were sent, or taken away, by a process that died before it could give them a place or drop them.

        And what grows, and uploads that a process broke off by dying.
        """
        async for write in self._growing.unfinished():
            yield write
        for name in await self._node.names(self._tree.staging):
            found = await self._node.find(self._tree.staged(name))
            if found is not None:
                yield self._tree.unfinished(name, found.size)

    async def abandon(self, write: Unfinished) -> None:
        if write.id.startswith(ID):
            await self._growing.abort(write.key)
        elif write.id and "/" not in write.id and write.id not in (".", ".."):
            await self._node.remove(self._tree.staged(write.id))

    async def begin(self, key: str) -> None:
        """See Resumable.begin."""
        await self._growing.begin(check_key(key))

    async def arrived(self, key: str) -> int:
        """See Resumable.arrived."""
        return await self._growing.arrived(check_key(key))

    async def append(self, key: str, offset: int, data: AsyncIterator[bytes]) -> int:
        """See Resumable.append."""
        return await self._growing.append(check_key(key), offset, data)

    async def finish(self, key: str) -> ObjectInfo:
        """See Resumable.finish."""
        return await self._growing.finish(check_key(key))

    async def abort(self, key: str) -> None:
        """See Resumable.abort."""
        await self._growing.abort(check_key(key))

    async def concatenate(self, key: str, parts: Sequence[str]) -> ObjectInfo:
        """See Concatenates.concatenate."""
        return await self._growing.concatenate(check_key(key), [check_key(part) for part in parts])

    async def player_url(self, key: str) -> str | None:
        """The object at the public gateway, by its CID; None if there is no such gateway or object."""
        check_key(key)
        if not self._public_gateway:
            return None
        with suppress(ObjectNotFound):
            return f"{self._public_gateway}/ipfs/{(await self._find(key)).cid}"
        return None

    async def cid(self, prefix: str) -> str:
        """See ContentAddressed.cid."""
        check_key(prefix)
        entry = await self._node.stat(self._tree.path(prefix))
        if not entry.folder:
            raise ObjectNotFound(f"There is no folder {prefix}")
        return entry.cid

    async def pin(self, cid: str, name: str) -> None:
        """See ContentAddressed.pin. Raises ObjectNotFound if the node doesn't hold all of it."""
        # With progress, the node says something each second, however long it takes. An error after that is in an HTTP
        # trailer, which requests doesn't show: what shows is that the last word is missing.
        said = await self._node.call("pin/add", cid, recursive="true", name=name, progress="true", offline="true")
        if not any("Pins" in answer for answer in said):
            raise ObjectNotFound(f"Kubo could not pin all of {cid}: it lacks some of the content.")

    async def unpin(self, cid: str) -> None:
        try:
            await self._node.call("pin/rm", cid, recursive="true", offline="true")
        except ObjectNotFound:
            return

    async def close(self) -> None:
        await self._commits.close()
        await self._node.close()

    async def _add(self, name: str, data: bytes) -> tuple[str, int]:
        async def once() -> str:
            return await in_thread(self._node.transfers, self._node.kubo.add, [data], **self._options(name))

        return await self._node.patiently(once), len(data)

    async def _add_stream(self, name: str, data: AsyncIterator[bytes]) -> tuple[str, int]:
        body = Body()
        sending = asyncio.ensure_future(
            in_thread(self._node.transfers, self._node.kubo.add, body, **self._options(name)),
        )
        sending.add_done_callback(lambda _: body.unwanted())
        try:
            await body.feed(data)
            return await finished(sending), body.size
        except BaseException:
            body.abort()
            with suppress(Exception):
                await finished(sending)
            await self._discard(name)
            raise

    def _options(self, name: str) -> dict[str, str]:
        """Of `add`. `to_files` names it in the MFS before garbage collection can see it without a name."""
        options = {"chunker": CHUNKER, "pin": "false", "to_files": self._tree.staged(name)}
        return {**FORMAT, **options, "fast_provide_root": "false"}

    async def _find(self, key: str) -> Entry:
        """The object, also while it is replaced. Raises ObjectNotFound."""
        check_key(key)
        for _attempt in range(3):
            found = await self._node.find(self._tree.path(key))
            if found is not None:
                break
            # Taken away for a moment? Then its replacement is staged, or by now in its place.
            names = [name for name in await self._node.names(self._tree.staging) if self._tree.replaces(name, key)]
            if not names:
                found = await self._node.find(self._tree.path(key))
                break
            found = await self._node.find(self._tree.staged(names[-1]))
            if found is not None:
                break
        if found is None or found.folder:
            raise ObjectNotFound(f"There is no object {key}")
        return found

    async def _remove_folder(self, tree: Tree, prefix: str) -> None:
        await self._remove(tree, prefix, folder=True)

    async def _remove(self, tree: Tree, key: str, *, folder: bool) -> None:
        removal = Removal(self._node, tree, key, folder=folder)
        await self._commits.commit(removal)
        await self._discard(removal.staged)

    async def _discard(self, name: str) -> None:
        """Remove what is staged, if anything. What stays, because the node is away, is found by `unfinished`."""
        with suppress(StorageError):
            await self._node.call_once("files/rm", self._tree.staged(name), force="true")


async def stream(node: Node, cid: str, start: int, end: int) -> AsyncIterator[bytes]:
    """Bytes `[start, end)` in pieces of at most CHUNK_BYTES. Goes on where it stopped when the connection breaks.

    Raises ObjectNotFound if the node lacks a block, StorageError if it stays away.
    """
    reader = _Reader(node, cid, start, end)
    try:
        while reader.position < end:
            yield await node.patiently(reader.next)
    finally:
        reader.close()


class _Reader:
    def __init__(self, node: Node, cid: str, start: int, end: int) -> None:
        self._node, self._cid, self._end = node, cid, end
        self.position = start
        self._download: Download | None = None

    async def next(self) -> bytes:
        """The next piece; raises TransientError if it is worth another try."""
        try:
            if self._download is None:
                await in_thread(self._node.transfers, self._open)
            assert self._download is not None
            piece = await in_thread(self._node.transfers, self._download.read)
        except BaseException:
            self.close()
            raise
        if not piece:
            self.close()
            raise TransientError(f"Kubo ended the content of {self._cid} before its end, at byte {self.position}.")
        self.position += len(piece)
        return piece

    def close(self) -> None:
        if self._download is not None:
            self._download.close()
            self._download = None

    def _open(self) -> None:
        # Kept by the thread itself: who waited for it may have been cancelled.
        self._download = self._node.kubo.cat(self._cid, self.position, self._end - self.position)
