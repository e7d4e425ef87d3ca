"""Passes that need what not all workers have go to those that have it, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from gilfoyle.catalog import MediaStatus
from gilfoyle.media.policy import VideoRung
from gilfoyle.temporal.routes import QUEUES, SPECIAL_QUEUES, queue_name
from tests.integration.activities.pipeline import SMALL
from tests.integration.workflows.service import Handle, Service
from tests.sources import read_numbers

NewService = Callable[..., AbstractAsyncContextManager[Service]]
POLICY = SMALL.model_copy(
    update={
        "encoders": {"h264": "openh264"},
        "video": [VideoRung(height=180, max_kbps=2000, codec=codec) for codec in ("h264", "av1")],
    }
)


async def encodes(handle: Handle) -> dict[str, set[str]]:
    """By rendition, the queues on which its passes were scheduled."""
    found: dict[str, set[str]] = {}
    for event in (await handle.fetch_history()).events:
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name.startswith("encode"):
            summary = event.user_metadata.summary.data.decode().strip('"')
            found.setdefault(summary.partition(":")[0], set()).add(scheduled.task_queue.name)
    return found


async def test_a_capability_has_queues_of_its_own(new_service: NewService, film: Path) -> None:
    async with new_service(working=False) as service:
        media = await service.accept(film)
        handle = await service.process(media, POLICY)
        prefix = service.parts.settings.temporal.queue_prefix
        async with service.working(*QUEUES):
            async with asyncio.timeout(60):
                while not service.playlist(media, "audio-64k").with_name("00000.m4s").exists():
                    await asyncio.sleep(0.1)
            # What makes it playable waits for a worker that none has started yet.
            assert (await encodes(handle))["180p"] == {queue_name(prefix, "first-openh264")}
            assert not service.playlist(media, "180p").parent.exists()
            async with service.working(*SPECIAL_QUEUES):
                await handle.result()
        assert (await service.media(media)).status == MediaStatus.READY
        assert read_numbers(service.playlist(media, "180p")) == list(range(120))
        assert read_numbers(service.playlist(media, "180p-av1")) == list(range(120))
        special = {queue_name(prefix, f"{queue}-openh264") for queue in ("first", "transcode")}
        queues = await encodes(handle)
        assert queues["180p"] <= special
        assert not (queues["180p-av1"] | queues["audio-64k"]) & special
