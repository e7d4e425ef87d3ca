"""A part of an installation that is kept running, killed, and started again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psutil

from gilfoyle.errors import StartupError

_AGAIN_S = 1.0
Say = Callable[[str], None]


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
        return {pid, *(process.pid for process in descendants(pid))} if pid else set()

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


def descendants(pid: int) -> list[psutil.Process]:
    """All processes below one that lives; none if it is gone."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
