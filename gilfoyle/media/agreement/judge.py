"""The judge: what was decoded of a file against what was decoded of its stream."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from gilfoyle.media.agreement.decoding import SourceStreams
from gilfoyle.media.agreement.pictures import Pictures
from gilfoyle.media.agreement.report import Finding, agreed, differing, not_compared
from gilfoyle.media.agreement.sequence import Match, match
from gilfoyle.media.agreement.sound import LIKE, Hearing, Levels, hear, together

# What is heard may be so much late or early (ms).
OFFSET_MS = 10
# A mean colour may differ by so much in each of red, green and blue (of 255).
COLOUR = 4.0
# Mono that becomes stereo is 3 dB quieter in each channel, and so is what is mono again.
_GAIN_DB, _DOWNMIX_DB = 4.0, 9.0
# Of mono tracks that are the channels of one sound, one that is heard alone is on one side only, or less on both.
_TRACKS_DB = 12.0
_AUDIBLE_S = 0.05
_SWALLOWED_S = 0.2
# A frame of AAC, and what an encoder's delay is rounded to.
_LENGTH_S = 0.05
# So large a share of a stream's frames may show what a decoder made of pictures that are damaged.
_GUESSED = 0.25
_SHOWN = 3
# A picture that stands alone may be shown for as long (s).
_STILL_S = 5.0


@dataclass
class Source:
    """What was decoded of a file."""

    streams: SourceStreams
    pictures: Pictures | None = None
    sounds: list[Levels] = field(default_factory=list)
    complaints: str = ""
    """That something of it can't be decoded, as a sentence; empty if all can. Nothing is held to what is missing."""
    spoiled: bool = False
    """Some of its packets can't be decoded. They take their time all the same, with silence or the picture before."""

    @property
    def heard(self) -> list[Levels]:
        """The tracks that hold any sound."""
        return [sound for sound in self.sounds if sound.start is not None]


