"""Whether the stream has every frame of the source once, in order and in time."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from gilfoyle.media.agreement.clock import mended, on_screen
from gilfoyle.media.agreement.frames import Frames, distance, evened

SAME = 2.0
"""Fingerprints that differ by no more belong to the same frame."""
ALIKE = 14.0
"""Fingerprints that differ by more belong to different frames, or to a damaged one."""
# A frame is displaced if another frame of the source is nearer by this much, and more than twice as near.
_NEARER = 1.5
# A frame must differ this much from its neighbours for its absence to be noticed.
_DISTINCT = 4.0
# How many frames around its place a frame is searched; and how far the first few that are not found there.
_NEAR, _FAR, _FAR_SEARCHES = 8, 400, 60
# How far rounding to the grid may move a frame, in frames of the stream.
_SLACK = 0.35
# The highest rate of any rendition: of frames that follow faster, not all can be shown.
_FASTEST = 60.0
_CROWDED_SHARE = 0.02
_SAMPLE = 150
_MOST_ROUNDED_S = 0.025
_SHIFT_S = 2.0


@dataclass
class Match:
    """How the frames of stream and source correspond. Indexes are those of the stream, unless said otherwise."""

    shift: float = 0.0
    """Time 0 of the stream, on the source's clock (seconds)."""
    rounding: float = 0.0
    """How far the grid moved the frames: the median difference of their first times (seconds)."""
    timed: bool = True
    """Whether the source's stamps are plausible. If not, each of its frames is expected once, in order."""
    mended: int = 0
    """Single stamps of the source that were wrong."""
    pairs: list[tuple[int, int]] = field(default_factory=list)
    """Frames of stream and source that are the same, in order."""
    displaced: list[tuple[int, int]] = field(default_factory=list)
    """Frames shown in place of another: the index, and by how many source frames it is early (or late)."""
    strange: list[int] = field(default_factory=list)
    """Frames of the stream that the source does not have near that time."""
    lost: list[int] = field(default_factory=list)
    """Frames of the source (their indexes) that should be in the stream and are not."""
    crowded: int = 0
    """Frames of the source that last 1/60 s or longer and have no frame of their own in the stream."""
    before: int = 0
    """Frames of the source from before the stream begins."""
    after: int = 0
    """Frames of the source from after it has ended."""


def match(source: Frames, stream: Frames, begins: Sequence[float], *, even: bool = False) -> Match:
    """Compare all frames. `begins`: where in the source the stream may begin (seconds), the likeliest first.

    `even`: compare normalised brightness, for tone mapped HDR.
    """
    return _Matching(source, stream, even).run(begins)


