"""The kinds of parts: servers and processes of Gilfoyle as children, and the object store."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import psutil

from bench.servers.seaweed import Seaweed
from chaos.faults import STORE
from chaos.part import Part, Say, descendants
from gilfoyle.embedded.process import Child, ChildSpec

Make = Callable[[], Awaitable[ChildSpec]]


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
        below = descendants(pid) if self.kind == "PostgreSQL" else []
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
        super().__init__("SeaweedFS", STORE, say)
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
