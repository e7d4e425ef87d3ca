"""Running ffmpeg and ffprobe: with limits, with pipes, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from gilfoyle.activities.source import SourceWatch
from gilfoyle.activities.stall import Stall
from gilfoyle.tasks import stop

Consumer = Callable[[asyncio.StreamReader], Awaitable[None]]
"""Reads one of ffmpeg's outputs to its end."""

# The shell sets the limits and becomes the program: a preexec_fn is not safe in a process with threads. Where Linux
# groups processes by session (autogroup), `nice` counts only within one, and the group has a value of its own.
_LAUNCH = """
ulimit -v "$0" 2>/dev/null
nice=$1
shift
[ "$nice" = 0 ] && exec "$@"
{ echo "$nice" >/proc/self/autogroup; } 2>/dev/null
exec nice -n "$nice" "$@"
"""
_PIPE_BYTES = 1 << 20
_READ = 1 << 16
_TERMINATE_S = 2.0


class ProcessFailed(Exception):
    """The program ended with an exit status other than 0. `tail` is the end of what it complained of.

    The message is for people, and follows on a sentence: `it ended with status 1`. `reason`: why it was ended by us.
    """

    def __init__(self, status: int, tail: str, reason: str = "") -> None:
        super().__init__(reason or _how_it_ended(status))
        self.status = status
        self.tail = tail


def _how_it_ended(status: int) -> str:
    if status == -signal.SIGKILL:
        return "it was killed, most often for lack of memory"
    return f"it was ended by signal {-status}" if status < 0 else f"it ended with status {status}"


async def capture(
    command: Sequence[str], *, timeout_s: float, memory_mb: int, watch: SourceWatch | None = None
) -> bytes:
    """Run a program and return its stdout.

    Raises ProcessFailed, TimeoutError after `timeout_s` seconds, and StorageError if the source that `watch` is about
    could not be read.
    """
    async with asyncio.timeout(timeout_s), _running(command, memory_mb, watch) as run:
        out = await run.stdout.read()
        await run.end()
        return out


async def encode(
    build: Callable[[Sequence[int]], Sequence[str]],
    consumers: Sequence[Consumer],
    on_progress: Callable[[dict[str, str]], None],
    *,
    memory_mb: int,
    stall_s: float,
    nice: int,
    watch: SourceWatch | None = None,
    inputs: Sequence[int] = (),
) -> None:
    """Run ffmpeg with one pipe per consumer. `build` makes the command line from the pipes' descriptors.

    `nice` is how much it gives way to other processes (0 to 19). `inputs`: descriptors that it reads from.

    Consumers are given only what can't come of a source that broke off (`SourceWatch.proven`), and its end only if
    ffmpeg has succeeded. Raises ProcessFailed, also after `stall_s` seconds without any progress, StorageError if the
    source could not be read, or what a consumer raised if ffmpeg itself had nothing to complain of.
    """
    stall = Stall(stall_s, len(consumers))

    def note(block: dict[str, str]) -> None:
        stall.progress(block)
        on_progress(block)

    pipes = [os.pipe() for _ in consumers]
    readers = [pipe[0] for pipe in pipes]
    writers = [pipe[1] for pipe in pipes]
    async with contextlib.AsyncExitStack() as stack:
        try:
            command = build(writers)
            run = await stack.enter_async_context(_running(command, memory_mb, watch, nice, [*writers, *inputs]))
        except BaseException:
            _close(readers)
            raise
        finally:
            _close(writers)
        progress = asyncio.create_task(_progress(run.stdout, note))
        end = asyncio.create_task(run.end())
        outputs = [
            asyncio.create_task(_consume(fd, use, _ProvenReader(run, end, stall)))
            for fd, use in zip(readers, consumers, strict=True)
        ]
        stalling = asyncio.create_task(_kill_if_stalled(stall, run))
        try:
            fault = await _first_fault(outputs)
            if fault is not None:
                # It can't be written on: let ffmpeg say whether the reason is its own, but don't wait for an encode.
                await _terminate(run.process)
            await asyncio.wait([end])
            if fault is None or (isinstance(fault, ValueError) and (run.process.returncode or 0) > 0):
                end.result()
            if fault is not None:
                raise fault
        finally:
            await stop([end, progress, stalling, *outputs])


