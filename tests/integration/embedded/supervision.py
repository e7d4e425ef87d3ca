"""What the tests of this folder share: a supervisor of real processes, and a look at what runs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import psutil

from gilfoyle.embedded.folder import DataFolder
from gilfoyle.embedded.process import ChildSpec
from gilfoyle.embedded.supervisor import RestartPolicy, Supervisor

T = TypeVar("T")
QUICK = RestartPolicy(first_s=0.05, most_s=0.2, deaths=3, window_s=30)
READY = "from gilfoyle import lifeline; lifeline.ready();"


class Sentences(list[str]):
    """What the user was told, one sentence an entry."""

    async def holds(self, text: str) -> str:
        """The first sentence with `text` in it, once there is one."""
        return await eventually(lambda: next((said for said in self if text in said), ""))


@asynccontextmanager
async def supervising(
    folder: DataFolder, hurry: asyncio.Event | None = None
) -> AsyncIterator[tuple[Supervisor, Sentences]]:
    """A supervisor that restarts without much ado, and what it says; stopped at the end of the block."""
    said = Sentences()
    supervisor = Supervisor(folder, said.append, hurry or asyncio.Event(), restarts=QUICK)
    try:
        yield supervisor, said
    finally:
        await supervisor.stop()


def python(folder: DataFolder, name: str, code: str, *, stage: int = 0, grace_s: float = 5) -> ChildSpec:
    """A child that runs `code`; by its argument `processes_of` finds it."""
    command = [sys.executable, "-c", code, str(folder.root / name)]
    return ChildSpec(name, f"The {name}", command, os.environ, stage, grace_s=grace_s)


async def eventually(probe: Callable[[], T], seconds: float = 10) -> T:
    """The first true value of `probe`."""
    async with asyncio.timeout(seconds):
        while not (value := probe()):
            await asyncio.sleep(0.02)
        return value


def processes_of(folder: DataFolder) -> list[psutil.Process]:
    """All processes whose command line names the folder, or that work in it, but this one."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "cwd", "status"])
        if any(str(folder.root) in text for text in [process.info["cwd"] or "", *(process.info["cmdline"] or [])])
        and process.info["status"] != psutil.STATUS_ZOMBIE
        and process.pid != os.getpid()
    ]
