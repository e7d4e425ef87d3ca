"""A white frame and a beep in each second: what is seen and what is heard belong together, to the millisecond."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.integration.activities.pipeline import Pipeline
from tests.sources import FFMPEG, run

SECONDS = 6
TOGETHER_S = 0.005


def flash_and_beep(path: Path, rate: str, *options: str) -> Path:
    """At every whole number of seconds' worth of frames a white one, and 50 ms of 1 kHz from its start on."""
    every = round(Fraction(rate))
    period = float(every / Fraction(rate))
    run(
        FFMPEG, "-v", "error", "-nostdin", "-y",
        "-f", "lavfi", "-i", f"color=black:size=320x180:rate={rate}:duration={SECONDS * period:.6f}",
        "-f", "lavfi", "-i",
        f"aevalsrc=0.8*sin(2*PI*1000*mod(t\\,{period:.9f}))*lt(mod(t\\,{period:.9f})\\,0.05)"
        f":sample_rate=48000:duration={SECONDS * period:.6f}",
        "-vf", f"geq=lum='if(mod(N,{every}),16,235)':cb=128:cr=128",
        "-c:v", "libx264", "-preset", "superfast", "-pix_fmt", "yuv420p", *options, str(path),
    )  # fmt: skip
    return path


def flashes(playlist: Path, stream: str) -> list[float]:
    """When a white frame is shown, in seconds, by the stamps that ffmpeg reads."""
    # To a file of its own: in the log, other threads' lines stand in the middle of what a filter tells.
    told = "signalstats,metadata=mode=print:key=lavfi.signalstats.YAVG:file=-"
    out = run(
        FFMPEG, "-v", "error", "-copyts", "-i", str(playlist), "-map", stream,
        "-vf", f"scale=16:16,format=gray,{told}", "-f", "null", "/dev/null",
    )  # fmt: skip
    frames = re.findall(r"pts_time:(\S+)\s+lavfi\.signalstats\.YAVG=([\d.]+)", out.decode())
    assert frames
    return [float(stamp) for stamp, light in frames if float(light) > 128]


def beeps(playlist: Path, stream: str) -> list[float]:
    """When a beep begins, in seconds, by the stamps that ffmpeg reads."""
    raw = run(
        FFMPEG, "-v", "error", "-copyts", "-i", str(playlist), "-map", stream,
        "-af", "aresample=48000:async=1:first_pts=0", "-f", "f32le", "-ac", "1", "-",
    )  # fmt: skip
    loud = np.flatnonzero(np.abs(np.frombuffer(raw, np.float32)) > 0.2)
    starts = loud[np.flatnonzero(np.diff(loud, prepend=-48_000) > 12_000)]
    return [float(start / 48_000) for start in starts]


@pytest.mark.parametrize(
    ("file", "rate", "options"),
    [
        ("exact.mov", "30", ["-c:a", "pcm_s16le"]),
        ("usual.mp4", "30", ["-c:a", "aac"]),  # priming, and the edit list that takes it off
        ("film.mkv", "24000/1001", ["-c:a", "flac"]),
        ("web.mkv", "30000/1001", ["-c:a", "libopus"]),
        ("cd.mp4", "25", ["-c:a", "aac", "-ar", "44100"]),
        ("late.mkv", "30000/1001", ["-c:a", "flac", "-output_ts_offset", "2.5"]),
        ("broadcast.ts", "25", ["-c:a", "mp2"]),
    ],
)
async def test_flash_and_beep(file: str, rate: str, options: list[str], pipeline: Pipeline, tmp_path: Path) -> None:
    await pipeline.process(flash_and_beep(tmp_path / file, rate, *options))
    period = float(round(Fraction(rate)) / Fraction(rate))
    expected = [index * period for index in range(SECONDS)]
    assert_heard(beeps(pipeline.playlist("audio-64k"), "0:a:0"), expected)
    for name in pipeline.video:
        assert flashes(pipeline.playlist(name), "0:v:0") == pytest.approx(expected, abs=0.001)
    # As a player gets both: through the master playlist.
    assert flashes(pipeline.master, "0:v:0") == pytest.approx(expected, abs=0.001)
    assert_heard(beeps(pipeline.master, "0:a:0"), expected)


def assert_heard(heard: list[float], expected: list[float]) -> None:
    """The very first AAC frame fades in, since the priming frame before it is not sent (docs/decisions/0005)."""
    assert heard[0] == pytest.approx(expected[0], abs=1024 / 48_000)
    assert heard[1:] == pytest.approx(expected[1:], abs=TOGETHER_S)
