"""One encoding run of ffmpeg: a pipe for each output, its progress, and an end if it stalls."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gilfoyle.errors import StorageError
from gilfoyle.ffmpeg.process import ProcessFailed, Run, arriving, close, running, terminate
from gilfoyle.ffmpeg.source import Source
from gilfoyle.tasks import stop

Consumer = Callable[[asyncio.StreamReader], Awaitable[None]]
"""Reads one of ffmpeg's outputs to its end."""

_PIPE_BYTES = 1 << 20
"""What a pipe holds: seconds of small pictures, so whoever ends ffmpeg early should read what is in it (`enough`)."""
_LOOKS = 20
"""How often within the limit a run is checked for progress."""


class Cut(Exception):
    """ffmpeg was ended where enough was made. Consumers meet it at the end of what it had written."""


async def encode(
    build: Callable[[Sequence[int]], Sequence[str]],
    consumers: Sequence[Consumer],
    on_progress: Callable[[dict[str, str]], None],
    *,
    memory_mb: int,
    stall_s: float,
    nice: int,
    source: Source | None = None,
    inputs: Sequence[int] = (),
    reserves: bool = False,
    enough: Callable[[], Coroutine[Any, Any, object]] | None = None,
) -> str:
    """Run ffmpeg with one pipe per consumer; returns what it complained of nevertheless.

    `build` makes the command line from the pipes' descriptors. `nice` is how much it gives way to other processes (0
    to 19). `source`: what it reads; `inputs`: descriptors that it reads from; `reserves`: see `process.running`.
    `enough`: when it returns, ffmpeg is killed, and consumers get what lies in the pipes, then Cut.

    Consumers get the end of their data only if ffmpeg has succeeded. Raises ProcessFailed, also after `stall_s` seconds
    without any progress, StorageError if the source could not be read, what a consumer raised if ffmpeg itself had
    nothing to complain of, Cut once all consumers have ended, or what `enough` raises.
    """
    stall, cut = Stall(stall_s, len(consumers)), asyncio.Event()

    def note(block: dict[str, str]) -> None:
        stall.progress(block)
        on_progress(block)

    pipes = [os.pipe() for _ in consumers]
    readers = [pipe[0] for pipe in pipes]
    writers = [pipe[1] for pipe in pipes]
    async with contextlib.AsyncExitStack() as stack:
        try:
            command = build(writers)
            started = running(command, memory_mb, source, nice, [*writers, *inputs], reserves=reserves)
            run = await stack.enter_async_context(started)
        except BaseException:
            close(readers)
            raise
        finally:
            close(writers)
        progress = asyncio.create_task(_progress(run.stdout, note))
        end = asyncio.create_task(run.end())
        outputs = [
            asyncio.create_task(_consume(fd, use, _Output(end, stall, cut)))
            for fd, use in zip(readers, consumers, strict=True)
        ]
        cutting = asyncio.create_task((enough or asyncio.Event().wait)())
        stalling = asyncio.create_task(_kill_if_stalled(stall, run))
        try:
            fault = await _first_fault(outputs, cutting)
            if cutting.done() and fault is None:
                cut.set()
                run.kill("enough was made")
                fault = await _last_fault(outputs)
            elif fault is not None:
                # It can't be written on: let ffmpeg say whether the reason is its own, but don't wait for an encode.
                await terminate(run.process)
            await asyncio.wait([end])
            if fault is None or (isinstance(fault, ValueError) and (run.process.returncode or 0) > 0):
                end.result()
            if fault is not None:
                raise fault
            return run.complaints
        finally:
            await stop([end, progress, stalling, cutting, *outputs])


class Stall:
    """The clock of one ffmpeg with several outputs. `limit_s`: how long nothing may change, in seconds.

    ffmpeg reports progress even while it hangs, so what counts is a change: of the reported progress, or data in its
    pipes.
    """

    def __init__(self, limit_s: float, outputs: int) -> None:
        self.limit_s = limit_s
        self._outputs = outputs
        self._waiting = 0
        self._frame = ""
        self._moved = time.monotonic()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A consumer waits for data. While another one is busy storing, ffmpeg is not to blame."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            self._moved = time.monotonic()

    def progress(self, block: dict[str, str]) -> None:
        """Take in ffmpeg's progress report."""
        done = f"{block.get('frame')} {block.get('out_time')}"
        if done != self._frame:
            self._frame, self._moved = done, time.monotonic()

    async def noticed(self) -> None:
        """Returns once nothing has changed for too long."""
        while time.monotonic() - self._moved < self.limit_s:
            await asyncio.sleep(self.limit_s / _LOOKS)
            if self._waiting < self._outputs:
                self._moved = time.monotonic()


class _Output(asyncio.StreamReader):
    """One of ffmpeg's outputs, which ends only once ffmpeg has succeeded."""

    def __init__(self, end: asyncio.Task[None], stall: Stall, cut: asyncio.Event) -> None:
        super().__init__(limit=_PIPE_BYTES)
        self._end, self._stall, self._cut = end, stall, cut

    async def read(self, n: int = -1) -> bytes:
        with self._stall.waiting():
            data = await super().read(n)
            if not data:
                await self._ended()
        return data

    async def _ended(self) -> None:
        try:
            await asyncio.shield(self._end)
        except (ProcessFailed, StorageError) as error:
            if self._cut.is_set():
                raise Cut from error
            raise


async def _kill_if_stalled(stall: Stall, run: Run) -> None:
    await stall.noticed()
    run.kill(f"it has made no progress for {stall.limit_s:g} s")


async def _first_fault(tasks: Sequence[asyncio.Task[None]], cutting: asyncio.Task[Any]) -> Exception | None:
    """Wait for all tasks, for the first that fails, whose exception is returned, or for `cutting`, which may fail."""
    going = {*tasks, cutting}
    while going > {cutting}:
        done, going = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if fault := _fault(task):
                return fault
        if cutting in done:
            return None
    return None


async def _last_fault(tasks: Sequence[asyncio.Task[None]]) -> Exception | None:
    """Wait for all tasks; returns the exception of one that failed, of a cut one only if no other did."""
    await asyncio.wait(tasks)
    faults = [fault for task in tasks if (fault := _fault(task))]
    return min(faults, key=lambda fault: isinstance(fault, Cut), default=None)


def _fault(task: asyncio.Task[Any]) -> Exception | None:
    """What a task that has ended failed with. Raises what is no Exception."""
    error = task.exception()
    if error is None or isinstance(error, Exception):
        return error
    raise error


async def _consume(descriptor: int, use: Consumer, reader: _Output) -> None:
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    async with arriving(descriptor, reader):
        await use(reader)


async def _progress(stdout: asyncio.StreamReader, report: Callable[[dict[str, str]], None]) -> None:
    """ffmpeg's `-progress` blocks: key=value lines, each block ended by `progress=…`."""
    block: dict[str, str] = {}
    async for line in stdout:
        key, _, value = line.decode(errors="replace").strip().partition("=")
        block[key] = value
        if key == "progress":
            report(block)
            block = {}
