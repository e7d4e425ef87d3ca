"""Transcode: one pass of ffmpeg over one chunk, into one or more renditions. What is stored is not encoded again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from functools import partial
from uuid import UUID

from pydantic import BaseModel
from temporalio import activity
from temporalio.service import RPCError

from gilfoyle.errors import EncodeFailed
from gilfoyle.ffmpeg.encode import Cut, encode
from gilfoyle.ffmpeg.entry import entry
from gilfoyle.ffmpeg.process import ProcessFailed
from gilfoyle.ffmpeg.sink import RenditionSink
from gilfoyle.ffmpeg.source import Source, opened
from gilfoyle.media.cmaf import AudioSplitter, FragmentError, NothingDecoded, Splitter, VideoSplitter
from gilfoyle.media.ffmpeg import VideoOutput, audio_command, audio_skip, video_command
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.ladder import AudioRendition, VideoRendition
from gilfoyle.media.plan import HEAD_PRIORITY, Pass, Plan
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.media.timeline import FEWEST_FRAMES
from gilfoyle.metrics.instruments import ENCODE_SPEED, ENCODED
from gilfoyle.storage import Storage, Storages, keys
from gilfoyle.storage.stored import first_missing
from gilfoyle.temporal.handover import handed_over
from gilfoyle.temporal.measure import waited_s

log = logging.getLogger(__name__)

STORED_SIGNAL = "segments_stored"
"""Signal to the workflow during a pass that a viewer may follow closely, so that it can publish what is stored."""
# Ten minutes in, whoever watches is far behind; and each signal costs a dozen events of the workflow's history.
_ANNOUNCED_SEGMENTS = 150
_ANNOUNCE_EVERY_S = 2.0
# Long passes give way to short ones, for which somebody waits: at 10 they keep about a tenth of the processor. So does
# audio of more than a minute, which is then far ahead of its video. What keeps ahead of who watches a long
# media, beyond its first minute, leaves three quarters to what is left of a short one.
_NICE = 10
_NICE_AHEAD = 5
_PROMPT_AUDIO_SEGMENTS = 15
# ffmpeg's exit status where nothing, or next to nothing, can be decoded (FFMPEG_ERROR_RATE_EXCEEDED).
_UNDECODABLE = 69
# Where a pass finds no frame that can be decoded, the frame before is held: it is sought so much earlier (seconds),
# then from the beginning. (If it finds one later, ffmpeg shows that from the pass's beginning on.)
_EARLIER_S = 60
_REPORT_EVERY_S = 0.5
"""How often ffmpeg reports its progress (seconds): its option `-stats_period`."""
# The box of a rung (media/ladder.py).
_WIDEST = 16 / 9


class TranscodeInput(BaseModel):
    """`plan` without its passes, which would be most of it: only `chunk` matters."""

    media_id: UUID
    encoding: int
    upload: int = 1
    storage: str = ""
    info: MediaInfo
    plan: Plan
    policy: EncodingPolicy
    chunk: Pass


class Spent(BaseModel):
    """What a pass took."""

    waited_s: float
    """Time until a worker had a slot for the pass."""


@dataclass(frozen=True)
class _Missing:
    """A rendition of a pass, and its first segment that is not stored."""

    name: str
    first: int


class TranscodeActivities:
    """On the transcode queue, as many at a time as the worker has slots."""

    def __init__(
        self, storages: Storages, ffmpeg: str, ffprobe: str, *, threads: int, memory_mb: int, stall_s: float
    ) -> None:
        self._storages = storages
        self._ffmpeg = ffmpeg
        self._ffprobe = ffprobe
        self._threads = threads
        self._memory_mb = memory_mb
        self._stall_s = stall_s

    @activity.defn
    async def encode_video(self, job: TranscodeInput) -> Spent:
        """Encode the pass's renditions with one decode. Raises EncodeFailed, StorageError."""
        storage = await self._storages.of(job.storage)
        for earlier_s in (0, _EARLIER_S, None):
            missing = await _missing(storage, job, job.chunk.first + job.chunk.count)
            try:
                if missing:
                    async with opened(storage, keys.source(job.media_id, job.upload)) as source:
                        await self._encode_video(storage, job, source, missing, earlier_s)
                break
            except EncodeFailed as error:
                if earlier_s is None or not _can_enter_earlier(job) or not _is_undecodable(error):
                    raise
        return spent()

    async def _encode_video(
        self,
        storage: Storage,
        job: TranscodeInput,
        source: Source,
        missing: Sequence[_Missing],
        earlier_s: int | None,
    ) -> None:
        """`earlier_s`: how long before the first frame decoding begins (seconds); the last frame found there is held.

        0: decoding begins where it must, and no frame is held; None: it begins with the source.
        """
        end = job.chunk.first + job.chunk.count
        # A container that can't be sought exactly is decoded from its beginning, whatever is stored.
        start = min(part.first for part in missing) if job.info.exact_seek else job.chunk.first
        grid, renditions = job.plan.grid, {rendition.name: rendition for rendition in job.plan.video}
        # What is held after the video's end has to be decoded with it; one held frame is like another.
        start = min(start, (job.plan.video_frames - 1) // grid.segment_frames)
        shown = job.plan.video_frames - start * grid.segment_frames
        enter = None
        if earlier_s is not None:
            enter = await entry(
                self._ffprobe,
                source,
                job.info,
                job.plan,
                start,
                timeout_s=self._stall_s,
                memory_mb=self._memory_mb,
                on_wait=activity.heartbeat,
            )
        if enter is not None and earlier_s:
            enter = max(job.plan.origin - Fraction(job.plan.lead_s), enter - earlier_s)

        def build(descriptors: Sequence[int]) -> list[str]:
            last = grid.segment_bounds(end - 1)[1]
            outputs = [
                VideoOutput(
                    rendition=renditions[part.name],
                    skip=min((part.first - start) * grid.segment_frames, shown),
                    frames=last - part.first * grid.segment_frames,
                    descriptor=descriptor,
                )
                for part, descriptor in zip(missing, descriptors, strict=True)
            ]
            return video_command(
                self._ffmpeg, source.place, job.info, job.plan, job.policy, start, outputs,
                entry=enter, threads=self._threads, held=earlier_s != 0,
            )  # fmt: skip

        splitters = [VideoSplitter(grid, part.first, end - part.first) for part in missing]
        passed_over_s = (
            _passed_over(job, missing) if earlier_s is not None else job.plan.lead_s + float(grid.segment_start(start))
        )
        await self._run(storage, job, source, build, missing, end, splitters, passed_over_s + (earlier_s or 0))

    @activity.defn
    async def encode_audio(self, job: TranscodeInput) -> Spent:
        """Encode the pass's audio rendition, from its first missing segment on. Raises EncodeFailed, StorageError."""
        storage = await self._storages.of(job.storage)
        (name,) = job.chunk.renditions
        rendition = next(rendition for rendition in job.plan.audio if rendition.name == name)
        grid = job.plan.audio_grid(rendition)
        end = min(job.chunk.first + job.chunk.count, grid.segments)
        missing = await _missing(storage, job, end)
        if not missing:
            return spent()
        (part,) = missing
        audio = job.plan.source_of(rendition, job.info)
        splitter = AudioSplitter(grid, part.first, end, audio_skip(job.plan, rendition, part.first))
        async with opened(storage, keys.source(job.media_id, job.upload)) as source:

            def build(descriptors: Sequence[int]) -> list[str]:
                return audio_command(
                    self._ffmpeg, source.place, job.info, audio, job.plan, rendition, part.first, end, descriptors[0]
                )

            await self._run(storage, job, source, build, missing, end, [splitter], _passed_over(job, missing))
        return spent()

    async def _run(
        self,
        storage: Storage,
        job: TranscodeInput,
        source: Source,
        build: Callable[[Sequence[int]], list[str]],
        missing: Sequence[_Missing],
        end: int,
        splitters: Sequence[Splitter],
        passed_over_s: float,
    ) -> None:
        """Raises `handed_over` once what is being made is stored, if the worker is asked to stop meanwhile."""
        announce = announcer(job.chunk)
        sinks = [
            RenditionSink(storage, job.media_id, job.encoding, part.name, part.first, splitter, announce)
            for part, splitter in zip(missing, splitters, strict=True)
        ]
        made = _Made(job, sinks, end)
        began = time.monotonic()
        try:
            await encode(
                build,
                [sink.consume for sink in sinks],
                made.note,
                memory_mb=self._memory_mb,
                stall_s=self._stall_s + passed_over_s,
                nice=niceness(job.chunk, is_audio=job.plan.is_audio(job.chunk)),
                source=source,
                reserves=any(each.encoder.reserves for each in job.plan.video if each.name in job.chunk.renditions),
                enough=partial(_stopped, sinks, end, made),
            )
            _note_speed(job, missing, time.monotonic() - began)
        except Cut:
            raise handed_over(f"it lacks segments from {min(sink.missing for sink in sinks)} on") from None
        except ProcessFailed as error:
            raise EncodeFailed(f"ffmpeg could not encode this: {error}.", log=error.tail) from error
        except FragmentError as error:
            source.check()
            raise EncodeFailed(
                "ffmpeg could not encode this: what it made of it is not whole.", log=str(error)
            ) from error
        finally:
            made.tell()


async def _stopped(sinks: Sequence[RenditionSink], end: int, made: _Made) -> None:
    """Wait until the worker is asked to stop, and then until all have stored the segment that the slowest makes.

    The renditions of a pass come from one decode, so they are all about there: what the fastest has of its next segment
    is all that is encoded again. With the last segment, the pass is about to end by itself: that is waited for, too. A
    worker that is killed before, or at the end of its grace, leaves what is stored.
    """
    await activity.wait_for_worker_shutdown()
    segment = min(sink.making for sink in sinks)
    for sink in sinks:
        await sink.stored(min(segment, end - 1))
    if segment >= end - 1:
        await asyncio.Event().wait()
    made.cut()


class _Made:
    """How much a pass encodes: ffmpeg's progress goes to Temporal, and in the end Prometheus learns what came of it."""

    def __init__(self, job: TranscodeInput, sinks: Sequence[RenditionSink], end: int) -> None:
        self._grid = job.plan.grid
        self._end = end
        self._sinks = sinks
        self._firsts = [sink.missing for sink in sinks]
        self._made_s = 0.0
        self._began = self._noted = time.monotonic()
        self._cut = math.inf

    def note(self, block: dict[str, str]) -> None:
        """Take in ffmpeg's progress report: frames of its first video, else the time of its audio."""
        activity.heartbeat({"frame": block.get("frame"), "speed": block.get("speed")})
        self._noted = time.monotonic()
        frames, microseconds = block.get("frame", ""), block.get("out_time_us", "")
        if frames.isdecimal():
            self._made_s = int(frames) * self._grid.rate_den / self._grid.rate_num
        elif microseconds.isdecimal():
            self._made_s = int(microseconds) / 1e6

    def cut(self) -> None:
        """ffmpeg is ended now: while what it wrote is stored, it makes no more."""
        self._cut = time.monotonic()

    def tell(self) -> None:
        """Tell Prometheus what was stored, and what was encoded for nothing. All renditions are about equally far."""
        # ffmpeg reports twice a second; since then it went on as before.
        since_s = min(max(0.0, min(time.monotonic(), self._cut) - self._noted), _REPORT_EVERY_S)
        speed = self._made_s / max(self._noted - self._began, _REPORT_EVERY_S)
        reached_s = self._start_s(self._firsts[0]) + self._made_s + since_s * speed
        ends = [sink.missing for sink in self._sinks]
        stored_s = sum(self._start_s(end) - self._start_s(first) for first, end in zip(self._firsts, ends, strict=True))
        lost_s = sum(max(0.0, reached_s - self._start_s(end)) for end in ends if end < self._end)
        ENCODED.labels("stored").inc(stored_s)
        ENCODED.labels("lost").inc(lost_s)
        if any(end < self._end for end in ends):
            log.info("a pass ended early: %.2f s of its renditions are stored, %.2f s lost", stored_s, lost_s)

    def _start_s(self, segment: int) -> float:
        return float(self._grid.segment_start(min(segment, self._grid.segments)))


def _note_speed(job: TranscodeInput, missing: Sequence[_Missing], took_s: float) -> None:
    """Tell Prometheus how fast each rendition was made."""
    grid, end = job.plan.grid, min(job.chunk.first + job.chunk.count, job.plan.grid.segments)
    renditions: list[VideoRendition | AudioRendition] = [*job.plan.video, *job.plan.audio]
    for part in missing:
        made_s = float(grid.segment_start(end) - grid.segment_start(min(part.first, end)))
        rendition = next(each for each in renditions if each.name == part.name)
        labels = rendition.codec, rung_of(rendition, job.policy)
        ENCODE_SPEED.labels(*labels).observe(made_s / max(took_s, 0.001))


def rung_of(rendition: VideoRendition | AudioRendition, policy: EncodingPolicy) -> str:
    """What metrics call a rendition: few names, whatever sizes sources have.

    A video is the rung of its ladder in which it fits; audio is its bit rate.
    """
    if isinstance(rendition, AudioRendition):
        return f"{rendition.kbps}k"
    short, long = sorted((rendition.width, rendition.height))
    heights = sorted({rung.height for rung in policy.video if rung.codec == rendition.codec})
    fitting = (height for height in heights if short <= height and long <= height * _WIDEST + 1)
    return f"{next(fitting, heights[-1])}p"


def spent() -> Spent:
    """What the pass in this activity took so far."""
    return Spent(waited_s=waited_s())


async def _missing(storage: Storage, job: TranscodeInput, end: int) -> list[_Missing]:
    found = []
    for name in job.chunk.renditions:
        first = await first_missing(storage, job.media_id, job.encoding, name, job.chunk.first, end)
        if first < end:
            found.append(_Missing(name, first - 1 if first and _too_few(job, first) else first))
    return found


def _too_few(job: TranscodeInput, segment: int) -> bool:
    """Whether from there to the end there are fewer frames than an encoder needs: the segment before comes along."""
    grid = job.plan.grid
    return bool(job.plan.video) and grid.frames - segment * grid.segment_frames < FEWEST_FRAMES


def niceness(chunk: Pass, *, is_audio: bool) -> int:
    """How much a pass's ffmpeg gives way to others on the machine, 0 to 19."""
    if not chunk.short or (is_audio and chunk.count > _PROMPT_AUDIO_SEGMENTS):
        return _NICE
    return _NICE_AHEAD if chunk.ahead and chunk.priority > HEAD_PRIORITY else 0


def _can_enter_earlier(job: TranscodeInput) -> bool:
    """Whether there is anything before what a pass decodes."""
    return job.info.exact_seek and bool(job.chunk.first or job.plan.lead_s)


def _is_undecodable(error: EncodeFailed) -> bool:
    cause = error.__cause__
    return isinstance(cause, NothingDecoded) or (isinstance(cause, ProcessFailed) and cause.status == _UNDECODABLE)


def _passed_over(job: TranscodeInput, missing: Sequence[_Missing]) -> float:
    """Seconds of media that ffmpeg decodes before the first frame to encode; it shows no progress meanwhile."""
    if job.info.exact_seek:
        return 0
    return job.plan.lead_s + float(job.plan.grid.segment_start(min(part.first for part in missing)))


def announcer(chunk: Pass) -> Callable[[int], Awaitable[None]]:
    """Tells the workflow now and then that segments of a running pass are stored."""
    told = -_ANNOUNCE_EVERY_S

    async def announce(index: int) -> None:
        nonlocal told
        is_last = index == chunk.first + chunk.count - 1
        if index >= _ANNOUNCED_SEGMENTS or is_last or time.monotonic() - told < _ANNOUNCE_EVERY_S:
            return
        told = time.monotonic()
        handle = activity.client().get_workflow_handle(activity.info().workflow_id or "")
        # Without it a playlist grows a little later: no reason to give up a pass.
        with contextlib.suppress(RPCError):
            await handle.signal(STORED_SIGNAL, rpc_timeout=timedelta(seconds=_ANNOUNCE_EVERY_S))

    return announce
