"""What is uploaded: tiny files of mixed kinds, made once, and what must come of each of them.

Every frame carries its number: 16 upright bars in its upper third, in binary. So a frame that is lost, doubled or
moved shows when what was encoded is decoded.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

from bench.source import drafted
from gilfoyle.errors import EncodeFailed

CACHE = Path(__file__).parent / "cache"
BITS = 16
_WIDTH, _BARS, _REST = 320, 60, 120
# A part of the files' names: whoever changes how they are made raises it.
_RECIPE = 2
_AAC_PER_S = Fraction(48_000, 1024)


@dataclass(frozen=True)
class Source:
    """One kind of upload."""

    name: str
    file: str
    sent_as: str = "video"
    """What the client says: `video` or `audio`."""
    rate: Fraction = Fraction(0)
    """Frames per second of every video rendition; 0: there is no video."""
    frames: int = 0
    """Frames of every video rendition."""
    held: tuple[tuple[int, int], ...] = ()
    """Frames `[first, end)` that the file leaves out: the one before is shown instead."""
    seconds: Fraction = Fraction(0)
    """Length of the audio."""
    slack: int = 0
    """AAC frames that the audio may differ by, where the file itself is padded."""
    crf: int = 26
    """How the video is coded: less makes a larger file."""
    error: str | None = None
    """The code of the error that it deserves; None: it must become Ready."""

    @property
    def audio_frames(self) -> int:
        """AAC frames of every audio rendition, to the nearest."""
        return int(self.seconds * _AAC_PER_S + Fraction(1, 2))

    @property
    def numbers(self) -> list[int]:
        """What the bars of each frame must read."""
        shown = list(range(self.frames))
        for first, end in self.held:
            shown[first:end] = [first - 1] * (end - first)
        return shown

    @property
    def renditions(self) -> set[str]:
        """Their names, by the ladder of `settings`."""
        return {"180p", "90p", "audio-64k"} if self.rate else {"audio-64k", "audio-32k"}


def _film(name: str, file: str, rate: str, frames: int, **more: object) -> Source:
    return Source(name, file, rate=Fraction(rate), frames=frames, seconds=frames / Fraction(rate), **more)  # type: ignore[arg-type]


FILM = _film("H.264 MP4", "film.mp4", "30", 360)
LONG = _film("H.264 MP4, 30 s", "long.mp4", "25", 750)
# More than one part of a multipart upload, and long on its way.
LARGE = _film("H.264 MP4, large", "large.mp4", "30", 300, crf=8)
MATROSKA = _film("Matroska, 29.97", "film.mkv", "30000/1001", 300)
VARIABLE = _film("variable rate", "variable.mp4", "30", 300, held=((60, 90), (150, 195)))
STREAM = _film("MPEG-TS", "film.ts", "25", 200)
FLAC = Source("FLAC", "audio.flac", "audio", seconds=Fraction(24))
MP3 = Source("MP3", "audio.mp3", "audio", seconds=Fraction(16), slack=3)
TRUNCATED = Source("truncated", "truncated.mp4", error="truncated")
TEXT = Source("text", "text.txt", error="not_media")
NO_VIDEO = Source("audio as video", "audio.m4a", seconds=Fraction(8), slack=3)
SOURCES = (FILM, LONG, LARGE, MATROSKA, VARIABLE, STREAM, FLAC, MP3, TRUNCATED, TEXT, NO_VIDEO)


def make(cache: Path, ffmpeg: str, say: Callable[[str], None]) -> dict[Source, Path]:
    """The files, made where they are not there yet. Raises EncodeFailed."""
    folder = cache / f"sources-{_RECIPE}"
    return {source: drafted(folder / source.file, partial(_make, source, ffmpeg=ffmpeg), say) for source in SOURCES}


def _make(source: Source, file: Path, *, ffmpeg: str) -> None:
    if source is TEXT:
        file.write_text("This is no film.\n" * 2000)
    elif source is TRUNCATED:
        whole = file.with_name("whole.mp4")
        _run(film_command(ffmpeg, FILM, whole), bars(FILM.frames))  # its index comes last, and is cut off
        file.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        whole.unlink()
    elif source.rate:
        _run(film_command(ffmpeg, source, file), bars(source.frames))
    else:
        _run(audio_command(ffmpeg, float(source.seconds), file), ())


def film_command(ffmpeg: str, source: Source, file: Path, *options: str) -> list[str]:
    """H.264 and AAC from raw gray bars on stdin, above something that moves and is noisy: an encoder has work to do."""
    rate = str(source.rate)
    left_out = "+".join(f"between(n,{first},{end - 1})" for first, end in source.held) or "0"
    length = float(source.seconds)
    video = (
        "[0:v]format=yuv420p[bars];[1:v]format=yuv420p,noise=alls=14:allf=t:all_seed=1[rest];"
        f"[bars][rest]vstack,select='not({left_out})'[v]"
    )
    return [
        ffmpeg, "-v", "error", "-nostdin", "-y",
        "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{_WIDTH}x{_BARS}", "-r", rate, "-i", "pipe:0",
        "-f", "lavfi", "-i", f"testsrc2=size={_WIDTH}x{_REST}:rate={rate}:duration={length}",
        "-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={length}",
        "-filter_complex", video, "-map", "[v]", "-map", "2:a", "-fps_mode", "passthrough",
        "-c:v", "libx264", "-preset", "veryfast", "-crf", str(source.crf), "-bf", "2", "-g", "50",
        "-c:a", "aac", *options, str(file),
    ]  # fmt: skip


def audio_command(ffmpeg: str, seconds: float, file: Path) -> list[str]:
    """A stereo tone; the file's ending says how it is coded."""
    tone = f"sine=frequency=440:sample_rate=48000:duration={seconds},aformat=channel_layouts=stereo"
    return [ffmpeg, "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", tone, str(file)]


def bars(count: int) -> Iterator[bytes]:
    """Raw gray frames of bars: each is its number in binary, the most significant bit first."""
    width = _WIDTH // BITS
    for number in range(count):
        row = b"".join(bytes([228 if number >> bit & 1 else 28]) * width for bit in range(BITS - 1, -1, -1))
        yield row * _BARS


def read_bars(gray: bytes) -> list[int]:
    """The numbers of frames that were shrunk to 16 gray pixels each."""
    frames = (gray[at : at + BITS] for at in range(0, len(gray), BITS))
    return [sum((value > 128) << (BITS - 1 - index) for index, value in enumerate(frame)) for frame in frames]


def _run(command: Sequence[str], feed: Iterator[bytes] | tuple[bytes, ...]) -> None:
    done = subprocess.run(command, input=b"".join(feed), capture_output=True, check=False)
    if done.returncode:
        raise EncodeFailed(f"ffmpeg could not make {command[-1]}: {done.stderr.decode(errors='replace')[-500:]}")
