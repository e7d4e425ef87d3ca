"""Beeps at every rate, in every container that can hold them: what codec that takes, and the files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from corpus.maker import X264, Maker, shown

RATES = (8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)
CONTAINERS = ("mp4", "mov", "mkv", "webm", "ts", "avi", "ogg", "flac", "mp3", "m4a")
AUDIO_ONLY = {"ogg", "flac", "mp3", "m4a"}
_AAC_RATES = RATES[:-1]
_MPEG_RATES = (8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_MP2_RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
# A frame costs little if there are few of them; the audio must keep step with it.
_FRAMES, _SIZE = "5", (96, 72)
_PCM_RATE = 48_000
# Of what the beeps are made: they are the same whatever the rate is.
_MINUTE_S = 60


def codec(container: str, rate: int) -> tuple[str, ...] | None:
    """What the container holds the rate in; None if there is nothing that both can take."""
    if container in ("mp4", "m4a"):
        return ("-c:a", "aac", "-b:a", "64k") if rate in _AAC_RATES else ("-c:a", "alac")
    if container in ("mov", "avi"):
        return ("-c:a", "pcm_s16le")
    if container in ("mkv", "flac"):
        return ("-c:a", "flac")
    if container in ("webm", "ogg"):
        return ("-c:a", "libvorbis", "-q:a", "4")
    if container == "mp3":
        return ("-c:a", "libmp3lame", "-b:a", "64k") if rate in _MPEG_RATES else None
    if rate in _MP2_RATES:
        return ("-c:a", "mp2", "-b:a", "64k")
    return ("-c:a", "aac", "-b:a", "64k") if rate in _AAC_RATES else None


def make(folder: Path, container: str, rate: int, seconds: int, ffmpeg: str) -> Path:
    """The file. Raises EncodeFailed."""
    path = folder / f"beeps-{rate}-{seconds}s.{container}"
    with tempfile.TemporaryDirectory(prefix="gfb-", dir=folder) as scratch:
        maker = Maker(Path(scratch), ffmpeg)
        audio = [*_again(maker.beeps(min(seconds, _MINUTE_S), _PCM_RATE), seconds), "-t", str(seconds)]
        wanted = codec(container, rate)
        assert wanted is not None
        if container in AUDIO_ONLY:
            maker.run(*audio, "-ar", str(rate), *wanted, path)
        else:
            frames = maker.numbers(seconds * int(_FRAMES), _FRAMES)
            video = ("-c:v", "libvpx", "-deadline", "realtime") if container == "webm" else X264
            filters = f"{shown(_SIZE)},format=yuv420p"
            maker.run(*frames, *audio, "-ar", str(rate), "-vf", filters, *video, *wanted, path)
    return path


def _again(beeps: list[str], seconds: int) -> list[str]:
    """A minute of beeps, over and over."""
    times = -(-seconds // _MINUTE_S) - 1
    return ["-stream_loop", str(times), *beeps] if times else beeps


Say = Callable[[str], None]
