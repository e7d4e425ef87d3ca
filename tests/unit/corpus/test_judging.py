"""What of a stream is told as wrong: it must be noticed, or the corpus shows nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.case import Case, heard, whole
from corpus.cases import CASES, NOT_YET
from corpus.judging import faults
from corpus.maker import Maker
from corpus.reading import beeps_of, numbers, runs
from tests.sources import FFMPEG, run


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a film of three seconds in place of each rendition's playlist."""
    folder = tmp_path_factory.mktemp("stream")
    maker = Maker(folder, FFMPEG)
    for name, options in {"240p": {}, "audio-128k": {}}.items():
        (folder / name).mkdir()
        maker.film(folder / name / "film.mp4", seconds=3, **options)
        (folder / name / "film.mp4").rename(folder / name / "index.m3u8")
    return folder


def found(case: Case, stream: Path, length: float = 3.0, video: tuple[str, ...] = ("240p",)) -> list[str]:
    return faults(case, FFMPEG, stream, video, ("audio-128k",), length, None)


def anything(_maker: Maker, _path: Path) -> None:
    """Nothing is made here."""


def test_numbers_and_beeps_are_read_as_they_were_made(stream: Path) -> None:
    film = str(stream / "240p" / "index.m3u8")
    assert numbers(FFMPEG, film) == list(range(75))
    assert beeps_of(FFMPEG, film) == pytest.approx([0, 1, 2], abs=0.003)
    assert runs([0, 0, 1, 1, 0]) == [0, 1, 0]


def test_what_is_right_has_no_fault(stream: Path) -> None:
    assert found(whole("film.mp4", anything, 3), stream) == []


@pytest.mark.parametrize(
    ("case", "fault"),
    [
        (Case("a", anything, numbers=range(76)), "240p: 1 frames are missing, such as [75]"),
        (Case("a", anything, numbers=[1, 0, *range(2, 75)]), "240p: frames in another order from the 0th on"),
        (Case("a", anything, frames=74), "240p: 75 frames, not 74"),
        (Case("a", anything, frames=0), "it has video: 240p"),
        (Case("a", anything, beeps=(0.0, 1.0)), "audio-128k: 3 beeps, not 2"),
        (Case("a", anything, beeps=(0.0, 1.0, 2.02)), "audio-128k: a beep is -20 ms off"),
        (Case("a", anything, beeps=()), "audio: audio-128k"),
        (Case("a", anything, length=3.5), "it lasts 3.000 s, not 3.5"),
    ],
)
def test_what_is_wrong_is_told(case: Case, fault: str, stream: Path) -> None:
    [told] = found(case, stream)
    assert told.startswith(fault)


def test_video_that_should_be_there(stream: Path) -> None:
    assert "it has no video" in found(Case("a", anything, numbers=range(75)), stream, video=())


def test_late_audio_is_expected_where_a_codec_makes_it_late() -> None:
    assert heard("a.aac", anything, 2, late=0.02).beeps == (0.02, 1.02)


def test_names_are_different_and_some_are_fast() -> None:
    assert len({case.name for case in CASES}) == len(CASES) > 200
    assert 12 <= sum(case.fast for case in CASES) <= 40
    assert NOT_YET.keys() <= {case.name for case in CASES}


def test_a_film_is_made_in_any_folder(tmp_path: Path) -> None:
    maker = Maker(tmp_path, FFMPEG)
    path = maker.film(tmp_path / "film.mkv", seconds=1, channels=2, audio=("-c:a", "flac"))
    out = run(FFMPEG, "-v", "error", "-i", str(path), "-f", "null", "-")
    assert out == b""
