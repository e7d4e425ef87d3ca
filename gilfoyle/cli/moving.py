"""A move as it is asked for, followed and told of at a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from gilfoyle.cli.live import Live
from gilfoyle.cli.text import clean, human_bytes
from gilfoyle.config import Settings, StorageSettings
from gilfoyle.errors import Conflict, StorageError, Unavailable
from gilfoyle.storage import Storages
from gilfoyle.storage.base import Storage
from gilfoyle.storage.drivers import opener
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.messages import MoveProgress, MoveStorageInput, move_id

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


_RPC = timedelta(seconds=5)
# Somebody waits at a terminal.
_PATIENCE_S = 3.0
_LOOK_S = 60


def prepare(settings: Settings, job: MoveStorageInput) -> None:
    """Refuse at once what can't work.

    Raises ConfigError, StorageError if the backend can't be used from here, Conflict if another move runs.
    """
    asyncio.run(_prepare(settings, job))


async def _prepare(settings: Settings, job: MoveStorageInput) -> None:
    await _look(settings.storage, job.target)
    if job.source:
        opener(job.source)
    running = await _running(await connect(settings.temporal), settings)
    if running and (running.target, running.source) != (job.target, job.source):
        what = f"to {running.target}" + (f" from {running.source}" if running.source else "")
        raise Conflict(f"A move {what} is running, and there is one at a time: wait until it has ended.")


async def _look(settings: StorageSettings, target: str) -> None:
    if target == "filesystem" and not settings.filesystem.path.is_dir():
        return  # the workers make it where they are; here would be the wrong place
    storages = Storages(settings.impatient(_PATIENCE_S))
    try:
        async with asyncio.timeout(_LOOK_S):
            await try_out(await storages.open(target))
    except StorageError as error:
        raise StorageError(f"The storage {target} can't be used from here. {error.message}") from error
    except TimeoutError as error:
        raise StorageError(f"The storage {target} does not answer.") from error
    finally:
        await storages.close()


async def _running(client: Client, settings: Settings) -> MoveStorageInput | None:
    """What the move that runs was asked to do, from its history: no worker has to answer."""
    handle = client.get_workflow_handle(move_id(settings.temporal.queue_prefix))
    try:
        if (await handle.describe(rpc_timeout=_RPC)).status != WorkflowExecutionStatus.RUNNING:
            return None
        async for event in handle.fetch_history_events(page_size=1, rpc_timeout=_RPC):
            given = event.workflow_execution_started_event_attributes.input
            [job] = await client.data_converter.decode(given.payloads, [MoveStorageInput])
            return MoveStorageInput.model_validate(job)
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise Unavailable(f"Temporal can't be reached at {settings.temporal.address}.") from error
    return None


class MoveDisplay(Live):
    """What is shown while a move is followed."""

    def __init__(self, console: Console, *, hint: str = "") -> None:
        """`hint`: what helps those that wait to come to an end."""
        super().__init__(
            console,
            TextColumn("  {task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("medias, {task.fields[bytes]}", markup=False),
        )
        self._hint = hint
        self._task = self._progress.add_task("moving", total=None, bytes="")

    def update(self, state: Any) -> None:
        """Show it. `state`: what the workflow's query answers."""
        progress = MoveProgress.model_validate(state)
        done = progress.moved + len(progress.failed)
        self._progress.update(
            self._task, completed=done, total=done + progress.left or None, bytes=human_bytes(progress.bytes)
        )
        for each in progress.failed:
            self._once(str(each.media_id), f"{each.media_id} stays where it is: {each.message}")
        if progress.waiting and progress.waiting == progress.left:
            self._once("waiting", f"{_medias(progress.waiting)} will follow once uploaded and processed.{self._hint}")


def lines(result: MoveProgress, driver: str) -> Iterator[str]:
    """What became of a move, a sentence a line. `driver`: the backend of new medias."""
    yield (
        f"{_medias(result.moved)} moved to {result.target}: {result.objects:,} objects, {human_bytes(result.bytes)}, "
        "each read back and compared."
    )
    if result.left:
        yield f"{_medias(result.left)} were not tried, since so many failed."
    for each in result.remains:
        yield f"{each.media_id} moved, but not all of it is gone where it was: {clean(each.message)}"
    if result.failed:
        yield f"{_medias(len(result.failed))} stayed where they were; the same command tries them again:"
        yield from (f"  {each.media_id}  {clean(each.message)}" for each in result.failed)
    if driver != result.target:
        yield (
            f"New medias still go to {driver}: set `storage.driver` to {result.target}, restart the API, "
            "and move once more what came meanwhile."
        )


def _medias(count: int) -> str:
    return f"{count:,} media{'' if count == 1 else 's'}"
