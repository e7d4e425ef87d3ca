"""What the numbers of a pixel mean, and what they mean in the renditions. Pure: filters are named, and run elsewhere.

A rendition states its colour (VUI and `colr`), and what it states is true. Ordinary SDR stays as it is; all else
becomes BT.709 of limited range, once for all renditions. Names are ffmpeg's, for the code points of ITU-T H.273.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from gilfoyle.media import dolby

Part = Literal["range", "matrix", "primaries", "transfer"]
Filter = tuple[str, dict[str, Any]]
"""A filter's name and its options."""

_HDR = {"smpte2084", "arib-std-b67"}  # PQ and HLG
# What zscale can convert. All else that a file may say counts as not said: `reserved`, `unknown`, and a few that nobody
# could write an image for.
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
# What every player shows right: a frame in these is not converted.
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

_BT2020_CURVES = {"bt2020-10", "bt2020-12", "bt709", "smpte170m"}  # one and the same

# Linear light, BT.709 primaries, Hable's curve.
_TONE_MAP: list[Filter] = [
    ("zscale", {"transfer": "linear", "npl": 100}),
    ("format", {"pix_fmts": "gbrpf32le"}),
    ("zscale", {"primaries": "bt709"}),
    ("tonemap", {"tonemap": "hable", "desat": 0}),
]
# What HDR was mastered for is not true of what is made of it, and the encoder would write it down.
_NO_MASTERING: list[Filter] = [
    ("sidedata", {"mode": "delete", "type": kind}) for kind in ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL")
]
# The nearest is taken, so that chroma is neither halved nor doubled.
_PLANES = "yuv420p|yuv422p|yuv444p|yuv411p|yuv440p|yuv420p10le|yuv422p10le|yuv444p10le"

_RGB_FORMATS = ("gbr", "rgb", "bgr", "argb", "abgr", "0rgb", "0bgr", "x2rgb", "x2bgr", "pal8", "xyz")
_DECLARED = "declared_colour"
"""A key of our own in ffprobe's JSON."""
_FIELDS = ("color_space", "color_range")
_PARAMETER: Mapping[Part, str] = {
    "range": "range",
    "matrix": "colorspace",
    "primaries": "color_primaries",
    "transfer": "color_trc",
}
_GRAY_FORMATS = ("gray", "ya")
# Always RGB; an ffprobe without zlib can't look into some of them.
_RGB_CODECS = {"png", "apng", "gif", "qtrle", "flashsv", "flashsv2", "zmbv", "tscc", "lcl"}


class Colour(BaseModel):
    """A colour description in which nothing is missing or reserved."""

    model_config = ConfigDict(frozen=True)

    range: Literal["tv", "pc"] = "tv"
    matrix: str = "bt709"
    primaries: str = "bt709"
    transfer: str = "bt709"
    gray: bool = False
    """There is brightness only, of either range."""
    told: tuple[Part, ...] = ()
    """What ffmpeg is told of every frame: frames don't say it, or might not."""

    @property
    def hdr(self) -> bool:
        return self.transfer in _HDR

    @property
    def kept(self) -> bool:
        """Whether renditions have the source's matrix, primaries and transfer."""
        return self.matrix in _KEPT_MATRICES and self.primaries in _KEPT_PRIMARIES and self.transfer in _KEPT_TRANSFERS


