"""What the ffmpegs of a server open while it works: nothing but their sources, and no connections."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import psutil

_EVERY_S = 0.05
TOOLS = ("ffmpeg", "ffprobe")
# Of the system, and of the tool itself.
ALLOWED = ("/dev/", "/proc/", "/sys/", "/lib/", "/lib64/", "/usr/lib/", "/usr/share/zoneinfo/", "/etc/ld.so.")


class Watch:
    """Looks at the processes below one, again and again. `opened`: files and connections that are not theirs."""

    def __init__(self, pid: int, allowed: Path) -> None:
        self._root = psutil.Process(pid)
        self._allowed = allowed
        self.opened: set[str] = set()
        self.looked = 0
        """How many tools were looked at."""

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.to_thread(self._look)
            await asyncio.sleep(_EVERY_S)

    def tools(self) -> list[psutil.Process]:
        """The ffmpegs and ffprobes that run."""
        found = []
        with suppress(psutil.Error):
            for child in self._root.children(recursive=True):
                with suppress(psutil.Error):
                    if child.name().startswith(TOOLS):
                        found.append(child)
        return found

    def workers(self) -> set[int]:
        """The process ids of the server's own parts: all of Python's below it."""
        found = set()
        for child in self._root.children():
            with suppress(psutil.Error):
                if "python" in child.name():
                    found.add(child.pid)
        return found

    def _look(self) -> None:
        for tool in self.tools():
            with suppress(psutil.Error):
                self.looked += 1
                for file in tool.open_files():
                    if self._allowed not in Path(file.path).parents and not file.path.startswith(ALLOWED):
                        self.opened.add(f"{tool.name()} opened {file.path}")
                for connection in tool.net_connections():
                    self.opened.add(f"{tool.name()} connected to {connection.raddr or connection.laddr}")
