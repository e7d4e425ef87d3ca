"""Clocks that begin anew, leap, run over or start late: what is in the file is in the stream, once and in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.activities.films import DEFAULT, H264, beeps, counted, make
from tests.integration.activities.pipeline import Pipeline
from tests.integration.activities.test_sync import beeps as heard
from tests.sources import read_numbers

AAC = ["-c:a", "aac", "-b:a", "96k"]
IN_PLACE_S = 0.010


@pytest.fixture
def truth(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "truth", DEFAULT)


def part(path: Path, seconds: int, *options: str, first: int = 0, audio: list[str] = AAC) -> bytes:
    """A recording of numbered frames and beeps."""
    return make(path, *counted(seconds, first=first), *beeps(seconds), *H264, *audio, *options).read_bytes()


def joined(folder: Path, suffix: str, *options: tuple[str, ...]) -> Path:
    """Recordings of 3 s one behind the other, in one file."""
    parts = [part(folder / f"{n}{suffix}", 3, *each, first=75 * n) for n, each in enumerate(options)]
    whole = folder / f"whole{suffix}"
    whole.write_bytes(b"".join(parts))
    return whole


def later(seconds: float) -> tuple[str, ...]:
    return ("-output_ts_offset", str(seconds))


CLOCKS: dict[str, Callable[[Path], Path]] = {
    "anew": lambda folder: joined(folder, ".ts", (), ()),
    "anew, four times": lambda folder: joined(folder, ".ts", (), (), (), ()),
    "a minute ahead": lambda folder: joined(folder, ".ts", (), later(60)),
    "ahead, and back": lambda folder: joined(folder, ".ts", (), later(7200), later(30)),
    "a little back": lambda folder: joined(folder, ".ts", later(10), later(8.5)),
    "in a program stream": lambda folder: joined(
        folder, ".mpg", *[("-c:v", "mpeg2video", "-q:v", "2", "-c:a", "mp2", "-f", "vob")] * 2
    ),
}


@pytest.mark.parametrize("name", CLOCKS)
async def test_what_follows_upon_each_other_is_shown_and_heard_so(name: str, truth: Pipeline, tmp_path: Path) -> None:
    source = CLOCKS[name](tmp_path)
    await truth.process(source)
    count = 75 * len(list(tmp_path.glob("[0-9].*")))
    for rendition in truth.video:
        assert read_numbers(truth.playlist(rendition), strict=False) == list(range(count))
    places = heard(truth.playlist("audio-128k"), "0:a:0")
    assert places[1:] == pytest.approx(list(range(1, count // 25)), abs=2 * IN_PLACE_S)


LATE: dict[str, tuple[str, tuple[str, ...]]] = {
    "a broadcast's, that runs over": (".ts", ("-muxdelay", "0", "-muxpreload", "0", *later(95441.717))),
    "ten hours, in Matroska": (".mkv", later(36_000)),
    "ten hours, in a broadcast": (".ts", later(36_000)),
    "ten hours, in fragments": (".mp4", ("-movflags", "frag_keyframe+empty_moov+default_base_moof", *later(36_000))),
}


@pytest.mark.parametrize("name", LATE)
async def test_a_clock_may_start_anywhere(name: str, truth: Pipeline, tmp_path: Path) -> None:
    suffix, options = LATE[name]
    part(tmp_path / f"late{suffix}", 9, *options)
    await truth.process(tmp_path / f"late{suffix}")
    assert read_numbers(truth.playlist(truth.video[0]), strict=False) == list(range(225))
    places = heard(truth.playlist("audio-128k"), "0:a:0")
    assert places[1:] == pytest.approx(list(range(1, 9)), abs=IN_PLACE_S)


@pytest.mark.parametrize("name", ["two.ogg", "two.opus"])
async def test_songs_chained_in_one_file(name: str, truth: Pipeline, tmp_path: Path) -> None:
    codec = ["-c:a", "libopus"] if name.endswith("opus") else ["-c:a", "libvorbis"]
    songs = [make(tmp_path / f"{n}.{name}", *beeps(length), *codec).read_bytes() for n, length in enumerate((3, 2))]
    (tmp_path / name).write_bytes(b"".join(songs))
    await truth.process(tmp_path / name)
    assert float(truth.plan.grid.duration) == pytest.approx(5, abs=0.03)
    places = heard(truth.playlist("audio-64k"), "0:a:0")
    assert [places[at] for at in (1, 2, 4)] == pytest.approx([1, 2, 4], abs=1.5 * IN_PLACE_S)
    assert places[3] == pytest.approx(3, abs=0.05)  # Opus' decoder comes from the first song's end


async def test_a_hole_in_the_audio_stays_a_hole(truth: Pipeline, tmp_path: Path) -> None:
    """A muted microphone: the video goes on. Nothing is moved, and the hole is silent."""
    source = make(
        tmp_path / "muted.ts", *counted(9), *beeps(9), "-af", "aselect='not(between(t,2.5,5.5))'", *H264, *AAC,
        "-fps_mode", "passthrough",
    )  # fmt: skip
    await truth.process(source)
    assert read_numbers(truth.playlist(truth.video[0]), strict=False) == list(range(225))
    places = heard(truth.playlist("audio-128k"), "0:a:0")
    assert [place for place in places[1:] if not 2.4 < place < 5.6] == pytest.approx([1, 2, 6, 7, 8], abs=0.03)


async def test_a_video_that_pauses_where_clocks_do_not_leap_stands_still(truth: Pipeline, tmp_path: Path) -> None:
    """A recorded screen: fifteen seconds without a new frame are no leap of its clock."""
    source = make(
        tmp_path / "screen.mkv", *counted(4), "-vf", "settb=1/1000,setpts='if(lt(N,50),N*40,N*40+15000)'",
        "-fps_mode", "passthrough", "-enc_time_base", "1/1000", *H264,
    )  # fmt: skip
    await truth.process(source)
    expected = [*range(50), *[49] * 375, *range(50, 100)]
    assert read_numbers(truth.playlist(truth.video[0]), strict=False) == expected
