"""What ffprobe says, read."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from gilfoyle.media.header import declared_duration, declared_end, needs_full_scan, wanted_streams
from gilfoyle.media.probe import read
from tests.unit.media.probes import LIMITS, audio_json, found, found_in, video_json

NTSC = "30000/1001"
ENDS = found_in({0: 10, 1: 10})


def test_an_ordinary_file() -> None:
    info = read(found(video_json(), audio_json(), bit_rate="800000"), ENDS, LIMITS)
    assert info.video and info.main_audio
    assert (info.container, info.exact_seek, info.start, info.bit_rate) == ("mov", True, Fraction(0), 800_000)
    assert (info.video.index, info.video.codec, info.video.width, info.video.height) == (0, "h264", 1920, 1080)
    assert (info.video.frame_rate, info.video.variable) == (Fraction(30), False)
    assert (info.video.start, info.video.end) == (Fraction(0), Fraction(10))
    assert not info.video.interlaced and not info.video.colour.hdr
    assert (info.main_audio.channels, info.main_audio.sample_rate, info.main_audio.language) == (2, 48_000, "en")


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({}, (1920, 1080)),
        # Rotation, as phones write it: a display matrix.
        ({"side_data_list": [{"side_data_type": "Display Matrix", "rotation": -90}]}, (1080, 1920)),
        ({"side_data_list": [{"rotation": 90}]}, (1080, 1920)),
        ({"side_data_list": [{"rotation": "270.00"}]}, (1080, 1920)),
        ({"side_data_list": [{"rotation": 180}]}, (1920, 1080)),
        ({"side_data_list": [{"side_data_type": "CPB properties"}]}, (1920, 1080)),
        # Pixels that are not square: the longer side grows, nothing is thrown away.
        ({"width": 720, "height": 576, "sample_aspect_ratio": "64:45"}, (1024, 576)),
        ({"width": 720, "height": 480, "sample_aspect_ratio": "8:9"}, (720, 540)),
        (
            {"width": 720, "height": 576, "sample_aspect_ratio": "64:45", "side_data_list": [{"rotation": 90}]},
            (576, 1024),
        ),
        # ffprobe's ways to say that it doesn't know.
        ({"sample_aspect_ratio": "0:1"}, (1920, 1080)),
        ({"sample_aspect_ratio": "1:0"}, (1920, 1080)),
        ({"sample_aspect_ratio": "N/A"}, (1920, 1080)),
        ({"sample_aspect_ratio": None}, (1920, 1080)),
        # What no pixel is like.
        ({"sample_aspect_ratio": "1000:1"}, (1920, 1080)),
        ({"sample_aspect_ratio": "1:65535"}, (1920, 1080)),
    ],
)
def test_the_size_is_what_a_person_sees(changes: dict[str, Any], size: tuple[int, int]) -> None:
    video = read(found(video_json(**changes)), ENDS, LIMITS).video
    assert video and (video.width, video.height) == size


@pytest.mark.parametrize(
    ("average", "real", "rate", "variable"),
    [
        ("30/1", "30/1", Fraction(30), False),
        (NTSC, NTSC, Fraction(30000, 1001), False),
        ("19001/634", NTSC, Fraction(19001, 634), False),  # Matroska's milliseconds
        ("25/1", "50/1", Fraction(25), True),  # fields
        ("209/10", "30/1", Fraction(30), True),  # a recording with pauses
        ("379/21", "60/1", Fraction(60), True),
        ("2997/100", "90000/1", Fraction(2997, 100), True),
        ("0/0", "25/1", Fraction(25), False),
        ("25/1", "0/0", Fraction(25), False),
        (None, "25/1", Fraction(25), False),
    ],
)
def test_the_rate(average: str, real: str, rate: Fraction, variable: bool) -> None:
    video = read(found(video_json(avg_frame_rate=average, r_frame_rate=real)), ENDS, LIMITS).video
    assert video and (video.frame_rate, video.variable) == (rate, variable)


@pytest.mark.parametrize(
    ("order", "interlaced"),
    [("tt", True), ("bb", True), ("tb", True), ("bt", True), ("progressive", False), ("unknown", False)],
)
def test_interlaced(order: str, interlaced: bool) -> None:
    video = read(found(video_json(field_order=order)), ENDS, LIMITS).video
    assert video and video.interlaced is interlaced


def test_times_are_exact() -> None:
    info = read(
        found(video_json(start_time="1.466667"), audio_json(start_time="1.445333"), start_time="1.445333"),
        found_in({0: Fraction("11.466667"), 1: Fraction("11.445333")}),
        LIMITS,
    )
    assert info.video and info.start == Fraction("1.445333")
    assert (info.video.start, info.audio[0].start) == (Fraction("1.466667"), Fraction("1.445333"))


@pytest.mark.parametrize("start", ["N/A", None, ""])
def test_a_start_that_is_not_known_is_0(start: str | None) -> None:
    info = read(found(video_json(start_time=start), start_time=start), ENDS, LIMITS)
    assert info.video and info.start == info.video.start == 0


@pytest.mark.parametrize(
    ("streams", "chosen"),
    [
        ([video_json(), audio_json(), audio_json(index=2)], (0, 1)),
        # A cover is no video.
        ([video_json(codec_name="mjpeg", disposition={"default": 1, "attached_pic": 1}), audio_json()], (None, 1)),
        ([video_json(disposition={"attached_pic": 1}), video_json(index=1), audio_json(index=2)], (1, 2)),
        # The default counts, then the order.
        ([video_json(disposition={"default": 0}), video_json(index=1), audio_json(index=2)], (1, 2)),
        ([video_json(), audio_json(disposition={"default": 0}), audio_json(index=2)], (0, 2)),
        ([video_json(), audio_json(disposition={}), audio_json(index=2, disposition={})], (0, 1)),
        # What can't be decoded does not count.
        ([video_json(codec_name="unknown"), video_json(index=1)], (1, None)),
        ([video_json(), audio_json(codec_name=None), audio_json(index=2)], (0, 2)),
        ([video_json(), audio_json(sample_rate="0"), audio_json(index=2)], (0, 2)),
        ([video_json(), audio_json(channels=0)], (0, None)),
        ([video_json(width=0), audio_json()], (None, 1)),
        ([{"index": 0, "codec_type": "data"}, {"index": 1, "codec_type": "subtitle"}, video_json(index=2)], (2, None)),
    ],
)
def test_which_streams_count(streams: list[dict[str, Any]], chosen: tuple[int | None, int | None]) -> None:
    info = read(found(*streams), found_in(dict.fromkeys(range(3), 10)), LIMITS)
    assert (info.video and info.video.index, info.main_audio and info.main_audio.index) == chosen
    assert set(chosen) - {None} <= set(wanted_streams(found(*streams)))


@pytest.mark.parametrize("language", ["und", "klingonese", "", None])
def test_an_unknown_language_is_none(language: str | None) -> None:
    assert read(found(audio_json(tags={"language": language})), ENDS, LIMITS).audio[0].language is None


def test_audio_without_packets_is_left_out() -> None:
    assert read(found(video_json(), audio_json()), found_in({0: 10}), LIMITS).audio == []


@pytest.mark.parametrize(("text", "seconds"), [("12.5", 12.5), ("N/A", None), (None, None)])
def test_declared_duration(text: str | None, seconds: float | None) -> None:
    assert declared_duration({"format": {"duration": text} if text else {}}) == seconds


@pytest.mark.parametrize(
    ("name", "duration", "end"),
    [("mov,mp4", "5.0", 6.4), ("matroska,webm", "6.4", 6.4), ("wav", "N/A", None), ("matroska,webm", "N/A", None)],
)
def test_declared_end(name: str, duration: str, end: float | None) -> None:
    """Of a file whose clock starts at 1.4 s."""
    assert declared_end(found(format_name=name, start_time="1.4", duration=duration)) == end


@pytest.mark.parametrize(
    ("name", "full", "exact"),
    [
        ("mov,mp4,m4a,3gp,3g2,mj2", False, True),
        ("matroska,webm", False, True),
        ("wav", False, False),
        ("flac", False, False),
        ("mpegts", True, False),
        ("mp3", True, False),
        ("avi", True, False),
        ("h264", True, False),
    ],
)
def test_containers(name: str, full: bool, exact: bool) -> None:
    probe = found(video_json(), format_name=name)
    assert needs_full_scan(probe) is full
    assert read(probe, ENDS, LIMITS).exact_seek is exact


def test_a_last_frame_without_a_length_lasts_as_long_as_one_of_its_rate() -> None:
    """ASF tells only when a packet is shown."""
    told = found_in({0: Fraction(2), 1: Fraction(2)}, last=Fraction(2))
    video = read(found(video_json(avg_frame_rate="25/1", r_frame_rate="25/1"), audio_json()), told, LIMITS).video
    assert video and video.end == Fraction(51, 25)


def test_subtitles_that_are_images_are_left_out_with_a_word() -> None:
    drawn = {"index": 2, "codec_type": "subtitle", "codec_name": "hdmv_pgs_subtitle", "tags": {"language": "ger"}}
    written = {"index": 3, "codec_type": "subtitle", "codec_name": "subrip", "disposition": {"hearing_impaired": 1}}
    info = read(found(video_json(), audio_json(), drawn, written), ENDS, LIMITS)
    assert [(each.index, each.role) for each in info.texts] == [(3, "caption")]
    assert [warning.code for warning in info.warnings] == ["subtitles_left_out"]
    assert "(de)" in info.warnings[0].message