class Judge:
    """Compares one rendition after another with a file. `shift` becomes known with the first."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._shift: float | None = None
        self._rounding = 0.0
        self._colours: dict[str, tuple[float, float, float]] = {}

    def pictures(self, name: str, stream: Pictures) -> list[Finding]:
        """The findings on a video rendition."""
        source = self._source.pictures
        if source is None or not len(source):
            return [self._unknown("frames", name, "There is a picture, and the file has none.")]
        if not len(stream):
            return [differing("frames", name, "No picture of it can be decoded.", f"{len(source)}", "0")]
        hdr = self._source.streams.hdr
        found = match(source, stream, self._begins(stream), even=hdr)
        if self._source.spoiled and len(found.strange) <= _GUESSED * len(stream):
            found = _without_guesses(found)
        if self._shift is None:
            self._shift, self._rounding = found.shift, found.rounding
        return [
            _frames(name, source, stream, found),
            _order(name, stream, found),
            _beginning(name, stream, found, self._begins(stream)),
            self._colour(name, source, stream, found),
        ]

    def sound(self, name: str, stream: Levels) -> list[Finding]:
        """The findings on an audio rendition. Those on the pictures come first: they tell where the stream begins."""
        heard = self._source.heard
        if not heard:
            return [self._unknown("sound", name, "There is a sound, and the file has none.")]
        if stream.start is None:
            return [differing("sound", name, "No sound of it can be decoded.")]
        shift, rounding = self._shift, self._rounding
        if shift is None:
            # Sound alone begins with its first sample, or where the container does: a decoder may swallow the first.
            shift = heard[0].start or 0.0
            rounding = max(-shift, -_SWALLOWED_S)
        track, hearing = _likeliest(heard, stream, shift)
        most = _DOWNMIX_DB if max(self._source.streams.channels, default=1) > 2 else _GAIN_DB
        if len(heard) > 1 and set(self._source.streams.channels) == {1}:
            most = _TRACKS_DB
        return [
            _offset(name, hearing, track, rounding),
            _audible(name, hearing, stream),
            _loudness(name, hearing, most),
        ]

    def whole(self, length: float, *, has_picture: bool, has_sound: bool) -> list[Finding]:
        """The findings on the stream: its parts, and its length in seconds. At the end."""
        source = self._source
        findings = []
        if self._source.complaints:
            findings.append(not_compared("decoding", "source", source.complaints))
        if source.pictures is not None and len(source.pictures) and not has_picture:
            findings.append(differing("frames", "stream", "The file has a picture, and the stream has none."))
        if source.heard and not has_sound:
            findings.append(differing("sound", "stream", "The file has a sound, and the stream has none."))
        if not source.heard and not has_sound and not source.complaints:
            findings.append(agreed("sound", "stream", "none", "none"))
        return [*findings, self._length(length), *self._alike()]

    def _unknown(self, check: str, of: str, sentence: str) -> Finding:
        """What the stream has and the file does not: unless that merely can't be decoded."""
        complaints = self._source.complaints
        return not_compared(check, of, complaints) if complaints else differing(check, of, sentence)

    def _begins(self, stream: Pictures) -> list[float]:
        """Where a stream may begin on the file's clock: with the picture, or with a sound that comes before.

        Then whole frames before the picture, so that it has its place.
        """
        assert self._source.pictures is not None
        picture, tick = self._source.pictures.times[0], stream.times[1] - stream.times[0] if len(stream) > 1 else 1.0
        sounds = [sound.start for sound in self._source.heard if sound.start is not None]
        before = [start for start in sounds if start < picture]
        return [picture, *(picture - math.ceil((picture - start) / tick) * tick for start in before), *before]

    def _length(self, length: float) -> Finding:
        pictures, heard = self._source.pictures, self._source.heard
        if self._source.complaints:
            return not_compared("length", "stream", self._source.complaints)
        shift = self._shift
        if shift is None:
            shift = (heard[0].start or 0.0) if heard else 0.0
        seen = pictures.end - shift if pictures is not None and len(pictures) else 0.0
        audible = max((_last_loud(sound) for sound in heard), default=0.0) - shift
        ends = max((sound.end for sound in heard), default=0.0) - shift
        shortest, longest = max(seen, audible if heard else 0.0), max(seen, ends if heard else 0.0)
        if pictures is not None and len(pictures) == 1 and not heard:
            longest = max(longest, _STILL_S)
        if self._source.spoiled:
            known: list[Levels | Pictures] = [*self._source.sounds, *([] if pictures is None else [pictures])]
            longest = max([longest, *(each.packets_end - shift for each in known)])
        if self._shift is None:
            longest += min(max(0.0, shift), _SWALLOWED_S)
        usual = pictures.end - pictures.times[-1] if pictures is not None and len(pictures) else 0.0
        slack = _LENGTH_S + min(usual, 1.0)
        ours = f"{shortest:.3f} s" if longest - shortest < slack else f"{shortest:.3f} to {longest:.3f} s"
        if shortest - slack <= length <= longest + slack:
            return agreed("length", "stream", ours, f"{length:.3f} s")
        off = length - (longest if length > longest else shortest)
        word = "longer" if off > 0 else "shorter"
        return differing("length", "stream", f"The stream is {abs(off):.3f} s {word}.", ours, f"{length:.3f} s")

    def _colour(self, name: str, source: Pictures, stream: Pictures, found: Match) -> Finding:
        if not found.pairs:
            return not_compared("colour", name, "No picture is in its place.")
        ours, theirs = (
            _mean(pictures, [pair[side] for pair in found.pairs]) for side, pictures in enumerate((stream, source))
        )
        self._colours[name] = ours
        right, has = _rgb(theirs), _rgb(ours)
        if self._source.streams.hdr:
            sentence = "The file is HDR: its light was mapped, and only the renditions are compared with each other."
            return not_compared("colour", name, sentence, right, has)
        off = max(abs(one - other) for one, other in zip(ours, theirs, strict=True))
        if off > COLOUR:
            return differing("colour", name, f"The mean colour is off by {off:.0f} of 255.", right, has)
        return agreed("colour", name, right, has)

    def _alike(self) -> Iterator[Finding]:
        """All renditions show the same colour, whatever the file's is."""
        if len(self._colours) < 2:
            return
        off = max(max(each) - min(each) for each in zip(*self._colours.values(), strict=True))
        told = f"within {off:.1f} of 255"
        if off > COLOUR:
            yield differing("colour", "stream", "The renditions do not show the same colour.", "the same", told)
        else:
            yield agreed("colour", "stream", "the same", told)


