"""Uploads of mixed kinds, all the time, but never more than the machine can encode."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import httpx

from chaos.client import Accepted, Client, connected
from chaos.sources import Source
from gilfoyle.tasks import stop

_AT_ONCE = 3
_PROCESSING_AT_MOST = 6
_PAUSE_S = (0.5, 4.0)
_GIVE_UP_S = 300.0
_REPLACED = 0.25
"""Of so many uploads, one is another file for a media that is Ready."""


class Uploading:
    """`run` until cancelled, then `finish`. `api` is where it is asked how much there is to do."""

    def __init__(
        self,
        client: Client,
        api: str,
        files: dict[Source, Path],
        rng: random.Random,
        say: Callable[[str], None],
        key: str = "",
    ) -> None:
        self._client, self._files, self._rng, self._say = client, files, rng, say
        self._http = connected(api, key, timeout_s=10)
        self._tasks: set[asyncio.Task[None]] = set()
        self.accepted: list[Accepted] = []

    async def run(self) -> None:
        """Each kind in turn, shuffled like cards."""
        while True:
            kinds = list(self._files)
            self._rng.shuffle(kinds)
            for source in kinds:
                await asyncio.sleep(self._rng.uniform(*_PAUSE_S))
                while len(self._tasks) >= _AT_ONCE or await self._processing() >= _PROCESSING_AT_MOST:
                    await asyncio.sleep(1)
                ready = [each for each in self.accepted if not each.source.error and each.replacement is None]
                if ready and self._rng.random() < _REPLACED:
                    task = asyncio.create_task(self._replace(self._rng.choice(ready), source))
                else:
                    task = asyncio.create_task(self._upload(source))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait for the uploads that have begun."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GIVE_UP_S)

    async def close(self) -> None:
        await stop(list(self._tasks))
        await self._http.aclose()

    async def _upload(self, source: Source) -> None:
        if accepted := await self._client.upload(source, self._files[source]):
            self.accepted.append(accepted)
            self._say(f"+ {source.name} is accepted ({accepted.how}): {accepted.id}")

    async def _replace(self, upload: Accepted, source: Source) -> None:
        """Unless it is not Ready yet, or was chosen a moment ago."""
        if await self._client.replace(upload.id, source, self._files[source]):
            upload.replacement = source
            self._say(f"± {source.name} is to take the place of {upload.source.name}: {upload.id}")

    async def _processing(self) -> int:
        """How many medias are being processed; as if there were too many, while that is unknown."""
        try:
            answer = await self._http.get("/v1/medias", params={"status": "Processing", "limit": 1, "total": True})
            answer.raise_for_status()
            return int(answer.json()["metadata"]["total"])
        except (httpx.HTTPError, ValueError, KeyError):
            return _PROCESSING_AT_MOST
