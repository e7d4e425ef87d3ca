"""From ffmpeg's fragmented MP4 on a pipe to CMAF segments with exact decode times (ISO/IEC 23000-19).

ffmpeg counts time from the start of what it was asked to encode; a chunk lies anywhere in the media. So each fragment
gets the decode time that its first frame has on the media's grid. That makes chunks seamless whatever encoded them.

Video and audio both start at exactly 0. B-frames put a frame's display after its decoding, by the same few frames
in all of a rendition; an edit list in the init segment takes them off again. (Negative composition offsets would do so
without one, but ffmpeg reads those as late by as many frames as it has seen reordered.) An audio encoder's delay is
left out (media/encoders), so nothing is to be skipped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from gilfoyle.media.boxes import AUDIO_ENTRY, Box, BoxReader, box, children, find, full_box, insert
from gilfoyle.media.timeline import AudioTimeline, Timeline

_INIT_BOXES = {b"ftyp", b"moov"}
_IGNORED_BOXES = {b"styp", b"sidx", b"free", b"mfra", b"prft"}
_MIN_TIMESCALE = 10_000


class FragmentError(ValueError):
    """ffmpeg's output is not what was asked for: frames are missing, or a GOP has another length."""


class NothingDecoded(FragmentError):
    """There is no frame at all."""


@dataclass(frozen=True)
class Segment:
    """A finished media segment: one or more `moof`+`mdat`."""

    index: int
    data: bytes


def timescale(grid: Timeline) -> int:
    """Ticks per second for the video track: a multiple of the rate's numerator, so that a frame is whole ticks."""
    ticks = grid.rate_num
    while ticks < _MIN_TIMESCALE:
        ticks *= 2
    return ticks


class Splitter:
    """What both kinds have in common: boxes in; the init segment and fragments out."""

    def __init__(self) -> None:
        self._boxes = BoxReader()
        self._head: list[bytes] = []
        self._moof: bytes | None = None
        self.init: bytes | None = None
        """The init segment (`ftyp`+`moov`), no later than the first segment."""

    def feed(self, data: bytes) -> Iterator[Segment]:
        """The segments that are whole now. Raises FragmentError."""
        try:
            boxes = list(self._boxes.feed(data))
        except ValueError as error:
            raise FragmentError(f"ffmpeg's output is not fragmented MP4: {error}") from error
        for item in boxes:
            yield from self._take(item)

    def _take(self, item: Box) -> Iterator[Segment]:
        if item.kind in _INIT_BOXES:
            self._head.append(item.data)
        elif item.kind == b"moof":
            self._moof = item.data
            if self.init is None:
                self.init = self._make_init(b"".join(self._head), item.data)
        elif item.kind == b"mdat" and self._moof is not None:
            moof, self._moof = self._moof, None
            yield from self._fragment(moof, item)
        elif item.kind not in _IGNORED_BOXES:
            raise FragmentError(f"ffmpeg wrote an unexpected box {item.kind!r}")

    def _make_init(self, head: bytes, first_moof: bytes) -> bytes:
        """The init segment, from ffmpeg's and what the first fragment tells."""
        return head

    def _fragment(self, moof: bytes, mdat: Box) -> Iterator[Segment]:
        raise NotImplementedError

    def finish(self) -> Iterator[Segment]:
        """What is left when ffmpeg has ended. Raises FragmentError if the output stops short of what was asked for."""
        raise NotImplementedError


class VideoSplitter(Splitter):
    """Segments `[first, first + count)` of a video rendition, from one fragment per GOP."""

    def __init__(self, grid: Timeline, first: int, count: int) -> None:
        super().__init__()
        self._grid = grid
        self._segment, self._end = first, first + count
        self._frame = self._first_frame = first * grid.segment_frames
        self._parts: list[bytes] = []

    def _make_init(self, head: bytes, first_moof: bytes) -> bytes:
        return insert(head, (b"moov", b"trak"), edit_list(_first_offset(first_moof)))

    @property
    def _bounds(self) -> tuple[int, int]:
        return self._grid.segment_bounds(self._segment)

    def _fragment(self, moof: bytes, mdat: Box) -> Iterator[Segment]:
        if self._segment >= self._end:
            raise FragmentError("ffmpeg wrote more frames than were asked for")
        frames = _sample_count(moof)
        ticks = timescale(self._grid) // self._grid.rate_num * self._grid.rate_den
        sequence = self._frame // self._grid.gop_frames + 1
        self._parts += [retimed(moof, sequence, self._frame * ticks), mdat.data]
        self._frame += frames
        if self._frame > self._bounds[1]:
            raise FragmentError(f"a GOP of {frames} frames crosses the end of segment {self._segment}")
        if self._frame == self._bounds[1]:
            yield Segment(self._segment, b"".join(self._parts))
            self._parts.clear()
            self._segment += 1

    def finish(self) -> Iterator[Segment]:
        """Nothing is left over; raises FragmentError if frames are missing."""
        if self._segment < self._end:
            wanted = self._grid.segment_bounds(self._end - 1)[1]
            if self._frame == self._first_frame:
                raise NothingDecoded("the source gave no frame; it may be damaged or cut short")
            raise FragmentError(f"the source gave {self._frame} of {wanted} frames; it may be damaged or cut short")
        return iter(())


