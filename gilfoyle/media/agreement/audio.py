"""Audio as the judge stores it: one loudness value per millisecond, so that hours of it fit in memory.

From that the judge measures the offset between two tracks (by cross-correlation, minute by minute), where only one of
them is silent, and their loudness. Audio that does not vary for a minute has no measurable offset; the judge says so.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import mul

RATE = 8000
"""Samples per second of the audio as it is decoded for the judge: mono, 16 bits."""
_PER_MS = RATE // 1000

# A level is one byte: the loudness of a millisecond, in steps of 0.4 dB from -96 dBFS up.
_STEPS_PER_DB, _FLOOR_DB = 2.5, -96.0
_LEVELS = bytes(
    max(0, min(255, round((20 * math.log10(mean / 32768) - _FLOOR_DB) * _STEPS_PER_DB))) if mean else 0
    for mean in range(32769)
)
_POWERS = [0.0, *(10 ** ((level / _STEPS_PER_DB + _FLOOR_DB) / 10) for level in range(1, 256))]
# The fourth root of the power: quiet passages count, and noise does not.
_HEARD = [math.sqrt(math.sqrt(power)) for power in _POWERS]

_JITTER = RATE // 50
"""Stamps may be off by this many samples (20 ms) without a gap: containers round, and Vorbis counts blocks."""
# In a container without stamps, gaps count only if at most one in this many decoded frames follows a gap.
_SELDOM = 5
_WINDOW_S, _SHORTEST_S = 60, 10
_BIN_MS = 10
_SEARCH_MS, _FINE_MS = 2000, 14
# A lower correlation means another track; a peak that stands out by less gives no offset.
LIKE, _STANDS_OUT = 0.5, 0.02
# Audio that varies by less than this share of its loudness is even: it needs a high correlation to count.
_EVEN, _CERTAIN = 0.06, 0.9
_QUIET = 0.25
_LOUD_DB, _SILENT_DB = -45.0, -65.0
_EDGE_MS = 20


class Levels:
    """The loudness of a track per millisecond, from `start` (seconds) on."""

    def __init__(self, *, stampless: bool = False) -> None:
        """`stampless`: the container has no stamps, so the audio is continuous except where packets can't be decoded.

        ffmpeg derives such stamps from the nominal length of each packet. If that length is wrong, every stamp is off;
        if packets were lost, only a few are.
        """
        self._stampless = stampless
        self._waiting: tuple[int, array[int]] | None = None
        """The length of a gap in samples, and the audio after it."""
        self._due: float | None = None
        self._heard = 0
        self._holes: list[tuple[int, int]] = []
        self.packets_end = 0.0
        """When the last packet ends, decodable or not (seconds); 0 if unknown."""
        self.start: float | None = None
        """The time of its first sample; None while there is none."""
        self.levels = bytearray()
        self._rest = array("h")
        self._samples = 0

    @property
    def end(self) -> float:
        """When its last sample ends, in seconds."""
        return (self.start or 0.0) + len(self.levels) / 1000

    def hear(self, at: float, pcm: bytes) -> None:
        """Take in samples (16 bits, RATE) stamped `at` seconds. A gap becomes silence; an overlap is cut."""
        samples = array("h", pcm)
        if self.start is None:
            self.start = at
        place = round((at - self.start) * RATE)
        self._place_waiting(place)
        behind = 0 if self._stampless else place - self._samples
        if behind > _JITTER:
            self._waiting = behind, samples
            return
        if self._due is not None and round((at - self._due) * RATE) > _JITTER:
            self._holes.append((len(self.levels), round((at - self._due) * 1000)))
        self._due, self._heard = at + len(samples) / RATE, self._heard + 1
        if behind < -_JITTER:
            samples = samples[-behind:]
        self._append(samples)

    def finish(self) -> None:
        """Call it at the end. Inserts the gaps of a stampless container, if they are plausible."""
        self._place_waiting(None)
        if self._stampless and len(self._holes) * _SELDOM <= self._heard:
            for place, length in reversed(self._holes):
                self.levels[place:place] = bytes(length)
        self._holes.clear()

    def _place_waiting(self, following: int | None) -> None:
        """Place the audio after a gap. If the next samples continue as if there were no gap, its stamp was wrong."""
        if self._waiting is None:
            return
        (hole, samples), self._waiting = self._waiting, None
        if following is None or following - self._samples - len(samples) > _JITTER:
            self._append(array("h", bytes(2 * hole)))
        self._append(samples)

    def _append(self, samples: array[int]) -> None:
        self._samples += len(samples)
        self._rest.extend(samples)
        whole = len(self._rest) // _PER_MS * _PER_MS
        self.levels += bytes(
            [_LEVELS[sum(map(abs, self._rest[at : at + _PER_MS])) // _PER_MS] for at in range(0, whole, _PER_MS)]
        )
        del self._rest[:whole]

    def cut(self, at: float, seconds: float) -> bytes:
        """The levels from `at` on; silence where there is no audio."""
        first = round((at - (self.start or 0.0)) * 1000)
        count = round(seconds * 1000)
        inside = self.levels[max(0, first) : max(0, first + count)]
        return (bytes(min(count, max(0, -first))) + inside).ljust(count, b"\0")


def between(audio: Levels, start: float, end: float) -> Levels:
    """The part of a track from `start` to `end` (seconds)."""
    found = Levels()
    begin = max(start, audio.start or 0.0)
    length = min(end, audio.end) - begin
    if audio.start is not None and length > 0:
        found.start = begin
        found.levels += audio.cut(begin, length)
    return found


def together(tracks: Sequence[Levels]) -> Levels:
    """Several tracks mixed: in each millisecond as loud as the loudest."""
    both = Levels()
    both.start = min(track.start for track in tracks if track.start is not None)
    length = max(track.end for track in tracks) - both.start
    both.levels += bytes(map(max, *(track.cut(both.start, length) for track in tracks)))
    return both


@dataclass
class Window:
    """A minute of audio compared. Times in seconds of the stream."""

    at: float
    seconds: float
    offset_ms: int | None = None
    """How late the stream's audio is; None: unknown."""
    likeness: float | None = None
    """The correlation there, at most 1."""


