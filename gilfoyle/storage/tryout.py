"""A quick look whether a backend can be used from here: what `gilfoyle storage move` asks before it begins."""

from __future__ import annotations

from contextlib import suppress
from uuid import uuid4

from gilfoyle.errors import StorageError
from gilfoyle.storage.base import Storage

_TEXT = b"written by gilfoyle, to see whether it can"


async def try_out(storage: Storage) -> None:
    """Write a small object, read it back and remove it. Raises StorageError with a sentence if that is not possible."""
    folder = str(uuid4())
    key = f"{folder}/source"
    try:
        await storage.write(key, _TEXT)
        if await storage.read(key) != _TEXT:
            raise StorageError("What is read from it is not what was written to it.")
    finally:
        with suppress(StorageError):
            await storage.delete_prefix(folder)
