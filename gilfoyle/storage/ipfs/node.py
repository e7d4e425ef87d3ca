"""What the IPFS backend asks of a node, as coroutines: each repeats what may pass, and can be made twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from gilfoyle.config import IpfsSettings
from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.storage.ipfs.kubo import Answer, Kubo, TransientError
from gilfoyle.storage.patience import Patience
from gilfoyle.tasks import finished

FIRST_PAUSE_S = 0.05

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(pool: ThreadPoolExecutor, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in a thread of `pool`. A cancelled task waits for it: what it does is then done or not."""
    future = asyncio.get_running_loop().run_in_executor(pool, lambda: call(*args, **kwargs))
    return await finished(future)


async def patiently(call: Callable[[], Awaitable[T]], patience_s: float) -> T:
    """Repeat a call, with growing pauses, until `patience_s` after it first failed. Then its last error is raised."""
    patience = Patience(patience_s, FIRST_PAUSE_S)
    while True:
        try:
            return await call()
        except TransientError:
            pause = patience.pause()
            if pause is None:
                raise
        await asyncio.sleep(pause)


# Leaves are raw bytes and CIDs are of version 1, in base32: what today's tools make, and what subdomains can hold.
FORMAT = {"cid_version": "1", "raw_leaves": "true"}


@dataclass(frozen=True)
class Entry:
    """A file or folder. `size` in bytes, 0 of a folder."""

    cid: str
    size: int
    folder: bool


class Node:
    """One Kubo node."""

    def __init__(self, settings: IpfsSettings) -> None:
        self.kubo = Kubo(settings.api, settings.timeout_s)
        self._patience_s = settings.patience_s
        # Short calls have threads of their own: those of slow uploads and downloads must not keep them waiting.
        self._calls = ThreadPoolExecutor(settings.connections, thread_name_prefix="kubo-call")
        self.transfers = ThreadPoolExecutor(settings.connections, thread_name_prefix="kubo-transfer")

    async def call(self, command: str, *arguments: str, **options: str) -> list[Answer]:
        """Run a command that can be made twice. Raises ObjectNotFound, StorageError."""
        return await self.patiently(lambda: self.call_once(command, *arguments, **options))

    async def call_once(self, command: str, *arguments: str, **options: str) -> list[Answer]:
        """Run a command, without patience."""
        return await in_thread(self._calls, self.kubo.call, command, *arguments, **options)

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        return await patiently(call, self._patience_s)

    async def stat(self, path: str) -> Entry:
        """What lies at a path of the MFS. Raises ObjectNotFound."""
        (found,) = await self.call("files/stat", path)
        return Entry(found["Hash"], int(found["Size"]), found["Type"] == "directory")

    async def stored_bytes(self, cid: str) -> int:
        """How many bytes all blocks of a file have. Raises ObjectNotFound."""
        (found,) = await self.call("files/stat", f"/ipfs/{cid}")
        return int(found["CumulativeSize"])

    async def find(self, path: str) -> Entry | None:
        try:
            return await self.stat(path)
        except ObjectNotFound:
            return None

    async def names(self, path: str) -> list[str]:
        """What a folder of the MFS holds; nothing if there is none."""
        try:
            (found,) = await self.call("files/ls", path)
        except ObjectNotFound:
            return []
        return [entry["Name"] for entry in found["Entries"] or ()]

    async def entries(self, cid: str, sizes: bool = True) -> list[tuple[str, Entry]]:
        """Name and entry of all in a folder, by its CID: consistent, and without reading the files' blocks."""
        (found,) = await self.call("ls", f"/ipfs/{cid}", size="true" if sizes else "false", offline="true")
        (folder,) = found["Objects"]
        return [(link["Name"], Entry(link["Hash"], link["Size"], link["Type"] == 1)) for link in folder["Links"] or ()]

    async def make_folder(self, path: str) -> None:
        """Make a folder and those above it, where they are missing. Raises StorageError if a file is in the way."""

        async def once() -> None:
            try:
                await self.call_once("files/mkdir", path, parents="true", flush="false", cid_version="1")
            except TransientError:
                # "already exists": said of a file, but also if another call made one of the folders at this moment.
                if (found := await self.find(path)) is None or found.folder:
                    raise
                raise ObjectNotFound(path) from None

        try:
            await self.patiently(once)
        except ObjectNotFound as error:
            raise StorageError(f"The folder {path} can't be made: a file is where a folder should be.") from error

    async def move(self, source: str, target: str) -> None:
        """Raises ObjectNotFound if the source or the target's folder doesn't exist, or it was moved already."""
        await self.call("files/mv", source, target, flush="false")

    async def put(self, cid: str, target: str) -> None:
        """Give content that the node has a path, making folders. What it replaces is gone for a moment before."""
        await self.call(
            "files/cp", f"/ipfs/{cid}", target, parents="true", force="true", flush="false", cid_version="1"
        )

    async def remove(self, path: str) -> None:
        """Remove a file or folder. No error if there is none."""
        await self.call("files/rm", path, force="true")

    async def flush(self) -> str:
        """Make all changes durable; returns the CID of the MFS's root."""
        return await self.patiently(self.flush_once)

    async def flush_once(self) -> str:
        """`flush`, without patience."""
        (found,) = await self.call_once("files/flush", "/")
        return str(found["Cid"])

    async def close(self) -> None:
        for pool in (self._calls, self.transfers):
            pool.shutdown(wait=False)
        self.kubo.close()
