"""ProcessMedia, from an accepted upload to Ready or Errored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError

from gilfoyle.catalog import MediaKind, MediaStatus, RenditionStatus
from gilfoyle.errors import NotFound
from gilfoyle.storage import keys
from gilfoyle.temporal.routes import IO, PIPELINE, TRANSCODE
from tests.integration.activities.pipeline import LOWEST, SMALL, ffmpegs
from tests.integration.workflows.service import Handle, Service, fault
from tests.poison import Poison, real_ffmpeg
from tests.sources import FFMPEG, numbered, read_numbers, run

NewService = Callable[..., AbstractAsyncContextManager[Service]]
VIDEO, AUDIO = ["180p", "120p", "90p"], "audio-64k"


async def test_a_good_film_becomes_ready(service: Service, film: Path) -> None:
    media = await service.accept(film)
    await (await service.process(media)).result()

    ready = await service.media(media)
    assert (ready.status, ready.playable, ready.progress, ready.error_code) == (MediaStatus.READY, True, 1, None)
    assert (media.kind, ready.kind) == (None, MediaKind.VIDEO)
    assert ready.duration_s == 4 and ready.probe and ready.probe["video"]["width"] == 320
    rows = await service.renditions(media)
    assert list(rows) == [*VIDEO, AUDIO]
    for row in rows.values():
        assert (row.status, row.segments, row.stored_segments) == (RenditionStatus.READY, 8, 8)
        assert row.bandwidth and row.average_bandwidth and row.bandwidth >= row.average_bandwidth
        stored = (service.playlist(media, row.name).parent).glob("*.m4s")
        assert row.stored_bytes == sum(file.stat().st_size for file in stored)
    assert {row.codecs for row in rows.values()} >= {"mp4a.40.2"}
    assert {name: read_numbers(service.playlist(media, name)) for name in VIDEO} == {
        name: list(range(120)) for name in VIDEO
    }


async def test_audio_becomes_ready(service: Service, tmp_path: Path) -> None:
    source = tmp_path / "song.mp3"
    run(FFMPEG, "-v", "error", "-f", "lavfi", "-i", "sine=duration=3", str(source))
    media = await service.accept(source, MediaKind.AUDIO)
    await (await service.process(media)).result()
    assert (await service.media(media)).status == MediaStatus.READY
    assert list(await service.renditions(media)) == [AUDIO]


async def test_only_the_audio_of_a_film_that_is_sent_as_audio(service: Service, film: Path) -> None:
    media = await service.accept(film, MediaKind.AUDIO)
    await (await service.process(media)).result()
    assert list(await service.renditions(media)) == [AUDIO]


def text(_folder: Path) -> bytes:
    return b"this is not a film\n" * 50


def cut(folder: Path) -> bytes:
    """The index is at the end, and gone."""
    data = numbered(folder / "cut.mp4", "30", 200).read_bytes()
    return data[: data.index(b"moov") - 4]


def silent(folder: Path) -> bytes:
    return numbered(folder / "silent.mp4", "30", 30, audio=False).read_bytes()


def song(folder: Path) -> bytes:
    run(FFMPEG, "-v", "error", "-f", "lavfi", "-i", "sine=duration=1", str(folder / "song.mp3"))
    return (folder / "song.mp3").read_bytes()


@pytest.mark.parametrize(
    ("make", "kind", "code"),
    [
        (text, MediaKind.VIDEO, "not_media"),
        (cut, MediaKind.VIDEO, "truncated"),
        (silent, MediaKind.AUDIO, "no_audio"),
    ],
)
async def test_what_can_not_be_streamed_is_errored_at_once_and_only_what_is_no_media_is_removed(
    make: Callable[[Path], bytes], kind: MediaKind, code: str, service: Service, tmp_path: Path
) -> None:
    source = tmp_path / "upload"
    source.write_bytes(make(tmp_path))
    media = await service.accept(source, kind)
    began = time.monotonic()
    failed = await fault(await service.process(media))
    assert time.monotonic() - began < 5
    assert (failed.type, failed.details, failed.non_retryable) == ("unsupported_media", (code,), True)
    errored = await service.media(media)
    assert (errored.status, errored.playable, errored.error_code) == (MediaStatus.ERRORED, False, code)
    assert errored.error_message == failed.message and errored.error_message.endswith(".")
    assert list(await service.etags(media)) == ([] if code == "not_media" else [keys.source(media.id)])


async def test_a_film_that_was_cut_short_plays_with_a_warning(service: Service, tmp_path: Path) -> None:
    whole = numbered(tmp_path / "whole.mp4", "30", 200, options=["-movflags", "+faststart"]).read_bytes()
    (tmp_path / "upload").write_bytes(whole[: len(whole) // 2])
    media = await service.accept(tmp_path / "upload", MediaKind.VIDEO)
    await (await service.process(media)).result()
    ready = await service.media(media)
    assert ready.status == MediaStatus.READY and ready.probe and 1 < (ready.duration_s or 0) < 6
    assert [warning["code"] for warning in ready.probe["warnings"]] == ["cut_short"]


@pytest.mark.parametrize("kind", [None, MediaKind.VIDEO])
async def test_audio_is_audio_whatever_it_is_sent_as(service: Service, tmp_path: Path, kind: MediaKind | None) -> None:
    source = tmp_path / "upload"
    source.write_bytes(song(tmp_path))
    media = await service.accept(source, kind)
    assert media.kind == kind
    await (await service.process(media)).result()
    ready = await service.media(media)
    assert (ready.status, ready.kind, ready.error_code) == (MediaStatus.READY, MediaKind.AUDIO, None)
    assert list(await service.renditions(media)) == [AUDIO]


async def test_a_source_of_another_size_than_received(service: Service, film: Path) -> None:
    media = await service.accept(film, size=film.stat().st_size + 1)
    assert (await fault(await service.process(media))).details == ("source_incomplete",)
    assert (await service.media(media)).status == MediaStatus.ERRORED


async def test_a_media_that_was_deleted_before_it_began(service: Service, film: Path) -> None:
    """It ends, brings nothing back and leaves nothing."""
    media = await service.accept(film)
    await service.parts.catalog.medias.mark_deleting(media.id)
    assert (await fault(await service.process(media))).type == "not_found"
    assert await service.etags(media) == {}
    with pytest.raises(NotFound):
        await service.media(media)


def toothless(folder: Path, *words: str) -> str:
    """An ffmpeg that fails where its command line has one of the words."""
    script = folder / "ffmpeg"
    tests = "\n".join(f"    *{word}*) echo 'no {word} today' >&2; exit 1;;" for word in words)
    script.write_text(f'#!/bin/sh\ncase "$*" in\n{tests}\nesac\nexec {real_ffmpeg(folder)} "$@"\n')
    script.chmod(0o755)
    return str(script)


async def failures(handle: Handle) -> list[str]:
    """What Temporal keeps of the passes that failed, beside their sentences."""
    events = (await handle.fetch_history()).events
    found = [event.activity_task_failed_event_attributes.failure.application_failure_info for event in events]
    return [payload.data.decode() for each in found for payload in each.details.payloads]


@pytest.mark.parametrize("broken", [pytest.param("180p", marks=pytest.mark.slow), "90p"])
async def test_a_rendition_that_can_not_be_encoded_fails_alone(
    broken: str, new_service: NewService, film: Path, tmp_path: Path
) -> None:
    word = {"180p": "scale=320:180", "90p": "scale=160:90"}[broken]
    async with new_service(toothless(tmp_path, word)) as service:
        media = await service.accept(film)
        handle = await service.process(media)
        await handle.result()
        assert (await service.media(media)).status == MediaStatus.READY
        rows = await service.renditions(media)
        assert {name: row.status for name, row in rows.items()} == {
            name: RenditionStatus.ERRORED if name == broken else RenditionStatus.READY for name in [*VIDEO, AUDIO]
        }
        assert rows[broken].error_code == "encode_failed"
        assert rows[broken].error_message == "ffmpeg could not encode this: it ended with status 1."
        assert f"no {word} today" in str(await failures(handle))
        others = [name for name in VIDEO if name != broken]
        assert [read_numbers(service.playlist(media, name)) for name in others] == [list(range(120))] * 2
        master = (service.root / str(media.id) / "1" / "master.m3u8").read_text()
        assert [name for name in VIDEO if f"{name}/index.m3u8" in master] == others


@pytest.mark.slow
async def test_a_rendition_at_which_ffmpeg_hangs_fails_alone(
    new_service: NewService, film: Path, tmp_path: Path
) -> None:
    """It goes on telling of its progress, as ffmpeg does, but there is none."""
    poison = Poison(tmp_path)
    poison.put(180, harm=r"while :; do printf 'frame=7\nprogress=continue\n'; sleep 0.1; done")
    async with new_service(poison.ffmpeg, stall_s=1) as service:
        media = await service.accept(film)
        await (await service.process(media)).result()
        rows = await service.renditions(media)
        assert {name for name, row in rows.items() if row.status == RenditionStatus.ERRORED} == {"180p"}
        assert "no progress for 1 s" in (rows["180p"].error_message or "")


async def test_a_film_whose_audio_can_not_be_encoded_is_ready_without(
    new_service: NewService, film: Path, tmp_path: Path
) -> None:
    async with new_service(toothless(tmp_path, "-b:a")) as service:
        media = await service.accept(film)
        await (await service.process(media, LOWEST)).result()
        ready = await service.media(media)
        assert (ready.status, ready.playable) == (MediaStatus.READY, True)
        assert (await service.renditions(media))[AUDIO].status == RenditionStatus.ERRORED
        assert await service.warnings(media) == ["audio_failed", "rendition_failed"]
        assert read_numbers(service.root / str(media.id) / "1" / "master.m3u8") == list(range(120))


async def test_where_nothing_can_be_encoded_the_source_is_kept(
    new_service: NewService, film: Path, tmp_path: Path
) -> None:
    """It may be ffmpeg's fault: another version can try again."""
    async with new_service(toothless(tmp_path, "libx264", "-b:a")) as service:
        media = await service.accept(film)
        failed = await fault(await service.process(media, LOWEST))
        assert failed.type == "encode_failed"
        errored = await service.media(media)
        assert (errored.status, errored.playable, errored.error_code) == (MediaStatus.ERRORED, False, "encode_failed")
        assert {row.status for row in (await service.renditions(media)).values()} == {RenditionStatus.ERRORED}
        assert list(await service.etags(media)) == [f"{media.id}/source"]


