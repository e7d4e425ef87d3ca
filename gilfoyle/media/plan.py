"""From what a source is and what the operator wants, to what is encoded: grid, renditions, passes in their order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

from pydantic import BaseModel, ConfigDict

from gilfoyle.media.info import AudioInfo, MediaInfo, VideoInfo
from gilfoyle.media.ladder import AudioRendition, VideoRendition, audio_ladder, video_ladder
from gilfoyle.media.policy import EncodingPolicy
from gilfoyle.media.rate import snap
from gilfoyle.media.timeline import (
    AAC_FRAME,
    FEWEST_FRAMES,
    SAMPLE_RATE,
    AudioTimeline,
    Chunk,
    Timeline,
    chunks,
    timeline,
)
from gilfoyle.media.tracks import AUDIO_TRACK, TEXT_TRACK, VIDEO_TRACK, Track, TrackKind

# Sound that begins or ends this much beside the picture is worth holding a picture for; less is only muxing (seconds).
_WORTH_HOLDING = Fraction(1, 20)
# Nor is an encoder's delay and padding worth it: two packets and a bit of MP3, at most what AAC of 8 kHz has (seconds).
_PADDED_PACKETS = Fraction(5, 2)
_LONGEST_PADDING = Fraction(1024, 8000)
# A held picture of a source that can't be sought: each pass over it reads all of the source.
_HELD_SEGMENTS = 150

# How long a photo is shown that comes alone (seconds).
_STILL = Fraction(5)

FIRST_PRIORITY, HEAD_PRIORITY, EARLY_PRIORITY, REST_PRIORITY, CATCH_UP_PRIORITY = 1, 2, 3, 4, 5
"""Temporal's `priority_key`, across all medias on a queue: what makes a media playable; what its first minute needs;
what is left of short medias and what keeps ahead of who watches long ones, by turns; the rest."""
_EARLY_SEGMENTS = 15
# All passes over so little are short (seconds).
_SHORT = Fraction(20)
# The lowest rendition of so much takes a few seconds to encode; then a media that has just come may be next.
_ALONE_SEGMENTS = 4
# Ten minutes of sound take a few seconds to encode.
_AUDIO_CHUNK_SEGMENTS = 150


class Pass(BaseModel):
    """One decode of one chunk into one or more renditions: one transcode activity."""

    model_config = ConfigDict(frozen=True)

    renditions: list[str]
    first: int
    count: int
    priority: int
    short: bool = False
    """It takes seconds: it goes to the queue on which nothing takes long."""
    ahead: bool = False
    """It keeps the lowest rendition ahead of who watches; workflows/pacing.py says when it starts."""


class Plan(BaseModel):
    """All that an encoding consists of. `origin` is the media's time 0 on the container's clock (seconds)."""

    model_config = ConfigDict(frozen=True)

    grid: Timeline
    origin: Fraction
    picture_frames: int
    """Frames of the grid that the source has a picture for; after them the last one is held."""
    video: list[VideoRendition]
    audio: list[AudioRendition]
    tracks: list[Track] = []
    """What its renditions are forms of; none, of a plan that was kept before there were tracks."""
    passes: list[Pass]

    @property
    def audio_grid(self) -> AudioTimeline:
        """Where the audio renditions are cut."""
        return AudioTimeline(sample_rate=SAMPLE_RATE, grid=self.grid)

    def source_of(self, rendition: AudioRendition, info: MediaInfo) -> AudioInfo:
        """The sound in the source that an audio rendition is a form of."""
        stream = next((track.stream for track in self.tracks if track.name == rendition.track), None)
        found = next((each for each in info.audio if each.index == stream), info.main_audio)
        assert found is not None  # a plan has audio renditions only if the source has sound
        return found

    def is_sound(self, chunk: Pass) -> bool:
        """Whether a pass encodes sound; else it encodes pictures."""
        return set(chunk.renditions) <= {rendition.name for rendition in self.audio}

    def segments(self, rendition: str) -> int:
        """How many segments a rendition has when it is whole."""
        return self.audio_grid.segments if any(a.name == rendition for a in self.audio) else self.grid.segments


def make_plan(info: MediaInfo, policy: EncodingPolicy) -> Plan:
    """The plan for a source under a policy. Pure: the same arguments give the same plan."""
    if info.video is None:
        return _audio_plan(info, policy)
    audio = _audio_tracks(info)
    sound = [
        rendition
        for track, source in audio
        for rendition in audio_ladder(source.channels, policy.audio, with_video=True, track=track.name)
    ]
    grid, origin, picture_frames = _video_grid(info, info.video, policy)
    ladder = video_ladder(info.video.width, info.video.height, policy.video)
    names = [rendition.name for rendition in ladder]
    if info.exact_seek:
        head = _head_segments(len(names), grid, policy)
        pictures = _video_passes(names, chunks(grid, policy.chunk_s, head), head, grid)
    else:
        pictures = _unsought_passes(names, _unsought_chunks(grid, picture_frames))
    return Plan(
        grid=grid,
        origin=origin,
        picture_frames=picture_frames,
        video=ladder,
        audio=sound,
        tracks=[_VIDEO, *(track for track, _ in audio), *_text_tracks(info)],
        passes=[*_audio_passes(sound, grid, info), *pictures],
    )


_VIDEO = Track(name=VIDEO_TRACK, kind=TrackKind.VIDEO, default=True)


def _audio_tracks(info: MediaInfo) -> list[tuple[Track, AudioInfo]]:
    """A track for each sound of the source, the main one first and by default."""
    main = info.main_audio
    ordered = sorted(info.audio, key=lambda each: each is not main)
    return [
        (
            Track(
                name=_numbered(AUDIO_TRACK, number),
                kind=TrackKind.AUDIO,
                language=each.language,
                label=each.label,
                role=each.role,
                default=number == 1,
                stream=each.index,
            ),
            each,
        )
        for number, each in enumerate(ordered, 1)
    ]


def _text_tracks(info: MediaInfo) -> list[Track]:
    return [
        Track(
            name=_numbered(TEXT_TRACK, number),
            kind=TrackKind.TEXT,
            language=each.language,
            label=each.label,
            role=each.role,
            default=each.default,
            stream=each.index,
        )
        for number, each in enumerate(info.texts, 1)
    ]


def _numbered(name: str, number: int) -> str:
    """The first track of a kind has the kind's name alone, as it had when there was one."""
    return name if number == 1 else f"{name}-{number}"


