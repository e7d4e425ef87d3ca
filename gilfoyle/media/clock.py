"""Clocks that begin anew, leap or run over in the middle of a file: one clock is made of them. Pure.

Two recordings written one after the other (`cat a.ts b.ts`), songs chained in one Ogg, a broadcaster's clock that is
set: from some packet on, each stream's stamps count from elsewhere. Such a stretch is a *span*. All packets of a span
keep their places to each other, audio and video too, and the span goes where the one before it ends. Which packet is
the first of a span is known by its number within its stream: that holds whatever its stamps say, and ffmpeg's `setts`
counts the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from pydantic import BaseModel, ConfigDict

# A step back is a new clock; jitter and rounding are smaller (seconds; ffmpeg's own bound in ts_discontinuity_detect).
_BACK = Fraction(1, 10)
# A step ahead of more than this is a leap of the clock where clocks leap, else a hole (ffmpeg's dts_delta_threshold).
_AHEAD = Fraction(10)
# The streams of a file enter a new clock at about the same stamp, but at different packets (seconds).
_NEAR = Fraction(5)
# Audio that would overlap by more than this with the audio before it moves its span back; less is cut (seconds).
_OVERLAP = Fraction(3, 20)
# What a decoder is given before a clock's 0 is shorter (seconds).
_WARM_UP = Fraction(1, 5)
# More than this is no clock at all: nothing is mended.
_MOST = 200
# What goes on after a wrong stamp comes so soon after the packet before it (in steps back that are a new clock).
_SOON = 5
# Of a single packet.
_NO_SPAN = -1


class Shift(BaseModel):
    """From packet number `packet` of a stream on, `ticks` are added to its stamps.

    Packets are numbered from 0, in the order of the file.
    """

    model_config = ConfigDict(frozen=True)

    packet: int
    ticks: int
    span: int
    """Which of the file's spans it is; 0 is the first, which is not shifted; -1: a packet with a wrong stamp."""


@dataclass
class _Part:
    """What a stream has of a span: its first packet, and where it begins and ends (ticks).

    It ends with the packet that is shown last: of others, lengths may be made up (Vorbis).
    """

    packet: int
    start: int
    last: int
    end: int


@dataclass
class _Span:
    leap: bool
    """It begins ahead of the clock before it, not behind."""
    parts: dict[int, _Part] = field(default_factory=dict)


@dataclass
class _Before:
    """Where a stream was before its last packet, which may turn out to have a wrong stamp."""

    last: int
    due: int
    part: _Part


@dataclass
class _Place:
    """Where a stream is; times in ticks, of decoding: those only grow while a clock goes on."""

    back: int
    """A step back by more than this is a new clock."""
    ahead: int
    """A step ahead by more than this is a leap."""
    span: int = 0
    last: int | None = None
    due: int = 0
    """When the next packet is to come."""
    before: _Before | None = None
    """If the last packet came too early by more than `back`, in the span of the one before."""


