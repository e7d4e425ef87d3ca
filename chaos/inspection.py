"""At the end, with everything up again: is everything done, whole, and nothing left over?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container
from typing import Any

import httpx

from chaos import histories, orphans
from chaos.client import AWAITING, Accepted, medias
from chaos.installation import Installation
from chaos.report import Report, Tally
from chaos.sources import Source
from chaos.verify import verify
from gilfoyle.config import ToolSettings
from gilfoyle.errors import GilfoyleError
from gilfoyle.ffmpeg.tools import ffmpeg_path
from gilfoyle.temporal.connect import connect

_FINAL = {"Ready", "Errored"}
_WAIT_S = 300.0
_POLL_S = 2.0
# The sweep leaves alone what is younger than a minute; an upload that broke off has a lease of 30 s besides.
_OLD_S = 100.0
_AT_ONCE = 2


class Inspection:
    """Fills the report. `created`: for every media, what was to be uploaded into it."""

    def __init__(
        self, installation: Installation, report: Report, created: dict[str, Source], say: Callable[[str], None]
    ) -> None:
        self._installation, self._report, self._created, self._say = installation, report, created, say
        self._http = httpx.AsyncClient(base_url=installation.api_itself, trust_env=False, timeout=60)
        self._named: dict[str, set[str]] = {}
        self._tried: set[str] = set()

    async def close(self) -> None:
        await self._http.aclose()

    async def settle(self, ran_s: float) -> None:
        """Wait until every accepted media is Ready or Errored, for 5 minutes and twice what the backlog should take.

        What was stopped by hand is tried again, as somebody would who had found out.
        """
        began = time.monotonic()
        limit_s: float | None = None
        while True:
            found = await self._medias()
            if await self._try_again(found):
                continue
            backlog = sum(media["status"] not in {*_FINAL, AWAITING} or _is_replaced(media) for media in found)
            done = sum(media["status"] in _FINAL for media in found)
            if not backlog:
                return
            limit_s = limit_s or _WAIT_S + 2 * backlog * ran_s / max(done, 1)
            if time.monotonic() - began > limit_s:
                return
            await asyncio.sleep(_POLL_S)

    async def _try_again(self, found: list[dict[str, Any]]) -> bool:
        """Whether any was; each once."""
        stopped = {str(media["id"]) for media in found if _code(media) == "cancelled"}
        stopped |= {str(media["id"]) for media in found if _code(media["replacement"] or {}) == "cancelled"}
        for media_id in (new := stopped - self._tried):
            self._tried.add(media_id)
            answer = await self._http.post(f"/v1/medias/{media_id}/retry")
            if answer.status_code != httpx.codes.ACCEPTED:
                self._report.unforeseen.append(f"media {media_id} is not tried again: {answer.text[:300]}")
            self._report.retried += 1
        return bool(new)

    async def judge(self, accepted: list[Accepted]) -> None:
        """Each accepted upload: is it what it deserves to be?"""
        found = {str(media["id"]): media for media in await self._medias()}
        known = {each.id for each in accepted}
        # One that the client gave up, and that Gilfoyle has accepted all the same.
        accepted = accepted + [
            Accepted(media_id, self._created[media_id], "found")
            for media_id, media in found.items()
            if media_id not in known and media["status"] != AWAITING
        ]
        ffmpeg, slots = ffmpeg_path(ToolSettings()), asyncio.Semaphore(_AT_ONCE)

        async def one(upload: Accepted) -> None:
            async with slots:
                await self._judge(upload, found.get(upload.id), ffmpeg)

        await asyncio.gather(*map(one, accepted))

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
        while (left := await histories.running(client)) and time.monotonic() - began < _WAIT_S:
            await asyncio.sleep(_POLL_S)
        self._report.stuck += [await histories.standing(client, each) for each in left]
        self._report.unforeseen += await histories.failures(client, stopped, rewound=rewound)
        twice = await histories.encoded_twice(client)
        self._report.repeated += twice.for_nothing
        self._report.repaired += twice.for_loss

    def _owned(self, there: set[str], found: list[dict[str, Any]]) -> set[str]:
        return orphans.expected(found, self._named, there)

    async def _medias(self) -> list[dict[str, Any]]:
        """Raises GilfoyleError if the API does not answer, with everything up."""
        for _ in range(30):
            try:
                return await medias(self._http)
            except httpx.HTTPError as error:
                last = error
                await asyncio.sleep(1)
        raise GilfoyleError(f"The API does not list its medias, though nothing is killed any more: {last}")

    async def _judge(self, upload: Accepted, media: dict[str, Any] | None, ffmpeg: str) -> None:
        source, tally = _shown(upload, media), self._report.uploads.setdefault(upload.source.name, Tally())
        tally.accepted += 1
        name = f"{source.name} {upload.id} (accepted: {upload.how})"
        if media is None or media["status"] == AWAITING:
            self._report.lost.append(f"{name} is {'gone' if media is None else AWAITING}")
        elif media["status"] not in _FINAL:
            self._report.stuck.append(f"{name} is {media['status']}")
        elif media["status"] == "Errored":
            tally.errored += 1
            if _code(media) != source.error:
                self._report.lost.append(f"{name} is Errored: {media['error']}")
        elif source.error:
            self._report.lost.append(f"{name} is Ready, and deserves {source.error}")
        elif media["replacement"] and upload.replacement and _code(media["replacement"]) != upload.replacement.error:
            self._report.lost.append(f"{name} can't be replaced: {media['replacement']}")
        else:
            verdict = await verify(self._http, media, source, ffmpeg)
            self._named[upload.id] = verdict.objects
            tally.ready += not verdict.faults
            self._report.lost += [f"{name}: {fault}" for fault in verdict.faults]


def _code(row: dict[str, Any]) -> str | None:
    """Of the error of a media or a replacement."""
    return (row.get("error") or {}).get("code")


def _is_replaced(media: dict[str, Any]) -> bool:
    return bool(media["replacement"]) and media["replacement"]["status"] not in _FINAL


def _shown(upload: Accepted, media: dict[str, Any] | None) -> Source:
    """What the media must show: its first file, until another one has taken its place."""
    if media is None or upload.replacement is None or upload.replacement.error:
        return upload.source
    return upload.source if media["replacement"] else upload.replacement
