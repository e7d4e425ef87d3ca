"""How ffmpeg and ffprobe read a source: what they may open."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from gilfoyle.media.formats import FORMATS

PROTOCOLS = {"": "file", "http": "http,tcp"}
"""By the scheme of a source, what it may be read by. Nothing that opens a second file or another host by a name."""


def reading(source: str) -> Mapping[str, str]:
    """What may be opened for this source, a path or a URL of the loopback, as ffmpeg's and ffprobe's options."""
    scheme = "http" if source.startswith("http://") else ""
    return {"protocol_whitelist": PROTOCOLS[scheme], "format_whitelist": ",".join(FORMATS)}


def reading_options(source: str) -> list[str]:
    """As `reading`, as the arguments that stand before the source."""
    return [part for name, value in reading(source).items() for part in (f"-{name}", value)]


def decimal(seconds: Fraction) -> str:
    """Microseconds: ffmpeg's own resolution for times on the command line."""
    return f"{float(seconds):.6f}"
