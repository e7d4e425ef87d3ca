"""What the numbers of a picture mean, and what they mean in its renditions. Pure: filters are named, and run elsewhere.

A rendition states its colour (VUI and `colr`), and what it states is true. Ordinary SDR stays as it is; all else
becomes BT.709 of limited range, once for all renditions. Names are ffmpeg's, for the code points of ITU-T H.273.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from gilfoyle.media import dolby

Filter = tuple[str, dict[str, Any]]
"""A filter's name and its options."""

_HDR = {"smpte2084", "arib-std-b67"}  # PQ and HLG
# What zscale can convert. All else that a file may say counts as not said: `reserved`, `unknown`, and a few that nobody
# could write a picture for.
_MATRICES = {
    "bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "ycgco", "bt2020nc", "bt2020c", "chroma-derived-nc",
    "chroma-derived-c", "ictcp",
}  # fmt: skip
# Those whose white is daylight (D65): of any other, zscale adapts it or not by what happens to lie in memory. DCI-P3 is
# the one that is used; its red, green and blue are Display P3's.
_PRIMARIES = {"bt709", "bt470bg", "smpte170m", "smpte240m", "bt2020", "smpte431", "smpte432", "ebu3213"}
_WITH_DAYLIGHT = {"smpte431": "smpte432"}
_TRANSFERS = _HDR | {
    "bt709", "bt470m", "bt470bg", "smpte170m", "smpte240m", "linear", "log100", "log316", "iec61966-2-4",
    "iec61966-2-1", "bt2020-10", "bt2020-12",
}  # fmt: skip
# What every player shows right: a picture in these is not converted.
_KEPT_MATRICES = {"bt709", "smpte170m", "bt470bg"}
_KEPT_PRIMARIES = {"bt709", "smpte170m", "bt470bg", "smpte240m"}
_KEPT_TRANSFERS = {"bt709", "smpte170m", "bt470m", "bt470bg", "smpte240m", "iec61966-2-1", "iec61966-2-4"}

# What goes together, for what is not said.
_PRIMARIES_OF = {
    "bt709": "bt709", "bt470bg": "bt470bg", "smpte170m": "smpte170m", "smpte240m": "smpte240m", "bt2020nc": "bt2020",
    "bt2020c": "bt2020", "ictcp": "bt2020", "gbr": "bt709", "ycgco": "bt709",
}  # fmt: skip
_MATRIX_OF = {
    "bt709": "bt709", "bt470bg": "bt470bg", "smpte170m": "smpte170m", "smpte240m": "smpte240m", "bt2020": "bt2020nc",
    "smpte432": "bt709",
}  # fmt: skip
_TRANSFER_OF = {"bt470bg": "smpte170m", "smpte170m": "smpte170m", "smpte240m": "smpte240m", "bt2020": "bt2020-10"}

# Linear light, BT.709 primaries, Hable's curve.
_TONE_MAP: list[Filter] = [
    ("zscale", {"transfer": "linear", "npl": 100}),
    ("format", {"pix_fmts": "gbrpf32le"}),
    ("zscale", {"primaries": "bt709"}),
    ("tonemap", {"tonemap": "hable", "desat": 0}),
]
# The nearest is taken, so that chroma is neither halved nor doubled: of a picture of odd size it can't be.
_PLANES = "yuv420p|yuv422p|yuv444p|yuv411p|yuv440p|yuv420p10le|yuv422p10le|yuv444p10le"

_RGB_FORMATS = ("gbr", "rgb", "bgr", "argb", "abgr", "0rgb", "0bgr", "x2rgb", "x2bgr", "pal8", "xyz")
# Always RGB; an ffprobe without zlib can't look into some of them.
_RGB_CODECS = {"png", "apng", "gif", "qtrle", "flashsv", "flashsv2", "zmbv", "tscc", "lcl"}


class Colour(BaseModel):
    """A colour description in which nothing is missing or reserved."""

    model_config = ConfigDict(frozen=True)

    range: Literal["tv", "pc"] = "tv"
    matrix: str = "bt709"
    primaries: str = "bt709"
    transfer: str = "bt709"
    unnamed: bool = False
    """Frames don't say this matrix, and ffmpeg would take another: it must be told."""

    @property
    def hdr(self) -> bool:
        return self.transfer in _HDR

    @property
    def kept(self) -> bool:
        """Whether renditions have the source's matrix, primaries and transfer."""
        return self.matrix in _KEPT_MATRICES and self.primaries in _KEPT_PRIMARIES and self.transfer in _KEPT_TRANSFERS


