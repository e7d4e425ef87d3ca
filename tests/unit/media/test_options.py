"""What one media has encoded otherwise."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gilfoyle.media.options import EncodingOptions
from gilfoyle.media.policy import EncodingPolicy, VideoRung

POLICY = EncodingPolicy()
OWN = EncodingPolicy(
    video=[
        VideoRung(height=1080, max_kbps=5000),
        VideoRung(height=1080, max_kbps=3000, codec="av1"),
        VideoRung(height=360, max_kbps=800),
    ]
)


def rungs(policy: EncodingPolicy) -> list[tuple[int, str]]:
    return [(rung.height, rung.codec) for rung in policy.video]


@pytest.mark.parametrize(
    ("policy", "given", "expected"),
    [
        (POLICY, {}, [(1080, "h264"), (720, "h264"), (480, "h264"), (360, "h264")]),
        (POLICY, {"max_height": 720}, [(720, "h264"), (480, "h264"), (360, "h264")]),
        (POLICY, {"max_height": 719}, [(480, "h264"), (360, "h264")]),
        (POLICY, {"max_height": 100}, [(100, "h264")]),
        (POLICY, {"max_height": 400, "codecs": ["hevc"]}, [(360, "hevc")]),
        (POLICY, {"max_height": 500, "codecs": ["h264", "av1", "av1"]},
         [(480, "h264"), (360, "h264"), (480, "av1"), (360, "av1")]),
        (POLICY, {"video": [{"height": 540, "max_kbps": 900}], "codecs": ["vp9"]}, [(540, "vp9")]),
        # The settings' own rungs of a codec stay as they are.
        (OWN, {"codecs": ["av1"]}, [(1080, "av1")]),
        (OWN, {"codecs": ["hevc", "av1"]}, [(1080, "hevc"), (360, "hevc"), (1080, "av1")]),
    ],
)  # fmt: skip
def test_the_ladder_of_one_media(policy: EncodingPolicy, given: dict[str, object], expected: list[object]) -> None:
    applied = EncodingOptions.model_validate(given).applied_to(policy)
    assert rungs(applied) == expected
    assert EncodingPolicy.model_validate(applied.model_dump()) == applied


def test_what_is_not_said_is_as_the_settings_have_it() -> None:
    applied = EncodingOptions.model_validate({"preset": "slow", "audio": [{"kbps": 96}]}).applied_to(OWN)
    assert (applied.preset, [rung.kbps for rung in applied.audio]) == ("slow", [96])
    assert (applied.video, applied.gop_s, applied.encoders) == (OWN.video, OWN.gop_s, OWN.encoders)


def test_a_ladder_never_has_more_rungs_than_it_may() -> None:
    options = EncodingOptions.model_validate({"codecs": ["h264", "hevc", "av1", "vp9"]})
    assert len(options.rungs(POLICY)) == 16
    applied = options.applied_to(POLICY)
    assert EncodingPolicy.model_validate(applied.model_dump()) == applied


@pytest.mark.parametrize(
    "given",
    [{"max_height": 15}, {"max_height": 8193}, {"codecs": []}, {"codecs": ["mpeg2"]}, {"video": []}, {"rungs": []},
     {"video": [{"height": 720, "max_kbps": 900, "crf": False}]}],
)  # fmt: skip
def test_what_makes_no_ladder(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EncodingOptions.model_validate(given)
