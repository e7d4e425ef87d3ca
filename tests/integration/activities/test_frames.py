"""Frame truth: every rendition has the source's frames, each once, in order and on time, however it was chunked."""

from __future__ import annotations

import random
from bisect import bisect_right
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import m3u8
import pytest

from gilfoyle.media.plan import Pass, Plan
from tests.integration.activities.pipeline import Pipeline, packets
from tests.sources import numbered, read_numbers, stamps

NTSC = Fraction(30000, 1001)
IN_STEP = Fraction(30, 1000)
"""How far audio may begin or end beside the video, in seconds."""


@dataclass(frozen=True)
class Source:
    """How a source is made, and the grid that it should get."""

    file: str
    rate: Fraction
    count: int
    grid: Fraction | None
    more: dict[str, Any] = field(default_factory=dict)

    def make(self, folder: Path) -> Path:
        return numbered(folder / self.file, self.rate, self.count, **self.more)

    def __str__(self) -> str:
        return f"{self.file}@{float(self.rate):.3f}"


CONSTANT = [
    Source("film.mp4", Fraction(30), 210, Fraction(30)),
    Source("milliseconds.mkv", NTSC, 200, NTSC),
    Source("pal.mov", Fraction(25), 153, Fraction(25)),
    Source("cinema.mp4", Fraction(24000, 1001), 150, Fraction(24000, 1001)),
    Source("cinema.mkv", Fraction(24000, 1001), 150, Fraction(24000, 1001)),
    Source("games.mp4", Fraction(60), 331, Fraction(60)),
    Source("silent.mp4", Fraction(30), 100, Fraction(30), {"audio": False}),
    # One chunk, without a seek. Its clock starts at 1.4 s.
    Source("broadcast.ts", Fraction(25), 150, Fraction(25)),
    Source(
        "camera.avi",
        Fraction(25),
        120,
        Fraction(25),
        {"options": ["-c:v", "mjpeg", "-bf", "0", "-q:v", "2", "-c:a", "pcm_s16le"]},
    ),
    # A clock that starts late: at 1.4 s, and with the audio a little before the video.
    Source("late.mkv", NTSC, 150, NTSC, {"options": ["-output_ts_offset", "1.4"]}),
    Source("later.mkv", Fraction(25), 120, Fraction(25), {"options": ["-output_ts_offset", "3600"]}),
    Source("late.mp4", Fraction(30), 150, Fraction(30), {"options": ["-output_ts_offset", "1.4"]}),
    Source("fragmented.mp4", Fraction(30), 150, Fraction(30), {"options": ["-movflags", "frag_keyframe+empty_moov"]}),
]


@pytest.mark.parametrize("source", CONSTANT, ids=str)
async def test_constant_rates(source: Source, pipeline: Pipeline, tmp_path: Path) -> None:
    await pipeline.process(source.make(tmp_path))
    assert pipeline.plan.grid.rate == source.grid
    assert pipeline.video == ["180p", "120p", "90p"]
    assert pipeline.numbers() == {name: list(range(source.count)) for name in pipeline.video}
    _check_times(pipeline)
    _check_playlists(pipeline)


VARIABLE = [
    # A screen recording: frames missing here and there, three seconds without any, stamps that jitter.
    Source(
        "screen.mp4",
        Fraction(30),
        300,
        None,
        {
            "filters": "select='not(between(mod(n\\,17)\\,5\\,9))*not(between(n\\,100\\,190))',"
            "setpts=PTS+(mod(N\\,3)-1)*0.008/TB",
            "options": ["-video_track_timescale", "90000"],
        },
    ),
    # A quarter of the frames is missing, with stamps in milliseconds.
    Source("phone.mkv", Fraction(30), 200, None, {"filters": "select='mod(n\\,4)-1'"}),
]


@pytest.mark.parametrize("source", VARIABLE, ids=str)
async def test_a_variable_rate_is_put_on_a_grid(source: Source, pipeline: Pipeline, tmp_path: Path) -> None:
    made = source.make(tmp_path)
    await pipeline.process(made)
    expected = _on_grid(made, pipeline.plan)
    assert len(set(expected)) < len(expected)  # some frame is shown twice: the source does have holes
    assert pipeline.numbers() == dict.fromkeys(pipeline.video, expected)
    _check_times(pipeline)
    _check_playlists(pipeline)


_OPEN = "keyint=17:min-keyint=17:bframes=4:scenecut=0:open-gop=1"
_PAUSE = {
    "filters": "select='not(between(n\\,31\\,55))'",
    "options": ["-fps_mode", "vfr", "-x264-params", "keyint=250:bframes=3", "-force_key_frames", "expr:eq(n,31)"],
}
ENTERED = [
    # The frame after a pause is a keyframe, decoded right after the one before the pause: by a recorder of screens.
    Source("pause.mp4", Fraction(30), 150, None, _PAUSE),
    Source("pause.mkv", Fraction(30), 150, None, _PAUSE),
    # Frames before a keyframe that need the GOP before it: x265's default, and what broadcasters send.
    Source("open.mp4", Fraction(30), 150, None, {"options": ["-x264-params", _OPEN]}),
    Source("open.mkv", Fraction(30), 150, None, {"options": ["-x264-params", _OPEN]}),
    Source("slow.mp4", Fraction(5), 60, None, {"options": ["-x264-params", _OPEN.replace("open-gop=1", "open-gop=0")]}),
]


