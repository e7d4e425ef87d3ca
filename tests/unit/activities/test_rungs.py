"""What metrics call a rendition: as many names as the ladder has rungs, whatever sizes sources have."""

from __future__ import annotations

import pytest

from gilfoyle.activities.transcode import rung_of
from gilfoyle.media.ladder import audio_ladder, video_ladder
from gilfoyle.media.policy import EncodingPolicy

POLICY = EncodingPolicy()
RUNGS = [f"{rung.height}p" for rung in POLICY.video]


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (1920, 800), (1440, 1080), (2560, 640)])
def test_a_video_is_called_by_its_rung(size: tuple[int, int]) -> None:
    ladder = video_ladder(*size, POLICY.video)
    assert [rung_of(each, POLICY) for each in ladder] == RUNGS[-len(ladder) :]


def test_a_size_of_its_own_is_called_by_the_next_rung() -> None:
    native, *_ = video_ladder(1600, 900, POLICY.video)
    assert (native.height, rung_of(native, POLICY)) == (900, "1080p")
    [tiny] = video_ladder(320, 200, POLICY.video)
    assert rung_of(tiny, POLICY) == "360p"


def test_audio_is_called_by_its_bit_rate() -> None:
    assert {rung_of(each, POLICY) for each in audio_ladder(2, POLICY.audio, with_video=False)} == {"128k", "64k"}