@dataclass
class Hearing:
    """How the audio of a stream compares with its source's."""

    windows: list[Window] = field(default_factory=list)
    gain_db: float | None = None
    """How much louder the stream is; None if either is silent throughout."""
    silent: list[float] = field(default_factory=list)
    """The tenths of a second (their beginnings) in which the source is loud and the stream is silent."""
    extra: list[float] = field(default_factory=list)
    """Those in which the stream is loud and the source is silent."""
    before_s: float = 0.0
    """How much loud audio the source has before the stream begins."""
    after_s: float = 0.0
    """How much loud audio the source has after the stream has ended."""

    @property
    def likeness(self) -> float:
        """The mean correlation where there is one; 0 where there is none."""
        found = [window.likeness for window in self.windows if window.likeness is not None]
        return sum(found) / len(found) if found else 0.0


def hear(source: Levels, stream: Levels, shift: float) -> Hearing:
    """Compare two tracks. Time 0 of the stream is `shift` seconds in the source."""
    found = Hearing()
    length = len(stream.levels) / 1000
    begin = stream.start or 0.0
    for at, seconds in _windows(length):
        found.windows.append(_window(source, stream, begin + at, seconds, shift))
    late_s = _usual_offset(found.windows) / 1000
    _compare_loudness(found, source.cut(begin + shift - late_s, length), bytes(stream.levels), begin)
    if source.start is not None:
        start, end = begin + shift - late_s, begin + shift - late_s + length
        found.before_s = _loud_s(source.cut(source.start, max(0.0, start - source.start)))
        found.after_s = _loud_s(source.cut(end, max(0.0, source.end - end)))
    return found


def _windows(length: float) -> Iterator[tuple[float, float]]:
    """Windows of a minute each; the last one includes a short rest."""
    at = 0.0
    while at < length:
        rest = length - at
        seconds = rest if rest < _WINDOW_S + _SHORTEST_S else float(_WINDOW_S)
        yield at, seconds
        at += seconds


