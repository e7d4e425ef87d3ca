"""A player that asks the API all the time never notices that its media moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
import pytest

from gilfoyle.api.playback import Playbacks
from gilfoyle.config import DatabaseSettings, ServerSettings
from gilfoyle.storage import FilesystemStorage, drivers
from tests.integration.api.conftest import address, served
from tests.integration.workflows.moving import move, ready, stream_files
from tests.integration.workflows.service import Service

# In earnest it is one second and ten: here the API remembers for longer, so that too short a time is noticed.
REMEMBER_S = 3.0
LINGER_S = 4.5
MEDIAS = 6


class Player:
    """Asks for one object after the other, again and again."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client, self._url = client, url
        self.rounds = 0
        self.wrong: list[str] = []

    async def play(self) -> None:
        while True:
            for path, data in stream_files().items():
                try:
                    answer = await self._client.get(f"{self._url}/{path}")
                except httpx.HTTPError as error:  # an answer that broke off
                    self.wrong.append(f"{path}: {error!r}")
                    continue
                if answer.status_code != 200 or answer.content != data:
                    self.wrong.append(f"{path}: {answer.status_code} {answer.content[:80]!r}")
            self.rounds += 1


@pytest.mark.slow
async def test_a_player_never_gets_an_error_or_a_wrong_byte(
    new_service: Callable[..., AbstractAsyncContextManager[Service]],
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Playbacks.__init__, "__defaults__", (REMEMBER_S,))
    monkeypatch.setitem(drivers._OURS, "other", lambda _settings: FilesystemStorage(tmp_path / "other"))
    async with new_service() as service:
        settings = service.parts.settings.model_copy(
            update={"server": ServerSettings(port=0), "database": DatabaseSettings(url=database_url, pool_size=5)}
        )
        files = await service.parts.storages.open()
        medias = [await ready(service.parts.catalog, files) for _ in range(MEDIAS)]
        with served(settings) as url:
            async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                addresses = [await address(service.parts.catalog, media.id) for media in medias]
                players = [Player(client, address) for address in addresses]
                playing = [asyncio.create_task(player.play()) for player in players]
                result = await move(service, linger_s=LINGER_S, page=1)
                assert (result.moved, result.failed) == (MEDIAS, [])
                before = [player.rounds for player in players]
                while any(player.rounds < rounds + 2 for player, rounds in zip(players, before, strict=True)):
                    await asyncio.sleep(0.05)
                for task in playing:
                    task.cancel()
                await asyncio.gather(*playing, return_exceptions=True)
    assert [player.wrong for player in players] == [[]] * MEDIAS
