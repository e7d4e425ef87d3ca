"""Every codec: each frame once and in its place, whatever the rate, in segments that are the same in all of them."""

from __future__ import annotations

from pathlib import Path

import m3u8
import pytest

from gilfoyle.media.policy import VideoRung
from tests.integration.activities.pipeline import SMALL, Pipeline
from tests.sources import numbered, read_numbers

CODECS = ("h264", "hevc", "av1", "vp9")
POLICY = SMALL.model_copy(
    update={"video": [VideoRung(height=180, max_kbps=4000, crf=10, codec=each) for each in CODECS]}
)
RATES = ["30", "24000/1001", pytest.param("50", marks=pytest.mark.slow)]
NAMES = {"180p": "avc1.", "180p-hevc": "hvc1.", "180p-av1": "av01.", "180p-vp9": "vp09."}


@pytest.mark.parametrize("rate", RATES)
async def test_each_frame_once_in_every_codec(rate: str, tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "media", POLICY)
    packaged = await pipeline.process(numbered(tmp_path / "film.mp4", rate, 150))
    assert packaged.playable and packaged.progress == 1 and not packaged.lost
    assert [each.name for each in pipeline.plan.video] == ["180p-vp9", "180p-av1", "180p-hevc", "180p"]
    lengths = set()
    for name in NAMES:
        assert read_numbers(pipeline.playlist(name)) == list(range(150)), name
        lengths.add(tuple(segment.duration for segment in m3u8.load(str(pipeline.playlist(name))).segments))
    assert len(lengths) == 1


async def test_players_are_told_which_is_which(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "media", POLICY)
    await pipeline.process(numbered(tmp_path / "film.mp4", "30", 60))
    variants = m3u8.load(str(pipeline.master)).playlists
    assert str(variants[0].uri) == "180p/index.m3u8"  # what plays everywhere is begun with
    told = {str(each.uri).partition("/")[0]: str(each.stream_info.codecs).partition(",")[0] for each in variants}
    assert {name: told[name][:5] for name in told} == NAMES
    assert told["180p-hevc"].startswith("hvc1.1.6.L") and told["180p-av1"].endswith("M.08")
    assert told["180p-vp9"].startswith("vp09.00.") and told["180p-vp9"].endswith(".08")


async def test_one_codec_may_be_the_only_one(tmp_path: Path) -> None:
    rungs = [VideoRung(height=height, max_kbps=1000, codec="av1") for height in (180, 90)]
    pipeline = Pipeline(tmp_path / "media", SMALL.model_copy(update={"video": rungs}))
    await pipeline.process(numbered(tmp_path / "film.mp4", "25", 100))
    assert [str(each.uri) for each in m3u8.load(str(pipeline.master)).playlists] == [
        "180p-av1/index.m3u8",
        "90p-av1/index.m3u8",
    ]
    assert read_numbers(pipeline.playlist("90p-av1")) == list(range(100))


@pytest.mark.parametrize("rate", RATES)
async def test_each_frame_once_by_another_encoder(rate: str, tmp_path: Path) -> None:
    """Told as a card is: key frames by order."""
    other = {"encoders": {"h264": "openh264"}}
    rungs = [VideoRung(height=180, max_kbps=4000), VideoRung(height=90, max_kbps=1000)]
    policy = SMALL.model_copy(update=other | {"video": rungs})
    pipeline = Pipeline(tmp_path / "media", policy)
    packaged = await pipeline.process(numbered(tmp_path / "film.mp4", rate, 150))
    assert packaged.playable and packaged.progress == 1
    assert {each.capability for each in pipeline.plan.video} == {"openh264"}
    for name in ("180p", "90p"):
        assert read_numbers(pipeline.playlist(name)) == list(range(150)), name
