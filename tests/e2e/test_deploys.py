"""A new version of every worker, one after another, in the middle of an encode: what is wasted is told by numbers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from gilfoyle.config import TemporalSettings
from gilfoyle.temporal.connect import connect
from gilfoyle.temporal.messages import process_media_id
from tests.e2e.cluster import Cluster
from tests.e2e.gilfoyle_server import Server, wait_for
from tests.sources import numbered

FRAMES = 30 * 40
SLOTS = {"transcode_slots": 1, "first_slots": 1, "threads": 1}
WORKERS = {"pipeline": "pipeline", "io": "io", "transcode": "transcode", "another": "transcode"}


@pytest.mark.slow
async def test_every_worker_is_restarted_amid_an_encode(server: Server, tmp_path: Path) -> None:
    source = numbered(tmp_path / "long.mp4", "30", FRAMES, size=(1280, 720))
    cluster = Cluster(server, tmp_path, "deploys", workers=SLOTS, encoding={"preset": "slow"})
    with cluster.running() as there:
        for name, queue in WORKERS.items():
            cluster.start(name, queue)
        media_id = there.create()
        assert there.send(media_id, source).status_code == 202
        kept: dict[str, tuple[int, int]] = {}
        for name, queue in [*WORKERS.items(), ("transcode", "transcode")]:
            before = len(kept) + 2
            wait_for(lambda least=before: len(there.segments(media_id)) >= least, 60)  # type: ignore[misc]
            cluster.stop(name)
            assert there.media(media_id)["status"] == "Processing"
            kept |= {path: stamp for path, stamp in there.segments(media_id).items() if path not in kept}
            cluster.start(name, queue)
        media = there.wait(media_id, 120)
        assert media["status"] == "Ready", media["error"]
        after = there.segments(media_id)
        assert {path: after[path] for path in kept} == kept
        assert all(numbers == list(range(FRAMES)) for numbers in there.frames(media).values())
    again = await _begun_again(server, media_id)
    # Three stops of a transcode worker: each interrupts one chunk in each of its two slots at most.
    assert again["encode_video"] + again["encode_audio"] <= 3 * 2, again


async def _begun_again(server: Server, media_id: str) -> Counter[str]:
    """How many attempts of each kind of activity came after a first one."""
    client = await connect(TemporalSettings(address=server.addresses["temporal_address"]))
    history = await client.get_workflow_handle(process_media_id(UUID(media_id), 1)).fetch_history()
    names = {
        event.event_id: event.activity_task_scheduled_event_attributes.activity_type.name for event in history.events
    }
    found: Counter[str] = Counter()
    for event in history.events:
        if event.HasField("activity_task_started_event_attributes"):
            started = event.activity_task_started_event_attributes
            found[names[started.scheduled_event_id]] += started.attempt - 1
    return found
