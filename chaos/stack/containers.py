"""The containers of a compose project, and four ways to take one away."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gilfoyle.errors import GilfoyleError

CRASH, KILL, STOP, RESTART = "crash", "kill", "stop", "restart"
WAYS = (CRASH, KILL, STOP, RESTART)
# Longer than stop_grace_period of each.
_STOP_S = 40
_PATIENCE_S = 120.0
_LABEL = "com.docker.compose"


@dataclass(frozen=True)
class Container:
    """One that is there. `pid`: of its first process, on this machine; 0 if it does not run."""

    name: str
    service: str
    pid: int
    healthy: bool


class Containers:
    """Of the compose project with that name, by the command line of Docker."""

    def __init__(self, project: str) -> None:
        self._project = project

    async def all(self) -> list[Container]:
        """Raises GilfoyleError."""
        of_project = f"label={_LABEL}.project={self._project}"
        names = (await docker("ps", "--all", "--filter", of_project, "--format", "{{.Names}}")).split()
        if not names:
            raise GilfoyleError(f"There are no containers of the compose project {self._project}: is it up?")
        return [container(each) for each in json.loads(await docker("inspect", *names))]

    async def take_away(self, container: Container, how: str, for_s: float) -> None:
        """`for_s` seconds. After a crash it is Docker that starts it again, some time later. Raises GilfoyleError."""
        if how == CRASH:
            with suppress(ProcessLookupError):
                os.kill(container.pid, signal.SIGKILL)
        elif how == RESTART:
            await docker("restart", "--time", str(_STOP_S), container.name)
        else:
            await docker(*(["kill"] if how == KILL else ["stop", "--time", str(_STOP_S)]), container.name)
            await asyncio.sleep(for_s)
            await docker("start", container.name)

    async def settled(self, services: set[str]) -> list[str]:
        """Wait until all of them are healthy; the names of those that are not in time. Raises GilfoyleError."""
        for _ in range(int(_PATIENCE_S)):
            ill = [each.name for each in await self.all() if each.service in services and not each.healthy]
            if not ill:
                break
            await asyncio.sleep(1)
        return ill


def container(inspected: dict[str, Any]) -> Container:
    """By what `docker inspect` says of it. One without a health check is healthy while it runs."""
    state, labels = inspected["State"], inspected["Config"]["Labels"]
    health = state.get("Health") or {"Status": "healthy"}
    return Container(
        inspected["Name"].lstrip("/"),
        labels[f"{_LABEL}.service"],
        state["Pid"],
        state["Running"] and health["Status"] == "healthy",
    )


async def docker(*arguments: str) -> str:
    """What `docker` says on stdout. Raises GilfoyleError."""
    process = await asyncio.create_subprocess_exec(
        "docker", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, said = await process.communicate()
    if process.returncode:
        raise GilfoyleError(f"docker {' '.join(arguments[:2])}: {said.decode(errors='replace').strip()[-300:]}")
    return out.decode()