def _without_guesses(found: Match) -> Match:
    """What a damaged picture shows is up to its decoder, and no two guess alike: it is passed over, here and there."""
    return replace(found, strange=[], lost=found.lost[len(found.strange) :])


def _frames(name: str, source: Pictures, stream: Pictures, found: Match) -> Finding:
    """All of the file's pictures are there, each once."""
    faults = []
    if found.before:
        faults.append(f"{_are(found.before)} not in the stream that come before its beginning")
    if found.after:
        faults.append(f"{_are(found.after, 'at the end ')} not in the stream")
    if found.lost:
        faults.append(f"{_are(len(found.lost))} missing ({_numbers(found.lost)})")
    if found.crowded:
        faults.append(f"{_are(found.crowded)} without a frame of their own: the stream's rate is too low")
    ours, theirs = str(len(source)), str(len(stream))
    if faults:
        return differing("frames", name, _sentence(faults), ours, theirs)
    notes = [f"{found.mended} wrong stamps of the file were mended"] if found.mended else []
    return agreed("frames", name, ours, theirs, _sentence(notes) if notes else "")


def _order(name: str, stream: Pictures, found: Match) -> Finding:
    """Each frame of the stream is the picture that is on screen at its time."""
    faults = []
    if found.displaced:
        index, by = found.displaced[0]
        when = f"{stream.times[index]:.3f} s shows the picture {abs(by)} {'later' if by > 0 else 'earlier'}"
        displaced = _frames_of(len(found.displaced))
        faults.append(f"another picture than there should be is in {displaced} (the one at {when})")
    if found.strange:
        at = stream.times[found.strange[0]]
        strange = _frames_of(len(found.strange))
        faults.append(f"what is seen in {strange} is nowhere near in the file (the first at {at:.3f} s)")
    right = f"{len(found.pairs)} of {len(stream)}"
    if faults:
        return differing("order", name, _sentence(faults), "in their places", right)
    if not found.timed:
        return agreed(
            "order", name, "once each, in order", right, "The file's stamps tell no time: only the order counts."
        )
    return agreed("order", name, "in their places", right)


def _beginning(name: str, stream: Pictures, found: Match, begins: Sequence[float]) -> Finding:
    if not found.timed:
        return not_compared("beginning", name, "The file's stamps tell no time.")
    tick = stream.times[1] - stream.times[0] if len(stream) > 1 else 1.0
    ours, theirs = f"{begins[0]:.3f} s", f"{found.shift:.3f} s"
    if min(begins) - tick <= found.shift <= max(begins) + tick:
        return agreed("beginning", name, ours, theirs)
    sentence = "What is at 0 in the stream is neither the file's first picture nor its first sound."
    return differing("beginning", name, sentence, ours, theirs)


def _likeliest(heard: Sequence[Levels], stream: Levels, shift: float) -> tuple[str, Hearing]:
    """The track that the stream has: the first if it is like that, else another, or all of them together."""
    first = hear(heard[0], stream, shift)
    if len(heard) == 1 or _likeness(first, stream) > 1 - (1 - LIKE) / 2:
        return "", first
    others = [(f"track {number}", hear(sound, stream, shift)) for number, sound in enumerate(heard[1:], 2)]
    others.append(("all tracks together", hear(together(heard), stream, shift)))
    best = max([("", first), *others], key=lambda each: _likeness(each[1], stream))
    return best if _likeness(best[1], stream) > _likeness(first, stream) + 0.05 else ("", first)


def _likeness(hearing: Hearing, stream: Levels) -> float:
    """Less by the share of the time in which only one of them is heard: of what stays the same, that alone tells."""
    alone = len(hearing.silent) + len(hearing.extra)
    return hearing.likeness - alone / max(1.0, len(stream.levels) / 100)