def _video_grid(info: MediaInfo, video: VideoInfo, policy: EncodingPolicy) -> tuple[Timeline, Fraction, int]:
    """The grid, the media's beginning on the container's clock (seconds), and the frames that have a picture."""
    rate = snap(video.frame_rate, variable=video.variable, maximum=Fraction(policy.max_frame_rate))
    origin, end = video.start, video.end
    # In an MP4 without an edit list, a picture that is reordered is shown so much later than it should.
    reordered = video.reordered / video.frame_rate if info.container == "mov" else Fraction(0)
    early = [each.start for each in info.audio if video.start - each.start > reordered + _worth_holding(each)]
    if early:
        # Whole frames earlier, so that the picture stays on its grid.
        origin -= _covering(video.start - min(early), rate) / rate
    late = [each.end for each in info.audio if each.end - video.end > _worth_holding(each)]
    if late:
        end = origin + _covering(max(late) - origin, rate) / rate
    if video.still:
        end = max(end, origin + _STILL)
    pictures = max(_frames(video.end - origin, rate), _place(video.last - origin, rate) + 1 if video.last else 1)
    grid = timeline(rate, max(_frames(end - origin, rate), pictures), policy)
    return grid, origin, min(pictures, grid.frames)


def _place(seconds: Fraction, rate: Fraction) -> int:
    """The frame of the grid at which a picture of that time is shown: to the nearest, of two the later."""
    return int(seconds * rate + Fraction(1, 2))


def _worth_holding(audio: AudioInfo) -> Fraction:
    """What is longer than this is sound beside the picture, and no padding (seconds)."""
    return max(_WORTH_HOLDING, min(_PADDED_PACKETS * audio.packet_s, _LONGEST_PADDING))


def _covering(seconds: Fraction, rate: Fraction) -> int:
    """How many frames last at least that long; rounding of stamps is no frame."""
    return max(1, math.ceil(seconds * rate - Fraction(1, 50)))


def _frames(seconds: Fraction, rate: Fraction) -> int:
    """How many frames cover that long, to the nearest; at least one."""
    return max(1, int(seconds * rate + Fraction(1, 2)))


def _head_segments(rungs: int, grid: Timeline, policy: EncodingPolicy) -> int:
    """How many segments the head has: so much of the media the lowest rendition goes alone through; at least one."""
    return max(1, math.ceil(policy.head * grid.segments)) if rungs > 1 else _EARLY_SEGMENTS


