"""The steps that store, read, list and remove objects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from gilfoyle.errors import GilfoyleError, ObjectNotFound, StorageError
from gilfoyle.storage.base import CHUNK_BYTES
from gilfoyle.storage.check.advice import source_setting
from gilfoyle.storage.check.results import Fault, Warn
from gilfoyle.storage.check.settings import quick
from gilfoyle.storage.check.trial import Trial
from gilfoyle.storage.storages import open_storage

_APPEARS_S = 1.0
"""How long the large write waits to be seen among the unfinished ones."""
_LIFECYCLE = (
    "What a process that died leaves of an upload can't be swept, and may be paid for: set a lifecycle rule on the"
    " bucket that aborts incomplete multipart uploads after a few days."
)


async def open_backend(trial: Trial) -> str:
    """Open the backend and ask it for a folder: are the settings complete, the credentials right?"""
    trial.opened = await asyncio.to_thread(open_storage, quick(trial.settings), trial.driver)
    try:
        async for found in trial.storage.list(trial.folder):
            raise Fault(f"A folder that nothing was written to holds {found.key}: the listing can't be trusted.")
    except ObjectNotFound as error:
        # A folder that isn't there is an empty one. Who says "not found" is somebody else, such as a proxy.
        raise Fault(f"What answers does not seem to be the storage: check {source_setting(trial)}.") from error
    return ""


async def write_small(trial: Trial) -> str:
    """Write a small object."""
    trial.stored = True
    trial.written = await trial.storage.write(trial.playlist, trial.old)
    return f"{trial.written.size} bytes"


async def read_small(trial: Trial) -> str:
    """Read it."""
    _compare(await trial.storage.read(trial.playlist), trial.old, "The object that was written")
    return ""


async def overwrite(trial: Trial) -> str:
    """Write another in its place: the new one is what a reader sees then."""
    before, trial.written = trial.written, await trial.storage.write(trial.playlist, trial.new)
    _compare(await trial.storage.read(trial.playlist), trial.new, "The object that was overwritten")
    if before is not None and before.etag == trial.written.etag:
        raise Fault(f"The etag did not change with the content ({before.etag}): caches would keep the old object.")
    return ""


async def stat(trial: Trial) -> str:
    """What is known of the object is what its write said."""
    assert trial.written is not None
    found = await trial.storage.stat(trial.playlist)
    for name, there, expected in (
        ("size", found.size, trial.written.size),
        ("etag", found.etag, trial.written.etag),
    ):
        if there != expected:
            raise Fault(f"The object's {name} is {there}; when it was written, it was {expected}.")
    if found.modified:
        trial.dates.append(found.modified - trial.now())
    with suppress(ObjectNotFound):
        await trial.storage.stat(f"{trial.folder}/nothing")
        raise Fault("An object that was never written is said to exist.")
    return ""


async def write_large(trial: Trial) -> str:
    """Write a large object from a stream. It pauses before its last piece, to be seen among the unfinished writes."""
    sample, paused = trial.sample, 0.0

    async def data() -> AsyncIterator[bytes]:
        nonlocal paused
        pieces = sample.pieces()
        for piece in pieces[:-1]:
            yield sample.cut(*piece)
        pause = time.perf_counter()
        await _watch_unfinished(trial)
        paused = time.perf_counter() - pause
        yield sample.cut(*pieces[-1])

    begun = time.perf_counter()
    info = await trial.storage.write(trial.source, data())
    took = time.perf_counter() - begun - paused
    if info.size != sample.size:
        raise Fault(f"{sample.size} bytes were written, and {info.size} are said to be there.")
    return _rate(sample.size, took)


async def read_large(trial: Trial) -> str:
    """Read all of the large object."""
    sample, position, begun = trial.sample, 0, time.perf_counter()
    async for piece in trial.storage.stream(trial.source):
        _compare(piece, sample.cut(position, position + len(piece)), f"The large object, at byte {position},")
        position += len(piece)
    if position != sample.size:
        raise Fault(f"Of the large object's {sample.size} bytes, {position} can be read.")
    return _rate(position, time.perf_counter() - begun)


async def read_ranges(trial: Trial) -> str:
    """Read parts of the large object: its ends, across the multipart parts, and past the end."""
    size = trial.sample.size
    part = size - CHUNK_BYTES
    ranges = [(0, 1), (10, 100_010), (part - 5, part + 5), (size // 2, size // 2 + CHUNK_BYTES + 7), (size - 1, size)]
    for start, end in [*ranges, (size - 10, size + 10)]:
        found = b"".join([piece async for piece in trial.storage.stream(trial.source, start, end)])
        _compare(found, trial.sample.cut(start, end), f"Bytes {start} to {min(end, size) - 1} of the large object")
    return f"{len(ranges) + 1} ranges"


async def list_folders(trial: Trial) -> str:
    """Objects are listed in the order of their keys, and folders by their names."""
    names = ["a-b", "a.b", "a/z", "a0"]
    folder = f"{trial.folder}/2"
    for name in reversed(names):
        await trial.storage.write(f"{folder}/{name}", b"x")
    found = [item.key.removeprefix(f"{folder}/") async for item in trial.storage.list(folder)]
    if found != names:
        raise Fault(f"The objects {', '.join(names)} are listed as {', '.join(found) or 'none'}.")
    folders = [name async for name in trial.storage.folders(trial.folder)]
    if folders != ["1", "2"]:
        raise Fault(f"The folders 1 and 2 are listed as {', '.join(folders) or 'none'}.")
    return f"{len(names)} objects, {len(folders)} folders"


async def list_unfinished(trial: Trial) -> str:
    """The large write was listed while it was under way, and is no longer."""
    if trial.unfinished_fault is not None:
        raise Warn(f"{trial.unfinished_fault.message} {_LIFECYCLE if trial.driver == 's3' else ''}".strip())
    if not trial.half_written:
        if trial.driver == "s3":
            raise Warn(f"The service does not list uploads that are under way. {_LIFECYCLE}")
        return "nothing is kept of them"
    ours = {write.id for write in trial.half_written if write.key}
    if any([write.id in ours async for write in trial.storage.unfinished()]):
        raise Warn(f"An upload that has ended is still listed as unfinished. {_LIFECYCLE}")
    return ""


async def delete_one(trial: Trial) -> str:
    """Delete one object."""
    await trial.storage.delete(trial.playlist)
    with suppress(ObjectNotFound):
        await trial.storage.read(trial.playlist)
        raise Fault("An object that was deleted can still be read.")
    return ""


async def delete_folder(trial: Trial) -> str:
    """Delete all that is left, and see that nothing is."""
    count = await trial.storage.delete_prefix(trial.folder)
    left = [item.key async for item in trial.storage.list(trial.folder)]
    if left:
        raise Fault(f"{len(left)} objects that were deleted are still listed, such as {left[0]}.")
    return f"{count} objects"


async def _watch_unfinished(trial: Trial) -> None:
    """Wait for the write that is under way to be listed, for a while."""
    deadline = time.monotonic() + _APPEARS_S
    try:
        while True:
            async for write in trial.storage.unfinished():
                if write.key == trial.source or not write.key:
                    trial.half_written.append(write)
            if trial.half_written or time.monotonic() > deadline:
                return
            await asyncio.sleep(0.1)
    except GilfoyleError as error:  # told by the step for it: the write itself may be all right
        trial.unfinished_fault = error


def _compare(found: bytes, expected: bytes, what: str) -> None:
    if found != expected:
        raise StorageError(
            f"{what} reads back as something else ({len(found)} bytes for {len(expected)}): something between"
            " this machine and the storage changes or caches objects, or the storage is broken."
        )


def _rate(size: int, seconds: float) -> str:
    return f"{size / 1e6:.1f} MB at {size / 1e6 / max(seconds, 1e-6):.1f} MB/s"