def _offset(name: str, hearing: Hearing, track: str, rounding: float) -> Finding:
    """Where the sound is, minute by minute; the grid may have rounded the pictures that it is held to."""
    detail = f"It is that of {track}." if track else ""
    known = [
        (_off(window.offset_ms, rounding), window.at) for window in hearing.windows if window.offset_ms is not None
    ]
    unlike = [window for window in hearing.windows if window.likeness is not None and window.likeness < LIKE]
    if unlike:
        at, likeness = unlike[0].at, unlike[0].likeness
        sentence = f"At {at:.0f} s it is another sound than the file's (correlation {likeness:.2f})."
        return differing("sound", name, sentence, "the same", f"{len(unlike)} of {len(hearing.windows)} minutes differ")
    if not known:
        return not_compared("sound", name, "The sound stays the same: by how much it is late can't be told.")
    worst, at = max(known, key=lambda each: abs(each[0]))
    theirs = f"{worst:+d} ms"
    if abs(worst) > OFFSET_MS:
        sentence = f"It is {abs(worst)} ms {'late' if worst > 0 else 'early'} in the minute from {at:.0f} s on."
        return differing("sound", name, sentence, f"within {OFFSET_MS} ms", theirs)
    return agreed("sound", name, f"within {OFFSET_MS} ms", theirs, detail)


def _off(offset_ms: int, rounding: float) -> int:
    """What is left of an offset when the pictures may be later by `rounding` seconds."""
    may_be = round(-rounding * 1000)
    return offset_ms - min(max(offset_ms, min(0, may_be)), max(0, may_be))


def _audible(name: str, hearing: Hearing, stream: Levels) -> Finding:
    """What is heard in the one is heard in the other."""
    faults = []
    if hearing.before_s > _AUDIBLE_S:
        faults.append(f"{hearing.before_s:.2f} s that are heard before its beginning are cut")
    if hearing.after_s > _AUDIBLE_S:
        faults.append(f"{hearing.after_s:.2f} s that are heard after its end are cut")
    # A tenth of a second at the edge of a sound may be on its other side: encoders smear.
    if len(hearing.silent) > 1:
        faults.append(f"it is silent for {len(hearing.silent) / 10:.1f} s (from {hearing.silent[0]:.1f} s on)")
    if len(hearing.extra) > 1:
        faults.append(f"for {len(hearing.extra) / 10:.1f} s the file is silent (from {hearing.extra[0]:.1f} s on)")
    theirs = f"{len(stream.levels) / 1000:.3f} s"
    if faults:
        return differing("heard", name, _sentence(faults), "all of it", theirs)
    return agreed("heard", name, "all of it", theirs)


def _loudness(name: str, hearing: Hearing, most: float) -> Finding:
    """Within `most` dB."""
    if hearing.gain_db is None:
        return not_compared("loudness", name, "There is only silence.")
    ours, theirs = f"within {most:g} dB", f"{hearing.gain_db:+.1f} dB"
    if abs(hearing.gain_db) > most:
        word = "louder" if hearing.gain_db > 0 else "quieter"
        return differing("loudness", name, f"It is {abs(hearing.gain_db):.1f} dB {word}.", ours, theirs)
    return agreed("loudness", name, ours, theirs)


def _last_loud(sound: Levels) -> float:
    """When something was heard for the last time, to about a hundredth of a second."""
    levels = sound.levels
    # -50 dBFS, in the steps of a level.
    quiet = 115
    at = next((index for index in range(len(levels) - 1, -1, -1) if levels[index] > quiet), -1)
    return (sound.start or 0.0) + (at + 1) / 1000


def _mean(pictures: Pictures, indexes: Sequence[int]) -> tuple[float, float, float]:
    sums = [0.0, 0.0, 0.0]
    for index in indexes:
        for part, value in enumerate(pictures.colour(index)):
            sums[part] += value
    red, green, blue = (value / len(indexes) for value in sums)
    return red, green, blue


def _rgb(colour: Sequence[float]) -> str:
    return " ".join(f"{part:.0f}" for part in colour)


def _are(count: int, where: str = "") -> str:
    """`3 pictures are`."""
    return f"{count} picture{' ' if count == 1 else 's '}{where}{'is' if count == 1 else 'are'}"


def _frames_of(count: int) -> str:
    return f"{count} frame{'' if count == 1 else 's'}"


def _numbers(indexes: Sequence[int]) -> str:
    return ", ".join(f"number {index}" for index in indexes[:_SHOWN]) + (" …" if len(indexes) > _SHOWN else "")


def _sentence(parts: Sequence[str]) -> str:
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."
