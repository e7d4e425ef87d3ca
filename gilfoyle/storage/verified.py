"""Copying one object and proving the copy: what is read back has the SHA-256 of what was read."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.storage.base import Storage

# A bit that flips in memory or on a wire is right the next time; on a rotten disk it is not.
_TRIES = 3
# Below that, a thread costs more than the hashing.
_SMALL_BYTES = 1 << 16


class Damaged(StorageError):
    """An object can't be copied correctly, however often that is tried."""

    retryable = False


class _Differs(Exception):
    """Why this attempt failed."""


async def copy_object(
    source: Storage, target: Storage, key: str, *, expected: str | None = None, there: bool = False
) -> int:
    """Copy one object and read the copy back; returns its size in bytes.

    `expected`: the SHA-256 (hexadecimal) that the source must have. `there`: the target has that key already; if it is
    the same object, it stays untouched. A copy that differs is removed. Raises Damaged if the source is never as
    expected or the copy never as the source, ObjectNotFound if the source has it no more, StorageError.
    """
    reason = ""
    for _ in range(_TRIES):
        try:
            if there:
                return await _compare(source, target, key, expected)
            return await _copy(source, target, key, expected)
        except _Differs as error:
            # What was there may be old: only a fresh copy that differs tells of damage.
            reason, there = str(error), False
    raise Damaged(reason)


async def _compare(source: Storage, target: Storage, key: str, expected: str | None) -> int:
    copy = asyncio.create_task(_digest_of_copy(target, key))
    try:
        size, wanted = await _digest(source, key)
    except BaseException:
        copy.cancel()
        await asyncio.gather(copy, return_exceptions=True)
        raise
    found = await copy
    _check(wanted, expected, key)
    if found != wanted:
        raise _Differs(f"The copy of {key} differs from the original.")
    return size


async def _copy(source: Storage, target: Storage, key: str, expected: str | None) -> int:
    digest = _Digest()

    async def pieces() -> AsyncIterator[bytes]:
        async with aclosing(source.stream(key)) as stream:  # type: ignore[type-var]
            async for piece in stream:
                await digest.add(piece)
                yield piece
        # Within the write, so that nothing is stored of a source that is rotten.
        _check(digest.sha256, expected, key)

    await target.write(key, pieces())
    if await _digest_of_copy(target, key) != digest.sha256:
        with suppress(ObjectNotFound):
            await target.delete(key)
        raise _Differs(f"{key} can't be stored: what is read back differs from what was written.")
    return digest.size


def _check(found: str, expected: str | None, key: str) -> None:
    if expected is not None and found != expected:
        raise _Differs(f"{key} is damaged: its SHA-256 is {found}, but was {expected} when it was received.")


async def _digest_of_copy(target: Storage, key: str) -> str:
    """The copy's SHA-256; empty if there is no copy."""
    try:
        return (await _digest(target, key))[1]
    except ObjectNotFound:
        return ""


async def _digest(storage: Storage, key: str) -> tuple[int, str]:
    digest = _Digest()
    async with aclosing(storage.stream(key)) as stream:  # type: ignore[type-var]
        async for piece in stream:
            await digest.add(piece)
    return digest.size, digest.sha256


class _Digest:
    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self.size = 0

    async def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if len(piece) < _SMALL_BYTES:
            self._sha256.update(piece)
        else:
            await asyncio.to_thread(self._sha256.update, piece)  # hashing lets go of the interpreter's lock

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()
