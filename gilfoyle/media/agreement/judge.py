"""The judge: compares the decoded source with the decoded stream, and reports findings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from gilfoyle.media.agreement.audio import LIKE, Hearing, Levels, between, hear, together
from gilfoyle.media.agreement.decoding import SourceStreams
from gilfoyle.media.agreement.frames import Frames
from gilfoyle.media.agreement.report import Finding, agreed, differing, not_compared
from gilfoyle.media.agreement.sequence import Match, match

# Audio may be this much late or early (ms).
OFFSET_MS = 10
# How much the mean red, green or blue may differ (of 255).
COLOUR = 4.0
# Mono that becomes stereo is 3 dB quieter in each channel, and so is what is mono again.
_GAIN_DB, _DOWNMIX_DB = 4.0, 9.0
# Where mono tracks are the channels of one recording, a track may be on one side only, or quieter on both.
_TRACKS_DB = 12.0
_AUDIBLE_S = 0.05
_SWALLOWED_S = 0.2
# A frame of AAC, and what an encoder's delay is rounded to.
_LENGTH_S = 0.05
# This share of a stream's frames may show a decoder's guesses at damaged frames.
_GUESSED = 0.25
_SHOWN = 3
# How long a single image may be shown (s).
_STILL_S = 5.0


@dataclass
class Source:
    """What was decoded of a file."""

    streams: SourceStreams
    frames: Frames | None = None
    audio_tracks: list[Levels] = field(default_factory=list)
    complaints: str = ""
    """A sentence on what can't be decoded; empty if everything can. What is missing is not compared."""
    spoiled: bool = False
    """Some packets can't be decoded. The stream fills their time with silence or the frame before."""

    def clipped(self, lead_s: float, length_s: float) -> Source:
        """The part that a clip of `length_s` seconds shows; it begins `lead_s` seconds into the source."""
        frames = self.frames if self.frames is not None and len(self.frames) else None
        starts = [audio.start for audio in self.heard if audio.start is not None]
        begin = (frames.times[0] if frames else min(starts, default=0.0)) + lead_s
        end = begin + length_s
        return replace(
            self,
            frames=self.frames and self.frames.between(begin, end),
            audio_tracks=[between(audio, begin, end) for audio in self.audio_tracks],
        )

    @property
    def heard(self) -> list[Levels]:
        """The tracks with at least one sample."""
        return [audio for audio in self.audio_tracks if audio.start is not None]


