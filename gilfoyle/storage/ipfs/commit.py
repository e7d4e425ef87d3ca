"""Group commit: changes of the MFS become durable together, by one flush of its root.

Why so, from boxo's `mfs` package (0.43):
- A change is in memory first; `files/flush` waits until the root's CID is in the datastore. Without it a killed daemon
  loses up to 3 s of changes.
- A flush of a folder, or a change with `flush=true`, writes that folder's state into its parents. If another flush has
  detached the folder meanwhile, an older state overwrites a newer one. A flush of the root alone has no parent to
  spoil, so every change here is made without a flush, and only the root is flushed.
- A flush detaches the folders in memory; a change that is under way in one of them is lost. Here no flush runs
  together with a change. Another process's may: so each change is looked up after the flush, and made again if lost.
- Of two flushes at once, the one with the older root may be the last to store it. A flush that follows heals that, so
  there is one more when nothing waits, until the root is the same twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from gilfoyle.errors import StorageError
from gilfoyle.tasks import finished

TOGETHER = 64
"""Changes in one commit. Kubo refuses more than 256 without a flush, of all processes together."""
ATTEMPTS = 5
CONFIRMATIONS = 3
IDLE_S = 0.2
"""How long nothing must come before the last flush is confirmed by another."""


class Change(Protocol):
    async def apply(self) -> None:
        """Make the change in memory. Called again if it did not hold."""
        ...

    async def holds(self) -> bool:
        """Whether it is there still, or was made undone on purpose."""
        ...


@dataclass
class _Pending:
    change: Change
    done: asyncio.Future[None]
    attempts: int = 0

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Commits:
    """Changes of one process to one node."""

    def __init__(self, flush: Callable[[], Awaitable[str]], confirm: Callable[[], Awaitable[str]]) -> None:
        """Both flush the root and return its CID; `confirm` without patience."""
        self._flush, self._confirm = flush, confirm
        self._waiting: list[_Pending] = []
        self._running: asyncio.Task[None] | None = None
        self._more = asyncio.Event()

    async def commit(self, change: Change) -> None:
        """Returns when the change is durable; raises what `apply`, `holds` or the flush raise.

        A cancelled task waits for it: the change is then made, whole.
        """
        pending = _Pending(change, asyncio.get_running_loop().create_future())
        self._waiting.append(pending)
        self._more.set()
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        await finished(pending.done)

    async def close(self) -> None:
        """Wait for what is under way."""
        self._more.set()
        if self._running is not None:
            await finished(self._running)

    async def _run(self) -> None:
        """Commit until nothing waits and the root is confirmed."""
        root, confirmations = "", 0
        while self._waiting or confirmations < CONFIRMATIONS:
            if not self._waiting:
                await self._more_or_idle()
            batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            before, root = root, await self._commit(batch)
            confirmations = 0 if batch else confirmations + 1
            if root == before and not self._waiting:
                return

    async def _more_or_idle(self) -> None:
        """Wait a little for the next change: its flush confirms as well."""
        self._more.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._more.wait(), IDLE_S)

    async def _commit(self, batch: list[_Pending]) -> str:
        """Apply, flush once, look whether it held; returns the root's CID, empty if the flush failed."""
        try:
            await _each(batch, lambda pending: pending.change.apply())
            root = await (self._flush() if batch else self._confirm())
            await _each(batch, self._settle)
            return root
        except BaseException as error:
            for pending in batch:
                pending.fail(error)
            if not isinstance(error, Exception):
                raise
            return ""

    async def _settle(self, pending: _Pending) -> None:
        """Tell who waits for a change that it is durable, or line it up again."""
        if await pending.change.holds():
            pending.done.set_result(None)
        elif (pending := replace(pending, attempts=pending.attempts + 1)).attempts < ATTEMPTS:
            self._waiting.append(pending)
        else:
            raise StorageError("Kubo lost the same change again and again: does another program write to its MFS?")


async def _each(batch: list[_Pending], do: Callable[[_Pending], Awaitable[None]]) -> None:
    """Do the same with all that have not ended, at once; each that fails is told so by itself."""
    left = [pending for pending in batch if not pending.done.done()]
    results = await asyncio.gather(*(do(pending) for pending in left), return_exceptions=True)
    for pending, result in zip(left, results, strict=True):
        if isinstance(result, BaseException):
            pending.fail(result)
