"""The ladder: never larger than the source, even sides, the source's shape, at least one rung."""

from __future__ import annotations

import itertools

import pytest

from gilfoyle.media.ladder import audio_ladder, video_ladder
from gilfoyle.media.policy import AudioRung, EncodingPolicy, VideoRung

RUNGS = EncodingPolicy().video
SIDES = [1, 2, 16, 33, 127, 240, 359, 361, 480, 718, 720, 1000, 1080, 1081, 1920, 3840, 8192]


def sizes(width: int, height: int, rungs: list[VideoRung] = RUNGS) -> list[tuple[str, int, int]]:
    return [(each.name, each.width, each.height) for each in video_ladder(width, height, rungs)]


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1920, 1080, [("1080p", 1920, 1080), ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
        (1080, 1920, [("1080p", 1080, 1920), ("720p", 720, 1280), ("480p", 480, 854), ("360p", 360, 640)]),
        (1280, 720, [("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
        # 2.39:1 is as wide as the box; 4:3 and a square are as high.
        (1920, 804, [("1080p", 1920, 804), ("720p", 1280, 536), ("480p", 854, 358), ("360p", 640, 268)]),
        (1440, 1080, [("1080p", 1440, 1080), ("720p", 960, 720), ("480p", 640, 480), ("360p", 480, 360)]),
        (720, 720, [("720p", 720, 720), ("480p", 480, 480), ("360p", 360, 360)]),
        # 900 lines are not thrown away for 720; 800 are.
        (1600, 900, [("900p", 1600, 900), ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
        (1422, 800, [("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
        # Smaller than every rung: one, of the source's size, but even.
        (320, 180, [("180p", 320, 180)]),
        (33, 31, [("31p", 32, 32)]),
        (1, 1, [("1p", 2, 2)]),
        # Larger than every rung: the best rung bounds it.
        (7680, 4320, [("1080p", 1920, 1080), ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
    ],
)
def test_video_ladder(width: int, height: int, expected: list[tuple[str, int, int]]) -> None:
    assert sizes(width, height) == expected


def test_a_rung_carries_its_bound_and_quality() -> None:
    rungs = [VideoRung(height=720, max_kbps=2800, crf=23.5), VideoRung(height=360, max_kbps=800)]
    found = video_ladder(1280, 720, rungs)
    assert [(each.name, each.max_kbps, each.crf) for each in found] == [("720p", 2800, 23.5), ("360p", 800, 21)]


def test_a_rendition_of_the_sources_own_size_is_bounded_in_proportion() -> None:
    (native,) = video_ladder(320, 180, RUNGS)
    assert native.max_kbps == round(800 * (320 * 180) / (640 * 360))
    (tiny,) = video_ladder(32, 32, RUNGS)
    assert tiny.max_kbps == 150  # x264 needs something to work with


def test_the_order_of_the_config_does_not_matter() -> None:
    assert sizes(1920, 1080, list(reversed(RUNGS))) == sizes(1920, 1080)


def test_doubled_rungs_are_one() -> None:
    assert sizes(1280, 720, [VideoRung(height=720, max_kbps=2000), VideoRung(height=720, max_kbps=3000)]) == [
        ("720p", 1280, 720)
    ]


@pytest.mark.parametrize(("width", "height"), list(itertools.product(SIDES, SIDES)))
def test_what_holds_for_every_source(width: int, height: int) -> None:
    found = video_ladder(width, height, RUNGS)
    assert found
    assert len({each.name for each in found}) == len({(each.width, each.height) for each in found}) == len(found)
    # An extreme strip can't keep its shape with even sides of at least two; nothing else may lose it.
    for each in found:
        assert each.width % 2 == each.height % 2 == 0
        assert 2 <= each.width <= max(width + 1, 2) and 2 <= each.height <= max(height + 1, 2)
        assert max(each.width, each.height) <= 1920 and min(each.width, each.height) <= 1080
        if min(each.width, each.height) > 2:
            assert abs(each.width * height - each.height * width) <= width + height  # a pixel of rounding each
    areas = [each.width * each.height for each in found]
    assert areas == sorted(areas, reverse=True)


@pytest.mark.parametrize(
    ("channels", "with_video", "expected"),
    [
        (2, True, [("audio-128k", 128, 2)]),
        (1, True, [("audio-128k", 64, 1)]),
        (6, True, [("audio-128k", 128, 2)]),
        (2, False, [("audio-128k", 128, 2), ("audio-64k", 64, 2)]),
        (1, False, [("audio-128k", 64, 1), ("audio-64k", 32, 1)]),
    ],
)
def test_audio_ladder(channels: int, with_video: bool, expected: list[tuple[str, int, int]]) -> None:
    rungs = [AudioRung(kbps=128), AudioRung(kbps=64)]
    found = audio_ladder(channels, rungs, with_video=with_video)
    assert [(each.name, each.kbps, each.channels) for each in found] == expected


MIXED = [
    AudioRung(kbps=384, channels=6),
    AudioRung(kbps=128),
    AudioRung(kbps=96, codec="opus"),
    AudioRung(kbps=64),
    AudioRung(kbps=64),
]


@pytest.mark.parametrize(
    ("channels", "with_video", "expected"),
    [
        (1, True, ["audio-128k", "audio-96k-opus"]),
        (2, True, ["audio-128k", "audio-96k-opus"]),
        (5, True, ["audio-128k", "audio-96k-opus"]),
        (6, True, ["audio-384k-6ch", "audio-128k", "audio-96k-opus"]),
        (8, False, ["audio-384k-6ch", "audio-128k", "audio-96k-opus", "audio-64k"]),
    ],
)
def test_audio_tracks_of_several_codecs_and_5_1(channels: int, with_video: bool, expected: list[str]) -> None:
    found = audio_ladder(channels, MIXED, with_video=with_video)
    assert [each.name for each in found] == expected
    assert [each.channels for each in found] == [
        6 if "6ch" in each.name else min(channels, 2) for each in found
    ]  # fmt: skip


def test_no_source_is_left_without_its_audio() -> None:
    with pytest.raises(ValueError, match="needs a rung of 2 channels"):
        EncodingPolicy(audio=[AudioRung(kbps=384, channels=6)])
