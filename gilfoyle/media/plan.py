"""Turns a source's description and the operator's policy into a plan: grid, renditions, and passes in their order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from gilfoyle.media.audio import speakers
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

# Audio that begins or ends this much beside the video is worth holding a frame for; less is only muxing (seconds).
_WORTH_HOLDING = Fraction(1, 20)
# Nor is an encoder's delay and padding worth it: two packets and a bit of MP3, at most what AAC of 8 kHz has (seconds).
_PADDED_PACKETS = Fraction(5, 2)
_LONGEST_PADDING = Fraction(1024, 8000)
# A held frame of a source that can't be sought: each pass over it reads all of the source.
_HELD_SEGMENTS = 150

# How long a photo is shown that comes alone (seconds).
_STILL = Fraction(5)

FIRST_PRIORITY, HEAD_PRIORITY, EARLY_PRIORITY, REST_PRIORITY, CATCH_UP_PRIORITY = 1, 2, 3, 4, 5
"""Temporal's `priority_key`, across all medias on a queue: what makes a media playable; what its first minute needs;
the rest of short medias and what stays ahead of viewers of long ones, by turns; everything else."""
_EARLY_SEGMENTS = 15
# All passes over so little are short (seconds).
_SHORT = Fraction(20)
# The lowest rendition of so much takes a few seconds to encode; then a media that has just come may be next.
_ALONE_SEGMENTS = 4
# For what comes later nobody waits, so it need not come in small pieces: each pass is events of the workflow's history.
_LONGER = 8
# Ten minutes of audio take a few seconds to encode.
_AUDIO_CHUNK_SEGMENTS = 150


class Pass(BaseModel):
    """One decode of one chunk into one or more renditions: one transcode activity."""

    model_config = ConfigDict(frozen=True)

    renditions: list[str]
    first: int
    count: int
    priority: int
    short: bool = False
    """It takes seconds only: it goes to the queue for short passes."""
    ahead: bool = False
    """It keeps the lowest rendition ahead of the viewer; workflows/pacing.py decides when it starts."""


class Plan(BaseModel):
    """Everything that an encoding consists of. `origin` is the media's time 0 on the container's clock (seconds)."""

    model_config = ConfigDict(frozen=True)

    grid: Timeline
    origin: Fraction
    # Recipes and histories from before 0.1.0 have the other name.
    video_frames: int = Field(validation_alias=AliasChoices("video_frames", "picture_frames"))
    """Frames of the grid until the source's video ends; after them its last frame is held."""
    lead_s: float = 0
    """How much of the source comes before a clip (seconds); 0: it begins with the source."""
    video: list[VideoRendition]
    audio: list[AudioRendition]
    tracks: list[Track] = []
    """The tracks of its renditions; none in a plan from before there were tracks."""
    passes: list[Pass]

    def audio_grid(self, rendition: AudioRendition) -> AudioTimeline:
        """The timeline at which an audio rendition is cut."""
        return AudioTimeline(sample_rate=SAMPLE_RATE, grid=self.grid, frame=rendition.encoder.frame)

    @property
    def target_duration(self) -> int:
        """EXT-X-TARGETDURATION of all playlists (Apple's authoring rules, 8.2), in seconds."""
        return self.grid.target_duration(max((each.encoder.frame for each in self.audio), default=AAC_FRAME))

    def source_of(self, rendition: AudioRendition, info: MediaInfo) -> AudioInfo:
        """The source's audio that a rendition encodes."""
        stream = next((track.stream for track in self.tracks if track.name == rendition.track), None)
        found = next((each for each in info.audio if each.index == stream), info.main_audio)
        assert found is not None  # a plan has audio renditions only if the source has audio
        return found

    @property
    def leading(self) -> list[VideoRendition]:
        """The renditions of the codec that makes the media playable; the lowest comes last."""
        return [rendition for rendition in self.video if rendition.codec == self.video[-1].codec]

    def capability(self, chunk: Pass) -> str:
        """What a worker must have for a pass; empty: nothing special. All renditions of a pass are of one codec."""
        needed = {rendition.capability for rendition in self.video if rendition.name in chunk.renditions}
        return needed.pop() if needed else ""

    def is_audio(self, chunk: Pass) -> bool:
        """Whether a pass encodes audio; else it encodes video."""
        return set(chunk.renditions) <= {rendition.name for rendition in self.audio}

    def segments(self, rendition: str) -> int:
        """How many segments a complete rendition has."""
        audio = next((each for each in self.audio if each.name == rendition), None)
        return self.audio_grid(audio).segments if audio else self.grid.segments


