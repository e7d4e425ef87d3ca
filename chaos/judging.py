"""Whether what was accepted is done, and is what its file deserves, by what the API and its streams say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx

from chaos.client import AWAITING, Accepted, medias
from chaos.report import Report, Tally
from chaos.sources import Source
from chaos.verify import verify
from gilfoyle.config import ToolSettings
from gilfoyle.errors import GilfoyleError
from gilfoyle.ffmpeg.tools import ffmpeg_path

_FINAL = {"Ready", "Errored"}
_AT_ONCE = 2
WAIT_S = 300.0
POLL_S = 2.0


class Judging:
    """Fills the report. `http` is closed with it; `created`: for every media, what was to be uploaded into it."""

    def __init__(
        self, http: httpx.AsyncClient, report: Report, created: dict[str, Source], say: Callable[[str], None]
    ) -> None:
        self._http, self._report, self._created, self._say = http, report, created, say
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
            limit_s = limit_s or WAIT_S + 2 * backlog * ran_s / max(done, 1)
            if time.monotonic() - began > limit_s:
                return
            await asyncio.sleep(POLL_S)

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
            if media_id in self._created and media_id not in known and media["status"] != AWAITING
        ]
        ffmpeg, slots = ffmpeg_path(ToolSettings()), asyncio.Semaphore(_AT_ONCE)

        async def one(upload: Accepted) -> None:
            async with slots:
                await self._judge(upload, found.get(upload.id), ffmpeg)

        await asyncio.gather(*map(one, accepted))

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