def with_declared(probe: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """ffprobe's JSON, with what the container's header says of each stream's colour (`declared_command`'s JSON)."""
    said = {stream.get("index"): {name: stream.get(name) for name in _FIELDS} for stream in declared.get("streams", [])}
    streams = [stream | {_DECLARED: said.get(stream.get("index"), {})} for stream in probe.get("streams", [])]
    return {**probe, "streams": streams}


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
    if transfer in _HDR:
        primaries, matrix = primaries or "bt2020", matrix or "bt2020nc"
    elif stream.get("codec_name") == "mjpeg":
        primaries = primaries or "bt709"  # its matrix is BT.601's by its format, and tells nothing
    primaries = primaries or _PRIMARIES_OF.get(matrix or "", _usual(stream))
    transfer = transfer or ("iec61966-2-1" if rgb else _TRANSFER_OF.get(primaries, "bt709"))
    matrix = _defined(matrix or _MATRIX_OF.get(primaries, _usual(stream)), primaries, transfer)
    return Colour(
        range=_range(stream, rgb=rgb),
        matrix=matrix,
        primaries=primaries,
        transfer=transfer,
        gray=str(stream.get("pix_fmt")).startswith(_GRAY_FORMATS),
        told=_told(stream, matrix, primaries, transfer),
    )


def rendered(source: Colour) -> Colour:
    """The colour of every rendition of a source."""
    if source.kept:
        return Colour(matrix=source.matrix, primaries=source.primaries, transfer=source.transfer)
    return Colour(transfer=source.transfer if source.transfer in _KEPT_TRANSFERS else "bt709")


def named(source: Colour) -> list[Filter]:
    """What ffmpeg is told of decoded frames, before its scaler sees one. No number changes.

    Of what `to_rendered` converts it is a pretext: the scaler refuses much, and converts nothing of its own accord.
    """
    if not source.kept:
        return [_named(Colour(range=source.range, matrix="gbr" if source.matrix == "gbr" else "bt709"))]
    every = _named(source)[1]
    told = {_PARAMETER[name]: every[_PARAMETER[name]] for name in source.told}
    return [("setparams", told)] if told else []


def to_rendered(source: Colour) -> list[Filter]:
    """What makes frames one of the renditions' colour, before they are scaled for each: nothing for ordinary SDR.

    They are to have been named, and to be of one size with even sides: zscale takes no half of an odd one's chroma.
    """
    if source.kept:
        # The scaler takes every gray for one of full range.
        return _zscale({}) if source.gray or source.range == "pc" else []
    target = rendered(source)
    told = [_named(source)]
    if source.matrix == "gbr":
        # In planes, and without alpha: zscale reads no other RGB.
        told.append(("format", {"pix_fmts": "gbrp|gbrp10le|gbrp12le|gbrp14le|gbrp16le"}))
    if source.hdr:
        told += _TONE_MAP
    converted = _zscale({"matrix": target.matrix, "primaries": target.primaries, "transfer": target.transfer})
    return [*told, *converted, *_NO_MASTERING]


def rendition_scale(source: Colour) -> dict[str, Any]:
    """Options of a rendition's `scale`: matrix and range of what it makes, whatever a frame that comes has.

    Limited range, since not all players mind the flag of full range.
    """
    return {"out_color_matrix": rendered(source).matrix, "out_range": "tv"}


def rendition_tags(source: Colour) -> Filter:
    """What a rendition's encoder is told that its frames are."""
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


def _told(stream: Mapping[str, Any], matrix: str, primaries: str, transfer: str) -> tuple[Part, ...]:
    """What the container's header says, it says of all frames, and many decoders do not repeat it.

    What only the frames say may change midway, so that it is left to each of them. A frame that says nothing is BT.601
    to ffmpeg, and the scaler refuses one that says what is reserved.
    """
    parts: list[tuple[Part, str, str]] = [
        ("matrix", "color_space", matrix),
        ("primaries", "color_primaries", primaries),
        ("transfer", "color_transfer", transfer),
    ]
    told: list[Part] = [part for part, field, value in parts if stream.get(field, "unknown") not in {"unknown", value}]
    declared, silent = stream.get(_DECLARED, {}), stream.get("color_space", "unknown") == "unknown"
    if declared.get("color_space") == matrix or (silent and matrix not in {"smpte170m", "bt470bg"}):
        told.insert(0, "matrix")
    if declared.get("color_range") in {"tv", "pc"} and declared.get("color_range") == stream.get("color_range"):
        told.append("range")
    return tuple(told)


def _defined(matrix: str, primaries: str, transfer: str) -> str:
    """BT.2020's constant luminance is defined for its own curve, and ICtCp for HDR in BT.2020; elsewhere, a slip."""
    slip = (matrix == "bt2020c" and transfer not in _BT2020_CURVES) or (
        matrix == "ictcp" and not (transfer in _HDR and primaries == "bt2020")
    )
    return "bt2020nc" if slip else matrix


def _range(stream: Mapping[str, Any], *, rgb: bool) -> Literal["tv", "pc"]:
    said = stream.get("color_range")
    full = said == "pc" or (said != "tv" and (rgb or str(stream.get("pix_fmt")).startswith("yuvj")))
    return "pc" if full else "tv"


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
