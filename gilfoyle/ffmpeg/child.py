"""A program that was started and is waited for; confined from its first instruction on, if that is wanted.

What confines a program (ffmpeg/sandbox.py) restricts the thread that starts it, for good. So each is started by a
thread of its own, which ends with that. asyncio starts its processes in the loop's thread.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from gilfoyle.tasks import finished, settle


class Child:
    """A running program. `wait` for it at least once: nobody else does."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._ended = asyncio.ensure_future(_ended(process))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, or the signal that ended it, negated; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Its `returncode`, once it has ended."""
        return await asyncio.shield(self._ended)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to its whole session. No error if it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)


async def start(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    stdout: int,
    stderr: int,
    pass_fds: Sequence[int] = (),
    confine: Callable[[], None] | None = None,
) -> Child:
    """Start a program in a session of its own, without stdin. `confine` is called in the thread that starts it.

    Raises OSError.
    """

    def started() -> subprocess.Popen[bytes]:
        if confine:
            confine()
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=pass_fds,
            start_new_session=True,
        )

    if confine is None:
        return Child(started())
    starting = _in_its_own_thread(started)
    try:
        return Child(await finished(starting))
    except asyncio.CancelledError:  # nobody else would know of the program
        if starting.exception() is None:
            left = Child(starting.result())
            left.send(signal.SIGKILL)
            await settle(asyncio.ensure_future(left.wait()))
        raise


def _in_its_own_thread(
    call: Callable[[], subprocess.Popen[bytes]],
) -> asyncio.Future[subprocess.Popen[bytes]]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[subprocess.Popen[bytes]] = loop.create_future()

    def run() -> None:
        try:
            made = call()
        except BaseException as error:
            loop.call_soon_threadsafe(future.set_exception, error)
        else:
            loop.call_soon_threadsafe(future.set_result, made)

    threading.Thread(target=run, name="start", daemon=True).start()
    return future


async def _ended(process: subprocess.Popen[bytes]) -> int:
    if not hasattr(os, "pidfd_open"):
        return await asyncio.to_thread(process.wait)
    descriptor = os.pidfd_open(process.pid)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return process.wait()
