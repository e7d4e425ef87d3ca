"""Dolby Vision: which profiles have a base layer that plays, and what it is."""

from __future__ import annotations

from typing import Any

import pytest

from gilfoyle.errors import UnsupportedMedia
from gilfoyle.media.colour import read_colour
from gilfoyle.media.dolby import check_base_layer
from gilfoyle.media.refusals import Limits, precheck


def video_json(profile: int, compatibility: int | None, **changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = {"side_data_type": "DOVI configuration record", "dv_profile": profile}
    if compatibility is not None:
        record["dv_bl_signal_compatibility_id"] = compatibility
    return {
        "index": 0, "codec_type": "video", "codec_name": "hevc", "pix_fmt": "yuv420p10le", "width": 3840,
        "height": 2160, "side_data_list": [{"side_data_type": "CPB properties"}, record],
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "compatibility"),
    # The last: a profile that is not known yet.
    [(5, 0), (5, 1), (1, 0), (3, 0), (8, 0), (10, 0), (20, 0), (8, None), (11, 0)],
)
def test_without_a_base_layer_it_is_refused(profile: int, compatibility: int | None) -> None:
    with pytest.raises(UnsupportedMedia, match=f"Dolby Vision of profile {profile}") as refused:
        check_base_layer(video_json(profile, compatibility))
    assert refused.value.reason == "dolby_vision" and refused.value.message.endswith(".")


@pytest.mark.parametrize(
    ("profile", "compatibility", "colour"),
    [
        (8, 1, ("bt2020nc", "bt2020", "smpte2084")),
        (8, 4, ("bt2020nc", "bt2020", "arib-std-b67")),
        (8, 2, ("bt709", "bt709", "bt709")),
        (10, 1, ("bt2020nc", "bt2020", "smpte2084")),
        (10, 4, ("bt2020nc", "bt2020", "arib-std-b67")),
        (7, 6, ("bt2020nc", "bt2020", "smpte2084")),
        # Records from before there was the field.
        (7, None, ("bt2020nc", "bt2020", "smpte2084")),
        (4, 0, ("bt709", "bt709", "bt709")),
        (9, None, ("bt709", "bt709", "bt709")),
    ],
)
def test_a_base_layer_plays_in_its_own_colour(
    profile: int, compatibility: int | None, colour: tuple[str, str, str]
) -> None:
    stream = video_json(profile, compatibility)
    check_base_layer(stream)
    found = read_colour(stream)
    assert (found.matrix, found.primaries, found.transfer) == colour


def test_what_the_bit_stream_says_of_itself_goes_before_the_record() -> None:
    stream = video_json(8, 1, color_transfer="arib-std-b67", color_primaries="bt2020", color_space="bt2020nc")
    assert read_colour(stream).transfer == "arib-std-b67"


def test_it_is_refused_before_packets_are_read() -> None:
    probe = {"streams": [video_json(5, 0)], "format": {"format_name": "mov,mp4"}}
    with pytest.raises(UnsupportedMedia, match="profile 5"):
        precheck(probe, Limits(duration_s=3600, side_px=8192, streams=8))