class _Run:
    """A program that runs, and its stderr: heard as it comes, and whenever it matters what has been said."""

    def __init__(self, process: Process, stderr: int, watch: SourceWatch) -> None:
        self.process = process
        self.stdout = asyncio.StreamReader()
        self._stderr: int | None = stderr
        self._watch = watch
        self._killed_for = ""
        watch.on_lost = lambda: _send(process, signal.SIGKILL)
        os.set_blocking(stderr, False)
        asyncio.get_running_loop().add_reader(stderr, self._hear)

    def proven(self) -> bool:
        """Whether what the program has written by now can be relied on: it complains before it goes on writing."""
        self._hear()
        return self._watch.proven

    def kill(self, reason: str) -> None:
        """At once; `end` raises ProcessFailed with the reason."""
        self._killed_for = reason
        _send(self.process, signal.SIGKILL)

    async def end(self) -> None:
        """Wait for the program's end. Raises ProcessFailed, or StorageError if reading was in trouble."""
        status = await self.process.wait()
        self._hear()
        self._watch.check()
        if status:
            error = ProcessFailed(status, self._watch.text, self._killed_for)
            self._watch.blame(error)
            raise error

    def close(self) -> None:
        """Stop hearing."""
        if self._stderr is not None:
            asyncio.get_running_loop().remove_reader(self._stderr)
            os.close(self._stderr)
            self._stderr = None

    def _hear(self) -> None:
        while self._stderr is not None:
            try:
                data = os.read(self._stderr, _READ)
            except BlockingIOError:
                return
            if data:
                self._watch.hear(data)
            else:
                self.close()


class _ProvenReader(asyncio.StreamReader):
    """One of ffmpeg's outputs. What may be of half a source is kept back until ffmpeg has ended well."""

    def __init__(self, run: _Run, end: asyncio.Task[None], stall: Stall) -> None:
        super().__init__(limit=_PIPE_BYTES)
        self._run, self._end, self._stall = run, end, stall

    async def read(self, n: int = -1) -> bytes:
        held = []
        while data := await self._next(n):
            held.append(data)
            if self._run.proven():
                break
        else:
            with self._stall.waiting():
                await asyncio.shield(self._end)
        return b"".join(held)

    async def _next(self, n: int) -> bytes:
        with self._stall.waiting():
            return await super().read(n)


@asynccontextmanager
async def _running(
    command: Sequence[str], memory_mb: int, watch: SourceWatch | None, nice: int = 0, pass_fds: Sequence[int] = ()
) -> AsyncIterator[_Run]:
    """A process in a session of its own, with bounded address space; gone when the block is left."""
    limited = ["/bin/sh", "-c", _LAUNCH, str(memory_mb * 1024), str(nice), *command]
    # Pipes of our own: asyncio's can't be read at once, whenever that is needed, and are never closed if the program
    # is killed while they are full.
    printed, out = os.pipe()
    heard, spoken = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *limited, stdin=DEVNULL, stdout=out, stderr=spoken, pass_fds=pass_fds, start_new_session=True
        )
    except BaseException:
        _close([printed, heard])
        raise
    finally:
        _close([out, spoken])
    run = _Run(process, heard, watch or SourceWatch(""))
    try:
        async with _arriving(printed, run.stdout):
            yield run
    finally:
        try:
            await asyncio.shield(_terminate(process))
        finally:
            run.close()


def _send(process: Process, number: signal.Signals) -> None:
    """To the whole session."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


async def _terminate(process: Process) -> None:
    """SIGTERM to the whole session, SIGKILL if that is not enough."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        _send(process, sent)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _TERMINATE_S)


async def _kill_if_stalled(stall: Stall, run: _Run) -> None:
    await stall.noticed()
    run.kill(f"it has made no progress for {stall.limit_s:g} s")


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


async def _consume(descriptor: int, use: Consumer, reader: _ProvenReader) -> None:
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    async with _arriving(descriptor, reader):
        await use(reader)


@asynccontextmanager
async def _arriving(descriptor: int, reader: asyncio.StreamReader) -> AsyncIterator[None]:
    """What is written into a pipe comes out of `reader`. Its read end is closed with the block."""
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
    )
    try:
        yield
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


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
