"""Whether the pictures of a stream are those of the source: each once, in order, at its time."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from gilfoyle.media.agreement.clock import mended, on_screen
from gilfoyle.media.agreement.pictures import Pictures, distance, evened

SAME = 2.0
"""Fingerprints that differ by no more are of the same picture, encoded."""
ALIKE = 14.0
"""Those that differ by more are not: the picture is another, or was spoiled."""
# The stream shows another picture than it should if that one is nearer by this much, and more than twice as near.
_NEARER = 1.5
# A picture next to others that look the same can't be missed.
_DISTINCT = 4.0
# How far around its place a picture is sought, in pictures; and how far for the first that are found nowhere near.
_NEAR, _FAR, _FAR_SEARCHES = 8, 400, 60
# By how much of the stream's frame a picture may begin later or earlier than it is shown: rounding to the grid.
_SLACK = 0.35
# What the grid of no rendition is finer than: pictures that follow one another faster can't all be shown.
_FASTEST = 60.0
_CROWDED_SHARE = 0.02
_SAMPLE = 150
_MOST_ROUNDED_S = 0.025
_SHIFT_S = 2.0


@dataclass
class Match:
    """How the pictures of a stream and those of its source belong together. Indexes of the stream's pictures."""

    shift: float = 0.0
    """What is at 0 in the stream is at this time in the source (seconds)."""
    rounding: float = 0.0
    """By how much later it may be as well, by when pictures are shown first: the grid has rounded them (seconds)."""
    timed: bool = True
    """The source's stamps could be believed; else each of its pictures is expected once, in order."""
    mended: int = 0
    """Single stamps of the source that were wrong."""
    pairs: list[tuple[int, int]] = field(default_factory=list)
    """Pictures of stream and source that are the same, in order."""
    displaced: list[tuple[int, int]] = field(default_factory=list)
    """Shown where another should be: the stream's picture, and by how many of the source's it is early (or late)."""
    strange: list[int] = field(default_factory=list)
    """Of the stream, and found nowhere near in the source."""
    lost: list[int] = field(default_factory=list)
    """Of the source, and not seen though they have a time of their own."""
    crowded: int = 0
    """Pictures of the source that have no frame of their own in the stream, though they stand for 1/60 s."""
    before: int = 0
    """Pictures of the source from before the stream begins."""
    after: int = 0
    """Pictures of the source from after it has ended."""


def match(source: Pictures, stream: Pictures, begins: Sequence[float], *, even: bool = False) -> Match:
    """Compare all pictures. `begins`: the times of the source at which the stream may begin, the likeliest first.

    `even`: compare what is brighter than what, not how bright it is (HDR that was mapped).
    """
    return _Matching(source, stream, even).run(begins)


class _Matching:
    def __init__(self, source: Pictures, stream: Pictures, even: bool) -> None:
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
        """The middle of a frame of the stream, on the source's clock: rounding to the grid may not matter there."""
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
        """Before the first picture and after the last one there is none to show."""
        outside = moment < self._times[0] or moment > self._end
        return outside and self._stream.is_black(index)

    def _nearest(self, mark: bytes, first: int, last: int, wanted: int) -> tuple[int, float]:
        """Of the source's pictures `[first, last]`: which is most like the mark; of equals, the nearest to `wanted`."""
        candidates = range(max(0, first), min(len(self._source) - 1, last) + 1)
        found = ((distance(mark, self._print(self._source, each)), each) for each in candidates)
        off, nearest = min(found, key=lambda pair: (pair[0] + 0.05 * abs(pair[1] - wanted), abs(pair[1] - wanted)))
        return nearest, off

    def _print(self, pictures: Pictures, index: int) -> bytes:
        mark = pictures.print(index)
        return evened(mark) if self._even else mark

    def _find_shift(self, begins: Sequence[float]) -> float:
        """Where in the source the stream begins: of what is expected, what fits best; else what fits at all."""
        score, best = min((self._misfit(begin), order, begin) for order, begin in enumerate(begins))[::2]
        if score <= SAME or not self._match.timed:
            return best
        steps = range(-int(_SHIFT_S / self._tick), int(_SHIFT_S / self._tick) + 1)
        tried = [(self._misfit(best + step * self._tick), abs(step), best + step * self._tick) for step in steps]
        other, _, found = min(tried)
        return found if other < score / 2 else best

    def _misfit(self, shift: float) -> float:
        """How far a sample of the stream is from what it should be, if it begins there."""
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
        """What has a frame of the stream to itself must be seen in it, if it looks different from its neighbours."""
        found = self._match
        wanted = bytearray(len(self._source))
        for index, picture in enumerate(expected):
            wanted[picture] = 1
            first, last = self._range(self._moment(index))
            if first == last and not self._seen[picture] and self._is_distinct(picture):
                self._seen[picture] = 1
                found.lost.append(picture)
        if found.timed:
            crowded = sum(
                not wanted[index] and self._times[index + 1] - self._times[index] > 0.9 / _FASTEST
                for index in range(min(len(self._source) - 1, expected[-1]))
                if self._times[index] >= found.shift - self._tick and self._is_distinct(index)
            )
            found.crowded = crowded if crowded > _CROWDED_SHARE * len(self._source) else 0

    def _find_rounding(self) -> float:
        found, firsts, before = self._match, [], -1
        for index, picture in found.pairs:
            if picture != before:
                firsts.append(self._times[picture] - self._stream.times[index] - found.shift)
            before = picture
        middle = sorted(firsts)[len(firsts) // 2] if firsts and found.timed else 0.0
        most = min(_MOST_ROUNDED_S, self._tick / 2)
        return min(most, max(-most, middle))

    def _is_distinct(self, picture: int) -> bool:
        mark = self._print(self._source, picture)
        beside = [each for each in (picture - 1, picture + 1) if 0 <= each < len(self._source)]
        return all(distance(mark, self._print(self._source, each)) > _DISTINCT for each in beside)


def _tick(times: Sequence[float]) -> float:
    """The length of a frame of the stream (seconds), whose rate is constant."""
    return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 1.0
