"""What the judge says of a file that is damaged, and of where a stream begins."""

from __future__ import annotations

import pytest

from gilfoyle.media.agreement.audio import Levels
from gilfoyle.media.agreement.decoding import SourceStreams
from gilfoyle.media.agreement.frames import Frames
from gilfoyle.media.agreement.judge import Judge, Source
from gilfoyle.media.agreement.report import Finding, Verdict
from tests.unit.media.agreement.drawing import audio, film, speech

STREAMS = SourceStreams(video=0, audio_tracks=(1,), channels=(1,), mixes=("",))
GARBAGE = 0b0101101001011010


def source(frames: Frames | None, *audio_tracks: Levels, spoiled: bool = False) -> Source:
    return Source(STREAMS, frames, list(audio_tracks), spoiled=spoiled)


def differing(findings: list[Finding]) -> list[str]:
    return [each.check for each in findings if each.verdict == Verdict.DIFFERS]


@pytest.mark.parametrize(("spoiled", "found"), [(True, []), (False, ["frames", "order"])])
def test_what_a_damaged_frame_shows_is_up_to_its_decoder(spoiled: bool, found: list[str]) -> None:
    shown = [GARBAGE if number in (20, 40) else number for number in range(60)]
    judge = Judge(source(film(range(60)), spoiled=spoiled))
    assert differing(judge.video("90p", film(shown))) == found


def test_a_stream_of_garbage_is_a_finding_all_the_same() -> None:
    shown = [GARBAGE if number % 2 else number for number in range(60)]
    judge = Judge(source(film(range(60)), spoiled=True))
    assert differing(judge.video("90p", film(shown))) == ["frames", "order"]


@pytest.mark.parametrize(("spoiled", "verdict"), [(True, Verdict.AGREES), (False, Verdict.DIFFERS)])
def test_a_stream_may_last_as_long_as_packets_that_are_damaged(spoiled: bool, verdict: Verdict) -> None:
    heard = audio(speech, 8)
    heard.packets_end = 10.0
    (length,) = [each for each in Judge(source(None, heard, spoiled=spoiled)).whole(
        10.0, has_video=False, has_audio=True
    ) if each.check == "length"]  # fmt: skip
    assert length.verdict == verdict


def test_an_audio_track_that_begins_before_the_video_begins_whole_frames_before_it() -> None:
    """Of two frames at the end nothing else tells where the stream begins."""
    frames = film([5, 9], times=[1.33, 1.37])
    stream = film([5] * 35 + [9])
    judge = Judge(source(frames, audio(speech, 1.38, start=0.0)))
    assert differing(judge.video("90p", stream)) == []
    late = audio(lambda at: speech(at - 0.03), 1.41)
    assert differing(judge.audio("audio", late)) == []
