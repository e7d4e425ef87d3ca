"""What a run of ffmpeg or ffprobe reads, and whether reading it goes well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from gilfoyle.errors import StorageError
from gilfoyle.ffmpeg.relay import Relay
from gilfoyle.storage import HasPaths, Storage
from gilfoyle.storage.blocks import Blocks

# A storage that answers within this time is not what holds a program up (seconds).
_LONG_S = 5.0


class Source:
    """A file, or an object that a relay gives out; read by one run of a program, or by several at once."""

    def __init__(self, place: str) -> None:
        self.place = place
        """The path or URL that programs are given; empty: they read none."""
        self.port: int | None = None
        """The port of this machine at which a URL is read."""
        self.waits_s: Callable[[], float] = lambda: 0.0
        """For how long the storage has owed what it was asked for (seconds)."""
        self._fault: StorageError | None = None
        self._enders: list[Callable[[], None]] = []

    @contextmanager
    def read(self, end: Callable[[], None]) -> Iterator[None]:
        """Around the run of a program; `end` ends it at once when the storage gives up."""
        self._enders.append(end)
        try:
            yield
        finally:
            self._enders.remove(end)

    def fail(self, error: StorageError) -> None:
        """The storage has given up: end what reads, before it takes that for the end of the file."""
        self._fault = self._fault or error
        for end in self._enders:
            end()

    def check(self) -> None:
        """Raise StorageError if the storage has given up: whatever was made of the source may be of half of it."""
        if self._fault is not None:
            raise self._fault

    def check_late(self) -> None:
        """As `check`, for a program that came to no end: also if it is the storage that takes so long."""
        self.check()
        if (seconds := self.waits_s()) > _LONG_S:
            raise StorageError(f"The source can't be read: the storage has not answered for {seconds:.0f} s.")

    def scrubbed(self, text: str) -> str:
        """The text without a trace of where the source lies: what is left may be shown to clients."""
        text = text.replace(self.place, "the source") if self.place else text
        return text.replace(f"127.0.0.1:{self.port}", "the source") if self.port else text


@asynccontextmanager
async def opened(storage: Storage, key: str) -> AsyncIterator[Source]:
    """The object as a source, for as long as the block lasts. Raises ObjectNotFound, StorageError.

    A file is read in place, anything else by a relay: the workers keep no copies.
    """
    path = await storage.path(key) if isinstance(storage, HasPaths) else None
    if path is not None:
        yield Source(str(path))
        return
    source, blocks = Source(""), Blocks(storage, key, (await storage.stat(key)).size)
    async with Relay(blocks, source.fail) as relay:
        source.place, source.port, source.waits_s = relay.place, relay.port, lambda: blocks.waits_s
        yield source
