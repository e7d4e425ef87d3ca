"""What is stored is never encoded again, and whatever is missing comes back as if nothing had happened."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import psutil
import pytest

from gilfoyle.errors import EncodeFailed
from gilfoyle.media.plan import Pass
from tests.integration.activities.pipeline import LOWEST, Pipeline, ffmpegs, packets
from tests.sources import FFMPEG, numbered, run

SLOW = LOWEST.model_copy(update={"preset": "slower", "chunk_s": 64})


async def encoded(pipeline: Pipeline, source: Path) -> dict[str, str]:
    """Everything, and the etag of every object."""
    await pipeline.process(source)
    return await pipeline.etags()


def remove(pipeline: Pipeline, rendition: str, segments: Iterable[int]) -> set[str]:
    """Take segments out of the storage; returns their keys."""
    gone = {f"{rendition}/{index:05d}.m4s" for index in segments}
    for key in gone:
        (pipeline.folder / key).unlink()
    return gone


async def assert_only_these_came_back(pipeline: Pipeline, before: dict[str, str], gone: set[str]) -> None:
    after = await pipeline.etags()
    assert after.keys() == before.keys()
    changed = {key for key in before if after[key] != before[key]} - {key for key in before if key.endswith(".m3u8")}
    assert changed == gone
    assert not list((pipeline.root / ".tmp").iterdir())


async def test_all_twice_changes_nothing(pipeline: Pipeline, ordinary: Path) -> None:
    before = await encoded(pipeline, ordinary)
    await pipeline.encode()
    await pipeline.package()
    assert await pipeline.etags() == before


@pytest.mark.parametrize(
    ("rendition", "segments"),
    [
        ("180p", range(9, 14)),  # the end of a shared pass
        ("90p", range(14)),  # all of one
        ("120p", [4]),  # one in the middle of a chunk
        ("90p", [0, 3, 13]),
    ],
)
async def test_missing_segments_come_back_alone(
    rendition: str, segments: Iterable[int], pipeline: Pipeline, ordinary: Path
) -> None:
    before = await encoded(pipeline, ordinary)
    gone = remove(pipeline, rendition, segments)
    await pipeline.encode()
    await pipeline.package()
    await assert_only_these_came_back(pipeline, before, gone)
    assert pipeline.numbers() == {name: list(range(210)) for name in pipeline.video}


@pytest.mark.parametrize("frames", [211, 212])
async def test_a_last_segment_of_a_frame_or_two_is_like_the_others(
    frames: int, pipeline: Pipeline, tmp_path: Path
) -> None:
    """Encoded by itself it would be shown two frames early, and its init segment would be another one."""
    before = await encoded(pipeline, numbered(tmp_path / "source.mp4", "30", frames))
    assert pipeline.numbers() == {name: list(range(frames)) for name in pipeline.video}
    gone = remove(pipeline, "90p", [14]) | remove(pipeline, "180p", [14])
    await pipeline.encode()
    await pipeline.package()
    await assert_only_these_came_back(pipeline, before, gone)
    assert pipeline.numbers() == {name: list(range(frames)) for name in pipeline.video}


async def test_renditions_of_a_shared_pass_resume_where_each_ended(pipeline: Pipeline, ordinary: Path) -> None:
    before = await encoded(pipeline, ordinary)
    gone = remove(pipeline, "180p", range(8, 14)) | remove(pipeline, "120p", range(11, 14))
    gone |= remove(pipeline, "90p", [13])
    await pipeline.encode()
    await assert_only_these_came_back(pipeline, before, gone)
    assert pipeline.numbers() == {name: list(range(210)) for name in pipeline.video}


async def test_a_lost_init_segment_comes_back_the_same(pipeline: Pipeline, ordinary: Path) -> None:
    before = await encoded(pipeline, ordinary)
    place = pipeline.folder / "180p" / "init.mp4"
    init = place.read_bytes()
    place.unlink()
    await pipeline.encode()
    await assert_only_these_came_back(pipeline, before, {"180p/init.mp4"})
    assert place.read_bytes() == init


async def test_a_container_without_exact_seeks_is_resumed(lowest: Pipeline, tmp_path: Path) -> None:
    before = await encoded(lowest, numbered(tmp_path / "source.ts", "25", 120))
    gone = remove(lowest, "90p", range(5, 10)) | remove(lowest, "audio-64k", range(6, 10))
    await lowest.encode()
    await assert_only_these_came_back(lowest, before, gone)
    assert lowest.numbers() == {"90p": list(range(120))}


async def test_a_held_frame_is_resumed(lowest: Pipeline, tmp_path: Path) -> None:
    """Two seconds of video under six of audio: what is missing lies after the last frame that can be decoded."""
    film = numbered(tmp_path / "film.mp4", "30", 60, audio=False)
    source = tmp_path / "source.mp4"
    tone = ["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=6"]
    run(FFMPEG, "-v", "error", "-i", str(film), *tone, "-c:v", "copy", "-c:a", "aac", str(source))
    before = await encoded(lowest, source)
    expected = [*range(60), *[59] * 120]
    assert lowest.numbers() == {"90p": expected}
    gone = remove(lowest, "90p", range(9, 12))
    await lowest.encode()
    await assert_only_these_came_back(lowest, before, gone)
    assert lowest.numbers() == {"90p": expected}


async def test_audio_is_resumed_without_a_click(pipeline: Pipeline, ordinary: Path) -> None:
    before = await encoded(pipeline, ordinary)
    playlist = pipeline.playlist("audio-64k")
    whole, times = samples(playlist), packets(playlist)
    gone = remove(pipeline, "audio-64k", range(6, 14))
    await pipeline.encode()
    await assert_only_these_came_back(pipeline, before, gone)
    assert packets(playlist) == times
    resumed = samples(playlist)
    assert len(resumed) == len(whole)
    # An encoder that was warmed up makes the same of a steady tone, but for its rounding.
    assert np.abs(resumed - whole).max() < 0.02 * np.abs(whole).max()


def samples(playlist: Path) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A rendition's audio, decoded."""
    raw = run(FFMPEG, "-v", "error", "-i", str(playlist), "-f", "s16le", "-ac", "1", "-")
    return np.frombuffer(raw, np.int16).astype(np.float64)