def make_plan(info: MediaInfo, policy: EncodingPolicy) -> Plan:
    """The plan for a source under a policy. Pure: the same arguments give the same plan.

    Raises UnsupportedMedia if the policy wants a clip that the source does not have.
    """
    if info.video is None:
        return _audio_plan(info, policy)
    audio = _audio_tracks(info)
    renditions = [
        rendition
        for track, source in audio
        for rendition in audio_ladder(speakers(source), policy.audio, with_video=True, track=track.name)
    ]
    grid, origin, video_frames = _video_grid(info, info.video, policy)
    first, last = _clipped(policy, grid.rate, grid.frames)
    grid, origin = timeline(grid.rate, last - first, policy), origin + first / grid.rate
    # Audio may go on after the video: of a clip that begins there, the last frame is held from the first one on.
    video_frames = min(max(1, video_frames - first), grid.frames)
    ladder = video_ladder(info.video.width, info.video.height, policy.video, policy.encoders)
    names, *others = _by_codec(ladder)
    if info.exact_seek:
        head = _head_segments(len(names), grid, policy)
        video_passes = _video_passes(names, chunks(grid, policy.chunk_s, head), head, grid)
        cut = chunks(grid, _LONGER * policy.chunk_s)
    else:
        cut = _unsought_chunks(grid, video_frames)
        video_passes = _unsought_passes(names, cut)
    return Plan(
        grid=grid,
        origin=origin,
        video_frames=video_frames,
        lead_s=float(first / grid.rate),
        video=ladder,
        audio=renditions,
        tracks=[_VIDEO, *(track for track, _ in audio), *_text_tracks(info)],
        passes=[*_audio_passes(renditions, grid, info), *video_passes, *_later_passes(others, cut, grid)],
    )


_VIDEO = Track(name=VIDEO_TRACK, kind=TrackKind.VIDEO, default=True)


def _audio_tracks(info: MediaInfo) -> list[tuple[Track, AudioInfo]]:
    """A track for each audio stream of the source; the main one is first, and the default."""
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


def _clipped(policy: EncodingPolicy, rate: Fraction, frames: int) -> tuple[int, int]:
    """The frames `[first, last)` that are wanted, of so many. Raises UnsupportedMedia for a clip beyond them."""
    return policy.clip.frames(rate, frames) if policy.clip else (0, frames)


def _video_grid(info: MediaInfo, video: VideoInfo, policy: EncodingPolicy) -> tuple[Timeline, Fraction, int]:
    """The grid, the media's beginning on the container's clock (seconds), and the frames until the video ends."""
    rate = snap(video.frame_rate, variable=video.variable, maximum=Fraction(policy.max_frame_rate))
    origin, end = video.start, video.end
    # In an MP4 without an edit list, reordered frames are shown later than they should, by this much.
    reordered = video.reordered / video.frame_rate if info.container == "mov" else Fraction(0)
    early = [each.start for each in info.audio if video.start - each.start > reordered + _worth_holding(each)]
    if early:
        # Whole frames earlier, so that the video stays on its grid.
        origin -= _covering(video.start - min(early), rate) / rate
    late = [each.end for each in info.audio if each.end - video.end > _worth_holding(each)]
    if late:
        end = origin + _covering(max(late) - origin, rate) / rate
    if video.still:
        end = max(end, origin + _STILL)
    shown = max(_frames(video.end - origin, rate), _place(video.last - origin, rate) + 1 if video.last else 1)
    grid = timeline(rate, max(_frames(end - origin, rate), shown), policy)
    return grid, origin, min(shown, grid.frames)


def _place(seconds: Fraction, rate: Fraction) -> int:
    """The frame of the grid at which a frame of that time is shown: the nearest one, of two the later."""
    return int(seconds * rate + Fraction(1, 2))


def _worth_holding(audio: AudioInfo) -> Fraction:
    """Audio outside the video that is longer than this is content, not padding (seconds)."""
    return max(_WORTH_HOLDING, min(_PADDED_PACKETS * audio.packet_s, _LONGEST_PADDING))


def _covering(seconds: Fraction, rate: Fraction) -> int:
    """The fewest frames that last at least that long, ignoring rounding of stamps."""
    return max(1, math.ceil(seconds * rate - Fraction(1, 50)))


def _frames(seconds: Fraction, rate: Fraction) -> int:
    """How many frames cover that long, to the nearest; at least one."""
    return max(1, int(seconds * rate + Fraction(1, 2)))


def _head_segments(rungs: int, grid: Timeline, policy: EncodingPolicy) -> int:
    """How many segments the head has, through which the lowest rendition goes alone; at least one."""
    return max(1, math.ceil(policy.head * grid.segments)) if rungs > 1 else _EARLY_SEGMENTS


