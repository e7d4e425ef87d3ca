"""Making PostgreSQL's data for a first start: beside their place, whole or not at all."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gilfoyle.embedded import account as accounts
from gilfoyle.embedded import programs
from gilfoyle.embedded.account import Account
from gilfoyle.errors import StartupError

log = logging.getLogger(__name__)

NAME = "gilfoyle"
"""Of the database and of its user."""
_TRIES = 2
_LAST_LINE_CHARS = 300
LOCALE = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
"""The built-in locale is the same on every system and sorts by code point."""


def place(data: Path, account: Account | None) -> str:
    """What to call the folder `data` before a program that works in it.

    An account other than the user's goes by its working folder, which it need not be able to reach: above it may be
    folders that are closed to others, as /root is.
    """
    return "/proc/self/cwd" if account and sys.platform == "linux" else str(data)


@dataclass(frozen=True)
class InitDb:
    """How the programs are run; what they say goes to the file `log`."""

    programs: Path
    account: Account | None
    environment: Mapping[str, str]
    log: Path

    async def make(self, data: Path) -> None:
        """Make `data`, which is not there yet. Raises StartupError, after a second try: under much load it may help."""
        draft, copies = data.with_suffix(".new"), data.with_suffix(".programs")
        try:
            found = self.programs
            if not self.account and not programs.user_has_name():
                shutil.rmtree(copies, ignore_errors=True)
                found = await asyncio.to_thread(programs.copy_for_the_nameless, found, copies)
            for attempt in range(1, _TRIES + 1):
                try:
                    await self._fill(draft, found)
                    break
                except StartupError as error:
                    if attempt == _TRIES:
                        raise
                    log.warning("%s It is tried once more.", error.message)
        finally:
            shutil.rmtree(copies, ignore_errors=True)
        draft.rename(data)

    async def _fill(self, draft: Path, found: Path) -> None:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if self.account:
            accounts.own(draft, self.account)
        at = ("-D", place(draft, self.account))
        await self._run(draft, found / "initdb", *at, "-U", NAME, "--auth=trust", *LOCALE)
        await self._run(draft, found / "postgres", "--single", *at, "postgres", feed=f"CREATE DATABASE {NAME};\n")

    async def _run(self, draft: Path, program: Path, *arguments: str, feed: str = "") -> None:
        process = await asyncio.create_subprocess_exec(
            str(program),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.environment,
            cwd=draft,
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
            start_new_session=True,
        )
        try:
            output, _ = await process.communicate(feed.encode())
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        said = output.decode(errors="replace").strip()
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"{program.name} ended with {process.returncode}:\n{said}\n")
        if process.returncode:
            last = next(reversed(said.splitlines()), "")[:_LAST_LINE_CHARS]
            raise StartupError(f'PostgreSQL\'s {program.name} failed; its log {self.log} ends with "{last}".')
