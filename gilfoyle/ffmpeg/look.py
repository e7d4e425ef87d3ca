"""Looking into a source: its header, its packets, its keyframes, each by a run of ffprobe or ffmpeg."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from typing import Any

from gilfoyle.config import LimitSettings
from gilfoyle.errors import EncodeFailed, UnsupportedMedia
from gilfoyle.ffmpeg.process import ProcessFailed, capture
from gilfoyle.ffmpeg.source import Source
from gilfoyle.media.colour import with_declared
from gilfoyle.media.ffprobe import (
    declared_command,
    image_frames_command,
    image_size_command,
    packets_command,
    probe_command,
    shapes_command,
)
from gilfoyle.media.header import (
    container,
    declared_end,
    is_indexed,
    lacks_sizes,
    lacks_times,
    may_leap,
    needs_full_scan,
    stream_end,
    time_bases,
    video_stream,
    wanted_streams,
)
from gilfoyle.media.images import Drawn, is_image, probed, read_delays, read_size, shown
from gilfoyle.media.info import MediaInfo
from gilfoyle.media.packets import Listing, Measured
from gilfoyle.media.probe import Findings, read
from gilfoyle.media.refusals import Limits, precheck
from gilfoyle.media.shapes import Shape, read_shapes
from gilfoyle.media.unplayable import marked
from gilfoyle.tasks import gather_or_cancel, stop

# A file up to this is read wholly, beside its header (bytes): it takes a fraction of a second.
_SMALL = 64 << 20
# Of a larger one with an index, so many parts of it, so long each, and the end are read (seconds): ffprobe starts at
# the keyframe before.
_PARTS = 16
_PART_S = 1
_TAIL_S = 5.0
# How much earlier than its header says a stream may end (seconds): rounding, no more.
_SHORT_S = 1.0
# A file whose last packet lies before this share of it holds more than its index knows: another file, for one.
_REST = 4
# How many packets are read to find a keyframe where a seek may arrive anywhere.
_KEYFRAME_PACKETS = 100
# What a storage gives at the least (bytes/s): a large file takes longer to read than `probe_s`.
_SLOWEST = 20 << 20

# ffmpeg's own bound, above which it refuses to open a decoder.
_INVALID_SIZE = re.compile(r"Picture size (\d+)x(\d+) is invalid")


class Look:
    """Looks into one source of `size` bytes. Every method raises UnsupportedMedia, EncodeFailed and StorageError.

    Use it with `async with`: programs that still run at the end of the block are ended.
    """

    def __init__(
        self, source: Source, size: int, ffmpeg: str, ffprobe: str, settings: LimitSettings, limits: Limits
    ) -> None:
        self._source = source
        self._size = size
        self._ffmpeg = ffmpeg
        self._ffprobe = ffprobe
        self._settings = settings
        self._limits = limits
        self._whole: bytes | None = None
        self._declares = False
        self._keyframes: asyncio.Task[bytes] | None = None

    async def __aenter__(self) -> Look:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keyframes:
            await stop([self._keyframes])

    async def begin(self) -> dict[str, Any]:
        """The header: format and streams as ffprobe sees them after the first frames, which correct what is declared.

        Of a small file, everything else is read in parallel: a viewer waits for the slowest.
        """
        place = self._source.place
        small = self._size <= _SMALL
        beside = [self._attempt(packets_command)] if small else []
        told, described, *whole = await gather_or_cancel(
            self._declared(small), self._run(probe_command(self._ffprobe, place)), *beside
        )
        header: dict[str, Any] = json.loads(described)
        if is_image(header):
            return header
        if lacks_sizes(header):
            header = json.loads(await self._run(probe_command(self._ffprobe, place, patiently=True)))
        if whole:
            self._whole = whole[0] or await self._packets()  # once more, to hear why there are none
        return with_declared(header, json.loads(told or b"{}"))

    async def _declared(self, small: bool) -> bytes:
        """The declared streams, as JSON; nothing if they are absurd: no decoder opens for 60,000 × 60,000 pixels."""
        told = await self._attempt_by(declared_command(self._ffprobe, self._source.place))
        self._declares = bool(told)
        if small and not (told and is_indexed(json.loads(told))):
            self._keyframes = asyncio.create_task(self._attempt(shapes_command))
        return told

    async def image(self, header: dict[str, Any]) -> MediaInfo:
        """The MediaInfo of an image, still or animated. ffmpeg itself reads it: media/images.py says why."""
        place = self._source.place
        size = read_size((await self._attempt_by(image_size_command(self._ffmpeg, place))).decode())
        listed = await self._attempt_by(image_frames_command(self._ffmpeg, place))
        delays = shown(header, read_delays(listed.decode()))
        if size is None or not delays:
            raise UnsupportedMedia("The image can't be decoded.", code="no_frames")
        header = probed(header, Drawn(*size, delays))
        precheck(header, self._limits)
        measured = Measured(Fraction(0), sum(delays, Fraction(0)), len(delays))
        return read(header, Findings({0: measured}), self._limits)

    async def film(self, header: dict[str, Any]) -> MediaInfo:
        """The MediaInfo of anything else, by its header and its packets."""
        packets, shapes = await self._packets_and_shapes(header)
        header = marked(header, "encrypted", packets.encrypted)
        measured = await asyncio.to_thread(packets.measured)
        return read(header, Findings(measured, shapes), self._limits)

    async def _packets_and_shapes(self, header: dict[str, Any]) -> tuple[Listing, list[Shape]]:
        made_up = lacks_times(container(header))
        if self._whole is not None:
            lines = await self._packets(made_up=True) if made_up else self._whole
            packets = await _listing(header, lines)
            return packets, await self._shapes(header, packets, [])
        end = declared_end(header)
        if end is None or needs_full_scan(header):
            packets = await _listing(header, await self._packets(made_up=made_up))
            points = _points(end, f"+#{_KEYFRAME_PACKETS}") if end else ["%+600"]
        else:
            parts = [*_points(end, f"+{_PART_S}"), f"{max(0.0, end - _TAIL_S):.3f}%"]
            lines = await self._packets(parts, indexed=self._declares and is_indexed(header))
            packets = await _listing(header, lines, len(parts))
            if not self._is_enough(header, packets, end):
                packets = await _listing(header, await self._packets())
            points = _points(end, "+#1")
        return packets, await self._shapes(header, packets, points)

    async def _shapes(self, header: dict[str, Any], packets: Listing, points: Sequence[str]) -> list[Shape]:
        """The sizes of the video, where it may have several: an MP4 with an index tells of each in a packet."""
        video = video_stream(header)
        if video is None or (is_indexed(header) and video["index"] not in packets.renewed):
            return []
        drawn = self._keyframes or self._attempt(shapes_command, points)
        return read_shapes((await drawn).decode())

    def _is_enough(self, header: dict[str, Any], packets: Listing, end: float) -> bool:
        """Whether the parts tell when each stream ends, and the file has no more than its index knows."""
        ends = {index: float(found.end) for index, found in packets.measured().items()}
        declared = {index: float(stream_end(header, index) or end) for index in wanted_streams(header)}
        reached = all(ends.get(index, 0.0) > min(until, end) - _SHORT_S for index, until in declared.items())
        return reached and self._size - packets.last_position < self._size // _REST

    async def _packets(self, intervals: Sequence[str] = (), *, made_up: bool = False, indexed: bool = False) -> bytes:
        place = self._source.place
        return await self._run(packets_command(self._ffprobe, place, intervals, made_up=made_up, indexed=indexed))

    async def _attempt(self, command: Any, intervals: Sequence[str] = ()) -> bytes:
        return await self._attempt_by(command(self._ffprobe, self._source.place, intervals))

    async def _attempt_by(self, command: list[str]) -> bytes:
        """The output of the command; nothing if it fails: another command reports why."""
        try:
            return await self._run(command)
        except (UnsupportedMedia, EncodeFailed):
            return b""

    async def _run(self, command: list[str]) -> bytes:
        limit, memory = self._settings.probe_s + self._size / _SLOWEST, self._settings.memory_mb
        try:
            return await capture(command, timeout_s=limit, memory_mb=memory, source=self._source)
        except ProcessFailed as error:
            raise _unreadable(error.tail) from error
        except TimeoutError as error:
            # The machine may be at fault as well as the file: tried again, and the source stays.
            raise EncodeFailed(f"The file could not be read within {limit:.0f} s.", code="probe_timeout") from error


async def _listing(header: dict[str, Any], lines: bytes, parts: int = 0) -> Listing:
    """What the lines tell; `parts` as of Listing.

    A thread parses: hours of audio have millions of packets, and the worker must go on sending heartbeats.
    """
    video = video_stream(header)
    index = int(video["index"]) if video else None
    listing = Listing(time_bases(header), video=index, parts=parts, leaps=may_leap(header))
    await asyncio.to_thread(listing.take, BytesIO(lines))
    return listing


def _points(end: float, length: str) -> list[str]:
    """Evenly spread parts of a file that ends then (seconds), each as long as ffprobe's `-read_intervals` is told."""
    return [f"{end * index / _PARTS:.3f}%{length}" for index in range(_PARTS)]


def _unreadable(tail: str) -> UnsupportedMedia:
    if "moov atom not found" in tail:
        return UnsupportedMedia(
            "The file was cut short: its index (moov) is missing. Upload it again.", code="truncated", log=tail
        )
    if size := _INVALID_SIZE.search(tail):
        return UnsupportedMedia(
            f"The video is {size[1]}×{size[2]} pixels: too large.", code="frame_too_large", log=tail
        )
    return UnsupportedMedia("This is not a video or audio file that can be read.", code="not_media", log=tail)
