"""All files of the corpus, and which of them do not come out right yet."""

from __future__ import annotations

from corpus.containers import CONTAINERS
from corpus.pictures import PICTURES
from corpus.sounds import SOUNDS

CASES = [*SOUNDS, *PICTURES, *CONTAINERS]

_NOT_YET: dict[str, tuple[str, ...]] = {
    "AVI and ASF lose their last pictures where there are B-frames": (
        "h264-b-frames.avi",
        "mpeg4-b-frames.avi",
        "rate-16000.avi",
        "rate-44100.asf",
    ),
    "Ogg is followed to the end of its first song": (
        "chained.ogg",
        "chained.opus",
        "chained-flac.ogg",
    ),
    "the length that is declared condemns a file that plays as far as it goes": ("cut-short.flac",),
    "ffmpeg takes it for a transport stream": (
        "cut-short.wav",
        "like-packets.wav",
    ),
    "stamps that were made up by the first rate are believed": ("midway-rate.aac",),
    "only one of the tracks is heard": (
        "four-mono.mxf",
        "six-mono.mov",
    ),
    "what changes loses pictures, or is stretched": (
        "size-changes.ts",
        "hevc-size-changes.ts",
        "colour-appears.ts",
        "range-changes.ts",
    ),
    "sound just before the picture is cut": (
        "codec-parameters-change.ts",
        "pixel-shape-changes.ts",
    ),
    "the rate or the number of frames of a variable source is off": (
        "variable-fast-then-slow.mkv",
        "variable-first-held.mp4",
        "variable-pause.mkv",
        "variable-slow-then-fast.mp4",
        "variable-slow-then-fast.webm",
    ),
}
NOT_YET = {name: reason for reason, names in _NOT_YET.items() for name in names}
"""Names of files that fail, and why. A test fails as soon as one of them does not: then it leaves the list."""