class _Matching:
    def __init__(self, source: Frames, stream: Frames, even: bool) -> None:
        self._source, self._stream, self._even = source, stream, even
        self._match = Match()
        self._tick = _tick(stream.times)
        clock = mended(source.times)
        if clock is None:
            self._match.timed = False
            self._times = array("d", (index * self._tick for index in range(len(source))))
        else:
            self._times, self._match.mended = clock
        self._end = self._times[-1] + max(source.lengths[-1], self._tick)
        self._seen = bytearray(len(source))
        self._far = _FAR_SEARCHES

    def run(self, begins: Sequence[float]) -> Match:
        self._match.shift = self._find_shift(begins if self._match.timed else [0.0])
        expected = array("l")
        for index in range(len(self._stream)):
            moment = self._moment(index)
            wanted = on_screen(self._times, moment)
            self._look(index, moment, wanted)
            expected.append(wanted)
        self._find_lost(expected)
        self._match.rounding = self._find_rounding()
        begin = self._moment(0) - self._tick
        end = self._moment(len(self._stream) - 1) + _SLACK * self._tick
        self._match.before = bisect_right(self._times, begin)
        self._match.after = len(self._times) - 1 - on_screen(self._times, end)
        return self._match

    def _moment(self, index: int) -> float:
        """The middle of a frame of the stream on the source's clock, where rounding to the grid does not matter."""
        return self._stream.times[index] + self._match.shift + self._tick / 2

    def _range(self, moment: float) -> tuple[int, int]:
        slack = _SLACK * self._tick
        return on_screen(self._times, moment - slack), on_screen(self._times, moment + slack)

    def _look(self, index: int, moment: float, wanted: int) -> None:
        first, last = self._range(moment)
        mark = self._print(self._stream, index)
        right, off = self._nearest(mark, first, last, wanted)
        if off > SAME:
            near, nearer = self._nearest(mark, first - _NEAR, last + _NEAR, wanted)
            if off > ALIKE and nearer > ALIKE and self._may_be_black(index, moment):
                return
            if off > ALIKE and nearer > ALIKE and self._far:
                self._far -= 1
                near, nearer = self._nearest(mark, first - _FAR, last + _FAR, wanted)
            if off > ALIKE and nearer > ALIKE:
                self._match.strange.append(index)
                return
            if off > 2 * nearer + _NEARER:
                self._seen[near] = 1
                self._match.displaced.append((index, near - right))
                return
        self._seen[right] = 1
        self._match.pairs.append((index, right))

    def _may_be_black(self, index: int, moment: float) -> bool:
        """Whether the frame is black where the source has none: before its first frame or after its last."""
        outside = moment < self._times[0] or moment > self._end
        return outside and self._stream.is_black(index)

    def _nearest(self, mark: bytes, first: int, last: int, wanted: int) -> tuple[int, float]:
        """The frame among `[first, last]` of the source that is most like `mark`; of equals the nearest to `wanted`."""
        candidates = range(max(0, first), min(len(self._source) - 1, last) + 1)
        found = ((distance(mark, self._print(self._source, each)), each) for each in candidates)
        off, nearest = min(found, key=lambda pair: (pair[0] + 0.05 * abs(pair[1] - wanted), abs(pair[1] - wanted)))
        return nearest, off

    def _print(self, frames: Frames, index: int) -> bytes:
        mark = frames.print(index)
        return evened(mark) if self._even else mark

    def _find_shift(self, begins: Sequence[float]) -> float:
        """Where in the source the stream begins: the best of `begins`; if none fits, the best nearby."""
        score, best = min((self._misfit(begin), order, begin) for order, begin in enumerate(begins))[::2]
        if score <= SAME or not self._match.timed:
            return best
        steps = range(-int(_SHIFT_S / self._tick), int(_SHIFT_S / self._tick) + 1)
        tried = [(self._misfit(best + step * self._tick), abs(step), best + step * self._tick) for step in steps]
        other, _, found = min(tried)
        return found if other < score / 2 else best

    def _misfit(self, shift: float) -> float:
        """The mean distance of sampled frames from the source, if the stream begins at `shift`."""
        self._match.shift = shift
        count = len(self._stream)
        sample = range(0, count, max(1, count // _SAMPLE))
        total = 0.0
        for index in sample:
            moment = self._moment(index)
            first, last = self._range(moment)
            off = self._nearest(self._print(self._stream, index), first, last, first)[1]
            total += min(off, 2 * ALIKE)
        return round(total / len(sample), 2)

    def _find_lost(self, expected: Sequence[int]) -> None:
        """Find source frames that have a stream frame to themselves, look distinct, and are not in the stream."""
        found = self._match
        wanted = bytearray(len(self._source))
        for index, frame in enumerate(expected):
            wanted[frame] = 1
            first, last = self._range(self._moment(index))
            if first == last and not self._seen[frame] and self._is_distinct(frame):
                self._seen[frame] = 1
                found.lost.append(frame)
        if found.timed:
            crowded = sum(
                not wanted[index] and self._times[index + 1] - self._times[index] > 0.9 / _FASTEST
                for index in range(min(len(self._source) - 1, expected[-1]))
                if self._times[index] >= found.shift - self._tick and self._is_distinct(index)
            )
            found.crowded = crowded if crowded > _CROWDED_SHARE * len(self._source) else 0

    def _find_rounding(self) -> float:
        found, firsts, before = self._match, [], -1
        for index, frame in found.pairs:
            if frame != before:
                firsts.append(self._times[frame] - self._stream.times[index] - found.shift)
            before = frame
        middle = sorted(firsts)[len(firsts) // 2] if firsts and found.timed else 0.0
        most = min(_MOST_ROUNDED_S, self._tick / 2)
        return min(most, max(-most, middle))

    def _is_distinct(self, frame: int) -> bool:
        mark = self._print(self._source, frame)
        beside = [each for each in (frame - 1, frame + 1) if 0 <= each < len(self._source)]
        return all(distance(mark, self._print(self._source, each)) > _DISTINCT for each in beside)


def _tick(times: Sequence[float]) -> float:
    """The length of a frame (seconds) of a stream of constant rate."""
    return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 1.0
