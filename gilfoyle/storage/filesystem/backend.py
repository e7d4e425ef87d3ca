"""Objects as files below one folder that API and workers share (a disk, NFS, CephFS): the default."""

from __future__ import annotations

import asyncio
import builtins
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar
from uuid import uuid4

from gilfoyle.errors import InvalidRequest, Locked, ObjectNotFound, StorageError
from gilfoyle.storage.base import CHUNK_BYTES, ObjectInfo, Unfinished, check_key, check_offset, not_begun
from gilfoyle.storage.filesystem.files import GrowingFile, Reader, TempFile, explain, has_link, is_remote, remove_tree
from gilfoyle.tasks import finished, settle

TEMP_FOLDER = ".tmp"

# What follows the key, its slashes as commas, in the name of what grows.
_GROWING = ",growing"

T = TypeVar("T")


class FilesystemStorage:
    """The `Storage`, `OpensFiles`, `Resumable` and `Concatenates` protocols on a folder.

    A write goes to `{root}/.tmp/`, is synced to the disk and renamed into place, so a reader sees the
    old object or the whole new one, and a power cut leaves no half of one. All file calls run in the
    storage's own threads.
    """

    def __init__(self, root: Path, threads: int = 16) -> None:
        """Create the folder if it is missing. Raises StorageError when that is not possible."""
        self._root = Path(os.path.abspath(root))  # noqa: PTH100  (symlinks of the root itself are followed later)
        self._temp = self._root / TEMP_FOLDER
        self._remote = is_remote(self._root)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="storage")
        try:
            self._temp.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"The storage folder {self._root} can't be made: {explain(error)}") from error

    async def write(self, key: str, data: bytes | AsyncIterator[bytes]) -> ObjectInfo:
        """See Storage.write. A full disk or a missing permission raises StorageError."""
        check_key(key)
        temp = TempFile(self._temp / uuid4().hex)
        try:
            if isinstance(data, bytes):
                await self._do(key, temp.hold, data)
            else:
                await self._do(key, temp.open)
                await self._append(key, temp, data)
                await self._do(key, temp.sync)
            return await self._do(key, lambda: self._info(key, temp.move_to(self._path(key), self._root)))
        finally:
            await self._run(temp.discard)

    async def concatenate(self, key: str, parts: Sequence[str]) -> ObjectInfo:
        """See Concatenates.concatenate. The kernel copies; XFS and Btrfs only note where the bytes lie."""
        check_key(key)
        temp = TempFile(self._temp / uuid4().hex)
        try:
            await self._do(key, temp.open)
            for part in parts:
                position = 0
                while copied := await self._find(part, partial(temp.copy, position)):
                    position += copied
            await self._do(key, temp.sync)
            return await self._do(key, lambda: self._info(key, temp.move_to(self._path(key), self._root)))
        finally:
            await self._run(temp.discard)

    async def read(self, key: str) -> bytes:
        return await self._find(key, lambda path: path.read_bytes())

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """See Storage.stream. A piece is read while the one before it is used."""
        reader = Reader(start, end)
        coming: asyncio.Future[bytes] | None = None
        try:
            piece = await self._find(key, reader.open)
            while reader.more:
                coming = self._begin(reader.next)
                yield piece
                piece = await self._done(key, coming)
            if piece:
                yield piece
        finally:
            if coming is not None:
                await settle(coming)
            reader.close()

    def open_file(self, key: str) -> tuple[ObjectInfo, BinaryIO] | None:
        """See OpensFiles.open_file. None for a folder on a network."""
        if self._remote:
            return None

        def opened(path: Path) -> tuple[ObjectInfo, BinaryIO]:
            file = path.open("rb", buffering=0)
            try:
                return self._info(key, os.fstat(file.fileno())), file
            except BaseException:
                file.close()
                raise

        check_key(key)
        with self._explained(key):
            return self._on_object(key, opened)

    async def stat(self, key: str) -> ObjectInfo:
        return await self._find(key, lambda path: self._info(key, path.stat()))

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """See Storage.list. A folder is read at once: a rendition of 10 h has 9,000 segments."""
        check_key(prefix)
        waiting: builtins.list[str | ObjectInfo] = [prefix]
        while waiting:
            item = waiting.pop()
            if isinstance(item, ObjectInfo):
                yield item
            else:
                waiting.extend(reversed(await self._do(prefix, self._inside, item)))

    async def folders(self, prefix: str = "") -> AsyncIterator[str]:
        if prefix:
            check_key(prefix)
        for name in await self._do(prefix, self._names, prefix):
            if name.endswith("/") and name != f"{TEMP_FOLDER}/":
                yield name[:-1]

    async def delete(self, key: str) -> None:
        with suppress(ObjectNotFound):
            await self._find(key, lambda path: path.unlink())

    async def delete_prefix(self, prefix: str) -> int:
        """See Storage.delete_prefix. The folders go as well."""
        check_key(prefix)
        return await self._do(prefix, lambda: remove_tree(self._path(prefix)))

    async def unfinished(self) -> AsyncIterator[Unfinished]:
        """Files in the temporary folder: of writes in progress or that grow, and of processes that died."""

        def found() -> builtins.list[Unfinished]:
            files = []
            for path in sorted(self._temp.iterdir()) if self._temp.is_dir() else ():
                with suppress(FileNotFoundError):  # it has ended since the folder was read
                    state = path.lstat()
                    files.append(Unfinished(path.name, _key(path.name), state.st_size, state.st_mtime))
            return files

        for write in await self._do(TEMP_FOLDER, found):
            yield write

    async def abandon(self, write: Unfinished) -> None:
        if "/" not in write.id and write.id not in ("", ".", ".."):
            await self._do(TEMP_FOLDER, lambda: (self._temp / write.id).unlink(missing_ok=True))

    async def begin(self, key: str) -> None:
        """See Resumable.begin."""
        async with self._growing(key, GrowingFile.open_empty):
            return

    async def arrived(self, key: str) -> int:
        """See Resumable.arrived."""
        path = self._growing_path(key)

        def size() -> int:
            try:
                return path.stat().st_size
            except FileNotFoundError as error:
                raise not_begun(key) from error

        return await self._do(key, size)

    async def append(self, key: str, offset: int, data: AsyncIterator[bytes]) -> int:
        """See Resumable.append. Raises Locked while another writer has the file open."""
        async with self._growing(key) as file:
            check_offset(key, offset, await self._do(key, file.size))
            await self._append(key, file, data)
            await self._do(key, file.sync)
            return await self._do(key, file.size)

    async def finish(self, key: str) -> ObjectInfo:
        """See Resumable.finish. Raises Locked while another writer has the file open."""
        async with self._growing(key) as file:
            await self._do(key, file.sync)
            return await self._do(key, lambda: self._info(key, file.move_to(self._path(key), self._root)))

    async def abort(self, key: str) -> None:
        """See Resumable.abort."""
        path = self._growing_path(key)
        await self._do(key, lambda: path.unlink(missing_ok=True))

    async def path(self, key: str) -> Path:
        """See HasPaths.path. It is absolute."""
        await self.stat(key)
        return self._path(key)

    async def player_url(self, key: str) -> str | None:
        """None: the API streams files."""
        check_key(key)
        return None

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown)

    @asynccontextmanager
    async def _growing(
        self, key: str, open_file: Callable[[GrowingFile], None] = GrowingFile.open
    ) -> AsyncIterator[GrowingFile]:
        """What has arrived of an object, open. Raises ObjectNotFound, Locked."""
        file = GrowingFile(self._growing_path(key))

        def opened() -> None:
            self._path(key)  # refuses what could not be moved there
            try:
                open_file(file)
            except FileNotFoundError as error:
                raise not_begun(key) from error
            except BlockingIOError as error:
                raise Locked(f"Another upload still writes the object {key}: try again in a minute.") from error

        try:
            await self._do(key, opened)
            yield file
        finally:
            await self._run(file.close)

    def _growing_path(self, key: str) -> Path:
        """Where that grows which is to become an object. A key has no comma."""
        check_key(key)
        return self._temp / f"{key.replace('/', ',')}{_GROWING}"

    def _path(self, key: str) -> Path:
        """Where a (valid) key lies. Raises InvalidRequest if a symbolic link leads out of the root."""
        if key.split("/", 1)[0] == TEMP_FOLDER:
            raise InvalidRequest(f"{key[:80]!r} is not a valid object key", code="invalid_key")
        path = self._root / key
        if has_link(self._root, key) and not path.resolve().is_relative_to(self._root.resolve()):
            raise InvalidRequest(f"{key[:80]!r} leads out of the storage folder", code="invalid_key")
        return path

    def _names(self, key: str) -> builtins.list[str]:
        """The names in a folder, subfolders with a slash, so that their order is that of the keys."""

        def entries() -> Iterator[str]:
            with os.scandir(self._path(key) if key else self._root) as found:
                for entry in found:
                    if entry.is_dir(follow_symlinks=False):
                        yield f"{entry.name}/"
                    elif entry.is_file(follow_symlinks=False):
                        yield entry.name

        try:
            return sorted(entries())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _inside(self, folder: str) -> builtins.list[str | ObjectInfo]:
        """What a folder holds: the keys of its subfolders, and its objects; in the order of the keys."""
        path, found = self._path(folder), list[str | ObjectInfo]()
        for name in self._names(folder):
            key = f"{folder}/{name}"
            if name.endswith("/"):
                found.append(key[:-1])
                continue
            with suppress(FileNotFoundError):  # deleted since the folder was read
                found.append(self._info(check_key(key), (path / name).lstat()))
        return found

    def _info(self, key: str, found: os.stat_result) -> ObjectInfo:
        if not stat.S_ISREG(found.st_mode):
            raise IsADirectoryError(key)
        etag = f"{found.st_size:x}-{found.st_mtime_ns:x}-{found.st_ino:x}"
        return ObjectInfo(key, found.st_size, etag, found.st_mtime)

    async def _find(self, key: str, call: Callable[[Path], T]) -> T:
        """Run `call` on an object that should exist; raises ObjectNotFound if it doesn't."""
        check_key(key)
        return await self._do(key, self._on_object, key, call)

    def _on_object(self, key: str, call: Callable[[Path], T]) -> T:
        try:
            return call(self._path(key))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            if not self._root.is_dir():
                raise StorageError(f"The storage folder {self._root} is gone: mount it again.") from error
            raise ObjectNotFound(f"There is no object {key}") from error

    async def _append(self, key: str, temp: TempFile, data: AsyncIterator[bytes]) -> None:
        """Write all of it; a piece is written while the next one comes."""
        writing: asyncio.Future[None] | None = None
        try:
            async for pieces in _gathered(data):
                if writing is not None:
                    await self._done(key, writing)
                writing = self._begin(temp.append, *pieces)
            if writing is not None:
                await self._done(key, writing)
        finally:
            if writing is not None:
                await settle(writing)

    async def _do(self, key: str, call: Callable[..., T], *args: object) -> T:
        return await self._done(key, self._begin(call, *args))

    async def _run(self, call: Callable[..., T], *args: object) -> T:
        return await finished(self._begin(call, *args))

    def _begin(self, call: Callable[..., T], *args: object) -> asyncio.Future[T]:
        """Run a blocking call in a thread."""
        return asyncio.get_running_loop().run_in_executor(self._pool, call, *args)

    async def _done(self, key: str, call: asyncio.Future[T]) -> T:
        """What a call that has begun returns. Raises StorageError."""
        with self._explained(key):
            return await finished(call)

    @contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        """Raises StorageError for what the system says of a file."""
        try:
            yield
        except OSError as error:
            raise StorageError(f"The object {key} can't be reached: {explain(error)}") from error


def _key(name: str) -> str:
    """The key of what grows under a name in the temporary folder; empty for what is written at once."""
    return name.removesuffix(_GROWING).replace(",", "/") if name.endswith(_GROWING) else ""


async def _gathered(data: AsyncIterator[bytes]) -> AsyncIterator[builtins.list[bytes]]:
    """The data in lists of about CHUNK_BYTES: a file call costs more than what a socket delivers at once is worth.

    They are not joined: copying them is a good part of what an upload costs.
    """
    waiting, size = builtins.list[bytes](), 0
    async for piece in data:
        waiting.append(piece)
        size += len(piece)
        if size >= CHUNK_BYTES:
            yield waiting
            waiting, size = [], 0
    if waiting:
        yield waiting
