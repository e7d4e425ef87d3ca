"""Images, still and animated, as ffmpeg sees them: GIF, PNG and APNG, WebP, JPEG …

ffprobe is not believed: it may be an older release, or built without what PNG needs, and it does not tell that a photo
is turned upright. So the ffmpeg that encodes lists what it finds, and that is put into ffprobe's words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from gilfoyle.media.formats import IMAGES

# Where nothing is said.
_USUAL_RATE = Fraction(25)
# Delays that differ by less are those of a constant rate, rounded by a program to whole milliseconds or hundredths.
_ALIKE = Fraction(5, 4)
# The shortest step that is worth a grid of its own (frames/s): a GIF's hundredth of a second.
_FINEST = 100


# What an image is that does not say it: sRGB, with the matrix of JPEG (MIAF, ISO/IEC 23000-22, 7.3.6.4).
_SRGB = {"color_primaries": "bt709", "color_transfer": "iec61966-2-1", "color_space": "bt470bg"}

_TRANSPARENT = {"gif", "png", "apng", "webp", "webp_anim", "tiff"}

# JPEGs in one file are a photo, if they are no more: behind it come the map of its highlights, what the other eye saw …
# (CIPA DC-007). More are a recording, M-JPEG without a container.
_MOST_OF_A_PHOTO = 4
_JPEG = {"jpeg_pipe", "mjpeg"}

STILL_RATE = Fraction(5)
"""Frames per second of what is made of a still: nothing moves, and each frame of a photo costs as much as of a film."""


class Drawn(NamedTuple):
    """An image: its size as a person sees it, and how long each of its frames is shown (seconds)."""

    width: int
    height: int
    delays: list[Fraction]


def is_image(probe: Mapping[str, Any]) -> bool:
    """Whether the file is one image, still or animated, and not a film in a container."""
    names = str(probe.get("format", {}).get("format_name", "")).split(",")
    return names[0] in IMAGES or is_tiled(probe)


def is_tiled(probe: Mapping[str, Any]) -> bool:
    """Whether it is a photo cut into tiles, each a stream, as telephones write HEIC; and no film is beside it."""
    ways = [each.get("disposition", {}) for each in probe.get("streams", []) if each.get("codec_type") == "video"]
    tiles = [way for way in ways if way.get("dependent")]
    return bool(tiles) and not any(way.get("default") for way in ways if way not in tiles)


def is_transparent(probe: Mapping[str, Any]) -> bool:
    """Whether it is an image in a format that can be transparent."""
    return is_image(probe) and bool(probe["streams"]) and probe["streams"][0].get("codec_name") in _TRANSPARENT


def read_size(listing: str) -> tuple[int, int] | None:
    """The size of a decoded frame, of `image_size_command`'s output; None if none could be decoded."""
    for line in listing.splitlines():
        if line.startswith("#dimensions 0: "):
            width, _, height = line.rpartition(" ")[2].partition("x")
            return (int(width), int(height)) if int(width) and int(height) else None
    return None


def read_delays(listing: str) -> list[Fraction]:
    """How long each frame is shown (seconds), of `image_frames_command`'s output."""
    tick, stamps, last = Fraction(0), [], 0
    for line in listing.splitlines():
        if line.startswith("#tb 0: "):
            tick = Fraction(line.rpartition(" ")[2])
        elif not line.startswith("#"):
            fields = [int(field) for field in line.split(",")[1:4]]
            stamps.append(fields[1])
            last = fields[2]
    ends = [*stamps[1:], stamps[-1] + last] if stamps else []
    return [(end - start) * tick for start, end in zip(stamps, ends, strict=True)]


def shown(probe: Mapping[str, Any], delays: list[Fraction]) -> list[Fraction]:
    """The frames that are meant to be seen, of all in an image's file."""
    is_photo = probe["format"]["format_name"] in _JPEG and len(delays) <= _MOST_OF_A_PHOTO
    return delays[:1] if is_photo else delays


def pace(delays: Sequence[Fraction]) -> Fraction:
    """The rate of a grid on which every frame has a place of its own, and its time if that can be (frames/s)."""
    real = [delay for delay in delays if delay]
    if not real:
        return _USUAL_RATE
    if max(real) <= _ALIKE * min(real):
        return len(real) / sum(real, Fraction(0))
    unit = math.lcm(*(delay.denominator for delay in real))
    step = Fraction(math.gcd(*(int(delay * unit) for delay in real)), unit)
    return 1 / step if 1 / step <= _FINEST else 1 / min(real)


def probed(probe: Mapping[str, Any], drawn: Drawn) -> dict[str, Any]:
    """ffprobe's JSON of an image, with what ffmpeg found in place of what ffprobe did."""
    rate = pace(drawn.delays)
    # Such an image is put on white as RGB, whatever it is coded as.
    as_rgb = {"pix_fmt": "gbrap", "color_space": "gbr", "color_range": "pc"} if is_transparent(probe) else {}
    found = as_rgb | {
        "width": drawn.width,
        "height": drawn.height,
        "sample_aspect_ratio": "1:1",
        "side_data_list": [],
        "nb_frames": str(len(drawn.delays)),
        "avg_frame_rate": f"{rate.numerator}/{rate.denominator}",
        "r_frame_rate": f"{rate.numerator}/{rate.denominator}",
        "start_time": "0",
        "disposition": {},
        "tiled": is_tiled(probe),
    }
    said = {name: value for name, value in probe["streams"][0].items() if value != "unknown"}
    return {**probe, "streams": [_SRGB | said | found]}