async def test_twice_changes_nothing(service: Service, film: Path) -> None:
    media = await service.accept(film)
    await (await service.process(media)).result()
    before, row = await service.etags(media), await service.media(media)
    await (await service.process(media, again=True)).result()
    assert await service.etags(media) == before
    assert await service.media(media) == row


async def test_two_at_once_make_one_stream(service: Service, film: Path) -> None:
    """A worker that was taken for dead and works on."""
    media = await service.accept(film)
    handles = [await service.process(media), await service.process(media, again=True)]
    for handle in handles:
        await handle.result()
    assert (await service.media(media)).status == MediaStatus.READY
    assert {name: read_numbers(service.playlist(media, name)) for name in VIDEO} == {
        name: list(range(120)) for name in VIDEO
    }


SLOW = SMALL.model_copy(update={"preset": "slow", "chunk_s": 16})


async def test_what_makes_it_playable_is_encoded_first(service: Service, film: Path) -> None:
    """Also by idle workers, which take what arrives first, whatever its priority."""
    media = await service.accept(film)
    handle = await service.process(media)
    await handle.result()
    assert set((await service.encodes_started(handle))[:2]) == {"90p: segments 0–0", "audio-64k: segments 0–0"}


async def test_what_is_encoded_is_published_before_more_is_looked_into(new_service: NewService, film: Path) -> None:
    """Else of a thousand uploads at once none would play before all are probed."""
    async with new_service(working=False, io_slots=1) as service:
        first, second = await service.accept(film), await service.accept(film)
        begun = await service.process(first)
        async with service.working(PIPELINE, IO):
            await service.until_scheduled(begun, "encode_video")
        later = await service.process(second)
        async with service.working(PIPELINE, TRANSCODE):
            await service.until_scheduled(later, "store")
            await service.until_scheduled(begun, "package")
        async with service.working():
            await asyncio.gather(begun.result(), later.result())
        published, stored = (await service.times(begun, "package"))[0], (await service.times(later, "store"))[0]
        assert stored[0] < published[0]
        assert (published[1] or 0) < (stored[1] or 0)