def _window(source: Levels, stream: Levels, at: float, seconds: float, shift: float) -> Window:
    """Search the offset in steps of 10 ms within two seconds, then in steps of 1 ms around the best."""
    window = Window(at, seconds)
    margin = _SEARCH_MS / 1000
    ours = [_HEARD[level] for level in source.cut(at + shift, seconds)]
    theirs = [_HEARD[level] for level in stream.cut(at - margin, seconds + 2 * margin)]
    binned = _binned(ours)
    coarse = _correlations(binned, _binned(theirs), range(2 * _SEARCH_MS // _BIN_MS + 1))
    best = max(coarse, default=0.0)
    if not coarse or (best < _CERTAIN and _is_even(binned)):
        return window
    window.likeness = round(best, 3)
    middle = _SEARCH_MS // _BIN_MS
    # Beeps each second fit a second later as well, all but one: the nearest of what is as good.
    peaks = (lag for lag in _peaks(coarse) if coarse[lag] > best - _STANDS_OUT)
    peak = min(peaks, key=lambda lag: abs(lag - middle))
    around = [value for lag, value in enumerate(coarse) if 3 <= abs(lag - peak) <= 12]
    if best < LIKE or not around or best - sum(around) / len(around) < _STANDS_OUT:
        return window
    first = peak * _BIN_MS - _FINE_MS
    lags = range(max(0, first), min(2 * _SEARCH_MS, first + 2 * _FINE_MS) + 1)
    fine = _correlations(ours, theirs, lags)
    if fine:
        exact = lags[max(range(len(fine)), key=lambda index: (fine[index], -abs(lags[index] - _SEARCH_MS)))]
        window.offset_ms = exact - _SEARCH_MS
    return window


def _peaks(values: Sequence[float]) -> Iterator[int]:
    """The indexes of local maxima."""
    for index, value in enumerate(values):
        if value >= max(values[max(0, index - 1) : index + 2]):
            yield index


def _is_even(values: Sequence[float]) -> bool:
    """Whether the loudness hardly varies, as of a tone or a hiss: its variation is chance."""
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / len(values) < (_EVEN * mean) ** 2


def _binned(values: Sequence[float]) -> list[float]:
    return [sum(values[at : at + _BIN_MS]) for at in range(0, len(values) - _BIN_MS + 1, _BIN_MS)]


def _correlations(ours: Sequence[float], theirs: Sequence[float], lags: range) -> list[float]:
    """Pearson's correlation of `ours` with the part of `theirs` that begins at each lag; empty if ours is even.

    A much quieter part counts with a quarter of our power: residual noise correlates with anything.
    """
    count = len(ours)
    mean = sum(ours) / count if count else 0.0
    centred = [value - mean for value in ours]
    spread = sum(map(mul, centred, centred))
    if count < 2 or spread < 1e-6 * count:
        return []
    found = []
    for lag in lags:
        part = theirs[lag : lag + count]
        total = sum(part)
        power = sum(map(mul, part, part)) - total * total / count
        found.append(sum(map(mul, centred, part)) / math.sqrt(spread * max(power, _QUIET * spread)))
    return found


def _usual_offset(windows: Sequence[Window]) -> int:
    """The median in ms. Without it, late audio would look like silence."""
    known = sorted(window.offset_ms for window in windows if window.offset_ms is not None)
    return known[len(known) // 2] if known else 0


def _compare_loudness(found: Hearing, ours: bytes, theirs: bytes, begin: float) -> None:
    power, other = sum(_POWERS[level] for level in ours), sum(_POWERS[level] for level in theirs)
    if power > 0 and other > 0:
        found.gain_db = 10 * math.log10(other / power)
    for at in range(0, len(theirs) - 99, 100):
        if _is_missing(ours, theirs, at):
            found.silent.append(begin + at / 1000)
        if _is_missing(theirs, ours, at):
            found.extra.append(begin + at / 1000)


def _is_missing(heard: bytes, given: bytes, at: int) -> bool:
    """Whether a tenth of a second is loud in the one, beyond its edges, and silent in the other."""
    return _db(heard[at + _EDGE_MS : at + 100 - _EDGE_MS]) > _LOUD_DB and _db(given[at : at + 100]) < _SILENT_DB


def _loud_s(levels: bytes) -> float:
    return sum(_db(levels[at : at + 10]) > _LOUD_DB for at in range(0, len(levels), 10)) / 100


def _db(levels: bytes) -> float:
    power = sum(_POWERS[level] for level in levels) / max(1, len(levels))
    return 10 * math.log10(power) if power > 0 else _FLOOR_DB