def _unsought_chunks(grid: Timeline, picture_frames: int) -> list[Chunk]:
    """The chunks of a source that is read from its beginning: all of its picture is one; what is held after it, more.

    So a picture that is held for hours is stored as it is made, and begun where it was left.
    """
    shown = -(-picture_frames // grid.segment_frames)
    starts = [0, *range(shown, grid.segments, _HELD_SEGMENTS)]
    if len(starts) > 1 and grid.frames - starts[-1] * grid.segment_frames < FEWEST_FRAMES:
        starts.pop()
    return [Chunk(first, end - first) for first, end in itertools.pairwise([*starts, grid.segments])]


def _audio_plan(info: MediaInfo, policy: EncodingPolicy) -> Plan:
    """Of a media without a picture: its main sound, in several bit rates."""
    track, audio = _audio_tracks(info)[0]
    sound = audio_ladder(audio.channels, policy.audio, with_video=False)
    rate = Fraction(SAMPLE_RATE, AAC_FRAME)
    grid = timeline(rate, _covering(audio.end - audio.start, rate), policy)
    return Plan(
        grid=grid,
        origin=audio.start,
        picture_frames=0,
        video=[],
        audio=sound,
        tracks=[track, *_text_tracks(info)],
        passes=_audio_passes(sound, grid, info),
    )


def _audio_passes(sound: Sequence[AudioRendition], grid: Timeline, info: MediaInfo) -> list[Pass]:
    """For each audio rendition: the first segment, which playing waits for, and the rest in long chunks: AAC is cheap.

    Beside a picture only the first ten minutes are urgent: the lowest rendition needs the same slots.

    One pass, where the source can't be sought: each would read it from its beginning again.
    """
    if not info.exact_seek:
        return [_pass([rendition.name], Chunk(0, grid.segments), FIRST_PRIORITY) for rendition in sound]
    starts = [0, *range(1, grid.segments, _AUDIO_CHUNK_SEGMENTS), grid.segments]
    return [
        _pass([rendition.name], Chunk(first, end - first), _head_priority(first), short=first <= 1 or not info.video)
        for first, end in itertools.pairwise(starts)
        for rendition in sound
    ]


def _head_priority(first_segment: int) -> int:
    """Of a pass that keeps ahead of who watches or listens, and begins there."""
    if first_segment == 0:
        return FIRST_PRIORITY
    return HEAD_PRIORITY if first_segment < _EARLY_SEGMENTS else EARLY_PRIORITY


def _video_passes(names: Sequence[str], cut: Sequence[Chunk], head_end: int, grid: Timeline) -> list[Pass]:
    """The passes in the order in which they should start.

    The lowest rendition goes alone through the head of the media, so that it plays within seconds and stays ahead of
    who watches it; from there on all renditions share one decode; the others of the head come last. See docs/decisions/
    on the length of the head, and on the order.
    """
    lowest, others = names[-1], names[:-1]
    if len(cut) == 1 and cut[0].count > 1:
        return _unsought_passes(names, cut)
    head = [chunk for chunk in cut if chunk.first < head_end]
    short = grid.duration <= _SHORT
    return [
        *(
            _pass([lowest], part, _head_priority(part.first), short=True, ahead=True)
            for chunk in head
            for part in _parts(chunk)
        ),
        *(_pass(names, chunk, shared_priority(chunk.first), short=short) for chunk in cut[len(head) :]),
        # What is left of a short media takes seconds; last, it would wait for all the head of a long one.
        *(
            _pass(others, chunk, EARLY_PRIORITY if short else CATCH_UP_PRIORITY, short=short)
            for chunk in head
            if others
        ),
    ]


def _unsought_passes(names: Sequence[str], cut: Sequence[Chunk]) -> list[Pass]:
    """The passes over chunks that can't be had in parts: for each, the lowest rendition, then the others by one decode.

    A decode of its own for the lowest is worth it only if there are others.
    """
    lowest, others = names[-1:], names[:-1]
    urgent = [_pass(lowest, chunk, _head_priority(chunk.first)) for chunk in cut]
    return [*urgent, *(_pass(others, chunk, shared_priority(chunk.first)) for chunk in cut if others)]


def _parts(chunk: Chunk) -> list[Chunk]:
    """A chunk in pieces that take seconds, as even as can be: none is only a short last segment."""
    number = -(-chunk.count // _ALONE_SEGMENTS)
    starts = [chunk.first + chunk.count * index // number for index in range(number + 1)]
    return [Chunk(first, end - first) for first, end in itertools.pairwise(starts)]


def shared_priority(first_segment: int) -> int:
    """Of a pass into all renditions that begins there."""
    return EARLY_PRIORITY if first_segment < _EARLY_SEGMENTS else REST_PRIORITY


def _pass(renditions: Sequence[str], chunk: Chunk, priority: int, *, short: bool = False, ahead: bool = False) -> Pass:
    return Pass(
        renditions=list(renditions),
        first=chunk.first,
        count=chunk.count,
        priority=priority,
        short=short,
        ahead=ahead,
    )
