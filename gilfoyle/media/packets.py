"""The packets of a file, as ffprobe lists them: what is really there, whatever its header says. Pure.

One line a packet, `stream,pts,dts,duration,pos,flags` and what belongs to it; stamps in ticks of the stream's time
base. There may be millions of lines, so each is taken in once, and little is kept of it.
"""

from __future__ import annotations

import bisect
import itertools
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from operator import add

from gilfoyle.media.clock import Clocks, Shift
from gilfoyle.media.rate import fastest

_UNKNOWN = b"N/A"
# Of an ordinary stream so many packets have a presentation time at the least; in AVI some do, by chance.
_MOST = 0.9
# Stamps that are so far from where the packet before ends are holes or overlaps, not jitter (seconds).
_HOLE_S = 0.1
# A tolerance below this would mend what rounding makes (seconds): Matroska's stamps are in milliseconds.
_LEAST_TOLERANCE_S = 0.005
# So many stamps, or a hundredth, may be far off for another reason than jitter: packets that were lost.
_FEW = 3


@dataclass(frozen=True)
class Measured:
    """What the packets of a stream tell. Times in seconds, on the container's clock as `shifts` mend it."""

    start: Fraction
    """Of the first packet that can be decoded by itself."""
    end: Fraction
    """When the last packet ends."""
    packets: int = 1
    fastest: Fraction | None = None
    """How many packets come in a second where they come fastest, for a while; None if there are too few to tell."""
    last: Fraction | None = None
    """The latest stamp."""
    packet_s: Fraction = Fraction(0)
    """How long a packet lasts: the most frequent length; 0 if none is known."""
    jitter_s: float = 0.0
    """How far stamps are from where the packet before ends; all but a few are nearer."""
    timeless: bool = False
    """The packets have no times at all: they are counted, and come at the rate that the header says."""
    decode_times_only: bool = False
    """Packets have no presentation times, so frames that are reordered seem to be late."""
    shifts: tuple[Shift, ...] = ()


@dataclass
class _Stream:
    time_base: Fraction
    count: int = 0
    stamped: int = 0
    shown: int = 0
    """Packets with a presentation time."""
    key: int | None = None
    spans: list[int] = field(default_factory=list)
    """The spans of the file (media/clock.py) in which it has packets; what follows is of each of them."""
    stamps: list[array[int]] = field(default_factory=list)
    """Of video: every one. Of hours of audio they would take too much room."""
    earliest: list[int] = field(default_factory=list)
    latest: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    """When the packet ends that is shown last: of others, lengths may be made up (Vorbis)."""
    lengths: Counter[int] = field(default_factory=Counter)
    off: Counter[int] = field(default_factory=Counter)
    """How often stamps are so many ticks beside where the packet before ends."""
    after: int | None = None
    before: tuple[int, int, int | None] | None = None
    """`latest`, `end` and `after` as they were before the last packet."""


