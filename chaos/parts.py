"""The parts of an installation, each a process of its own that is killed and started again; their ports stay."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import psutil

from bench.servers.seaweed import Seaweed
from gilfoyle.embedded.process import Child, ChildSpec
from gilfoyle.errors import StartupError

_AGAIN_S = 1.0
Say = Callable[[str], None]
Make = Callable[[], Awaitable[ChildSpec]]


class Part:
    """One that is kept running, as a service manager would keep it: what ends is started again after a second."""

    def __init__(self, name: str, kind: str, say: Say) -> None:
        self.name = name
        self.kind = kind
        self.deaths: list[str] = []
        """How it ended when nobody had killed it."""
        self._say = say
        self._wanted = asyncio.Event()
        self._ready = asyncio.Event()
        self._down = asyncio.Event()
        self._down.set()
        self._task: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether it does its work now."""
        return self._ready.is_set()

    def pids(self) -> set[int]:
        """Of the part and all below it."""
        pid = self._pid()
        return {pid, *(process.pid for process in _descendants(pid))} if pid else set()

    async def start(self, within_s: float = 120) -> None:
        """Have it run; returns once it does its work. Raises StartupError."""
        self._wanted.set()
        self._task = self._task or asyncio.create_task(self._keep(), name=self.name)
        ready = asyncio.create_task(self._ready.wait())
        try:
            done, _ = await asyncio.wait({ready, self._task}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            if self._task in done:
                self._task.result()  # it never ends but by an exception
            if not done:
                raise StartupError(f"{self.name} could not be started within {within_s:.0f} s.")
        finally:
            ready.cancel()

    async def kill(self) -> int:
        """End it by SIGKILL; it stays down until `start`. Returns the process id that it had."""
        self._wanted.clear()
        pid = self._pid()
        await self._kill()
        await self._down.wait()
        return pid

    async def stop(self) -> None:
        """End it in order, for good."""
        self._wanted.clear()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._stop()
        self._ready.clear()

    async def _keep(self) -> None:
        while True:
            await self._wanted.wait()
            self._down.clear()
            try:
                await self._run()
                self._ready.set()
                how = await self._ended()
                if self._wanted.is_set():
                    self.deaths.append(how)
                    self._say(f"! {how}")
            except StartupError as error:
                self._say(f"! {error.message}")
                await self._kill()
            self._ready.clear()
            self._down.set()
            if self._wanted.is_set():
                await asyncio.sleep(_AGAIN_S)

    def _pid(self) -> int:
        raise NotImplementedError

    async def _run(self) -> None:
        """Start it and wait until it does its work. Raises StartupError."""
        raise NotImplementedError

    async def _ended(self) -> str:
        """Wait for its end; a sentence on how it ended."""
        raise NotImplementedError

    async def _kill(self) -> None:
        raise NotImplementedError

    async def _stop(self) -> None:
        raise NotImplementedError


class ChildPart(Part):
    """A server or a process of Gilfoyle, by the specification that `gilfoyle up` has for it."""

    def __init__(self, name: str, kind: str, make: Make, logs: Path, lifeline: int, say: Say) -> None:
        """`make` prepares each start, and says how it is run."""
        super().__init__(name, kind, say)
        self._make, self._logs, self._lifeline = make, logs, lifeline
        self._child: Child | None = None

    def _pid(self) -> int:
        return (self._child and self._child.pid) or 0

    async def _run(self) -> None:
        self._child = Child(await self._make(), self._logs, self._lifeline)
        await self._child.start()
        await self._child.wait_ready()

    async def _ended(self) -> str:
        assert self._child
        await self._child.wait()
        return self._child.obituary()

    async def _kill(self) -> None:
        if not (pid := self._pid()) or not self._child:
            return
        # PostgreSQL's backends have sessions of their own, and a new server doesn't start beside them. What a worker
        # started is left to itself: that it ends is a thing to be found out.
        below = _descendants(pid) if self.kind == "PostgreSQL" else []
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        for process in below:
            with suppress(psutil.Error):
                process.kill()
        await self._child.wait()
        await asyncio.to_thread(psutil.wait_procs, below, 5)

    async def _stop(self) -> None:
        if self._child:
            await self._child.stop(asyncio.Event())


class Store(Seaweed):
    """SeaweedFS, and whether it runs."""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None


class StorePart(Part):
    """The object store."""

    def __init__(self, store: Store, say: Say) -> None:
        super().__init__("SeaweedFS", "object store", say)
        self._store = store

    def _pid(self) -> int:
        return self._store.pid or 0

    async def _run(self) -> None:
        await asyncio.to_thread(self._store.start)

    async def _ended(self) -> str:
        while self._store.pid is not None:
            await asyncio.sleep(0.1)
        return "SeaweedFS has ended."

    async def _kill(self) -> None:
        await asyncio.to_thread(self._store.kill)

    async def _stop(self) -> None:
        await asyncio.to_thread(self._store.kill)


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
