"""A long film with many renditions: the real workflow, catalog, storage and light steps, and passes that cost nothing.

So it is all that grows with the number of passes, in minutes instead of weeks.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from pathlib import Path

from bench import server
from bench.fleet.activities import Busy, Speeds
from bench.fleet.case import LIGHT
from bench.fleet.sources import inits, still
from bench.fleet.uploads import Uploads
from bench.fleet.worker import arguments
from bench.history import read_runs, runs_of
from bench.limits.results import Wide
from bench.source import CACHE, Say
from bench.subject import Subject
from bench.workers import joined
from gilfoyle.config import Settings, load
from gilfoyle.errors import EncodeFailed
from gilfoyle.media.policy import EncodingPolicy, VideoRung

_CODECS = ("h264", "av1")
_AUDIO_TRACKS = 3
_SLOTS = 8
# The first passes take as long as they do on one core: a machine that is slower than playing has the most passes.
_SPEEDS = Speeds(usual=1e6, early=1)


def run(hours: float, say: Say) -> Wide:
    """Take a film of that length through it, on a server of its own.

    Raises EncodeFailed if it is Errored, or a segment was stored twice.
    """
    rungs = [
        VideoRung(height=rung.height, max_kbps=rung.max_kbps, codec=codec)
        for codec in _CODECS
        for rung in EncodingPolicy().video
    ]
    ladder = json.dumps([rung.model_dump() for rung in rungs])
    changes = {"GILFOYLE_ENCODING__VIDEO": ladder, "GILFOYLE_TEMPORAL__QUEUE_PREFIX": "wide"}
    with tempfile.TemporaryDirectory(prefix="gfb-") as folder, server.running() as up:
        settings = load(None, {**up.environment, **changes})
        subject = still(CACHE, round(hours * 3600), settings, say, _AUDIO_TRACKS)
        inits(subject, settings, Path(folder))
        say(f"{len(subject.plan.passes)} passes …")
        return asyncio.run(_run(up, settings, {**up.environment, **changes}, subject, Path(folder), hours))


async def _run(
    up: server.Server, settings: Settings, environment: dict[str, str], subject: Subject, folder: Path, hours: float
) -> Wide:
    uploads = Uploads(settings)
    try:
        (media,) = medias = await uploads.store(subject.source, 1)
        with joined(LIGHT, environment), joined(arguments(_SLOTS, _SPEEDS, folder), environment) as slots:
            began, ended = await uploads.process(medias, subject.source)
            runs = await runs_of(up, str(media.id))
    finally:
        await uploads.close()
    busy = Busy(**slots.told())
    _check(busy, subject)
    return Wide(
        hours=hours,
        renditions=len(subject.renditions),
        runs=len(runs),
        passes=busy.passes,
        segments=busy.segments,
        wall_s=round(ended - began, 1),
        history_events=[len(each.events) for each in runs],
        history_bytes=[each.bytes for each in runs],
        largest_event_bytes=max(each.largest_event_bytes for each in runs),
        longest_task_s=round(max(each.longest_task_s for each in runs), 3),
        failed_tasks=sum(each.failed_tasks for each in runs),
        steps=dict(Counter(span.name for span in read_runs(runs))),
    )


def _check(busy: Busy, subject: Subject) -> None:
    wanted = sum(map(subject.plan.segments, subject.renditions))
    if busy.segments != wanted:
        raise EncodeFailed(f"The film has {wanted:,} segments, and {busy.segments:,} were stored.")