class Clocks:
    """The spans of a file whose packets are taken in one after the other.

    `time_bases`: of the streams that matter, the video first. `leaps`: the container is one whose clock may leap.
    """

    def __init__(self, time_bases: Mapping[int, Fraction], *, leaps: bool) -> None:
        self._bases = time_bases
        self._leaps = leaps
        self._spans = [_Span(leap=False)]
        self._wrong: dict[int, dict[int, tuple[int, int]]] = {index: {} for index in time_bases}
        """Of each stream, single packets with a wrong stamp: by how many ticks, and in which span."""
        self._places = {
            index: _Place(back=int(_BACK / base), ahead=int(_AHEAD / base)) for index, base in time_bases.items()
        }

    def take(self, stream: int, number: int, decoded: int | None, shown: int, length: int) -> int:
        """The span to which a packet belongs; its number in its stream, and its stamps and length in ticks.

        `decoded` is None where the container does not say when a packet is to be decoded: it goes with those before it.
        """
        place = self._places[stream]
        before = None
        if decoded is not None:
            if place.last is not None:
                leap = self._leaps and decoded - place.due > place.ahead
                if not self._was_wrong(stream, number, decoded) and (leap or decoded < place.last - place.back):
                    place.span = self._entered(stream, place.span, decoded, leap=leap)
                elif decoded - place.due > place.back and (part := self._spans[place.span].parts.get(stream)):
                    before = _Before(place.last, place.due, replace(part))
            place.last, place.due, place.before = decoded, decoded + length, before
        parts = self._spans[place.span].parts
        part = parts.get(stream)
        if part is None:
            parts[stream] = _Part(number, shown, shown, shown + length)
        else:
            part.start = min(part.start, shown)
            if shown >= part.last:
                part.last, part.end = shown, shown + length
        return place.span

    def is_wrong(self, stream: int, number: int) -> bool:
        """Whether that packet's stamp was found to be wrong when the next one was taken in."""
        return number in self._wrong[stream]

    def _was_wrong(self, stream: int, number: int, decoded: int) -> bool:
        """Whether the packet before had a wrong stamp: this one goes on as if it had not been.

        A bit that is flipped puts one packet seconds ahead: that is no clock.
        """
        place, before = self._places[stream], self._places[stream].before
        if before is None or place.last is None or decoded >= place.last:
            return False
        if not before.last < decoded <= before.due + _SOON * place.back:
            return False
        self._wrong[stream][number - 1] = (before.due - place.last, place.span)
        self._spans[place.span].parts[stream] = before.part
        return True

    def shifts(self) -> dict[int, tuple[Shift, ...]]:
        """What is to be added to each stream's stamps, and from where on; nothing for a file with one clock."""
        wrong = sum(map(len, self._wrong.values()))
        if not (len(self._spans) > 1 or wrong) or len(self._spans) + wrong > _MOST:
            return {}
        offsets = self._offsets()
        found = {}
        for stream, base in self._bases.items():
            of_spans = [
                Shift(packet=span.parts[stream].packet, ticks=round(offset / base), span=number)
                for number, (span, offset) in enumerate(zip(self._spans, offsets, strict=True))
                if stream in span.parts and number
            ]
            single = self._single(stream, [round(offset / base) for offset in offsets])
            found[stream] = tuple(sorted([*of_spans, *single], key=lambda shift: shift.packet))
        return found

    def _single(self, stream: int, ticks: Sequence[int]) -> Iterator[Shift]:
        """For each packet with a wrong stamp: what mends it, and that the next one is right again."""
        for number, (off, span) in self._wrong[stream].items():
            yield Shift(packet=number, ticks=ticks[span] + off, span=_NO_SPAN)
            yield Shift(packet=number + 1, ticks=ticks[span], span=span)

    def _entered(self, stream: int, current: int, decoded: int, *, leap: bool) -> int:
        """The span that a stream comes into: one that another is in already and whose clock fits, or a new one."""
        at = decoded * self._bases[stream]
        for number in range(current + 1, len(self._spans)):
            if self._is_near(self._spans[number], at):
                return number
        self._spans.append(_Span(leap))
        return len(self._spans) - 1

    def _is_near(self, span: _Span, at: Fraction) -> bool:
        starts = [part.start * self._bases[stream] for stream, part in span.parts.items()]
        ends = [part.end * self._bases[stream] for stream, part in span.parts.items()]
        return min(starts) - _NEAR <= at <= max(ends) + _NEAR

    def _offsets(self) -> list[Fraction]:
        """What is added to the stamps of each span, in seconds."""
        offsets = [Fraction(0)]
        ends: dict[int, Fraction] = {}
        _extend(ends, self._parts(self._spans[0]), offsets[0])
        for span in self._spans[1:]:
            parts = self._parts(span)
            hole = span.leap and len(parts) < len(self._bases)  # the others go on: it is not the clock that leaps
            offsets.append(offsets[-1] if hole else self._following(ends, parts, offsets[-1]))
            _extend(ends, parts, offsets[-1])
        return offsets

    def _parts(self, span: _Span) -> dict[int, tuple[Fraction, Fraction]]:
        """When each stream's part of a span begins and ends, in seconds; the video's comes first.

        What comes shortly before a clock's 0 only warms a decoder up (Opus: RFC 7845, 4.2) and takes no time.
        """
        found = {}
        for stream, base in self._bases.items():
            if stream in span.parts:
                start, end = span.parts[stream].start * base, span.parts[stream].end * base
                found[stream] = (Fraction(0) if -_WARM_UP < start < 0 else start, end)
        return found

    def _following(
        self, ends: Mapping[int, Fraction], parts: Mapping[int, tuple[Fraction, Fraction]], before: Fraction
    ) -> Fraction:
        """Where a span goes so that its first stream, the video if it has one, follows upon what it follows upon."""
        known = [stream for stream in parts if stream in ends]
        if not known:
            return before
        leading, *others = known
        offset = ends[leading] - parts[leading][0]
        overlap = max((ends[stream] - parts[stream][0] - offset for stream in others), default=Fraction(0))
        return offset + overlap if overlap > _OVERLAP else offset


def _extend(ends: dict[int, Fraction], parts: Mapping[int, tuple[Fraction, Fraction]], offset: Fraction) -> None:
    for stream, (_, end) in parts.items():
        ends[stream] = max(ends.get(stream, end + offset), end + offset)


def setts(shifts: Sequence[Shift]) -> str:
    """The bitstream filter that adds them, for a stream that is read from its first packet on.

    A stamp that a packet does not have stays away.
    """
    steps = [(shift.packet, shift.ticks - before) for shift, before in _with_before(shifts)]
    added = "+".join(f"gte(N,{packet})*({ticks})" for packet, ticks in steps)
    stamps = (f"{name.lower()}='if(eq({name},NOPTS),NOPTS,{name}+{added})'" for name in ("PTS", "DTS"))
    return f"setts={':'.join(stamps)}"


def _with_before(shifts: Sequence[Shift]) -> list[tuple[Shift, int]]:
    """Each with the ticks that the one before it adds."""
    return list(zip(shifts, [0, *(shift.ticks for shift in shifts)], strict=False))
