"""CODECS strings, held against what ffprobe reads from the same init segment."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from gilfoyle.media.boxes import box
from gilfoyle.media.cmaf import AudioSplitter, Splitter, VideoSplitter
from gilfoyle.media.codecs import codec_string, decoder_config
from tests.sources import FFPROBE, run
from tests.unit.media.fragments import audio_bytes, audio_only_grid, small, split, video_bytes

SECONDS = Fraction(1)


def parts(splitter: Splitter, data: bytes) -> tuple[bytes, bytes]:
    """The init segment and the first media segment."""
    first = split(splitter, [data])[0]
    assert splitter.init
    return splitter.init, first.data


@pytest.fixture(scope="session")
def video() -> tuple[bytes, bytes]:
    grid = small(Fraction(30), SECONDS)[1].grid
    return parts(VideoSplitter(grid, 0, 1), video_bytes(Fraction(30), SECONDS, 0, 1))


@pytest.fixture(scope="session")
def audio_only() -> tuple[bytes, bytes]:
    grid = audio_only_grid(SECONDS)
    return parts(AudioSplitter(grid, 0, grid.segments, 1), audio_bytes(SECONDS, 0))


def probed(path: Path, track: tuple[bytes, bytes]) -> dict[str, str | int]:
    path.write_bytes(b"".join(track))
    out = run(FFPROBE, "-v", "error", "-show_streams", "-of", "json", str(path))
    (stream,) = json.loads(out)["streams"]
    return dict(stream)


PROFILES = {"High": 0x64, "Main": 0x4D, "Constrained Baseline": 0x42}


def test_video(video: tuple[bytes, bytes], tmp_path: Path) -> None:
    stream = probed(tmp_path / "track.mp4", video)
    found = codec_string(video[0])
    name, _, numbers = found.partition(".")
    assert (name, len(numbers)) == ("avc1", 6)
    assert int(numbers[:2], 16) == PROFILES[str(stream["profile"])]
    assert int(numbers[4:], 16) == stream["level"]


def test_audio(audio_only: tuple[bytes, bytes], tmp_path: Path) -> None:
    stream = probed(tmp_path / "track.mp4", audio_only)
    assert (stream["codec_name"], stream["profile"]) == ("aac", "LC")
    assert codec_string(audio_only[0]) == "mp4a.40.2"


def test_the_configuration_tells_videos_of_another_size_apart(video: tuple[bytes, bytes]) -> None:
    init = video[0]
    changed = bytearray(init)
    changed[init.index(b"avcC") + 20] ^= 1
    assert decoder_config(bytes(changed)) != decoder_config(init)


@pytest.mark.parametrize(
    "init", [b"", b"\0" * 64, box(b"ftyp", b"isom"), box(b"moov", box(b"trak")), box(b"moov") + b"\0\0\0\1"]
)
def test_what_describes_no_samples_raises(init: bytes) -> None:
    with pytest.raises(ValueError):
        codec_string(init)


@pytest.mark.parametrize(("there", "instead"), [(b"avc1", b"hvc1"), (b"avcC", b"free")])
def test_a_codec_that_is_not_made_here_raises(video: tuple[bytes, bytes], there: bytes, instead: bytes) -> None:
    init = video[0]
    at = init.rindex(there)
    with pytest.raises(ValueError):
        codec_string(init[:at] + instead + init[at + 4 :])


def test_a_damaged_descriptor_raises(audio_only: tuple[bytes, bytes]) -> None:
    init = audio_only[0]
    at = init.index(b"esds") + 8
    with pytest.raises(ValueError, match="descriptor"):
        codec_string(init[:at] + b"\x09" + init[at + 1 :])
