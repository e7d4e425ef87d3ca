"""All files of the corpus, and which of them do not come out right yet."""

from __future__ import annotations

from corpus.audio import AUDIO
from corpus.containers import CONTAINERS
from corpus.video import VIDEO

CASES = [*AUDIO, *VIDEO, *CONTAINERS]

_NOT_YET: dict[str, tuple[str, ...]] = {
    "ASF loses its first frame": ("rate-44100.asf",),
    "each song of a chain is up to 14 ms later than the one before": (
        "chained.ogg",
        "chained.opus",
        "chained-flac.ogg",
    ),
    "stamps that were made up by the first rate are believed": ("midway-rate.aac",),
}
NOT_YET = {name: reason for reason, names in _NOT_YET.items() for name in names}
"""Names of files that fail, and why. A test fails as soon as one of them does not: then it leaves the list."""
