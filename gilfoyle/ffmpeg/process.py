"""Running ffmpeg and ffprobe: with limits, with pipes, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from gilfoyle import traces
from gilfoyle.ffmpeg import sandbox
from gilfoyle.ffmpeg.child import Child, start
from gilfoyle.ffmpeg.source import Source
from gilfoyle.tasks import finished

# The shell sets the limits and becomes the program: a preexec_fn is not safe in a process with threads.
_LAUNCH = """
ulimit "$1" "$0" 2>/dev/null
nice=$2
shift 2
[ "$nice" = 0 ] && exec "$@"
exec nice -n "$nice" "$@"
"""
# A program needs no secret, and a file that takes it over must not find one.
_SECRET = re.compile(
    r"^(GILFOYLE|AWS|TEMPORAL|PG|AZURE|GOOGLE)_|SECRET|TOKEN|PASSW|CREDENTIAL|(API|ACCESS|PRIVATE)_?KEY", re.IGNORECASE
)
COMPLAINTS_BYTES = 2000
"""How much of what a program complained of is kept; Temporal cuts failures over 4 KiB."""
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
    command: Sequence[str],
    *,
    timeout_s: float,
    memory_mb: int,
    source: Source | None = None,
    reserves: bool = False,
) -> bytes:
    """Run a program and return its stdout. `source`: what it reads; `reserves`: see `running`.

    Raises ProcessFailed, TimeoutError after `timeout_s` seconds, and StorageError if the source could not be read.
    """
    try:
        async with asyncio.timeout(timeout_s), running(command, memory_mb, source, reserves=reserves) as run:
            out = await run.stdout.read()
            await run.end()
            return out
    except TimeoutError:
        if source:
            source.check_late()
        raise


class Run:
    """A running program, and its stderr: read as it comes, and whenever its content matters."""

    def __init__(self, process: Child, stderr: int, source: Source) -> None:
        self.process = process
        self.stdout = asyncio.StreamReader()
        self._stderr: int | None = stderr
        self._source = source
        self._heard = b""
        self._killed_for = ""
        os.set_blocking(stderr, False)
        asyncio.get_running_loop().add_reader(stderr, self._hear)

    @property
    def complaints(self) -> str:
        """The end of what it wrote to stderr, without a trace of where the source lies."""
        self._hear()
        return self._source.scrubbed(self._heard.decode(errors="replace")).strip()

    def kill(self, reason: str) -> None:
        """Kill it at once; `end` raises ProcessFailed with the reason."""
        self._killed_for = reason
        self.process.send(signal.SIGKILL)

    async def end(self) -> None:
        """Wait for the program's end. Raises ProcessFailed, or StorageError if the source could not be read."""
        status = await self.process.wait()
        self._source.check()
        if status:
            if self._killed_for:
                self._source.check_late()
            raise ProcessFailed(status, self.complaints, self._killed_for)

    def close(self) -> None:
        """Stop reading stderr."""
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
                self._heard = (self._heard + data)[-COMPLAINTS_BYTES:]
            else:
                self.close()


@asynccontextmanager
async def running(
    command: Sequence[str],
    memory_mb: int,
    source: Source | None = None,
    nice: int = 0,
    pass_fds: Sequence[int] = (),
    *,
    reserves: bool = False,
) -> AsyncIterator[Run]:
    """A process in a session of its own, confined (see ffmpeg/sandbox.py), with bounded memory; gone after the block.

    Its address space is bounded. With `reserves` only its private writable memory is (RLIMIT_DATA; Linux counts
    mappings since 4.7): drivers of cards reserve huge address spaces. Raises StorageError if the source could not be
    read before.
    """
    source = source or Source("")
    source.check()
    bound = "-d" if reserves else "-v"
    limited = ["/bin/sh", "-c", _LAUNCH, str(memory_mb * 1024), bound, str(nice), *command]
    # Pipes of our own: asyncio's can't be read at once, whenever that is needed, and are never closed if the program
    # is killed while they are full.
    printed, out = os.pipe()
    heard, spoken = os.pipe()

    def confine() -> None:
        sandbox.confine(command[0], source.place, source.port, card=reserves)

    try:
        process = await start(
            limited,
            environment={name: value for name, value in os.environ.items() if not _SECRET.search(name)},
            stdout=out,
            stderr=spoken,
            pass_fds=pass_fds,
            confine=confine if sandbox.active() else None,
        )
    except BaseException:
        close([printed, heard])
        raise
    finally:
        close([out, spoken])
    _give_way(process.pid, nice)
    run = Run(process, heard, source)
    try:
        with traces.span(Path(command[0]).name.partition("-")[0]), source.read(lambda: process.send(signal.SIGKILL)):
            async with arriving(printed, run.stdout):
                yield run
    finally:
        try:
            await finished(asyncio.ensure_future(terminate(process)))
        finally:
            run.close()


def _give_way(session: int, nice: int) -> None:
    """Where Linux groups processes by session (autogroup), `nice` counts only within one: the group has its own."""
    if nice:
        with contextlib.suppress(OSError):
            Path(f"/proc/{session}/autogroup").write_text(str(nice))


async def terminate(process: Child) -> None:
    """SIGTERM to the whole session, SIGKILL if that is not enough."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        process.send(sent)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _TERMINATE_S)


@asynccontextmanager
async def arriving(descriptor: int, reader: asyncio.StreamReader) -> AsyncIterator[None]:
    """Connect a pipe's read end to `reader`; it is closed at the end of the block."""
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
    )
    try:
        yield
    finally:
        transport.close()


def close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
