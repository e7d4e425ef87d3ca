"""Makes films of numbered frames and beeps by ffmpeg, and puts bytes together as broken software does."""

from __future__ import annotations

import array
import math
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from gilfoyle.errors import EncodeFailed

BITS = 16
_DARK, _BRIGHT = 28, 228
SIZE = (320, 240)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "18", "-bf", "2", "-g", "50")
AAC = ("-c:a", "aac", "-b:a", "96k")
# A beep lasts longer in some seconds than in others, so that a second can't be taken for the next.
_BEEP_MS = (50, 90, 60, 120, 70)
_PITCH = 1000


class Maker:
    """Works in a folder, in which it leaves what it needs on the way."""

    def __init__(self, folder: Path, ffmpeg: str) -> None:
        self._folder = folder
        self._ffmpeg = ffmpeg
        self._count = 0

    def run(self, *arguments: str | Path) -> None:
        """Run ffmpeg. Raises EncodeFailed with the end of what it says."""
        command = [self._ffmpeg, "-v", "error", "-nostdin", "-y", "-threads", "1", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            said = done.stderr.decode(errors="replace")[-800:]
            raise EncodeFailed(f"ffmpeg could not make {command[-1]}: {said}")

    def file(self, suffix: str) -> Path:
        """A new name for something on the way."""
        self._count += 1
        return self._folder / f"part-{self._count}{suffix}"

    def numbers(self, count: int, rate: str | Fraction = "25", first: int = 0) -> list[str]:
        """An input of frames 16×1, each with its number in binary: made larger by `shown`."""
        path = self.file(".gray")
        values = (
            bytes(_BRIGHT if n >> bit & 1 else _DARK for bit in range(BITS - 1, -1, -1))
            for n in range(first, first + count)
        )
        path.write_bytes(b"".join(values))
        return ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{BITS}x1", "-r", str(rate), "-i", str(path)]

    def beeps(self, seconds: float, rate: int = 48_000, channels: int = 1, first: int = 0) -> list[str]:
        """An input of audio, the same in all channels: a beep at each whole second."""
        path = self.file(".s16")
        path.write_bytes(_beeps(seconds, rate, channels, first))
        return ["-f", "s16le", "-ar", str(rate), "-ac", str(channels), "-i", str(path)]

    def film(
        self,
        path: Path,
        *options: str,
        seconds: float = 6,
        rate: str = "25",
        first: int = 0,
        size: tuple[int, int] = SIZE,
        filters: str = "",
        pixels: str = "yuv420p",
        video: Sequence[str] = X264,
        audio: Sequence[str] | None = AAC,
        audio_rate: int = 48_000,
        audio_s: float | None = None,
        audio_filters: str = "",
        channels: int = 1,
    ) -> Path:
        """A film; without `audio` it is mute. `options` stand before its path."""
        count = round(seconds * Fraction(rate))
        beeps = self.beeps(audio_s or seconds, audio_rate, channels) if audio is not None else []
        self.run(
            *self.numbers(count, rate, first), *beeps,
            "-vf", ",".join(filter(None, [shown(size), filters, f"format={pixels}"])),
            *(["-af", audio_filters] if audio_filters and beeps else []),
            "-fps_mode", "passthrough", *video, *(audio or []), *options, path,
        )  # fmt: skip
        return path

    def audio(
        self, path: Path, *options: str, seconds: float = 9, rate: int = 48_000, channels: int = 1, first: int = 0
    ) -> Path:
        """Audio only, coded as its ending says unless `options` say otherwise."""
        self.run(*self.beeps(seconds, rate, channels, first), *options, path)
        return path


def shown(size: tuple[int, int]) -> str:
    """The filters that make a number of 16×1 pixels a frame of upright bars."""
    return f"scale={size[0]}:{size[1]}:flags=neighbor,setsar=1"


def joined(path: Path, *parts: Path) -> None:
    """The parts one after the other, as `cat` does."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))


def cut(path: Path, share: float) -> None:
    """Leave only the first share of the bytes, as an upload that broke off."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def _beeps(seconds: float, rate: int, channels: int, first: int) -> bytes:
    total = round(seconds * rate)
    samples = bytearray(total * channels * 2)
    for second in range(math.ceil(seconds)):
        length = _BEEP_MS[(first + second) % len(_BEEP_MS)] * rate // 1000
        wave = (round(26_000 * math.sin(2 * math.pi * _PITCH * index / rate)) for index in range(length))
        tone = array.array("h", (value for value in wave for _ in range(channels))).tobytes()
        at = second * rate * channels * 2
        room = len(samples) - at
        samples[at : at + min(len(tone), room)] = tone[:room]
    return bytes(samples)
