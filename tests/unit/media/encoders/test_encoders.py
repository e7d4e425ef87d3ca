"""What ffmpeg and players are told of each codec."""

from __future__ import annotations

import re

import pytest

from gilfoyle.media.encoders import AUDIO_ENCODERS, SPECIAL_ENCODERS, VIDEO_ENCODERS, VideoJob
from gilfoyle.media.policy import CAPABILITIES, EncodingPolicy
from tests.sources import FFMPEG, run


def job(*, is_first: bool = True, crf: float = 21) -> VideoJob:
    return VideoJob(crf, 2800, 60, EncodingPolicy(), 2, is_first)


@pytest.mark.parametrize("codec", VIDEO_ENCODERS)
def test_gops_are_of_one_length(codec: str) -> None:
    options = VIDEO_ENCODERS[codec].options(job())
    said = f"{options.get('g')} {options.get('x265-params', '')}"
    assert "60" in said and options["c:v"] == VIDEO_ENCODERS[codec].name


@pytest.mark.parametrize("codec", VIDEO_ENCODERS)
def test_the_rate_is_bounded(codec: str) -> None:
    options = VIDEO_ENCODERS[codec].options(job())
    said = f"{options.get('maxrate')} {options.get('bufsize')} {options.get('x265-params', '')}"
    assert "2800" in said and "4200" in said


@pytest.mark.parametrize(
    ("codec", "crf", "given"),
    [
        ("h264", 21, "21"),
        ("hevc", 21, "23"),
        ("av1", 21, "28"),
        ("vp9", 21.5, "31.5"),
        ("av1", 51, "58"),
        ("vp9", 51, "61"),
    ],
)
def test_one_scale_of_quality(codec: str, crf: float, given: str) -> None:
    assert VIDEO_ENCODERS[codec].options(job(crf=crf))["crf"] == given


def test_a_later_chunk_begins_with_a_buffer_that_is_part_full() -> None:
    assert VIDEO_ENCODERS["h264"].options(job(is_first=False))["x264-params"] == "vbv-init=0.6"
    assert "vbv-init=0.6" in VIDEO_ENCODERS["hevc"].options(job(is_first=False))["x265-params"]
    assert "vbv-init" not in VIDEO_ENCODERS["hevc"].options(job())["x265-params"]


@pytest.mark.parametrize(
    ("codec", "config", "described"),
    [
        ("h264", "0164001fffe1", "avc1.64001f"),
        # Main, level 3.1; Main 10, high tier, level 5.1.
        ("hevc", "010160000000900000000000" + "5d", "hvc1.1.6.L93.90"),
        ("hevc", "012220000000b00000000000" + "99", "hvc1.2.4.H153.B0"),
        ("av1", "81050c00", "av01.0.05M.08"),
        ("av1", "818dcc00", "av01.4.13H.10"),
        ("vp9", "01000000" + "001f80020202", "vp09.00.31.08"),
    ],
)
def test_described(codec: str, config: str, described: str) -> None:
    assert VIDEO_ENCODERS[codec].describe(bytes.fromhex(config)) == described


@pytest.mark.parametrize(
    ("codec", "config", "described"),
    [
        ("aac", "00000000" + "0316" + "000100" + "041140150000000001f4000001f400" + "05021190", "mp4a.40.2"),
        ("he-aac", "00000000" + "0318" + "000100" + "041340150000000001f4000001f400" + "05042b118800", "mp4a.40.5"),
        ("opus", "00020000" + "0000bb80000000", "opus"),
    ],
)
def test_audio_tracks_described(codec: str, config: str, described: str) -> None:
    assert AUDIO_ENCODERS[codec].describe(bytes.fromhex(config)) == described


@pytest.mark.parametrize("codec", AUDIO_ENCODERS)
def test_the_delay_of_an_audio_track_is_taken_off(codec: str) -> None:
    """Whole frames are dropped; the encoder is given what comes later by the rest of it."""
    encoder = AUDIO_ENCODERS[codec]
    assert encoder.dropped * encoder.frame + encoder.advance == encoder.delay
    assert 0 <= encoder.advance < encoder.frame


def test_what_the_settings_offer_is_what_there_is() -> None:
    assert {*SPECIAL_ENCODERS} == {(codec, name) for name, codecs in CAPABILITIES.items() for codec in codecs}


@pytest.mark.parametrize("special", SPECIAL_ENCODERS)
def test_a_card_begins_each_gop_by_order_and_reorders_nothing(special: tuple[str, str]) -> None:
    encoder = SPECIAL_ENCODERS[special]
    options = encoder.options(job())
    assert (options["c:v"], options["g"]) == (encoder.name, 60)
    assert options["force_key_frames"] == "expr:not(mod(n,60))"
    assert options["maxrate"] == "2800k"
    # OpenH264 has no frames that are shown later than they are decoded.
    assert options.get("bf") == (None if encoder.capability == "openh264" else 0)
    software = VIDEO_ENCODERS[encoder.codec]
    assert (encoder.entry, encoder.config) == (software.entry, software.config)
    assert options.get("tag:v") == ("hvc1" if encoder.codec == "hevc" else None)


# What every encoder takes: `ffmpeg -h full`, AVCodecContext, and the options of an output.
GENERIC = {"c", "b", "g", "bf", "maxrate", "bufsize", "flags", "threads", "global_quality", "force_key_frames", "tag"}


@pytest.mark.parametrize("special", SPECIAL_ENCODERS)
def test_ffmpeg_knows_each_option_of_a_card(special: tuple[str, str]) -> None:
    """All that can be tried where there is no card: names, and the values that have names."""
    encoder = SPECIAL_ENCODERS[special]
    known = run(FFMPEG, "-hide_banner", "-h", f"encoder={encoder.name}").decode()
    for name, value in encoder.options(job()).items():
        plain = name.partition(":")[0]
        if plain in GENERIC:
            continue
        assert re.search(rf"^  -{plain} +<", known, re.MULTILINE), plain
        if not re.fullmatch(r"[\d.]+", str(value)):
            assert re.search(rf"^     {value} ", known, re.MULTILINE), (plain, value)
