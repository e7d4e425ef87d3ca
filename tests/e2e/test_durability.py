"""Nothing that was stored is lost or made again: a worker dies in the middle of a chunk, a workflow runs twice."""

from __future__ import annotations

import signal
from pathlib import Path
from uuid import UUID

from gilfoyle.config import TemporalSettings
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.messages import ProcessMediaInput
from tests.e2e.gilfoyle_server import Server, wait_for
from tests.sources import numbered

FRAMES = 30 * 40


async def test_a_killed_worker_loses_no_stored_segment(server: Server, tmp_path: Path) -> None:
    source = numbered(tmp_path / "long.mp4", "30", FRAMES, size=(1280, 720))
    media_id = server.create()
    assert server.send(media_id, source).status_code == 202
    # Into the shared passes: several renditions are in the middle of a chunk.
    wait_for(lambda: len([name for name in server.segments(media_id) if "720p" in name]) >= 2)
    (worker,) = server.children("worker", "transcode")
    worker.send_signal(signal.SIGKILL)
    before = server.segments(media_id)
    assert server.media(media_id)["status"] == "Processing"

    media = server.wait(media_id, 120)
    assert media["status"] == "Ready", media["error"]
    after = server.segments(media_id)
    assert {name: after[name] for name in before} == before
    assert len(after) > len(before)
    assert all(numbers == list(range(FRAMES)) for numbers in server.frames(media).values())

    await _process_again(server, media)
    assert server.segments(media_id) == after
    assert server.media(media_id) == media


async def _process_again(server: Server, media: dict) -> None:  # type: ignore[type-arg]
    client = await connect(TemporalSettings(address=server.addresses["temporal_address"]))
    job = ProcessMediaInput(
        media_id=UUID(media["id"]), kind="video", source_bytes=media["source_bytes"], policy=EncodingPolicy()
    )
    await client.execute_workflow("ProcessMedia", job, id=f"again-{media['id']}", task_queue="gilfoyle-pipeline")
