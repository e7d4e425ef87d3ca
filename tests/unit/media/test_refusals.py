"""What is refused, with its reason; and what is not, because a container only declares it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from gilfoyle.errors import UnsupportedMedia
from gilfoyle.media.probe import read
from gilfoyle.media.refusals import check_sizes, precheck
from gilfoyle.media.unplayable import marked
from tests.unit.media.probes import LIMITS, audio_json, found, found_in, video_json

ENDS = {0: 10.0, 1: 10.0}
COVER = video_json(index=9, codec_name="png", disposition={"attached_pic": 1})


@pytest.mark.parametrize(
    ("probe", "ends", "reason"),
    [
        ({}, {}, "no_streams"),
        ({"streams": [], "format": {}}, {}, "no_streams"),
        (found(), {}, "no_streams"),
        (found({"index": 0, "codec_type": "subtitle", "codec_name": "mov_text"}), {}, "no_streams"),
        (found(COVER), {}, "no_streams"),
        (found(video_json(width=0), audio_json(sample_rate="0")), {}, "no_streams"),
        (marked(found(video_json()), "encrypted", {0}), {}, "protected"),
        (marked(found(video_json(), audio_json()), "encrypted", {0, 1}), {}, "protected"),
        (marked(marked(found(video_json(), audio_json()), "encrypted", {0}), "no_decoder", {1}), {}, "protected"),
        (marked(found(video_json(), audio_json()), "no_decoder", {0, 1}), {}, "no_decoder"),
        (found(*[audio_json(index=index) for index in range(9)]), {}, "too_many_streams"),
        (found(*[video_json(index=index) for index in range(5)], *[audio_json()] * 4), {}, "too_many_streams"),
        (found(video_json(width=8194)), ENDS, "frame_too_large"),
        (found(video_json(height=20_000)), ENDS, "frame_too_large"),
        (found(video_json(), audio_json()), {0: 3601, 1: 10}, "too_long"),
        (found(audio_json()), {1: 3601}, "too_long"),
        (found(video_json(), audio_json()), {}, "no_frames"),
        (found(audio_json()), {}, "no_frames"),
        (found(video_json(start_time="10.0")), ENDS, "no_frames"),
        (found(video_json(avg_frame_rate="0/0", r_frame_rate="0/0")), ENDS, "no_frames"),
    ],
)
def test_refusals(probe: dict[str, Any], ends: dict[int, float], reason: str) -> None:
    with pytest.raises(UnsupportedMedia) as refused:
        read(probe, found_in(ends), LIMITS)
    assert refused.value.reason == reason
    assert refused.value.message.endswith(".") and not refused.value.retryable


def other(index: int, kind: str) -> dict[str, Any]:
    return {"index": index, "codec_type": kind, "codec_name": "ttf", "disposition": {}}


@pytest.mark.parametrize(
    "extra",
    [
        *[[other(index, kind) for index in range(2, 72)] for kind in ("attachment", "subtitle", "data")],
        [video_json(index=index, disposition={"attached_pic": 1}) for index in range(2, 72)],
        [video_json(index=index, disposition={"timed_thumbnails": 1}) for index in range(2, 72)],
    ],
    ids=["fonts", "subtitles", "data", "covers", "thumbnails"],
)
def test_only_video_and_audio_are_counted(extra: list[dict[str, Any]]) -> None:
    info = read(found(video_json(), audio_json(), *extra), found_in(ENDS), LIMITS)
    assert info.video and len(info.audio) == 1


@pytest.mark.parametrize("brand", ["heic", "mif1", "avif", "msf1", "hevc", "????"])
def test_a_brand_condemns_nothing(brand: str) -> None:
    assert read(found(video_json(), tags={"major_brand": brand}), found_in(ENDS), LIMITS).video


@pytest.mark.parametrize("duration", ["3601.0", "1e12", "-5", "N/A"])
def test_a_declared_length_condemns_nothing(duration: str) -> None:
    precheck(found(video_json(duration=duration), audio_json(duration=duration), duration=duration), LIMITS)
    assert read(found(video_json(duration=duration), duration=duration), found_in(ENDS), LIMITS).video


def test_a_frame_beyond_the_longest_is_not_too_long() -> None:
    info = read(found(audio_json(), duration="3600.013"), found_in({1: Fraction("3600.021")}), LIMITS)
    assert info.audio[0].end == Fraction("3600.021")


def test_the_header_alone_condemns_before_packets_are_read() -> None:
    with pytest.raises(UnsupportedMedia, match="8194×1080"):
        precheck(found(video_json(width=8194)), LIMITS)
    precheck(found(video_json(width=8192)), LIMITS)


@pytest.mark.parametrize(
    "beside",
    [
        video_json(index=1, width=8400, height=8400, disposition={"attached_pic": 1}),
        video_json(index=1, width=8400, height=8400, disposition={"still_image": 1}),
        {"index": 1, "codec_type": "subtitle", "codec_name": "dvb_subtitle", "width": 65_000, "height": 65_000},
    ],
)
def test_only_the_film_can_be_too_large(beside: dict[str, Any]) -> None:
    check_sizes(found(video_json(), beside), LIMITS)
    check_sizes(found(audio_json(index=0), beside), LIMITS)


def test_what_cant_be_decoded_is_named() -> None:
    probe = found(video_json(codec_name="unknown", codec_tag_string="xyz1"), audio_json(codec_name="ac4"))
    with pytest.raises(UnsupportedMedia, match=r"\(ac4, xyz1\)"):
        precheck(marked(probe, "no_decoder", {0, 1}), LIMITS)
