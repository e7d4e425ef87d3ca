"""Passes that wait, that run and that are held back, while a media is made: what scaling needs to know."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from gilfoyle.api.totals import TotalsOfAll
from gilfoyle.catalog import MediaStatus
from gilfoyle.media.plan import FIRST_PRIORITY
from gilfoyle.metrics.instruments import REGISTRY
from gilfoyle.metrics.passes import HELD_BACK, RUNNING, WAITING, Totals
from gilfoyle.temporal.routes import IO, PIPELINE, TRANSCODE
from tests.integration.workflows.service import Service


def passes(totals: Totals) -> Counter[str]:
    """By their state."""
    found: Counter[str] = Counter()
    for (_, state), count in totals.passes.items():
        found[state] += count
    return found


async def until_known(totals: TotalsOfAll, waiting: int) -> Counter[str]:
    """Once so many passes, at least, wait. Temporal takes a while to make a queue that it is asked about first."""
    async with asyncio.timeout(60):
        while True:
            found = passes(await totals.read())
            if found.get(WAITING, -1) >= waiting:
                return found
            await asyncio.sleep(0.1)


def running() -> float:
    queues = ("first", "transcode")
    found = (REGISTRY.get_sample_value("gilfoyle_passes", {"queue": each, "state": RUNNING}) for each in queues)
    return sum(filter(None, found))


async def test_every_pass_is_waiting_running_or_held_back(
    new_service: Callable[..., AbstractAsyncContextManager[Service]], long_film: Path
) -> None:
    async with new_service(working=False) as service:
        totals = TotalsOfAll(service.parts.catalog, service.parts.client, service.parts.settings)
        assert await until_known(totals, 0) == {WAITING: 0, HELD_BACK: 0}
        async with service.working(PIPELINE, IO):
            media = await service.accept(long_film)
            handle = await service.process(media)
            await until_known(totals, 1)
            recipe = await service.parts.catalog.encodings.recipe(media.id, 1)
            assert recipe
            urgent = sum(each["priority"] == FIRST_PRIORITY for each in recipe.plan["passes"])
            found = await until_known(totals, urgent)
            assert found == {WAITING: urgent, HELD_BACK: len(recipe.plan["passes"]) - urgent}
            assert found[HELD_BACK] > 0 and running() == 0
            most = 0.0
            async with service.working(TRANSCODE):
                while (await service.media(media)).status == MediaStatus.PROCESSING:
                    most = max(most, running())
                    await asyncio.sleep(0.05)
                await handle.result()
            assert most > 0
        recipe = await service.parts.catalog.encodings.recipe(media.id, 1)
        assert recipe and recipe.held_back is None  # its workflow has said so
        assert (passes(await totals.read())[HELD_BACK], running()) == (0, 0)
        assert (await totals.read()).medias[MediaStatus.READY] >= 1


async def test_a_media_that_fails_holds_nothing_back(
    new_service: Callable[..., AbstractAsyncContextManager[Service]], film: Path
) -> None:
    async with new_service(working=False) as service:
        totals = TotalsOfAll(service.parts.catalog, service.parts.client, service.parts.settings)
        media = await service.accept(film)
        await service.parts.catalog.encodings.plan(media.id, 1, [], recipe=({}, {}), held_back={"first": 3})
        assert passes(await totals.read())[HELD_BACK] == 3
        await service.parts.catalog.encodings.plan(media.id, 1, [], recipe=({}, {}), held_back={"first": 5})
        assert passes(await totals.read())[HELD_BACK] == 3
        await service.parts.catalog.encodings.progress(media.id, 1, [], False, 0.1, {"first": 1, "transcode-nvenc": 1})
        assert (await totals.read()).passes["transcode-nvenc", HELD_BACK] == 1
        await service.parts.catalog.encodings.fail(media.id, "encode_failed", "No.")
        assert passes(await totals.read())[HELD_BACK] == 0