@pytest.mark.parametrize("source", ENTERED, ids=str)
async def test_a_pass_may_begin_at_any_segment(source: Source, lowest: Pipeline, tmp_path: Path) -> None:
    """After a kill it does. Whatever is on screen there, was shown when the source was entered before it."""
    made = source.make(tmp_path)
    await lowest.probe(made)
    (name,) = lowest.video
    audio_passes = [each for each in lowest.plan.passes if name not in each.renditions]
    alone = [Pass(renditions=[name], first=at, count=1, priority=1) for at in range(lowest.plan.grid.segments)]
    await lowest.encode([*alone, *audio_passes])
    await lowest.package()
    assert lowest.numbers() == {name: _on_grid(made, lowest.plan)}


@pytest.mark.parametrize(("rate", "maximum"), [(60, 30), (50, 25)])
async def test_a_faster_source_is_halved(rate: int, maximum: int, tmp_path: Path) -> None:
    """Every stamp lies on, or right between, two frames of the grid, and rounds the same way in every chunk."""
    halved = Pipeline(tmp_path)
    halved.policy = halved.policy.model_copy(update={"max_frame_rate": maximum})
    await halved.process(numbered(tmp_path / "source.mp4", str(rate), rate * 4))
    assert halved.plan.grid.rate == maximum
    assert halved.numbers() == {name: list(range(0, rate * 4, 2)) for name in halved.video}


async def test_the_order_of_the_passes_does_not_matter(pipeline: Pipeline, ordinary: Path) -> None:
    await pipeline.probe(ordinary)
    passes = list(pipeline.plan.passes)
    random.Random(5).shuffle(passes)
    await pipeline.encode(passes)
    await pipeline.package()
    assert pipeline.numbers() == {name: list(range(210)) for name in pipeline.video}


async def test_chunks_have_the_init_segment_of_one_piece(ordinary: Path, tmp_path: Path) -> None:
    """A chunk that comes first in time, wherever it lies, writes the same init segment."""
    inits = []
    for index in (0, -1):
        each = Pipeline(tmp_path / str(index))
        await each.probe(ordinary)
        passes = [chunk for chunk in each.plan.passes if each.video[-1] in chunk.renditions]
        await each.encode([passes[index]])
        inits.append((each.folder / each.video[-1] / "init.mp4").read_bytes())
    assert inits[0] == inits[1]


def _on_grid(source: Path, plan: Plan) -> list[int]:
    """For each frame of the grid, the latest frame of the source that rounds to it or to one before it.

    Stamps half a frame late still count, and an eighth more: see `_GRID_BIAS` in gilfoyle/media/ffmpeg.py.
    """
    numbers, times = read_numbers(source, strict=False), stamps(source)
    places = [int((time - times[0]) * plan.grid.rate + Fraction(5, 8)) for time in times]
    return [numbers[bisect_right(places, frame) - 1] for frame in range(plan.grid.frames)]


def _check_times(pipeline: Pipeline) -> None:
    """The video begins at 0 and ends with the grid, and the audio with it; the grid is as long as the source."""
    video, grid = pipeline.info.video, pipeline.plan.grid
    assert video and abs(grid.duration - (video.end - video.start)) <= 1 / grid.rate
    for name in pipeline.video:
        shown = packets(pipeline.playlist(name))
        assert shown[0][0] == 0
        assert len(shown) == grid.frames
        assert abs(shown[-1][1] - grid.duration) < Fraction(1, 1000)
        assert all(abs(start - index / grid.rate) < Fraction(1, 1000) for index, (start, _) in enumerate(shown))
    for name in pipeline.audio:
        heard = packets(pipeline.playlist(name))
        assert heard[0][0] == 0
        assert abs(heard[-1][1] - grid.duration) <= IN_STEP
        assert all(abs(before[1] - after[0]) < Fraction(1, 1000) for before, after in zip(heard, heard[1:]))  # noqa: B905, RUF007


def _check_playlists(pipeline: Pipeline) -> None:
    """What they list is there, all of it, and lasts as long as it says."""
    master = m3u8.load(str(pipeline.master))
    listed = {str(item.uri).partition("/")[0] for item in [*master.playlists, *master.media]}
    assert listed == {*pipeline.video, *pipeline.audio}
    for name in listed:
        parsed = m3u8.load(str(pipeline.playlist(name)))
        assert parsed.is_endlist
        folder = pipeline.folder / name
        uris = [str(parsed.segment_map[0].uri), *(str(segment.uri) for segment in parsed.segments)]
        assert {*uris, "index.m3u8"} == {path.name for path in folder.iterdir()}
        lasts = sum(segment.duration or 0 for segment in parsed.segments)
        assert lasts == pytest.approx(float(pipeline.plan.grid.duration), abs=float(IN_STEP))
    assert not list((pipeline.root / ".tmp").iterdir())