def read_colour(stream: Mapping[str, Any]) -> Colour:
    """The colour of a stream, of ffprobe's JSON. What is missing or reserved follows what is there.

    PQ and HLG are BT.2020 (ITU-R BT.2100), RGB is sRGB. If nothing at all is said, the size decides: HD is BT.709, SD
    is BT.601, of 576 lines its variant of 625 lines (ITU-R BT.601-7).
    """
    rgb = _is_rgb(stream)
    matrix = "gbr" if rgb else _said(stream, "color_space", _MATRICES)
    primaries = _said(stream, "color_primaries", _PRIMARIES)
    primaries = _WITH_DAYLIGHT.get(primaries or "", primaries)
    transfer = _said(stream, "color_transfer", _TRANSFERS) or dolby.base_transfer(stream)
    said = stream.get("color_space", "unknown") if matrix is None else matrix
    if transfer in _HDR:
        primaries, matrix = primaries or "bt2020", matrix or "bt2020nc"
    primaries = primaries or _PRIMARIES_OF.get(matrix or "", _usual(stream))
    matrix = matrix or _MATRIX_OF.get(primaries, _usual(stream))
    transfer = transfer or ("iec61966-2-1" if rgb else _TRANSFER_OF.get(primaries, "bt709"))
    full = rgb or str(stream.get("pix_fmt")).startswith("yuvj")
    said_range = _said(stream, "color_range", {"tv", "pc"}) or ("pc" if full else "tv")
    return Colour(
        range="pc" if said_range == "pc" else "tv",
        matrix=matrix,
        primaries=primaries,
        transfer=transfer,
        # What says nothing is BT.601 to ffmpeg.
        unnamed=said != matrix and not (said == "unknown" and matrix in {"smpte170m", "bt470bg"}),
    )


def rendered(source: Colour) -> Colour:
    """The colour of every rendition of a source."""
    if source.kept:
        return Colour(matrix=source.matrix, primaries=source.primaries, transfer=source.transfer)
    return Colour(transfer=source.transfer if source.transfer in _KEPT_TRANSFERS else "bt709")


def to_rendered(source: Colour) -> list[Filter]:
    """What makes a decoded picture one of the renditions' colour, before it is scaled for each of them.

    Nothing, or a name, for ordinary SDR.
    """
    if source.kept:
        # A description may change midway, so that a frame's own counts where there is one.
        name: list[Filter] = [("setparams", {"colorspace": source.matrix})] if source.unnamed else []
        return name if source.range == "tv" else [*name, *_zscale({})]
    target = rendered(source)
    told: list[Filter] = [_named(source)]
    if source.matrix == "gbr":
        # In planes, and without alpha: zscale reads no other RGB.
        told.append(("format", {"pix_fmts": "gbrp|gbrp10le|gbrp12le|gbrp14le|gbrp16le"}))
    if source.hdr:
        told += _TONE_MAP
    return [*told, *_zscale({"matrix": target.matrix, "primaries": target.primaries, "transfer": target.transfer})]


def rendition_scale(source: Colour) -> dict[str, Any]:
    """Options of a rendition's `scale`: matrix and range of what it makes, whatever a frame that comes has.

    Limited range, since not all players mind the flag of full range.
    """
    return {"out_color_matrix": rendered(source).matrix, "out_range": "tv"}


def rendition_tags(source: Colour) -> Filter:
    """What a rendition's encoder is told that its pictures are."""
    return _named(rendered(source))


def _zscale(options: dict[str, Any]) -> list[Filter]:
    """To limited range, into planes of YCbCr: without a choice of them the range would stay full (`yuvj420p`)."""
    return [("zscale", options | {"range": "limited"}), ("format", {"pix_fmts": _PLANES})]


def _named(colour: Colour) -> Filter:
    return (
        "setparams",
        {
            "range": colour.range,
            "colorspace": colour.matrix,
            "color_primaries": colour.primaries,
            "color_trc": colour.transfer,
        },
    )


def _said(stream: Mapping[str, Any], field: str, known: set[str]) -> str | None:
    value = stream.get(field)
    return value if value in known else None


def _is_rgb(stream: Mapping[str, Any]) -> bool:
    """By the format of its pixels: a matrix of RGB on other pixels is a slip of whoever wrote the container."""
    pixels = stream.get("pix_fmt", "unknown")
    return pixels.startswith(_RGB_FORMATS) or (pixels == "unknown" and stream.get("codec_name") in _RGB_CODECS)


def _usual(stream: Mapping[str, Any]) -> str:
    """BT.709, or BT.601 with the primaries of 625 or 525 lines, by the size: primaries and matrix have one name."""
    sides = sorted((int(stream.get("width") or 0), int(stream.get("height") or 0)))
    if sides[1] >= 1280 or sides[0] > 576:
        return "bt709"
    return "bt470bg" if int(stream.get("height") or 0) in {288, 576} else "smpte170m"
