"""Reading content by its CID, piece by piece, past connections that break."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gilfoyle.storage.ipfs_calls import in_thread
from gilfoyle.storage.ipfs_node import Node
from gilfoyle.storage.kubo import Download
from gilfoyle.storage.kubo_errors import Passing


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
        """The next piece; raises Passing if it is worth another try."""
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
            raise Passing(f"Kubo ended the content of {self._cid} before its end, at byte {self.position}.")
        self.position += len(piece)
        return piece

    def close(self) -> None:
        if self._download is not None:
            self._download.close()
            self._download = None

    def _open(self) -> None:
        # Kept by the thread itself: who waited for it may have been cancelled.
        self._download = self._node.kubo.cat(self._cid, self.position, self._end - self.position)
