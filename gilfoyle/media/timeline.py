"""The frame grid: N frames at a constant rate, cut into GOPs, segments and chunks. Integers and fractions only.

Every rendition of a media has the same grid, so a player can change between them at any segment, and any range of
frames can be encoded anywhere, any time, with the same result.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from fractions import Fraction

from pydantic import BaseModel, ConfigDict

from gilfoyle.media.policy import EncodingPolicy

AAC_FRAME = 1024
"""Samples in an AAC-LC frame (ISO/IEC 14496-3), of which the grid of a media without video consists."""
SAMPLE_RATE = 48_000
"""Samples per second of every audio rendition: what Apple's authoring rules and all players take."""


FEWEST_FRAMES = 3
"""The fewest frames of one x264 run. It delays display by up to two frames, but not with fewer frames than this (tried
with all presets): such a chunk would have another edit list than the others."""

# How chunks get shorter towards the end: over which share of all, to which part of the longest. Of 50 simulated cores
# with a film of 2 h one in six was idle at the end without it; docs/decisions/ on the share. It costs a start of ffmpeg
# for each chunk more: a media of only a few chunks is left alone.
_SHORTENED = Fraction(1, 2)
_SHORTEST = 4
_WORTH_SHORTENING = 4
# At 29.97 a segment of 4 s lasts 4.004: eight of them are 32 s all the same.
_NOMINAL = Fraction(1, 20)


@dataclass(frozen=True)
class Chunk:
    """Segments `[first, first + count)`: the unit of scheduling, retry and resume."""

    first: int
    count: int


class Timeline(BaseModel):
    """`frames` video frames at `rate_num/rate_den` per second; a segment holds `segment_frames` of them.

    A media without video has a grid too, of AAC frames: `rate` is the sample rate / 1024.
    """

    model_config = ConfigDict(frozen=True)

    rate_num: int
    rate_den: int
    frames: int
    gop_frames: int
    segment_frames: int

    @property
    def rate(self) -> Fraction:
        """Frames per second."""
        return Fraction(self.rate_num, self.rate_den)

    @property
    def duration(self) -> Fraction:
        """Seconds."""
        return self.frames / self.rate

    @property
    def segments(self) -> int:
        """How many segments there are; the last may be short."""
        return -(-self.frames // self.segment_frames)

    def segment_bounds(self, index: int) -> tuple[int, int]:
        """First frame of a segment, and the first frame after it."""
        return index * self.segment_frames, min((index + 1) * self.segment_frames, self.frames)

    def segment_start(self, index: int) -> Fraction:
        """When a segment begins, in seconds from the beginning of the media; for index == segments, the end."""
        return min(index * self.segment_frames, self.frames) / self.rate

    def segment_duration(self, index: int) -> Fraction:
        """Seconds."""
        return self.segment_start(index + 1) - self.segment_start(index)

    def durations(self, count: int) -> list[Fraction]:
        """Seconds of each of the first `count` segments, at least 1."""
        return [self.segment_frames / self.rate] * (count - 1) + [self.segment_duration(count - 1)]

    def target_duration(self, audio_frame: int = AAC_FRAME) -> int:
        """EXT-X-TARGETDURATION: no segment, rounded to the nearest second, is longer (RFC 8216, 4.3.3.1).

        From the nominal segment, so that it is right from the first playlist on and never changes; at least 1. The
        audio's segments are cut at its frames of so many samples, and may be one frame longer than the video's.
        """
        nominal = self.segment_duration(0) if self.segments == 1 else self.segment_frames / self.rate
        return max(1, int(nominal + Fraction(audio_frame, SAMPLE_RATE) + Fraction(1, 2)))


class AudioTimeline(BaseModel):
    """Where the frames of an audio rendition are cut so that its segments keep step with the video's."""

    model_config = ConfigDict(frozen=True)

    sample_rate: int
    grid: Timeline
    frame: int = AAC_FRAME
    """Samples in one of its frames."""

    @property
    def total_frames(self) -> int:
        """Frames that cover the media, to the nearest: AAC ends within 11 ms of the video at 48 kHz."""
        return max(1, self._nearest(self.grid.frames))

    def first_frame(self, segment: int) -> int:
        """The frame with which a segment begins: the one nearest to the video segment's first frame."""
        if segment >= self.grid.segments:
            return self.total_frames
        return min(self._nearest(self.grid.segment_bounds(segment)[0]), self.total_frames)

    @property
    def segments(self) -> int:
        """Segments with at least one frame; a last video segment of a few milliseconds has no audio of its own."""
        count = self.grid.segments
        while count > 1 and self.first_frame(count - 1) >= self.total_frames:
            count -= 1
        return count

    def segment_bounds(self, index: int) -> tuple[int, int]:
        """First frame of a segment, and the first after it."""
        end = self.total_frames if index == self.segments - 1 else self.first_frame(index + 1)
        return self.first_frame(index), end

    def durations(self, count: int) -> list[Fraction]:
        """Seconds of each of the first `count` segments, at least 1."""
        cuts = [*map(self.first_frame, range(count)), self.segment_bounds(count - 1)[1]]
        seconds = functools.cache(lambda frames: Fraction(frames * self.frame, self.sample_rate))
        return [seconds(end - first) for first, end in itertools.pairwise(cuts)]

    def _nearest(self, frame: int) -> int:
        """The audio frame nearest to where a frame of the grid begins; of two, the later.

        In whole numbers: fractions took half of the time of a worker with tiny frames and ten hours of audio.
        """
        ticks, second = frame * self.grid.rate_den * self.sample_rate, self.grid.rate_num * self.frame
        return (2 * ticks + second) // (2 * second)


def timeline(rate: Fraction, frames: int, policy: EncodingPolicy) -> Timeline:
    """The grid of `frames` (at least 1) at `rate` frames/s, with GOPs of about `policy.gop_s` seconds."""
    gop = max(1, round(rate * Fraction(policy.gop_s)))
    return Timeline(
        rate_num=rate.numerator,
        rate_den=rate.denominator,
        frames=max(1, frames),
        gop_frames=gop,
        segment_frames=gop * policy.segment_gops,
    )


def chunks(grid: Timeline, longest_s: float, head: int = 0) -> list[Chunk]:
    """Cut the grid's segments into chunks of 1, 1, 2, 2, 4, 4 … segments, none longer than `longest_s` (seconds).

    The beginning is there at once, no chunk is much longer than what there is to watch before it, and long files pay
    for few starts of ffmpeg. Where there are many, they get shorter again towards the end of the first `head` segments,
    and towards the end of all, so that many workers finish at about the same time.
    """
    limit = max(1, int(longest_s * grid.rate / grid.segment_frames + _NOMINAL))
    fewest = -(-FEWEST_FRAMES // grid.segment_frames)
    found: list[Chunk] = []
    heads = [head] if _WORTH_SHORTENING * limit <= head < grid.segments else []
    for begin, end in itertools.pairwise([0, *heads, grid.segments]):
        first = begin
        while first < end:
            count = max(fewest, min(2 ** (len(found) // 2), _towards_end(limit, end - first, end - begin)))
            if min(end * grid.segment_frames, grid.frames) - (first + count) * grid.segment_frames < FEWEST_FRAMES:
                count = end - first
            found.append(Chunk(first, count))
            first += count
    return found


def _towards_end(limit: int, left: int, part: int) -> int:
    """The most segments of a chunk with `left` segments from its beginning to the end of a part so long."""
    if part < _WORTH_SHORTENING * limit:
        return limit
    longest = -(-limit * left // int(part * _SHORTENED))
    return min(limit, max(-(-limit // _SHORTEST), longest))
