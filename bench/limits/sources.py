"""Cheap sources: tiny frames and a tone, so that number and length are all that is hard about them."""

from __future__ import annotations

from pathlib import Path

from bench.room import check_room
from bench.source import Say, kept, loop_command

_MINUTE_S = 60
_SIZE = "64x36"
_AUDIO = "sine=frequency=330:sample_rate=48000"
_AUDIO_KBPS = 32
# A frame lasts 0.2 s: ten hours are 180,000 of them.
_SLOW_RATE = 5
_RATE = 25
# More than any of them takes: audio, and frames of 64×36.
_KBPS = 80


def tiny(cache: Path, ffmpeg: str, say: Say) -> Path:
    """A film of one second. Raises EncodeFailed."""
    return kept(cache / "limits-1s.mp4", lambda draft: video_command(ffmpeg, 1, _RATE, draft), say)


def long_audio(cache: Path, seconds: int, ffmpeg: str, say: Say) -> Path:
    """An audio file. Raises EncodeFailed, and StorageError if the disk can't take it."""
    minute = kept(cache / "limits-60s.m4a", lambda draft: audio_command(ffmpeg, _MINUTE_S, draft), say)
    return _looped(minute, seconds, ffmpeg, say)


def long_video(cache: Path, seconds: int, ffmpeg: str, say: Say) -> Path:
    """A film of tiny frames. Raises EncodeFailed, and StorageError if the disk can't take it."""
    file = cache / "limits-60s.mp4"
    minute = kept(file, lambda draft: video_command(ffmpeg, _MINUTE_S, _SLOW_RATE, draft), say)
    return _looped(minute, seconds, ffmpeg, say)


def _looped(minute: Path, seconds: int, ffmpeg: str, say: Say) -> Path:
    file = minute.with_name(f"limits-{seconds}s-loop{minute.suffix}")
    if not file.is_file():
        check_room(seconds * _KBPS * 1000 // 8, minute.parent, "measure something shorter")
    return kept(file, lambda draft: loop_command(ffmpeg, minute, seconds, draft), say)


def audio_command(ffmpeg: str, seconds: int, file: Path) -> list[str]:
    """AAC, mono."""
    return [
        ffmpeg, "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", _AUDIO,
        "-t", str(seconds), "-c:a", "aac", "-b:a", f"{_AUDIO_KBPS}k", "-movflags", "+faststart", str(file),
    ]  # fmt: skip


def video_command(ffmpeg: str, seconds: int, rate: int, file: Path) -> list[str]:
    """H.264 with a GOP of 2 s, and the audio."""
    return [
        ffmpeg, "-v", "error", "-nostdin", "-y",
        "-f", "lavfi", "-i", f"testsrc2=size={_SIZE}:rate={rate}", "-f", "lavfi", "-i", _AUDIO,
        "-t", str(seconds), "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", str(2 * rate),
        "-c:a", "aac", "-b:a", f"{_AUDIO_KBPS}k", "-movflags", "+faststart", str(file),
    ]  # fmt: skip