class AudioSplitter(Splitter):
    """Segments `[first, end)` of an audio rendition, from one fragment per frame.

    `skip` frames at the beginning are not wanted: the encoder's delay, and what warms it up on a resume.
    """

    def __init__(self, grid: AudioTimeline, first: int, end: int, skip: int) -> None:
        super().__init__()
        self._grid = grid
        self._segment = first
        self._end = end
        self._skip = skip
        self._bounds = grid.segment_bounds(first)
        self._samples: list[bytes] = []

    def _make_init(self, head: bytes, first_moof: bytes) -> bytes:
        return without_pre_skip(head)

    def _fragment(self, moof: bytes, mdat: Box) -> Iterator[Segment]:
        if _sample_count(moof) != 1:
            raise FragmentError("an audio fragment holds more than one frame")
        if self._skip:
            self._skip -= 1
            return
        if self._segment >= self._end:
            return  # The encoder's tail: what lets the last frame sound right, or silence beyond the end.
        self._samples.append(mdat.payload)
        first, after = self._bounds
        if len(self._samples) == after - first:
            begin = first * self._grid.frame
            yield Segment(self._segment, audio_fragment(self._segment + 1, begin, self._samples, self._grid.frame))
            self._samples = []
            self._segment += 1
            self._bounds = self._grid.segment_bounds(self._segment)

    def finish(self) -> Iterator[Segment]:
        """Nothing is left over; raises FragmentError if the audio ends too early."""
        if self._segment < self._end:
            raise FragmentError(f"the audio ended in segment {self._segment} of {self._end}")
        return iter(())


def retimed(moof: bytes, sequence: int, decode_time: int) -> bytes:
    """The `moof` with another sequence number and decode time (ticks of its track). Raises FragmentError."""
    out = bytearray(moof)
    mfhd, tfdt = find(moof, b"moof", b"mfhd"), find(moof, b"moof", b"traf", b"tfdt")
    if mfhd is None or tfdt is None or moof[tfdt[0]] != 1:
        raise FragmentError("a fragment has no 64-bit decode time")
    struct.pack_into(">I", out, mfhd[0] + 4, sequence)
    struct.pack_into(">Q", out, tfdt[0] + 4, decode_time)
    return bytes(out)


def audio_fragment(sequence: int, decode_time: int, samples: list[bytes], frame: int) -> bytes:
    """A `moof`+`mdat` of audio frames, `frame` samples each; `decode_time` in samples (ISO/IEC 14496-12, 8.8)."""
    sizes = b"".join(struct.pack(">I", len(sample)) for sample in samples)

    def moof(data_offset: int) -> bytes:
        # tfhd: default-base-is-moof, default duration, default flags (every audio frame is a sync sample).
        tfhd = full_box(b"tfhd", 0, 0x020028, struct.pack(">III", 1, frame, 0x02000000))
        tfdt = full_box(b"tfdt", 1, 0, struct.pack(">Q", decode_time))
        trun = full_box(b"trun", 0, 0x000201, struct.pack(">Ii", len(samples), data_offset), sizes)
        mfhd = full_box(b"mfhd", 0, 0, struct.pack(">I", sequence))
        return box(b"moof", mfhd, box(b"traf", tfhd, tfdt, trun))

    return moof(len(moof(0)) + 8) + box(b"mdat", *samples)


def without_pre_skip(init: bytes) -> bytes:
    """The init segment; of Opus, it says that nothing is to be skipped at the beginning.

    (Encapsulation of Opus in ISO Base Media File Format, 4.3.2: PreSkip comes after the version and the channels.)
    """
    entry = find(init, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    kind, start, end = next(children(init[: entry[1]], entry[0] + 8)) if entry else (b"", 0, 0)
    if kind != b"Opus":
        return init
    at = next(first for inner, first, _ in children(init[:end], start + AUDIO_ENTRY) if inner == b"dOps")
    return init[: at + 2] + bytes(2) + init[at + 4 :]


def edit_list(media_time: int) -> bytes:
    """An `edts` that presents the track from `media_time` (ticks) on, to its end (ISO/IEC 14496-12, 8.6.6)."""
    return box(b"edts", full_box(b"elst", 0, 0, struct.pack(">IIiI", 1, 0, media_time, 1 << 16)))


def _first_offset(moof: bytes) -> int:
    """The composition offset (ticks) of a fragment's first sample: how long its display waits for reordering."""
    start = _track_run(moof)
    flags = int.from_bytes(moof[start + 1 : start + 4])
    if not flags & 0x800:
        return 0
    # After the count: data offset (0x1), first sample's flags (0x4), then per sample duration, size, flags, offset.
    at = start + 8 + 4 * bool(flags & 0x1) + 4 * bool(flags & 0x4)
    at += 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400))
    return int(struct.unpack_from(">i", moof, at)[0])


def _sample_count(moof: bytes) -> int:
    return int(struct.unpack_from(">I", moof, _track_run(moof) + 4)[0])


def _track_run(moof: bytes) -> int:
    """Where the payload of the fragment's `trun` begins."""
    trun = find(moof, b"moof", b"traf", b"trun")
    if trun is None:
        raise FragmentError("a fragment has no samples")
    return trun[0]
