"""A clip has the frames, and the audio, that the whole would have had there; each once, in its place."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gilfoyle.errors import UnsupportedMedia
from gilfoyle.media.clip import Clip
from gilfoyle.media.plan import Pass
from tests.integration.activities.pipeline import LOWEST, Pipeline
from tests.integration.activities.test_sync import beeps, flash_and_beep, flashes
from tests.sources import FFMPEG, numbered, run

NTSC = Fraction(30000, 1001)
_OPEN = {"options": ["-x264-params", "keyint=17:min-keyint=17:bframes=4:scenecut=0:open-gop=1"]}
_PAUSE = {
    "filters": "select='not(between(n\\,31\\,55))'",
    "options": ["-fps_mode", "vfr", "-x264-params", "keyint=250:bframes=3", "-force_key_frames", "expr:eq(n,31)"],
}
SOURCES: list[tuple[str, Fraction, dict[str, Any]]] = [
    ("film.mp4", Fraction(30), {}),
    ("milliseconds.mkv", NTSC, {}),
    ("open.mp4", Fraction(30), _OPEN),
    ("pause.mp4", Fraction(30), _PAUSE),
    ("broadcast.ts", Fraction(25), {}),
    ("games.mp4", Fraction(60), {}),
]


def clipped(folder: Path, start_s: float = 0, end_s: float | None = None) -> Pipeline:
    """A pipeline that encodes one rung of that part."""
    return Pipeline(folder, LOWEST.model_copy(update={"clip": Clip(start_s=start_s, end_s=end_s)}))


@pytest.mark.parametrize(("file", "rate", "more"), SOURCES, ids=[name for name, _, _ in SOURCES])
async def test_the_frames_are_those_of_the_whole(
    file: str, rate: Fraction, more: dict[str, Any], tmp_path: Path
) -> None:
    """Also where each segment of the clip is a pass of its own, as after kills."""
    source = numbered(tmp_path / file, rate, int(5 * rate), **more)
    whole = Pipeline(tmp_path / "whole", LOWEST)
    await whole.process(source)
    ((name, frames),) = whole.numbers().items()
    grid = whole.plan.grid.rate
    for start_s, end_s in ((1.35, 3.1), (0, 0.7), (4.2, None), (1.0, 999)):
        clip = clipped(tmp_path / f"{start_s}", start_s, end_s)
        await clip.probe(source)
        audio = [each for each in clip.plan.passes if name not in each.renditions]
        alone = [Pass(renditions=[name], first=at, count=1, priority=1) for at in range(clip.plan.grid.segments)]
        await clip.encode([*alone, *audio] if clip.info.exact_seek else None)
        await clip.package()
        first = next(at for at in range(len(frames)) if at / grid >= Fraction(str(start_s)) - Fraction(1, 10**6))
        last = len(frames) if end_s is None or end_s > 900 else int(-(-Fraction(str(end_s)) * grid // 1))
        assert clip.numbers() == {name: frames[first:last]}, (start_s, end_s)


@pytest.mark.parametrize(
    ("file", "rate", "options"),
    [
        ("usual.mp4", "30", ["-c:a", "aac"]),
        ("cd.mp4", "25", ["-c:a", "aac", "-ar", "44100"]),
        ("late.mkv", "25", ["-c:a", "flac", "-output_ts_offset", "2.5"]),
        ("broadcast.ts", "25", ["-c:a", "mp2"]),
    ],
)
async def test_what_is_seen_and_heard_stays_together(file: str, rate: str, options: list[str], tmp_path: Path) -> None:
    source = flash_and_beep(tmp_path / file, rate, *options)
    clip = clipped(tmp_path / "clip", 1.6, 4.6)
    await clip.process(source)
    assert flashes(clip.master, "0:v:0") == pytest.approx([0.4, 1.4, 2.4], abs=0.001)
    assert beeps(clip.master, "0:a:0") == pytest.approx([0.4, 1.4, 2.4], abs=0.010)
    assert clip.plan.grid.duration == 3


@pytest.mark.parametrize("file", ["song.flac", "song.mp3", "song.m4a"])
async def test_of_audio_alone(file: str, tmp_path: Path) -> None:
    song = tmp_path / file
    tone = "aevalsrc=0.8*sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.05):sample_rate=44100:duration=8"
    run(FFMPEG, "-v", "error", "-f", "lavfi", "-i", tone, str(song))
    clip = clipped(tmp_path / "clip", 2.5, 6.5)
    await clip.process(song)
    assert float(clip.plan.grid.duration) == pytest.approx(4, abs=0.03)
    first = 0.5 - (clip.plan.lead_s - 2.5)
    assert beeps(clip.master, "0:a:0") == pytest.approx([first, first + 1, first + 2, first + 3], abs=0.010)


async def test_from_where_only_audio_is_left(tmp_path: Path) -> None:
    """The last frame is held, as in the whole."""
    film = tmp_path / "film.mp4"
    inputs = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2", "-f", "lavfi", "-i", "sine=duration=6"]
    run(FFMPEG, "-v", "error", *inputs, "-c:v", "libx264", "-preset", "superfast", "-pix_fmt", "yuv420p", str(film))
    clip = clipped(tmp_path / "clip", 4, 5)
    packaged = await clip.process(film)
    assert packaged.lost == []
    assert float(clip.plan.grid.duration) == pytest.approx(1)


async def test_a_clip_outside_is_refused(tmp_path: Path) -> None:
    source = numbered(tmp_path / "film.mp4", "30", 60)
    with pytest.raises(UnsupportedMedia, match=r"begins at 7 s, and the file lasts 2\.000 s") as refused:
        await clipped(tmp_path / "clip", 7).probe(source)
    assert refused.value.reason == "clip_outside"