async def test_nothing_is_published_twice(service: Service, film: Path) -> None:
    """Between two publishes something was stored, or else they would be the same; the last one is of a whole."""
    handle = await service.process(await service.accept(film))
    await handle.result()
    names: dict[int, str] = {}
    stored = 0
    between = []
    for event in (await handle.fetch_history()).events:
        scheduled, ended = (
            event.activity_task_scheduled_event_attributes,
            event.activity_task_completed_event_attributes,
        )
        if event.HasField("activity_task_scheduled_event_attributes"):
            names[event.event_id] = scheduled.activity_type.name
            if names[event.event_id] == "package":
                between.append(stored)
                stored = 0
        elif event.HasField("activity_task_completed_event_attributes"):
            stored += names[ended.scheduled_event_id].startswith("encode")
        stored += event.HasField("workflow_execution_signaled_event_attributes")
    assert len(between) > 2 and all(between[:-1])


async def test_it_plays_while_it_grows_and_survives_a_deploy(new_service: NewService, long_film: Path) -> None:
    """The worker that encodes stops in the middle, and another goes on where it stopped."""
    async with new_service(working=False) as service, service.working(PIPELINE, IO):
        media = await service.accept(long_film)
        async with service.working(TRANSCODE):
            handle = await service.process(media, SLOW)
            early = await service.until(media, lambda found: found.playable and found.progress > 0.2)
            assert early.status == MediaStatus.PROCESSING and early.progress < 1
            growing = service.playlist(media, "90p").read_text()
            assert "EVENT" in growing and "ENDLIST" not in growing
        assert not ffmpegs()
        before = await service.etags(media)
        async with service.working(TRANSCODE):
            await asyncio.wait_for(handle.result(), 60)
        after = await service.etags(media)
        segments = [key for key in before if key.endswith(".m4s")]
        assert segments and {key: after[key] for key in segments} == {key: before[key] for key in segments}
        assert {name: read_numbers(service.playlist(media, name)) for name in VIDEO} == {
            name: list(range(900)) for name in VIDEO
        }


async def test_cancelling_ends_it(service: Service, long_film: Path) -> None:
    media = await service.accept(long_film)
    handle = await service.process(media)
    await service.until(media, lambda found: found.progress > 0)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED
