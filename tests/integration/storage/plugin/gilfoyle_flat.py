"""A storage backend for Gilfoyle: every object is a file of one flat folder, `m/1/init.mp4` as `m%1%init.mp4`."""

from __future__ import annotations

import asyncio
import builtins
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from gilfoyle.config import StorageSettings
from gilfoyle.errors import ConfigError, ObjectNotFound, StorageError
from gilfoyle.storage.base import CHUNK_BYTES, ObjectInfo, Storage, Unfinished, check_key

T = TypeVar("T")


def open_flat(settings: StorageSettings) -> Storage:
    """What the entry point names. Gets the `storage` part of the settings; `options` is the backend's own."""
    folder = settings.options.get("folder")
    if not isinstance(folder, str) or len(settings.options) > 1:
        raise ConfigError("The flat storage has one setting: name its folder in storage.options.folder.")
    return FlatStorage(Path(folder).absolute())


class FlatStorage:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    async def write(self, key: str, data: bytes | AsyncIterator[bytes]) -> ObjectInfo:
        path, temp = self._path(key), self.folder / f"~{uuid4().hex}"  # no key has a `~` in it
        try:
            with await self._do(key, lambda: temp.open("wb")) as file:
                async for piece in _pieces(data):
                    await self._do(key, file.write, piece)
                await self._do(key, file.flush)
                await self._do(key, os.fsync, file.fileno())
            temp.replace(path)  # in one go: a reader sees the old object or the whole new one
            await self._do(key, _sync_folder, self.folder)
            return await self.stat(key)
        finally:
            temp.unlink(missing_ok=True)

    async def read(self, key: str) -> bytes:
        return await self._do(key, self._path(key).read_bytes)

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        with await self._do(key, lambda: self._path(key).open("rb")) as file:
            file.seek(start)
            while end is None or start < end:
                piece = await self._do(key, file.read, CHUNK_BYTES if end is None else min(CHUNK_BYTES, end - start))
                if not piece:
                    return
                start += len(piece)
                yield piece

    async def stat(self, key: str) -> ObjectInfo:
        found = await self._do(key, self._path(key).stat)
        return ObjectInfo(key, found.st_size, f"{found.st_mtime_ns:x}-{found.st_ino:x}", found.st_mtime)

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        for key in await self._keys(check_key(prefix)):
            with suppress(ObjectNotFound):  # deleted since
                yield await self.stat(key)

    async def folders(self, prefix: str = "") -> AsyncIterator[str]:
        below = [key.removeprefix(prefix).lstrip("/") for key in await self._keys(prefix and check_key(prefix))]
        for name in sorted({key.split("/")[0] for key in below if "/" in key}):
            yield name

    async def delete(self, key: str) -> None:
        with suppress(ObjectNotFound):
            await self._do(key, self._path(key).unlink)

    async def delete_prefix(self, prefix: str) -> int:
        keys = await self._keys(check_key(prefix))
        for key in keys:
            await self.delete(key)
        return len(keys)

    async def unfinished(self) -> AsyncIterator[Unfinished]:
        for name in await self._names():
            if name.startswith("~"):
                with suppress(ObjectNotFound):  # it has ended since
                    found = await self._do(name, (self.folder / name).stat)
                    yield Unfinished(name, "", found.st_size, found.st_mtime)

    async def abandon(self, write: Unfinished) -> None:
        if write.id.startswith("~") and "/" not in write.id:
            await self._do(write.id, lambda: (self.folder / write.id).unlink(missing_ok=True))

    async def path(self, key: str) -> Path:
        await self.stat(key)
        return self._path(key)

    async def player_url(self, key: str) -> str | None:
        check_key(key)
        return None  # the API streams the object

    async def close(self) -> None:
        pass

    def _path(self, key: str) -> Path:
        return self.folder / check_key(key).replace("/", "%")

    async def _names(self) -> builtins.list[str]:
        return await self._do("", lambda: sorted(path.name for path in self.folder.iterdir()))

    async def _keys(self, prefix: str) -> builtins.list[str]:
        """Those below a folder, in order."""
        keys = sorted(name.replace("%", "/") for name in await self._names() if not name.startswith("~"))
        return [key for key in keys if key.startswith(f"{prefix}/" if prefix else "")]

    async def _do(self, key: str, call: Callable[..., T], *arguments: object) -> T:
        """Run a blocking call in a thread, never longer than the task, and turn its errors into Gilfoyle's."""
        working = asyncio.ensure_future(asyncio.to_thread(call, *arguments))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.gather(working, return_exceptions=True)  # it works on our file: let it end first
            raise
        except FileNotFoundError as error:
            raise ObjectNotFound(f"There is no object {key}") from error
        except OSError as error:
            raise StorageError(f"The object {key} can't be reached: {error.strerror}") from error


async def _pieces(data: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if isinstance(data, bytes):
        yield data
    else:
        async for piece in data:
            yield piece


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
