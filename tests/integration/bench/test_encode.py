"""`python -m bench encode` as a whole, on a small file, and the hand-written command by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import handwritten
from bench.source import command
from bench.subject import examine
from gilfoyle.config import Settings
from gilfoyle.errors import UnsupportedMedia
from tests.sources import FFMPEG, numbered, run

SETTINGS = Settings()
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return numbered(tmp_path_factory.mktemp("film") / "film.mp4", "30", 180, size=(640, 360))


def test_the_hand_written_command_makes_every_rendition(film: Path, tmp_path: Path) -> None:
    subject = examine(film, SETTINGS)
    found = handwritten.run(handwritten.command(FFMPEG, subject, SETTINGS.encoding, tmp_path), subject, tmp_path)
    assert set(found.segment_bytes) == {"360p", "audio-128k"}
    assert all(found.segment_bytes.values())
    assert found.cpu_s and found.wall_s
    # 6 s in segments of 4 s, as Gilfoyle cuts them.
    assert (tmp_path / "360p" / "index.m3u8").read_text().count("#EXTINF:") == 2
    assert "360p/index.m3u8" in (tmp_path / "master.m3u8").read_text()


def test_what_one_command_could_not_do_alike_is_refused(tmp_path: Path) -> None:
    song = tmp_path / "sound.m4a"
    run(FFMPEG, "-v", "error", "-f", "lavfi", "-i", "sine=duration=1", str(song))
    with pytest.raises(UnsupportedMedia, match=r"sound\.m4a is not a progressive SDR video"):
        examine(song, SETTINGS)


def test_the_source_is_what_it_says(tmp_path: Path) -> None:
    file = tmp_path / "source.mp4"
    run(*command(FFMPEG, 1, file))
    subject = examine(file, SETTINGS)
    assert subject.info.video
    assert (subject.info.video.width, subject.info.video.height, subject.plan.grid.rate) == (1920, 1080, 30)
    assert [rendition.name for rendition in subject.plan.video] == ["1080p", "720p", "480p", "360p"]
    assert subject.plan.audio[0].channels == 2


@pytest.mark.slow
def test_both_sides_are_measured(film: Path) -> None:
    line = [sys.executable, "-m", "bench", "encode", "--json", "--source", str(film)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    # Real seconds of a busy machine: only what can't be otherwise.
    assert found["cpu_ratio"] and found["wall_ratio"] > 0
    assert 0.9 < found["bytes_ratio"] < 1.2
    # Frame by frame the same frames: with one frame beside, these numbered ones would score far lower.
    assert found["vmaf"]["pipeline"].keys() == {"360p"}
    assert found["vmaf"]["pipeline"]["360p"] > 95
    assert abs(found["vmaf_delta"]) < 1
    (pair,) = found["runs"]
    assert 0 < pair["pipeline"]["first_play_s"] <= pair["pipeline"]["wall_s"]
    assert pair["pipeline"]["segment_bytes"].keys() == pair["handwritten"]["segment_bytes"].keys()


def test_a_missing_file_is_a_sentence() -> None:
    line = [sys.executable, "-m", "bench", "encode", "--source", "nowhere.mp4"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "There is no file nowhere.mp4.\n")
