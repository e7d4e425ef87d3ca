"""The steps that read a source as the workers do."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gilfoyle.storage.base import HasPaths
from gilfoyle.storage.check.advice import user
from gilfoyle.storage.check.results import CheckFailed, Skip
from gilfoyle.storage.check.trial import Trial


async def ffmpeg_opens(trial: Trial) -> str:
    """Read parts of the large object from its file, if it is one: ffmpeg opens it by itself, as this user."""
    path = await trial.storage.path(trial.source) if isinstance(trial.storage, HasPaths) else None
    if path is None:
        return "its worker reads for it"
    size = trial.sample.size
    for start, end in ((0, 4096), (size // 2, size // 2 + 100_000), (size - 100, size)):
        if await asyncio.to_thread(_read, path, start, end) != trial.sample.cut(start, end):
            raise CheckFailed(f"The file {path} has other bytes than were stored ({start} to {end - 1}).")
    return "from a file"


async def ffprobe_reads(trial: Trial) -> str:
    """Let the real ffprobe open it."""
    if trial.probe is None:
        raise Skip("no ffprobe was given")
    await trial.probe(trial.storage, trial.source)
    return ""


def _read(path: Path, start: int, end: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)
    except OSError as error:
        raise CheckFailed(
            f"{path} can't be opened by the user {user()} ({error.strerror}): let the workers' user read it."
        ) from error
