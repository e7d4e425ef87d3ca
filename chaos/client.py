"""A client as people write it: it creates, uploads, and if the connection breaks it asks what became of its upload."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from chaos.sources import Source

_BOUNDARY = "chaos-0b5e3a52"
_PIECES = 12
_GIVE_UP_S = 240.0
_PAUSE_S = 1.0
AWAITING = "AwaitingUpload"


@dataclass
class Accepted:
    """An upload that is Gilfoyle's to finish. `how`: by what the client knows it."""

    id: str
    source: Source
    how: str
    replacement: Source | None = None
    """What was accepted to take its place."""


class Client:
    """Everything that went wrong on the way is in `refusals`: what the server said, and how often."""

    def __init__(self, api: str, rng: random.Random, say: Callable[[str], None], key: str = "") -> None:
        self._rng = rng
        self._say = say
        self._http = connected(api, key, timeout_s=30)
        self.refusals: dict[str, int] = {}
        self.created: dict[str, Source] = {}
        """Every media that was created, and what it is for."""

    async def close(self) -> None:
        await self._http.aclose()

    async def upload(self, source: Source, file: Path) -> Accepted | None:
        """Try until it is accepted; None if that takes too long."""
        try:
            async with asyncio.timeout(_GIVE_UP_S):
                media_id = await self._create(source)
                while not (how := await self._send(media_id, source, file)):
                    await asyncio.sleep(_PAUSE_S)
                return Accepted(media_id, source, how)
        except TimeoutError:
            self._say(f"? an upload of {source.name} was given up")
            return None

    async def replace(self, media_id: str, source: Source, file: Path) -> bool:
        """Send another file for a media that is Ready; whether it is accepted: only if it has not been replaced yet."""
        data = await asyncio.to_thread(file.read_bytes)
        try:
            async with asyncio.timeout(_GIVE_UP_S):
                before = await self._media(media_id)
                if before["status"] != "Ready" or before["replacement"] or before["version"] > 1:
                    return False
                while not await self._put(media_id, data, file.name):
                    now = await self._media(media_id)
                    if now["replacement"] or now["version"] > 1:
                        break
                return True
        except TimeoutError:
            self._say(f"? replacing {media_id} by {source.name} was given up")
            return False

    async def _put(self, media_id: str, data: bytes, file_name: str) -> bool:
        """Whether the answer says that it is accepted."""
        params = {"replace": "true", "file_name": file_name}
        try:
            answer = await self._http.put(f"/v1/medias/{media_id}/source", content=data, params=params)
            if answer.is_success:
                return True
            self._refused("replace", answer)
        except httpx.HTTPError as error:
            self._broke("replace", error)
        return False

    async def _create(self, source: Source) -> str:
        while True:
            try:
                answer = await self._http.post("/v1/medias", json={"title": source.name})
                if answer.status_code == 201:
                    media_id = str(answer.json()["data"]["id"])
                    self.created[media_id] = source
                    return media_id
                self._refused("create", answer)
            except httpx.HTTPError as error:
                self._broke("create", error)
            await asyncio.sleep(_PAUSE_S)

    async def _send(self, media_id: str, source: Source, file: Path) -> str:
        """How it is known to be accepted; empty if it is not."""
        data = await asyncio.to_thread(file.read_bytes)
        head, tail = frame(file.name)
        headers = {
            "content-type": f"multipart/form-data; boundary={_BOUNDARY}",
            "content-length": str(len(head) + len(data) + len(tail)),
        }
        pause_s = self._rng.choice((0.0, self._rng.uniform(0, 0.3)))

        async def body() -> AsyncIterator[bytes]:
            yield head
            size = len(data) // _PIECES + 1
            for at in range(0, len(data), size):
                yield data[at : at + size]
                await asyncio.sleep(pause_s)
            yield tail

        try:
            answer = await self._http.post(
                f"/v1/medias/{media_id}/upload/{source.sent_as}", content=body(), headers=headers
            )
            if answer.is_success:
                return "answered"
            self._refused("upload", answer)
        except httpx.HTTPError as error:
            self._broke("upload", error)
        return "asked" if (await self._media(media_id))["status"] != AWAITING else ""

    async def _media(self, media_id: str) -> dict[str, Any]:
        """Ask until there is an answer."""
        while True:
            await asyncio.sleep(_PAUSE_S)
            try:
                answer = await self._http.get(f"/v1/medias/{media_id}")
                if answer.is_success:
                    return dict(answer.json()["data"])
                self._refused("ask", answer)
            except httpx.HTTPError as error:
                self._broke("ask", error)

    def _refused(self, what: str, answer: httpx.Response) -> None:
        try:
            code = str(answer.json()["code"])
        except (json.JSONDecodeError, KeyError, TypeError):
            code = "no envelope"
        self._count(f"{what}: {answer.status_code} {code}")

    def _broke(self, what: str, error: httpx.HTTPError) -> None:
        self._count(f"{what}: {type(error).__name__}")

    def _count(self, what: str) -> None:
        self.refusals[what] = self.refusals.get(what, 0) + 1


def connected(api: str, key: str = "", *, timeout_s: float) -> httpx.AsyncClient:
    """A client of the API; `key`: the API key of whoever calls, if it asks for one."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(base_url=api, headers=headers, trust_env=False, timeout=timeout_s)


def frame(name: str) -> tuple[bytes, bytes]:
    """What stands before and after the file in a form of one part."""
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode(), f"\r\n--{_BOUNDARY}--\r\n".encode()


async def medias(http: httpx.AsyncClient) -> list[dict[str, object]]:
    """Every media that the API shows, with its renditions. Raises httpx.HTTPError."""
    found: list[dict[str, object]] = []
    asked: dict[str, str | int] = {"limit": 100, "include": "renditions"}
    while True:
        answer = await http.get("/v1/medias", params=asked)
        answer.raise_for_status()
        page = answer.json()
        found += page["data"]
        if page["metadata"]["next_cursor"] is None:
            return found
        asked["cursor"] = page["metadata"]["next_cursor"]
