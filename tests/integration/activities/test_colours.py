"""Every rendition states its colour, and with what it states every one shows the source's: ΔE ≤ 2 on a chart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.colours import Colours, coloured, convert, difference, make_chart, shown
from tests.integration.activities.pipeline import SMALL, Pipeline, streams

LARGEST = 2.0
"""ΔE: what is seen only side by side."""
HD = (1280, 720)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "4")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "4", "-x265-params", "log-level=none")
FFV1 = ("-c:v", "ffv1")
BT709, BT601, PAL = ("bt709",) * 3, ("smpte170m",) * 3, ("bt470bg", "bt470bg", "smpte170m")
RGB = ("gbr", "bt709", "iec61966-2-1")
FROM_RGB = ("bt709", "bt709", "iec61966-2-1")


LIBX264RGB = ("-c:v", "libx264rgb", "-preset", "ultrafast", "-crf", "0")
BT2020 = ("bt2020nc", "bt2020", "bt2020-10")
QTRLE = ("-c:v", "qtrle")


@dataclass(frozen=True)
class Kind:
    """How a picture is coded, what its file says of that, and what its renditions are to say."""

    coded: tuple[str, str, str]
    """Matrix, primaries, transfer."""
    said: tuple[str, str, str]
    stated: tuple[str, str, str]
    pixels: str = "yuv420p"
    range: str = "limited"
    said_range: str = "tv"
    name: str = "source.mkv"
    options: tuple[str, ...] = X264
    size: tuple[int, int] = (384, 256)


@pytest.fixture
def fine(tmp_path: Path) -> Pipeline:
    """Three rungs that lose next to nothing, so that only what is converted shows."""
    return Pipeline(
        tmp_path,
        SMALL.model_copy(
            update={"video": [rung.model_copy(update={"crf": 4.0, "max_kbps": 50000}) for rung in SMALL.video]}
        ),
    )


UNTAGGED = ("unknown", "unknown", "unknown")
KINDS = {
    "bt709": Kind(BT709, BT709, BT709, size=HD),
    "bt709 small": Kind(BT709, BT709, BT709),
    "bt601": Kind(BT601, BT601, BT601),
    "bt601 large": Kind(BT601, BT601, BT601, size=HD),
    "pal": Kind(("bt470bg",) * 3, ("bt470bg",) * 3, ("bt470bg",) * 3),
    "untagged hd": Kind(BT709, UNTAGGED, BT709, said_range="unknown", size=HD),
    "untagged hd upright": Kind(BT709, UNTAGGED, BT709, size=HD[::-1]),
    "untagged sd": Kind(BT601, UNTAGGED, BT601, said_range="unknown", name="source.mp4"),
    "untagged sd of 576 lines": Kind(PAL, UNTAGGED, PAL, size=(720, 576)),
    "matrix only": Kind(BT709, ("bt709", "unknown", "unknown"), BT709),
    "primaries only": Kind(BT709, ("unknown", "bt709", "unknown"), BT709),
    "bt601 with the primaries of bt709": Kind(
        ("smpte170m", "bt709", "bt709"), ("smpte170m", "bt709", "bt709"), ("smpte170m", "bt709", "bt709")
    ),
    "full range": Kind(BT709, BT709, BT709, range="full", said_range="pc"),
    "full range untagged": Kind(BT601, UNTAGGED, BT601, "yuvj420p", "full", "pc"),
    "full range untagged hd": Kind(BT709, UNTAGGED, BT709, "yuvj420p", "full", "pc", size=HD),
    "ten bits": Kind(BT709, BT709, BT709, "yuv420p10le", options=X265),
    "4:2:2": Kind(BT709, BT709, BT709, "yuv422p10le", options=FFV1),
    "4:4:4": Kind(BT601, BT601, BT601, "yuv444p"),
    "4:4:4 tagged gbr": Kind(RGB, RGB, FROM_RGB, "gbrp", "full", "pc", options=LIBX264RGB),
    "rgb": Kind(RGB, ("gbr", "unknown", "unknown"), FROM_RGB, "gbrp", "full", "pc", options=LIBX264RGB),
    "rgb hd": Kind(RGB, ("gbr", "unknown", "unknown"), FROM_RGB, "gbrp", "full", "pc", options=LIBX264RGB, size=HD),
    "rgb bt709": Kind(("gbr", *BT709[1:]), ("gbr", *BT709[1:]), BT709, "gbrp", "full", "pc", options=LIBX264RGB),
    "rgb ten bits": Kind(RGB, RGB, FROM_RGB, "gbrp10le", "full", "pc", options=FFV1),
    "rgb ten bits h.265": Kind(RGB, RGB, FROM_RGB, "gbrp10le", "full", "pc", options=X265),
    "rgb twelve bits": Kind(RGB, RGB, FROM_RGB, "gbrp12le", "full", "pc", options=FFV1),
    "rgb of odd size": Kind(RGB, RGB, FROM_RGB, "gbrp", "full", "pc", options=FFV1, size=(385, 257)),
    "packed rgb": Kind(RGB, UNTAGGED, FROM_RGB, "rgb24", "full", "pc", "source.mov", QTRLE),
    "packed rgb with alpha": Kind(RGB, UNTAGGED, FROM_RGB, "argb", "full", "pc", "source.mov", QTRLE),
    "png": Kind(RGB, UNTAGGED, FROM_RGB, "rgb24", "full", "pc", "source.mov", ("-c:v", "png")),
    "png with alpha": Kind(RGB, UNTAGGED, FROM_RGB, "rgba", "full", "pc", "source.mov", ("-c:v", "png")),
    "palette": Kind(RGB, UNTAGGED, FROM_RGB, "pal8", "full", "pc", "source.mov", QTRLE),
    "ycgco": Kind(("ycgco", *BT709[1:]), ("ycgco", *BT709[1:]), BT709),
    "ycgco 4:4:4": Kind(("ycgco", *BT709[1:]), ("ycgco", *BT709[1:]), BT709, "yuv444p"),
    "fcc": Kind(("fcc", *BT601[1:]), ("fcc", *BT601[1:]), ("bt709", "bt709", "smpte170m")),
    "smpte240m": Kind(("smpte240m",) * 3, ("smpte240m",) * 3, ("bt709", "bt709", "smpte240m")),
    "bt2020": Kind(BT2020, BT2020, BT709, "yuv420p10le", options=X265),
    "bt2020 matrix missing": Kind(BT2020, ("unknown", "bt2020", "unknown"), BT709, "yuv420p10le", options=X265),
    "bt2020 constant luminance": Kind(
        ("bt2020c", *BT2020[1:]), ("bt2020c", *BT2020[1:]), BT709, "yuv420p10le", options=X265
    ),
    "bt2020 of odd size": Kind(BT2020, BT2020, BT709, "yuv444p10le", options=FFV1, size=(385, 257)),
    "display p3": Kind(("bt709", "smpte432", "bt709"), ("bt709", "smpte432", "bt709"), BT709),
    "display p3 with srgb's curve": Kind(
        ("bt709", "smpte432", "iec61966-2-1"), ("bt709", "smpte432", "iec61966-2-1"), FROM_RGB
    ),
    "bt709 with srgb's curve": Kind(FROM_RGB, FROM_RGB, FROM_RGB),
    "linear": Kind(("bt709", "bt709", "linear"), ("bt709", "bt709", "linear"), BT709, "yuv444p12le", options=FFV1),
    "xvycc": Kind(
        ("bt709", "bt709", "iec61966-2-4"), ("bt709", "bt709", "iec61966-2-4"), ("bt709", "bt709", "iec61966-2-4")
    ),
    "dci-p3": Kind(("bt709", "smpte432", "bt709"), ("bt709", "smpte431", "bt709"), BT709),
    "ntsc of 1953": Kind(BT601, ("smpte170m", "bt470m", "smpte170m"), BT601),
    "film": Kind(BT709, ("bt709", "film", "bt709"), BT709),
    "alpha": Kind(
        BT709, BT709, BT709, "yuva444p10le", name="source.mov", options=("-c:v", "prores_ks", "-profile:v", "4444")
    ),
    "vp9 with alpha": Kind(
        BT601, BT601, BT601, "yuva420p", name="source.webm", options=("-c:v", "libvpx-vp9", "-crf", "4", "-b:v", "0")
    ),
    "motion jpeg": Kind(
        ("bt470bg", "bt470bg", "smpte170m"),
        UNTAGGED,
        PAL,
        "yuvj422p",
        "full",
        "pc",
        name="source.avi",
        options=("-c:v", "mjpeg", "-q:v", "1"),
    ),
    "4:1:1": Kind(BT601, UNTAGGED, BT601, "yuv411p", options=("-c:v", "ffvhuff"), name="source.avi"),
    "4:4:0": Kind(BT709, BT709, BT709, "yuv440p", options=FFV1),
    "packed 4:2:2": Kind(BT601, UNTAGGED, BT601, "uyvy422", options=("-c:v", "rawvideo"), name="source.avi"),
    "v210": Kind(BT709, UNTAGGED, BT709, "yuv422p10le", name="source.avi", options=("-c:v", "v210"), size=HD),
    "full range of odd size": Kind(BT709, BT709, BT709, "yuv444p", "full", "pc", options=X264, size=(385, 257)),
}


def names(matrix: str, primaries: str, transfer: str, values_range: str) -> Mapping[str, str]:
    return {"matrix": matrix, "primaries": primaries, "transfer": transfer, "range": values_range}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_a_kind_of_picture(kind: Kind, fine: Pipeline, tmp_path: Path) -> None:
    is_rgb, (_, primaries, transfer) = kind.coded[0] == "gbr", kind.coded
    coding = "null" if is_rgb else convert(names("gbr", primaries, transfer, "full"), names(*kind.coded, kind.range))
    said = zip(("colorspace", "color_primaries", "color_trc", "range"), (*kind.said, kind.said_range), strict=True)
    filters = f"{coding},format={kind.pixels},setparams=" + ":".join(f"{name}={value}" for name, value in said)
    source = make_chart(tmp_path / kind.name, filters, *kind.options, size=kind.size)
    await fine.process(source)
    assert_shows(fine, kind.stated, shown(source, kind.size, names(*kind.coded, kind.range)))


def assert_shows(pipeline: Pipeline, stated: tuple[str, str, str], reference: Colours) -> None:
    """All three renditions state that colour and show the reference with it."""
    found = {}
    for name in pipeline.video:
        (stream,) = streams(pipeline.playlist(name))
        assert (stream["color_range"], stream["pix_fmt"]) == ("tv", "yuv420p")
        assert (stream["color_space"], stream["color_primaries"], stream["color_transfer"]) == stated
        size = stream["width"], stream["height"]
        found[name] = difference(shown(pipeline.playlist(name), size, coloured(stream)), reference)
    assert len(found) == 3 and max(found.values()) <= LARGEST, found
