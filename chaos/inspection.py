"""At the end, with everything up again: is everything done, whole, and nothing left over?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container
from typing import Any

import httpx

from chaos import histories, orphans
from chaos.installation import Installation
from chaos.judging import POLL_S, WAIT_S, Judging
from chaos.report import Report
from chaos.sources import Source
from gilfoyle.temporal.connect import connect

# The sweep leaves alone what is younger than a minute; an upload that broke off has a lease of 30 s besides.
_OLD_S = 100.0


class Inspection(Judging):
    """Beside what the API says: what lies in the storage, and what Temporal knows."""

    def __init__(
        self, installation: Installation, report: Report, created: dict[str, Source], say: Callable[[str], None]
    ) -> None:
        super().__init__(
            httpx.AsyncClient(base_url=installation.api_itself, trust_env=False, timeout=60), report, created, say
        )
        self._installation = installation

    async def sweep(self, settled_s: float) -> None:
        """What a process leaves that is killed is removed by `gilfoyle storage sweep`: run it, once all of it is old.

        Not if nothing is left. `settled_s`: for how long nothing has changed, in seconds.
        """
        storage = self._installation.settings().storage
        there, unfinished = await orphans.listed(storage)
        self._report.swept = len(there - self._owned(there, await self._medias())) + len(unfinished)
        if not self._report.swept:
            return
        await asyncio.sleep(max(0.0, _OLD_S - settled_s))
        status, said = await self._installation.command("storage", "sweep", "--older-than", "60")
        self._say(f"the sweep says: {said[-600:]}")
        if status:
            self._report.unforeseen.append(f"`gilfoyle storage sweep` ended with status {status}: {said[-300:]}")

    async def find_orphans(self) -> None:
        """Everything in the storage against everything that the medias own."""
        there, unfinished = await orphans.listed(self._installation.settings().storage)
        owned = self._owned(there, await self._medias())
        self._report.orphans += sorted(there - owned) + [f"unfinished: {key}" for key in unfinished]
        self._report.lost += [f"there is no object {key}" for key in sorted(owned - there)]

    async def ask_temporal(self, stopped: Container[str] = (), *, rewound: bool = False) -> None:
        """Nothing runs any more, nothing failed but for a file's own fault or by hand, nothing was encoded twice.

        A workflow gets as long as a backlog of one media: after a power cut it walks once more through what is done.
        """
        settings = self._installation.settings().temporal
        client = await connect(settings.model_copy(update={"address": self._installation.temporal_address}))
        began = time.monotonic()
        while (left := await histories.running(client)) and time.monotonic() - began < WAIT_S:
            await asyncio.sleep(POLL_S)
        self._report.stuck += [await histories.standing(client, each) for each in left]
        self._report.unforeseen += await histories.failures(client, stopped, rewound=rewound)
        twice = await histories.encoded_twice(client)
        self._report.repeated += twice.for_nothing
        self._report.repaired += twice.for_loss

    def _owned(self, there: set[str], found: list[dict[str, Any]]) -> set[str]:
        return orphans.expected(found, self._named, there)
