"""Running ffmpeg and ffprobe: with limits, with pipes, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

Consumer = Callable[[asyncio.StreamReader], Awaitable[None]]
"""Reads one of ffmpeg's outputs to its end."""

STDERR_TAIL = 2000
"""Bytes of stderr that are kept for an error message; Temporal cuts failures over 4 KiB."""
_PIPE_BYTES = 1 << 20
_TERMINATE_S = 2.0


class ProcessFailed(Exception):
    """The program ended with an exit status other than 0. `tail` is the end of what it wrote to stderr."""

    def __init__(self, status: int, tail: str) -> None:
        super().__init__(tail or f"exit status {status}")
        self.status = status
        self.tail = tail


async def capture(command: Sequence[str], *, timeout_s: float, memory_mb: int) -> bytes:
    """Run a program and return its stdout. Raises ProcessFailed, and TimeoutError after `timeout_s` seconds."""
    async with asyncio.timeout(timeout_s), _running(command, memory_mb) as process:
        assert process.stdout is not None and process.stderr is not None
        out, tail = await asyncio.gather(process.stdout.read(), _tail(process.stderr))
        if status := await process.wait():
            raise ProcessFailed(status, tail)
        return out


async def encode(
    build: Callable[[Sequence[int]], Sequence[str]],
    consumers: Sequence[Consumer],
    on_progress: Callable[[dict[str, str]], None],
    *,
    memory_mb: int,
) -> None:
    """Run ffmpeg with one pipe per consumer. `build` makes the command line from the pipes' descriptors.

    Raises ProcessFailed, or what a consumer raised if ffmpeg itself had nothing to complain of.
    """
    pipes = [os.pipe() for _ in consumers]
    readers = [pipe[0] for pipe in pipes]
    writers = [pipe[1] for pipe in pipes]
    async with contextlib.AsyncExitStack() as stack:
        try:
            command = build(writers)
            process = await stack.enter_async_context(_running(command, memory_mb, pass_fds=writers))
        except BaseException:
            _close(readers)
            raise
        finally:
            _close(writers)
        assert process.stdout is not None and process.stderr is not None
        tail = asyncio.create_task(_tail(process.stderr))
        progress = asyncio.create_task(_progress(process.stdout, on_progress))
        outputs = [asyncio.create_task(_consume(fd, use)) for fd, use in zip(readers, consumers, strict=True)]
        try:
            fault = await _first_fault(outputs)
            if fault is not None:
                # It can't be written on: let ffmpeg say whether the reason is its own, but don't wait for an encode.
                await _terminate(process)
            status, text = await process.wait(), await tail
            if status > 0 and (fault is None or isinstance(fault, ValueError)):
                raise ProcessFailed(status, text)
            if fault is not None:
                raise fault
            if status:
                raise ProcessFailed(status, text)
        finally:
            for task in [tail, progress, *outputs]:
                task.cancel()
            await asyncio.gather(tail, progress, *outputs, return_exceptions=True)


@asynccontextmanager
async def _running(command: Sequence[str], memory_mb: int, pass_fds: Sequence[int] = ()) -> AsyncIterator[Process]:
    """A process in a session of its own, with bounded address space; gone when the block is left."""
    # The shell sets the limit and becomes the program: a preexec_fn is not safe in a process with threads.
    limited = ["/bin/sh", "-c", 'ulimit -v "$0" 2>/dev/null; exec "$@"', str(memory_mb * 1024), *command]
    process = await asyncio.create_subprocess_exec(
        *limited, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, pass_fds=pass_fds, start_new_session=True
    )
    try:
        yield process
    finally:
        await asyncio.shield(_terminate(process))


async def _terminate(process: Process) -> None:
    """SIGTERM to the whole session, SIGKILL if that is not enough."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _TERMINATE_S)


async def _first_fault(tasks: Sequence[asyncio.Task[None]]) -> Exception | None:
    """Wait for all, or for the first that fails; returns its exception."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        error = task.exception()
        if isinstance(error, Exception):
            return error
        if error is not None:
            raise error
    return None


async def _consume(descriptor: int, use: Consumer) -> None:
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_PIPE_BYTES)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
    )
    try:
        await use(reader)
    finally:
        transport.close()


async def _progress(stdout: asyncio.StreamReader, report: Callable[[dict[str, str]], None]) -> None:
    """ffmpeg's `-progress` blocks: key=value lines, each block ended by `progress=…`."""
    block: dict[str, str] = {}
    async for line in stdout:
        key, _, value = line.decode(errors="replace").strip().partition("=")
        block[key] = value
        if key == "progress":
            report(block)
            block = {}


async def _tail(stderr: asyncio.StreamReader) -> str:
    kept = b""
    while data := await stderr.read(65536):
        kept = (kept + data)[-STDERR_TAIL:]
    return kept.decode(errors="replace").strip()


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
