"""How ffmpeg and ffprobe read a source: what they may open, and with how much patience."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from gilfoyle.media.formats import FORMATS

PROTOCOLS = ("file", "http", "https", "tcp", "tls")
"""How a source may be read; which of them is up to the storage. Nothing that opens a second file or URL."""

GIVE_UP_S = 15
"""A source over HTTP counts as lost when ffmpeg announces a pause this long (s): 0, 1, 3 and 7 have not helped.

It must be less than the longest that ffmpeg itself waits, because what ffmpeg does then can't be told from the end of
the file: whoever runs it ends it first (ffmpeg/source.py).
"""

# How ffmpeg reads over HTTP. A demuxer must never see a read that failed: to it that is the end of the file, and what
# is missing would become a frozen frame and silence.
_OVER_HTTP: Mapping[str, Any] = {
    # A response that breaks off is asked for again, from the byte that is missing.
    "reconnect": 1,
    # No connection, a reset, no answer in time …
    "reconnect_on_network_error": 1,
    # … and refusals too: those that waiting can't heal are noticed by whoever runs ffmpeg. Not 416: that is the end of
    # the file, where a broken one tells to look beyond it.
    "reconnect_on_http_error": "400,401,403,404,408,410,425,429,5xx",
    # As long as ffmpeg allows (s): a server's Retry-After must not make it give up by itself.
    "reconnect_delay_max": 4294,
    # A silent connection is dead after this long (µs): a gateway may have to find the content first.
    "rw_timeout": 20_000_000,
    # Sources are read by range. Without this, one answer from a server that doesn't would be read as a broken file.
    "seekable": 1,
}


def is_remote(source: str) -> bool:
    """Whether it is read over HTTP: a presigned URL, or a gateway's."""
    return source.startswith(("http://", "https://"))


def reading(source: str) -> dict[str, Any]:
    """What may be opened for this source and how it is read, as ffmpeg's and ffprobe's options."""
    remote = is_remote(source)
    # A gateway may send http on to https, and to another host.
    protocols = PROTOCOLS[1:] if remote else PROTOCOLS[:1]
    limits = {"protocol_whitelist": ",".join(protocols), "format_whitelist": ",".join(FORMATS)}
    return limits | dict(_OVER_HTTP if remote else {})


def reading_options(source: str) -> list[str]:
    """What ffmpeg and ffprobe may open for this source, and how they read it: options that stand before it."""
    return [part for name, value in reading(source).items() for part in (f"-{name}", str(value))]


def decimal(seconds: Fraction) -> str:
    """Microseconds: ffmpeg's own resolution for times on the command line."""
    return f"{float(seconds):.6f}"
