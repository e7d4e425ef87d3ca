"""One child process of `gilfoyle up`: how it is run, when it is ready, how it is stopped, why it died."""

from __future__ import annotations

import asyncio
import math
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gilfoyle.errors import StartupError
from gilfoyle.lifeline import LIFELINE_FD, READY_FD

LOG_BYTES = 10 * 2**20
_LAST_LINE_CHARS = 300
_HURRY_S = 1.0


@dataclass(frozen=True)
class ChildSpec:
    """What to run. Children of a higher stage start after, and stop before, those of a lower one."""

    name: str
    """Names its log file: `worker-transcode`."""
    title: str
    """Names it in sentences: `The transcode worker`."""
    command: Sequence[str]
    environment: Mapping[str, str]
    stage: int
    answers: Callable[[], Awaitable[None]] | None = None
    """Returns once the child does its work; None: the child says so itself, by `lifeline.ready`."""
    ready_s: float = 180.0
    """How long that may take, in seconds. On two cores with a load of 12 the API once took 85."""
    stop_signals: Sequence[signal.Signals] = (signal.SIGTERM,)
    """Sent to it one after another; the last resort, SIGKILL to its whole process group, comes by itself."""
    grace_s: float = 10.0
    """How long each stop signal is given, in seconds."""
    user: int | None = None
    group: int | None = None
    folder: Path | None = None
    """Where it runs; None: where `up` does."""


class Child:
    """A process made from a ChildSpec, and made again after it died."""

    def __init__(self, spec: ChildSpec, logs: Path, lifeline: int) -> None:
        self.spec = spec
        self.log = logs / f"{spec.name}.log"
        self._lifeline = lifeline
        self._process: asyncio.subprocess.Process | None = None
        self._ready: int | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Run it, in a session of its own: Ctrl-C in the terminal reaches `up` alone. Raises StartupError."""
        self._close_ready()
        self._ready, write_end = os.pipe()
        try:
            with self._open_log() as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self.spec.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**self.spec.environment, LIFELINE_FD: str(self._lifeline), READY_FD: str(write_end)},
                    cwd=self.spec.folder,
                    user=self.spec.user,
                    group=self.spec.group,
                    extra_groups=None if self.spec.user is None else [],
                    pass_fds=(self._lifeline, write_end),
                    start_new_session=True,
                )
        except OSError as error:
            self._close_ready()
            raise StartupError(f"{self.spec.title} can't be started: {error.strerror} ({error.filename}).") from error
        finally:
            os.close(write_end)

    async def wait_ready(self) -> None:
        """Return once it does its work. Raises StartupError when it dies first or takes too long."""
        answered = asyncio.ensure_future(self.spec.answers() if self.spec.answers else self._said_ready())
        ended = asyncio.ensure_future(self.wait())
        try:
            await asyncio.wait({answered, ended}, timeout=self.spec.ready_s, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise StartupError(self.obituary())
            if not answered.done():
                raise StartupError(
                    f"{self.spec.title} did not answer within {self.spec.ready_s:.0f} s; {self._evidence()}."
                )
            await answered
        finally:
            answered.cancel()
            ended.cancel()
            await asyncio.gather(answered, ended, return_exceptions=True)
            self._close_ready()

    async def wait(self) -> int:
        """Its exit code, or minus the signal that ended it, once it has ended."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self, hurry: asyncio.Event) -> None:
        """End it and all of its process group; once `hurry` is set, with little patience."""
        self._close_ready()
        if self._process is None:
            return
        for number in self.spec.stop_signals:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
            if await self._ended_within(self.spec.grace_s, hurry):
                break
        with suppress(ProcessLookupError, PermissionError):  # macOS forbids signalling a group of zombies.
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self._process = None

    def obituary(self) -> str:
        """One sentence on how it died, its last words, and where its log is."""
        code = self._process.returncode if self._process else None
        if code is not None and code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
        else:
            how = f"ended with exit code {code}"
        return f"{self.spec.title} {how}; {self._evidence()}."

    def _evidence(self) -> str:
        """Where its log is and the last line of it, if it wrote one since it was started."""
        with suppress(OSError), self.log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(self._log_start, file.tell() - 16 * 1024))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
            if lines:
                return f'its log {self.log} ends with "{lines[-1][:_LAST_LINE_CHARS]}"'
        return f"it wrote nothing to its log {self.log}"

    def _open_log(self) -> BinaryIO:
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_BYTES:
                self.log.replace(self.log.with_suffix(".log.1"))
        log = self.log.open("ab")
        self._log_start = log.tell()
        return log

    async def _said_ready(self) -> None:
        """Wait for the byte that `lifeline.ready` writes."""
        assert self._ready is not None
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._ready, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._ready)
        if not os.read(self._ready, 1):
            await asyncio.sleep(math.inf)  # An end of file: it is ending, and how it ended is the better news.

    async def _ended_within(self, seconds: float, hurry: asyncio.Event) -> bool:
        """Whether it ends in that time, or in a second more once `hurry` is set."""
        ended = asyncio.ensure_future(self.wait())
        hurried = asyncio.ensure_future(hurry.wait())
        try:
            await asyncio.wait({ended, hurried}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if hurry.is_set():
                await asyncio.wait({ended}, timeout=_HURRY_S)
            return ended.done()
        finally:
            ended.cancel()
            hurried.cancel()

    def _close_ready(self) -> None:
        if self._ready is not None:
            os.close(self._ready)
            self._ready = None