class Judge:
    """Compares the renditions with the source, one by one. The first one sets the shift between their clocks."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._shift: float | None = None
        self._rounding = 0.0
        self._colours: dict[str, tuple[float, float, float]] = {}

    def video(self, name: str, stream: Frames) -> list[Finding]:
        """The findings on a video rendition."""
        source = self._source.frames
        if source is None or not len(source):
            return [self._unknown("frames", name, "The stream has video, and the file has none.")]
        if not len(stream):
            return [differing("frames", name, "No frame of it can be decoded.", f"{len(source)}", "0")]
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

    def audio(self, name: str, stream: Levels) -> list[Finding]:
        """The findings on an audio rendition. Judge the video first: it sets where the stream begins."""
        heard = self._source.heard
        if not heard:
            return [self._unknown("audio", name, "The stream has audio, and the file has none.")]
        if stream.start is None:
            return [differing("audio", name, "No audio of it can be decoded.")]
        shift, rounding = self._shift, self._rounding
        if shift is None:
            # Audio alone begins with its first sample or with the container: a decoder may drop the first samples.
            shift = self._first_heard()
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

    def whole(self, length: float, *, has_video: bool, has_audio: bool) -> list[Finding]:
        """The findings on the stream as a whole; `length` in seconds. Call it last."""
        source = self._source
        findings = []
        if self._source.complaints:
            findings.append(not_compared("decoding", "source", source.complaints))
        if source.frames is not None and len(source.frames) and not has_video:
            findings.append(differing("frames", "stream", "The file has video, and the stream has none."))
        if source.heard and not has_audio:
            findings.append(differing("audio", "stream", "The file has audio, and the stream has none."))
        if not source.heard and not has_audio and not source.complaints:
            findings.append(agreed("audio", "stream", "none", "none"))
        return [*findings, self._length(length), *self._alike()]

    def _unknown(self, check: str, of: str, sentence: str) -> Finding:
        """The finding for what only the stream has. If part of the source can't be decoded, nobody can tell."""
        complaints = self._source.complaints
        return not_compared(check, of, complaints) if complaints else differing(check, of, sentence)

    def _first_heard(self) -> float:
        """When the earliest audio track of the source begins, on the source's clock."""
        return min(audio.start or 0.0 for audio in self._source.heard)

    def _begins(self, stream: Frames) -> list[float]:
        """Where the stream may begin, on the source's clock: with the video, or with audio that begins before it.

        In the second case it begins a whole number of frames before the video, so that the frames keep their grid.
        """
        assert self._source.frames is not None
        first, tick = self._source.frames.times[0], stream.times[1] - stream.times[0] if len(stream) > 1 else 1.0
        starts = [audio.start for audio in self._source.heard if audio.start is not None]
        before = [start for start in starts if start < first]
        return [
            first,
            *(first - math.ceil((first - start) / tick) * tick for start in before),
            *before,
        ]

    def _length(self, length: float) -> Finding:
        frames, heard = self._source.frames, self._source.heard
        if self._source.complaints:
            return not_compared("length", "stream", self._source.complaints)
        shift = self._shift
        if shift is None:
            shift = self._first_heard() if heard else 0.0
        seen = frames.end - shift if frames is not None and len(frames) else 0.0
        audible = max((_last_loud(audio) for audio in heard), default=0.0) - shift
        ends = max((audio.end for audio in heard), default=0.0) - shift
        shortest, longest = max(seen, audible if heard else 0.0), max(seen, ends if heard else 0.0)
        if frames is not None and len(frames) == 1 and not heard:
            longest = max(longest, _STILL_S)
        if self._source.spoiled:
            known: list[Levels | Frames] = [*self._source.audio_tracks, *([] if frames is None else [frames])]
            longest = max([longest, *(each.packets_end - shift for each in known)])
        if self._shift is None:
            longest += min(max(0.0, shift), _SWALLOWED_S)
        usual = frames.end - frames.times[-1] if frames is not None and len(frames) else 0.0
        slack = _LENGTH_S + min(usual, 1.0)
        ours = f"{shortest:.3f} s" if longest - shortest < slack else f"{shortest:.3f} to {longest:.3f} s"
        if shortest - slack <= length <= longest + slack:
            return agreed("length", "stream", ours, f"{length:.3f} s")
        off = length - (longest if length > longest else shortest)
        word = "longer" if off > 0 else "shorter"
        return differing("length", "stream", f"The stream is {abs(off):.3f} s {word}.", ours, f"{length:.3f} s")

    def _colour(self, name: str, source: Frames, stream: Frames, found: Match) -> Finding:
        if not found.pairs:
            return not_compared("colour", name, "No frame is in its place.")
        ours, theirs = (
            _mean(frames, [pair[side] for pair in found.pairs]) for side, frames in enumerate((stream, source))
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
        """Whether all renditions show the same colour."""
        if len(self._colours) < 2:
            return
        off = max(max(each) - min(each) for each in zip(*self._colours.values(), strict=True))
        told = f"within {off:.1f} of 255"
        if off > COLOUR:
            yield differing("colour", "stream", "The renditions do not show the same colour.", "the same", told)
        else:
            yield agreed("colour", "stream", "the same", told)


def _without_guesses(found: Match) -> Match:
    """The match without the strange frames: decoders conceal damage differently, so these can't be compared."""
    return replace(found, strange=[], lost=found.lost[len(found.strange) :])


def _frames(name: str, source: Frames, stream: Frames, found: Match) -> Finding:
    """Whether every frame of the source is in the stream, once."""
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


def _order(name: str, stream: Frames, found: Match) -> Finding:
    """Whether each frame of the stream is the one that the source shows at that time."""
    faults = []
    if found.displaced:
        index, by = found.displaced[0]
        when = f"{stream.times[index]:.3f} s shows the frame {abs(by)} {'later' if by > 0 else 'earlier'}"
        displaced = _frames_of(len(found.displaced))
        faults.append(f"the wrong frame is shown in {displaced} (the one at {when})")
    if found.strange:
        at = stream.times[found.strange[0]]
        strange = _frames_of(len(found.strange))
        faults.append(f"the file has nothing like {strange} of the stream near that time (the first at {at:.3f} s)")
    right = f"{len(found.pairs)} of {len(stream)}"
    if faults:
        return differing("order", name, _sentence(faults), "in their places", right)
    if not found.timed:
        return agreed(
            "order", name, "once each, in order", right, "The file's stamps tell no time: only the order counts."
        )
    return agreed("order", name, "in their places", right)


def _beginning(name: str, stream: Frames, found: Match, begins: Sequence[float]) -> Finding:
    if not found.timed:
        return not_compared("beginning", name, "The file's stamps tell no time.")
    tick = stream.times[1] - stream.times[0] if len(stream) > 1 else 1.0
    ours, theirs = f"{begins[0]:.3f} s", f"{found.shift:.3f} s"
    if min(begins) - tick <= found.shift <= max(begins) + tick:
        return agreed("beginning", name, ours, theirs)
    sentence = "What is at 0 in the stream is neither the file's first frame nor its first audio."
    return differing("beginning", name, sentence, ours, theirs)


def _likeliest(heard: Sequence[Levels], stream: Levels, shift: float) -> tuple[str, Hearing]:
    """Which track of the source the stream carries: the first if that matches, else the best match.

    All tracks mixed together are one candidate.
    """
    first = hear(heard[0], stream, shift)
    if len(heard) == 1 or _likeness(first, stream) > 1 - (1 - LIKE) / 2:
        return "", first
    others = [(f"track {number}", hear(audio, stream, shift)) for number, audio in enumerate(heard[1:], 2)]
    others.append(("all tracks together", hear(together(heard), stream, shift)))
    best = max([("", first), *others], key=lambda each: _likeness(each[1], stream))
    return best if _likeness(best[1], stream) > _likeness(first, stream) + 0.05 else ("", first)


def _likeness(hearing: Hearing, stream: Levels) -> float:
    """The correlation, less the share of time in which only one of the two is audible.

    For audio that never varies, that share is all there is to compare.
    """
    alone = len(hearing.silent) + len(hearing.extra)
    return hearing.likeness - alone / max(1.0, len(stream.levels) / 100)


def _offset(name: str, hearing: Hearing, track: str, rounding: float) -> Finding:
    """The offset of the audio, minute by minute. `rounding`: how far the grid moved the frames (seconds)."""
    detail = f"It is that of {track}." if track else ""
    known = [
        (_off(window.offset_ms, rounding), window.at) for window in hearing.windows if window.offset_ms is not None
    ]
    unlike = [window for window in hearing.windows if window.likeness is not None and window.likeness < LIKE]
    if unlike:
        at, likeness = unlike[0].at, unlike[0].likeness
        sentence = f"At {at:.0f} s the audio differs from the file's (correlation {likeness:.2f})."
        return differing("audio", name, sentence, "the same", f"{len(unlike)} of {len(hearing.windows)} minutes differ")
    if not known:
        return not_compared("audio", name, "The audio never varies, so its offset can't be measured.")
    worst, at = max(known, key=lambda each: abs(each[0]))
    theirs = f"{worst:+d} ms"
    if abs(worst) > OFFSET_MS:
        sentence = f"It is {abs(worst)} ms {'late' if worst > 0 else 'early'} in the minute from {at:.0f} s on."
        return differing("audio", name, sentence, f"within {OFFSET_MS} ms", theirs)
    return agreed("audio", name, f"within {OFFSET_MS} ms", theirs, detail)


def _off(offset_ms: int, rounding: float) -> int:
    """The offset that remains once the frames' own rounding (seconds) is taken into account."""
    may_be = round(-rounding * 1000)
    return offset_ms - min(max(offset_ms, min(0, may_be)), max(0, may_be))


def _audible(name: str, hearing: Hearing, stream: Levels) -> Finding:
    """Whether source and stream are audible at the same times."""
    faults = []
    if hearing.before_s > _AUDIBLE_S:
        faults.append(f"{hearing.before_s:.2f} s of audio before its beginning are cut")
    if hearing.after_s > _AUDIBLE_S:
        faults.append(f"{hearing.after_s:.2f} s of audio after its end are cut")
    # Encoders smear the edge of a tone: one tenth of a second is no finding.
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


def _last_loud(audio: Levels) -> float:
    """When the track is last audible, to about a hundredth of a second."""
    levels = audio.levels
    # -50 dBFS, in the steps of a level.
    quiet = 115
    at = next((index for index in range(len(levels) - 1, -1, -1) if levels[index] > quiet), -1)
    return (audio.start or 0.0) + (at + 1) / 1000


def _mean(frames: Frames, indexes: Sequence[int]) -> tuple[float, float, float]:
    sums = [0.0, 0.0, 0.0]
    for index in indexes:
        for part, value in enumerate(frames.colour(index)):
            sums[part] += value
    red, green, blue = (value / len(indexes) for value in sums)
    return red, green, blue


def _rgb(colour: Sequence[float]) -> str:
    return " ".join(f"{part:.0f}" for part in colour)


def _are(count: int, where: str = "") -> str:
    """`3 frames are`."""
    return f"{count} frame{' ' if count == 1 else 's '}{where}{'is' if count == 1 else 'are'}"


def _frames_of(count: int) -> str:
    return f"{count} frame{'' if count == 1 else 's'}"


def _numbers(indexes: Sequence[int]) -> str:
    return ", ".join(f"number {index}" for index in indexes[:_SHOWN]) + (" …" if len(indexes) > _SHOWN else "")


def _sentence(parts: Sequence[str]) -> str:
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."
