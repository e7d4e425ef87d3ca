"""Kinds of video, as cameras, phones, recorders of screens and editors write them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests import colours
from tests.colours import convert, make_chart

Description = tuple[str, str, str]
"""Matrix, primaries, transfer."""

HD, ODD = (1280, 720), (385, 257)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "4")
X264RGB = ("-c:v", "libx264rgb", "-preset", "ultrafast", "-crf", "0")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "4", "-x265-params", "log-level=none")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "4", "-b:v", "0")
AV1 = ("-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-crf", "4")
PRORES = ("-c:v", "prores_ks", "-profile:v", "4444")
FFV1 = ("-c:v", "ffv1")
MJPEG = ("-c:v", "mjpeg", "-q:v", "1")
QTRLE = ("-c:v", "qtrle")

BT709: Description = ("bt709", "bt709", "bt709")
BT601: Description = ("smpte170m", "smpte170m", "smpte170m")
PAL: Description = ("bt470bg", "bt470bg", "smpte170m")
JFIF: Description = ("bt470bg", "bt709", "bt709")
SRGB: Description = ("bt709", "bt709", "iec61966-2-1")
RGB: Description = ("gbr", "bt709", "iec61966-2-1")
BT2020: Description = ("bt2020nc", "bt2020", "bt2020-10")
PQ: Description = ("bt2020nc", "bt2020", "smpte2084")
HLG: Description = ("bt2020nc", "bt2020", "arib-std-b67")
NOTHING: Description = ("unknown", "unknown", "unknown")
ONLY_RGB: Description = ("gbr", "unknown", "unknown")


@dataclass(frozen=True)
class Kind:
    """How a video is coded, what its file says of that, and what its renditions are to state."""

    coded: Description
    said: Description
    stated: Description
    pixels: str = "yuv420p"
    range: str = "limited"
    options: tuple[str, ...] = X264
    name: str = "source.mkv"
    size: tuple[int, int] = (384, 256)
    says_range: bool = True


def as_said(coded: Description, pixels: str = "yuv420p", **how: object) -> Kind:
    """Ordinary SDR that says all of what it is: it stays so."""
    return Kind(coded, coded, coded, pixels, **how)  # type: ignore[arg-type]


def rgb(
    pixels: str, options: tuple[str, ...], name: str = "source.mkv", said: Description = RGB, **how: object
) -> Kind:
    """RGB of full range, whose renditions keep the transfer of sRGB."""
    return Kind(RGB, said, SRGB, pixels, "full", options, name, **how)  # type: ignore[arg-type]


KINDS = {
    "bt709": as_said(BT709, size=HD),
    "bt709 small": as_said(BT709),
    "bt601": as_said(BT601),
    "bt601 large": as_said(BT601, size=HD),
    "hd says nothing": Kind(BT709, NOTHING, BT709, size=HD, says_range=False),
    "hd upright says nothing": Kind(BT709, NOTHING, BT709, size=HD[::-1]),
    "sd says nothing": Kind(BT601, NOTHING, BT601, name="source.mp4", says_range=False),
    "576 lines say nothing": Kind(PAL, NOTHING, PAL, size=(720, 576)),
    "says its primaries only": Kind(BT709, ("unknown", "bt709", "unknown"), BT709),
    "full range": as_said(BT709, range="full"),
    "full range says nothing": Kind(BT601, NOTHING, BT601, "yuvj420p", "full"),
    "full range of odd size": Kind(JFIF, NOTHING, JFIF, "yuvj420p", "full", MJPEG, "source.avi", ODD),
    "ten bits": as_said(BT709, "yuv420p10le", options=X265),
    "rgb": rgb("gbrp", X264RGB, said=ONLY_RGB, size=HD),
    "rgb packed, with alpha": rgb("argb", QTRLE, "source.mov", NOTHING),
    "rgb in png": rgb("rgb24", ("-c:v", "png"), "source.mov", NOTHING),
    "ycgco": Kind(("ycgco", *BT709[1:]), ("ycgco", *BT709[1:]), BT709),
    "bt2020 without its matrix": Kind(BT2020, ("unknown", "bt2020", "unknown"), BT709, "yuv420p10le", options=X265),
    "bt2020 of odd size": Kind(BT2020, BT2020, BT709, "yuv420p10le", options=FFV1, size=ODD),
    "display p3": Kind(("bt709", "smpte432", "bt709"), ("bt709", "smpte432", "bt709"), BT709),
    "vp9 that only its container describes": Kind(BT709, BT709, BT709, options=VP9, name="source.webm"),
    "motion jpeg": Kind(JFIF, NOTHING, JFIF, "yuvj422p", "full", MJPEG, "source.avi"),
}  # fmt: skip

RARE = {
    "pal": as_said(("bt470bg", "bt470bg", "bt470bg")),
    "says its matrix only": Kind(BT709, ("bt709", "unknown", "unknown"), BT709),
    "bt601 with the primaries of bt709": as_said(("smpte170m", "bt709", "bt709")),
    "full range hd says nothing": Kind(BT709, NOTHING, BT709, "yuvj420p", "full", size=HD),
    "4:2:2": as_said(BT709, "yuv422p10le", options=FFV1),
    "4:4:4": as_said(BT601, "yuv444p"),
    "4:4:0": as_said(BT709, "yuv440p", options=FFV1),
    "4:1:1": Kind(BT601, NOTHING, BT601, "yuv411p", options=("-c:v", "ffvhuff"), name="source.avi"),
    "4:2:2 packed": Kind(BT601, NOTHING, BT601, "uyvy422", options=("-c:v", "rawvideo"), name="source.avi"),
    "4:2:2 v210": Kind(BT709, NOTHING, BT709, "yuv422p10le", options=("-c:v", "v210"), name="source.avi", size=HD),
    "4:2:2 of full range and odd size": Kind(JFIF, NOTHING, JFIF, "yuvj422p", "full", MJPEG, "source.avi", ODD),
    "rgb that says bt709's curve": Kind(("gbr", *BT709[1:]), ("gbr", *BT709[1:]), BT709, "gbrp", "full", X264RGB),
    "rgb of limited range": Kind(RGB, RGB, SRGB, "gbrp", options=X264RGB),
    "rgb of ten bits": rgb("gbrp10le", X265),
    "rgb of twelve bits": rgb("gbrp12le", FFV1),
    "rgb of odd size": rgb("gbrp", FFV1, size=ODD),
    "rgb packed": rgb("rgb24", QTRLE, "source.mov", NOTHING),
    "rgb in png, with alpha": rgb("rgba", ("-c:v", "png"), "source.mov", NOTHING),
    "rgb by a palette": rgb("pal8", QTRLE, "source.mov", NOTHING),
    "ycgco 4:4:4": Kind(("ycgco", *BT709[1:]), ("ycgco", *BT709[1:]), BT709, "yuv444p"),
    "ycgco of odd size": Kind(("ycgco", *BT709[1:]), ("ycgco", *BT709[1:]), BT709, options=FFV1, size=ODD),
    "fcc": Kind(("fcc", *BT601[1:]), ("fcc", *BT601[1:]), ("bt709", "bt709", "smpte170m")),
    "smpte240m": Kind(("smpte240m",) * 3, ("smpte240m",) * 3, ("bt709", "bt709", "smpte240m")),
    "bt2020": Kind(BT2020, BT2020, BT709, "yuv420p10le", options=X265),
    "bt2020 of constant luminance": Kind(
        ("bt2020c", *BT2020[1:]), ("bt2020c", *BT2020[1:]), BT709, "yuv420p10le", options=X265
    ),
    "display p3 with srgb's curve": Kind(
        ("bt709", "smpte432", "iec61966-2-1"), ("bt709", "smpte432", "iec61966-2-1"), SRGB
    ),
    "dci-p3": Kind(("bt709", "smpte432", "bt709"), ("bt709", "smpte431", "bt709"), BT709),
    "ntsc of 1953": Kind(BT601, ("smpte170m", "bt470m", "smpte170m"), BT601),
    "film": Kind(BT709, ("bt709", "film", "bt709"), BT709),
    "srgb's curve": as_said(SRGB),
    "xvycc": as_said(("bt709", "bt709", "iec61966-2-4")),
    "linear light": Kind(
        ("bt709", "bt709", "linear"), ("bt709", "bt709", "linear"), BT709, "yuv444p12le", options=FFV1
    ),
    "alpha": as_said(BT709, "yuva444p10le", options=PRORES, name="source.mov"),
    "alpha in vp9": as_said(BT601, "yuva420p", options=VP9, name="source.webm"),
    "hevc that only its container describes": as_said(BT709, options=(*X265, "-tag:v", "hvc1"), name="source.mp4"),
    "av1": as_said(BT709, options=AV1, name="source.mp4"),
}  # fmt: skip

HDR = {
    "pq": Kind(PQ, PQ, BT709, "yuv420p10le", options=X265),
    "pq says nothing else": Kind(PQ, ("unknown", "unknown", "smpte2084"), BT709, "yuv420p10le", options=X265),
    "hlg": Kind(HLG, HLG, BT709, "yuv420p10le", options=X265),
    "pq in rgb": Kind(("gbr", *PQ[1:]), ("gbr", *PQ[1:]), BT709, "gbrp10le", "full", X265),
    "pq of odd size": Kind(PQ, PQ, BT709, "yuv420p10le", options=FFV1, size=ODD),
}

RARE_HDR = {
    "pq without its matrix": Kind(PQ, ("unknown", "bt2020", "smpte2084"), BT709, "yuv420p10le", options=X265),
    "pq without its primaries": Kind(PQ, ("bt2020nc", "unknown", "smpte2084"), BT709, "yuv420p10le", options=X265),
    "pq in mp4 says nothing else": Kind(
        PQ, ("unknown", "unknown", "smpte2084"), BT709, "yuv420p10le", options=X265, name="source.mp4"
    ),
    "hlg says nothing else": Kind(HLG, ("unknown", "unknown", "arib-std-b67"), BT709, "yuv420p10le", options=X265),
    "hlg in rgb": Kind(("gbr", *HLG[1:]), ("gbr", *HLG[1:]), BT709, "gbrp10le", "full", X265),
    "pq in rgb says nothing else": Kind(
        ("gbr", *PQ[1:]), ("gbr", "unknown", "smpte2084"), BT709, "gbrp12le", "full", FFV1
    ),
    "pq of full range": Kind(PQ, PQ, BT709, "yuv420p10le", "full", X265),
    "pq in eight bits": Kind(PQ, PQ, BT709),
    "pq in ictcp": Kind(("ictcp", *PQ[1:]), ("ictcp", *PQ[1:]), BT709, "yuv420p10le", options=X265),
    "hlg in ictcp": Kind(("ictcp", *HLG[1:]), ("ictcp", *HLG[1:]), BT709, "yuv420p10le", options=X265),
    "pq in display p3": Kind(
        ("bt709", "smpte432", "smpte2084"), ("bt709", "smpte432", "smpte2084"), BT709, "yuv420p10le", options=X265
    ),
    "pq 4:4:4 of odd size": Kind(PQ, PQ, BT709, "yuv444p10le", options=FFV1, size=ODD),
    "pq of constant luminance, which there is none of": Kind(
        PQ, ("bt2020c", *PQ[1:]), BT709, "yuv420p10le", options=X265
    ),
    "pq in vp9": Kind(PQ, PQ, BT709, "yuv420p10le", options=(*VP9, "-profile:v", "2"), name="source.webm"),
    "pq in av1": Kind(PQ, PQ, BT709, "yuv420p10le", options=AV1, name="source.mp4"),
    "hlg in prores, with alpha": Kind(HLG, HLG, BT709, "yuva444p10le", options=PRORES, name="source.mov"),
}


def make(path: Path, kind: Kind, *, frames: int = 5) -> Path:
    """The chart as that kind. HDR shows it as diffuse white shows it: at 203 cd/m² (ITU-R BT.2408)."""
    _, primaries, transfer = kind.coded
    light = names("gbr", primaries, transfer, "full")
    coding = (
        "null" if kind.coded[0] == "gbr" and kind.range == "full" else convert(light, names(*kind.coded, kind.range))
    )
    if transfer in {"smpte2084", "arib-std-b67"}:
        coding = f"{convert(colours.SRGB, light)}:npl=203,format=gbrp16le,{coding}"
    halved = "format=yuv444p10le," if kind.size[0] % 2 and "42" in kind.pixels else ""
    if halved:  # zscale halves no odd side; the scaler does, if it knows the matrix
        coding = f"{coding},{halved}setparams=colorspace=bt709,scale=flags=bicubic"
    said = tags(kind.said, kind.range if kind.says_range else "unknown")
    return make_chart(path, f"{coding},format={kind.pixels},{said}", *kind.options, size=kind.size, frames=frames)


def tags(said: Description, values: str) -> str:
    """A filter that says so of each frame."""
    matrix, primaries, transfer = said
    values = {"limited": "tv", "full": "pc"}.get(values, values)
    return f"setparams=colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}:range={values}"


def names(matrix: str, primaries: str, transfer: str, values: str) -> dict[str, str]:
    return {"matrix": matrix, "primaries": primaries, "transfer": transfer, "range": values}