async def started(pipeline: Pipeline, work: asyncio.Task[None], segments: int) -> psutil.Process:
    """Wait until so many segments are stored; returns the ffmpeg that makes more."""
    folder = pipeline.folder / "90p"
    async with asyncio.timeout(30):
        while not work.done():
            stored = len(list(folder.glob("*.m4s"))) if folder.is_dir() else 0
            if stored >= segments and len(found := ffmpegs()) == 1:
                return found[0]
            await asyncio.sleep(0.01)
    raise AssertionError("it was over before it could be interrupted")


async def test_a_cancelled_pass_leaves_no_ffmpeg_and_no_half_of_anything(long: Path, tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, SLOW)
    await pipeline.probe(long)
    whole = Pass(renditions=["90p"], first=0, count=pipeline.plan.grid.segments, priority=1)
    environment = pipeline.environment()
    work = asyncio.create_task(pipeline.encode([whole], environment))
    ffmpeg = await started(pipeline, work, 5)

    environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(work, 3)
    assert not ffmpeg.is_running() and not ffmpegs()
    assert not list((pipeline.root / ".tmp").iterdir())

    before = await pipeline.etags()
    stored = [key for key in before if key.endswith(".m4s")]
    assert stored == [f"90p/{index:05d}.m4s" for index in range(len(stored))]  # from the first on, without a gap
    assert 5 <= len(stored) < whole.count
    await pipeline.encode()
    await pipeline.package()
    after = await pipeline.etags()
    assert {key: after[key] for key in before} == before
    assert pipeline.numbers() == {"90p": list(range(1200))}


async def test_an_ffmpeg_that_is_killed_fails_its_pass_and_the_next_attempt_goes_on(long: Path, tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, SLOW)
    await pipeline.probe(long)
    whole = Pass(renditions=["90p"], first=0, count=30, priority=1)
    work = asyncio.create_task(pipeline.encode([whole]))
    (await started(pipeline, work, 3)).kill()
    with pytest.raises(EncodeFailed) as failed:
        await asyncio.wait_for(work, 3)
    assert failed.value.retryable
    before = await pipeline.etags()
    assert len(before) >= 4
    await pipeline.encode([whole])
    after = await pipeline.etags()
    assert {key: after[key] for key in before} == before
    assert len(after) == 31


async def test_another_encoder_does_not_go_on_with_a_rendition(pipeline: Pipeline, ordinary: Path) -> None:
    """Its chunks would not play behind the stored ones: the init segment is of the first."""
    await pipeline.probe(ordinary)
    first, second = [chunk for chunk in pipeline.plan.passes if chunk.renditions == ["90p"]][:2]
    await pipeline.encode([first])
    pipeline.policy = pipeline.policy.model_copy(update={"preset": "ultrafast"})
    before = await pipeline.etags()
    with pytest.raises(EncodeFailed, match="decoder configuration"):
        await pipeline.encode([second])
    assert await pipeline.etags() == before


async def test_a_rendition_with_a_hole_is_never_called_whole(pipeline: Pipeline, ordinary: Path) -> None:
    await encoded(pipeline, ordinary)
    remove(pipeline, "120p", [5])
    assert (await pipeline.package()).lost == ["120p"]
    growing = await pipeline.package(final=False)
    assert {row.name: row.stored_segments for row in growing.renditions} == {
        "180p": 14, "120p": 5, "90p": 14, "audio-64k": 14
    }  # fmt: skip
    listed = pipeline.playlist("120p").read_text()
    assert "00004.m4s" in listed and "00006.m4s" not in listed and "ENDLIST" not in listed


async def test_an_ffmpeg_that_can_not_be_run_fails_the_pass(ordinary: Path, tmp_path: Path) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_text('#!/bin/sh\necho "it has no teeth" >&2\nexit 3\n')
    broken.chmod(0o755)
    pipeline = Pipeline(tmp_path, ffmpeg=str(broken))
    await pipeline.probe(ordinary)
    with pytest.raises(EncodeFailed) as failed:
        await pipeline.encode()
    assert "it has no teeth" in failed.value.log and "teeth" not in failed.value.message