def _unsought_chunks(grid: Timeline, video_frames: int) -> list[Chunk]:
    """The chunks of a source that is read from its beginning: all of its video is one; a frame held after it, several.

    So a frame that is held for hours is stored as it is made, and resumed where it was left.
    """
    shown = -(-video_frames // grid.segment_frames)
    starts = [0, *range(shown, grid.segments, _HELD_SEGMENTS)]
    if len(starts) > 1 and grid.frames - starts[-1] * grid.segment_frames < FEWEST_FRAMES:
        starts.pop()
    return [Chunk(first, end - first) for first, end in itertools.pairwise([*starts, grid.segments])]


def _audio_plan(info: MediaInfo, policy: EncodingPolicy) -> Plan:
    """The plan of a media without video: each audio track in several bit rates, from where the first begins."""
    audio = _audio_tracks(info)
    renditions = [
        rendition
        for track, source in audio
        for rendition in audio_ladder(speakers(source), policy.audio, with_video=False, track=track.name)
    ]
    origin, end = min(each.start for each in info.audio), max(each.end for each in info.audio)
    rate = Fraction(SAMPLE_RATE, AAC_FRAME)
    first, last = _clipped(policy, rate, _covering(end - origin, rate))
    grid = timeline(rate, last - first, policy)
    return Plan(
        grid=grid,
        origin=origin + first / rate,
        video_frames=0,
        lead_s=float(first / rate),
        video=[],
        audio=renditions,
        tracks=[*(track for track, _ in audio), *_text_tracks(info)],
        passes=_audio_passes(renditions, grid, info),
    )


def _audio_passes(renditions: Sequence[AudioRendition], grid: Timeline, info: MediaInfo) -> list[Pass]:
    """For each audio rendition: the first segment, which playing waits for, and the rest in long chunks: AAC is cheap.

    Beside video only the first ten minutes are urgent: the lowest rendition needs the same slots.

    One pass, where the source can't be sought: each would read it from its beginning again.
    """
    if not info.exact_seek:
        return [_pass([rendition.name], Chunk(0, grid.segments), FIRST_PRIORITY) for rendition in renditions]
    starts = [0, *range(1, grid.segments, _AUDIO_CHUNK_SEGMENTS), grid.segments]
    return [
        _pass([rendition.name], Chunk(first, end - first), _head_priority(first), short=first <= 1 or not info.video)
        for first, end in itertools.pairwise(starts)
        for rendition in renditions
    ]


def _head_priority(first_segment: int) -> int:
    """The priority of a pass from that segment on that must stay ahead of the viewer."""
    if first_segment == 0:
        return FIRST_PRIORITY
    return HEAD_PRIORITY if first_segment < _EARLY_SEGMENTS else EARLY_PRIORITY


def _video_passes(names: Sequence[str], cut: Sequence[Chunk], head_end: int, grid: Timeline) -> list[Pass]:
    """The passes in the order in which they should start.

    The lowest rendition goes alone through the head of the media, so that it plays within seconds and stays ahead of
    the viewer; from there on all renditions share one decode; the others of the head come last. See docs/decisions/
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


def _by_codec(ladder: Sequence[VideoRendition]) -> list[list[str]]:
    """The names of the renditions of each codec: first of that which makes the media playable.

    Passes never mix them: one takes as long as its slowest encoder, and H.264 must not wait for AV1.
    """
    codecs = dict.fromkeys(rendition.codec for rendition in reversed(ladder))
    return [[rendition.name for rendition in ladder if rendition.codec == codec] for codec in codecs]


def _later_passes(codecs: Sequence[Sequence[str]], cut: Sequence[Chunk], grid: Timeline) -> list[Pass]:
    """The passes of the other codecs: no viewer waits for them."""
    short = grid.duration <= _SHORT
    priority = EARLY_PRIORITY if short else CATCH_UP_PRIORITY
    return [_pass(names, chunk, priority, short=short) for names in codecs for chunk in cut]


def _unsought_passes(names: Sequence[str], cut: Sequence[Chunk]) -> list[Pass]:
    """The passes over a source that can't be sought: for each, the lowest rendition, then the others by one decode.

    The lowest rendition gets a decode of its own only if there are others.
    """
    lowest, others = names[-1:], names[:-1]
    urgent = [_pass(lowest, chunk, _head_priority(chunk.first)) for chunk in cut]
    return [*urgent, *(_pass(others, chunk, shared_priority(chunk.first)) for chunk in cut if others)]


def _parts(chunk: Chunk) -> list[Chunk]:
    """A chunk cut into even pieces that take seconds; none is only a short last segment."""
    number = -(-chunk.count // _ALONE_SEGMENTS)
    starts = [chunk.first + chunk.count * index // number for index in range(number + 1)]
    return [Chunk(first, end - first) for first, end in itertools.pairwise(starts)]


def shared_priority(first_segment: int) -> int:
    """The priority of a pass into all renditions from that segment on."""
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
