"""The steps that store, read, list and remove objects."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.storage.check.advice import storage_setting
from gilfoyle.storage.check.results import CheckFailed
from gilfoyle.storage.check.settings import quick
from gilfoyle.storage.check.trial import Trial
from gilfoyle.storage.storages import open_storage


async def open_backend(trial: Trial) -> str:
    """Open the backend and ask it for a folder: are the settings complete, the credentials right?"""
    trial.opened = await asyncio.to_thread(open_storage, quick(trial.settings), trial.driver)
    try:
        async for found in trial.storage.list(trial.folder):
            raise CheckFailed(f"A folder that nothing was written to holds {found.key}: the listing can't be trusted.")
    except ObjectNotFound as error:
        # A folder that isn't there is an empty one. Who says "not found" is somebody else, such as a proxy.
        raise CheckFailed(f"What answers does not seem to be the storage: check {storage_setting(trial)}.") from error
    return ""


async def write_small(trial: Trial) -> str:
    """Write a small object."""
    trial.stored = True
    trial.written = await trial.storage.write(trial.playlist, trial.old)
    return f"{trial.written.size} bytes"


async def read_small(trial: Trial) -> str:
    """Read it."""
    compare(await trial.storage.read(trial.playlist), trial.old, "The object that was written")
    return ""


async def overwrite(trial: Trial) -> str:
    """Write another in its place: the new one is what a reader sees then."""
    before, trial.written = trial.written, await trial.storage.write(trial.playlist, trial.new)
    compare(await trial.storage.read(trial.playlist), trial.new, "The object that was overwritten")
    if before is not None and before.etag == trial.written.etag:
        raise CheckFailed(
            f"The etag did not change with the content ({before.etag}): caches would keep the old object."
        )
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
            raise CheckFailed(f"The object's {name} is {there}; when it was written, it was {expected}.")
    if found.modified:
        trial.dates.append(found.modified - trial.now())
    with suppress(ObjectNotFound):
        await trial.storage.stat(f"{trial.folder}/nothing")
        raise CheckFailed("An object that was never written is said to exist.")
    return ""


async def list_folders(trial: Trial) -> str:
    """Objects are listed in the order of their keys, and folders by their names."""
    names = ["a-b", "a.b", "a/z", "a0"]
    folder = f"{trial.folder}/2"
    for name in reversed(names):
        await trial.storage.write(f"{folder}/{name}", b"x")
    found = [item.key.removeprefix(f"{folder}/") async for item in trial.storage.list(folder)]
    if found != names:
        raise CheckFailed(f"The objects {', '.join(names)} are listed as {', '.join(found) or 'none'}.")
    folders = [name async for name in trial.storage.folders(trial.folder)]
    if folders != ["1", "2"]:
        raise CheckFailed(f"The folders 1 and 2 are listed as {', '.join(folders) or 'none'}.")
    return f"{len(names)} objects, {len(folders)} folders"


async def delete_one(trial: Trial) -> str:
    """Delete one object."""
    await trial.storage.delete(trial.playlist)
    with suppress(ObjectNotFound):
        await trial.storage.read(trial.playlist)
        raise CheckFailed("An object that was deleted can still be read.")
    return ""


async def delete_folder(trial: Trial) -> str:
    """Delete all that is left, and see that nothing is."""
    count = await trial.storage.delete_prefix(trial.folder)
    left = [item.key async for item in trial.storage.list(trial.folder)]
    if left:
        raise CheckFailed(f"{len(left)} objects that were deleted are still listed, such as {left[0]}.")
    return f"{count} objects"


def compare(found: bytes, expected: bytes, what: str) -> None:
    """Raises StorageError if they differ; `what` begins the sentence."""
    if found != expected:
        raise StorageError(
            f"{what} reads back as something else ({len(found)} bytes for {len(expected)}): something between"
            " this machine and the storage changes or caches objects, or the storage is broken."
        )