class Listing:
    """ffprobe's lines, taken in.

    `video`: the index of the video stream, whose rate is measured. `parts`: in how many parts of the file the lines
    are; 0 if they are all of its packets, from the first to the last. `leaps`: as of Clocks.
    """

    def __init__(self, time_bases: Mapping[int, Fraction], *, video: int | None, parts: int, leaps: bool) -> None:
        self._video = video
        self._streams = {index: _Stream(base) for index, base in time_bases.items()}
        self._clocks = Clocks(time_bases, leaps=leaps) if not parts else None
        self._parts = parts
        self.encrypted: set[int] = set()
        """Streams with encrypted packets. For most MP4 under CENC nothing else tells."""
        self.renewed: set[int] = set()
        """Streams whose decoder is told something new on the way: another sample description of an MP4."""
        self.last_position = 0
        """Where the packet lies in the file that comes last of all (bytes)."""

    def take(self, lines: Iterable[bytes]) -> None:
        """Take in the lines of one reading."""
        for line in lines:
            fields = line.split(b",", 6)
            if len(fields) < 6 or not fields[0].isdigit() or (index := int(fields[0])) not in self._streams:
                continue
            if len(fields) > 6:
                self._note(index, fields[6])
            if fields[4].isdigit():
                self.last_position = max(self.last_position, int(fields[4]))
            pts, dts, length = (None if text == _UNKNOWN else int(text) for text in fields[1:4])
            self._take(index, pts, dts, length or 0, fields[5])

    def measured(self) -> dict[int, Measured]:
        """What is known of each stream that has packets."""
        shifts = self._clocks.shifts() if self._clocks else {}
        return {
            index: _measured(stream, shifts.get(index, ()), parts=self._parts)
            for index, stream in self._streams.items()
            if stream.count
        }

    def _note(self, index: int, beside: bytes) -> None:
        """Take in what belongs to a packet."""
        if b"Encryption info" in beside:
            self.encrypted.add(index)
        if b"New Extradata" in beside:
            self.renewed.add(index)

    def _take(self, index: int, pts: int | None, dts: int | None, length: int, flags: bytes) -> None:
        stream = self._streams[index]
        number = stream.count
        stream.count += 1
        stamp = pts if pts is not None else dts  # AVI has decode times only
        if stamp is None:
            return
        stream.stamped += 1
        stream.shown += pts is not None
        if b"D" in flags:
            return  # An edit list discards it.
        span = self._clocks.take(index, number, dts, stamp, length) if self._clocks else 0
        if self._clocks and stream.before and self._clocks.is_wrong(index, number - 1):
            stream.latest[-1], stream.end[-1], stream.after = stream.before
            if index == self._video:
                stream.stamps[-1].pop()
        if stream.key is None and b"K" in flags:
            stream.key = stamp
        if not stream.spans or span != stream.spans[-1]:
            stream.spans.append(span)
            stream.stamps.append(array("q"))
            stream.earliest.append(stamp)
            stream.latest.append(stamp)
            stream.end.append(stamp + length)
        stream.before = (stream.latest[-1], stream.end[-1], stream.after)
        if index == self._video:
            stream.stamps[-1].append(stamp)
        stream.earliest[-1] = min(stream.earliest[-1], stamp)
        if stamp >= stream.latest[-1]:
            stream.latest[-1], stream.end[-1] = stamp, stamp + length
        if length:
            stream.lengths[length] += 1
            if stream.after is not None:
                stream.off[abs(stamp - stream.after)] += 1
            stream.after = stamp + length


def _measured(stream: _Stream, shifts: Sequence[Shift], *, parts: int) -> Measured:
    base = stream.time_base
    if not stream.spans:
        return Measured(Fraction(0), Fraction(0), stream.count, timeless=True)
    by_span = {shift.span: shift.ticks for shift in shifts}
    offsets = [by_span.get(span, 0) for span in stream.spans]
    earliest = min(map(add, stream.earliest, offsets))
    first = stream.key if not parts and stream.key is not None and stream.spans[0] == 0 else earliest
    length = max(stream.lengths, key=lambda each: (stream.lengths[each], each), default=0)
    return Measured(
        start=max(first, earliest) * base,
        end=max(map(add, stream.end, offsets)) * base,
        packets=stream.count,
        fastest=fastest(_in_order(stream.stamps, offsets), base),
        last=max(map(add, stream.latest, offsets)) * base,
        packet_s=length * base,
        jitter_s=_jitter(stream.off, float(base), parts),
        decode_times_only=stream.shown < stream.stamped * _MOST,
        shifts=tuple(shifts),
    )


def _in_order(pieces: Sequence[array[int]], offsets: Sequence[int]) -> list[int]:
    """The stamps of all spans on one clock, each once: parts of a file that are read may overlap."""
    shifted = (stamp + offset for piece, offset in zip(pieces, offsets, strict=True) for stamp in piece)
    return [stamp for stamp, _ in itertools.groupby(sorted(shifted))]


def _jitter(off: Counter[int], tick_s: float, parts: int) -> float:
    """All but a few of what is no hole are nearer (seconds). Where a part begins, the packet before is another's."""
    near = sorted((ticks, times) for ticks, times in off.items() if ticks * tick_s < _HOLE_S)
    totals = list(itertools.accumulate(times for _, times in near))
    others = parts + _FEW
    if not totals or totals[-1] <= others:
        return 0.0
    return near[bisect.bisect_left(totals, totals[-1] - max(others, totals[-1] / 100))][0] * tick_s


def tolerance_s(jitter_s: float) -> float:
    """From how far on a stamp is no jitter but a hole or an overlap to be mended (seconds)."""
    return min(_HOLE_S, _LEAST_TOLERANCE_S + 3 * jitter_s)
