"""What ffprobe says of a video's colour, made whole; and what its renditions say."""

from __future__ import annotations

from typing import Any

import pytest

from gilfoyle.media.colour import Colour, named, read_colour, rendered, rendition_tags, to_rendered, with_declared
from gilfoyle.media.info import VideoInfo
from tests.unit.media.infos import video

SAYS_NOTHING = {"color_space": "unknown", "color_primaries": "unknown", "color_transfer": "unknown"}


def stream(
    matrix: str | None = None, primaries: str | None = None, transfer: str | None = None, **changes: Any
) -> dict[str, Any]:
    """As ffprobe describes it: what is not known may be missing, too."""
    said = {"color_space": matrix, "color_primaries": primaries, "color_transfer": transfer}
    found = {"codec_name": "h264", "pix_fmt": "yuv420p", "width": 1920, "height": 1080}
    return found | {name: value for name, value in said.items() if value} | changes


@pytest.mark.parametrize(
    ("described", "colour"),
    [
        # All is said.
        (stream("bt709", "bt709", "bt709"), ("bt709", "bt709", "bt709")),
        (stream("smpte170m", "bt470bg", "iec61966-2-1"), ("smpte170m", "bt470bg", "iec61966-2-1")),
        # Nothing is: the size decides, whichever way it is held.
        (stream(), ("bt709", "bt709", "bt709")),
        (stream(**SAYS_NOTHING), ("bt709", "bt709", "bt709")),
        (stream(width=1280, height=720), ("bt709", "bt709", "bt709")),
        (stream(width=720, height=1280), ("bt709", "bt709", "bt709")),
        (stream(width=1280, height=534), ("bt709", "bt709", "bt709")),
        (stream(width=960, height=720), ("bt709", "bt709", "bt709")),
        (stream(width=854, height=480), ("smpte170m", "smpte170m", "smpte170m")),
        (stream(width=480, height=854), ("smpte170m", "smpte170m", "smpte170m")),
        (stream(width=720, height=576), ("bt470bg", "bt470bg", "smpte170m")),
        (stream(width=352, height=288), ("bt470bg", "bt470bg", "smpte170m")),
        # What is missing follows what is there.
        (stream("bt709", width=320, height=240), ("bt709", "bt709", "bt709")),
        (stream(None, "bt709", width=320, height=240), ("bt709", "bt709", "bt709")),
        (stream("smpte170m"), ("smpte170m", "smpte170m", "smpte170m")),
        (stream(None, "bt470bg"), ("bt470bg", "bt470bg", "smpte170m")),
        (stream("bt2020nc"), ("bt2020nc", "bt2020", "bt2020-10")),
        (stream(None, "bt2020"), ("bt2020nc", "bt2020", "bt2020-10")),
        (stream(None, "smpte432", width=320, height=240), ("bt709", "smpte432", "bt709")),
        (stream("fcc", width=320, height=240), ("fcc", "smpte170m", "smpte170m")),
        # A white that is not daylight.
        (stream("bt709", "smpte431", "bt709"), ("bt709", "smpte432", "bt709")),
        (stream("bt709", "film", "bt709"), ("bt709", "bt709", "bt709")),
        (stream("fcc", "bt470m", "bt470m", width=320, height=240), ("fcc", "smpte170m", "bt470m")),
        (stream(None, "bt470m", "bt709", width=320, height=240), ("smpte170m", "smpte170m", "bt709")),
        # HDR is BT.2020.
        (stream(None, None, "smpte2084"), ("bt2020nc", "bt2020", "smpte2084")),
        (stream("unknown", "unknown", "arib-std-b67", width=320, height=240), ("bt2020nc", "bt2020", "arib-std-b67")),
        (stream("reserved", "bt2020", "arib-std-b67"), ("bt2020nc", "bt2020", "arib-std-b67")),
        (stream("reserved", "reserved", "smpte2084"), ("bt2020nc", "bt2020", "smpte2084")),
        (stream("bt709", "smpte432", "smpte2084"), ("bt709", "smpte432", "smpte2084")),
        (stream("ictcp", "bt2020", "smpte2084"), ("ictcp", "bt2020", "smpte2084")),
        (stream("gbr", "bt2020", "smpte2084", pix_fmt="gbrp10le"), ("gbr", "bt2020", "smpte2084")),
        # Reserved, or of no use to anybody: as if it were not said.
        (stream("reserved", "reserved", "reserved"), ("bt709", "bt709", "bt709")),
        (stream("smpte2085", "bt709", "bt1361e"), ("bt709", "bt709", "bt709")),
        (stream("ipt-c2", "bt2020", "smpte2084"), ("bt2020nc", "bt2020", "smpte2084")),
        # A matrix where there is none such.
        (stream("bt2020c", "bt2020", "bt2020-12"), ("bt2020c", "bt2020", "bt2020-12")),
        (stream("bt2020c", "bt2020", "smpte2084"), ("bt2020nc", "bt2020", "smpte2084")),
        (stream("ictcp", "bt2020", "bt709"), ("bt2020nc", "bt2020", "bt709")),
        # A JPEG's matrix is that of its format, and says nothing.
        (stream("bt470bg", codec_name="mjpeg", pix_fmt="yuvj422p"), ("bt470bg", "bt709", "bt709")),
        # RGB is what its pixels are.
        (stream("gbr", pix_fmt="gbrp"), ("gbr", "bt709", "iec61966-2-1")),
        (stream(pix_fmt="rgb24", width=320, height=240), ("gbr", "bt709", "iec61966-2-1")),
        (stream("bt709", "bt709", "bt709", pix_fmt="bgra"), ("gbr", "bt709", "bt709")),
        (stream("gbr", "bt709", "bt709"), ("bt709", "bt709", "bt709")),
        (stream(codec_name="png", pix_fmt="unknown"), ("gbr", "bt709", "iec61966-2-1")),
        (stream(codec_name="h264", pix_fmt="unknown"), ("bt709", "bt709", "bt709")),
    ],
)
def test_what_is_not_said_follows_what_is(described: dict[str, Any], colour: tuple[str, str, str]) -> None:
    found = read_colour(described)
    assert (found.matrix, found.primaries, found.transfer) == colour


@pytest.mark.parametrize(
    ("described", "values"),
    [
        (stream(), "tv"),
        (stream(color_range="unknown"), "tv"),
        (stream(color_range="pc"), "pc"),
        (stream(pix_fmt="yuvj420p"), "pc"),
        (stream(pix_fmt="gbrp"), "pc"),
        (stream(pix_fmt="gbrp", color_range="tv"), "tv"),
    ],
)
def test_the_range(described: dict[str, Any], values: str) -> None:
    assert read_colour(described).range == values


@pytest.mark.parametrize(
    ("described", "name"),
    [
        (stream("bt709", "bt709", "bt709"), None),
        (stream("bt709"), None),
        # ffmpeg takes BT.601 for what says nothing, whatever its size.
        (stream(), "bt709"),
        (stream(None, "bt709", width=320, height=240), "bt709"),
        (stream(width=320, height=240), None),
        (stream(None, "bt470bg"), None),
        # … and nothing at all for what is reserved.
        (stream("reserved", width=320, height=240), "smpte170m"),
        (stream("smpte2085"), "bt709"),
        (stream("gbr"), "bt709"),
    ],
)
def test_ordinary_video_is_not_converted_and_named_only_if_they_must_be(
    described: dict[str, Any], name: str | None
) -> None:
    colour = read_colour(described)
    assert to_rendered(colour) == []
    assert [options["colorspace"] for _, options in named(colour)] == ([name] if name else [])


DECLARED_HD = {"color_space": "bt709", "color_range": "tv"}


@pytest.mark.parametrize(
    ("said", "declared", "told"),
    [
        # Said by the bit stream alone: it may change, and each frame says its own.
        ({"color_space": "bt709", "color_range": "tv"}, {}, ()),
        ({"color_space": "bt709", "color_range": "tv"}, {"color_space": "unknown", "color_range": "unknown"}, ()),
        # Said by the container, of all frames; many a decoder doesn't say it of any.
        ({"color_space": "bt709", "color_range": "tv"}, DECLARED_HD, ("matrix", "range")),
        ({"color_space": "smpte170m", "color_range": "pc"}, DECLARED_HD, ()),  # the bit stream knows better
    ],
)
def test_what_the_container_says_ffmpeg_is_told_of_every_frame(
    said: dict[str, str], declared: dict[str, str], told: tuple[str, ...]
) -> None:
    probe = {"format": {}, "streams": [{"index": 0}, {"index": 1} | stream(**said)]}
    (_, whole) = with_declared(probe, {"streams": [{"index": 1} | declared]})["streams"]
    assert read_colour(whole).told == told


def test_gray_of_either_range_goes_through_zscale() -> None:
    gray = read_colour(stream("bt709", pix_fmt="gray10le"))
    assert gray.gray and [name for name, _ in to_rendered(gray)] == ["zscale", "format"]


def test_full_range_is_narrowed_once_for_all_renditions() -> None:
    assert [name for name, _ in to_rendered(read_colour(stream("bt709", color_range="pc")))] == ["zscale", "format"]


@pytest.mark.parametrize(
    ("colour", "stated"),
    [
        (("bt709", "bt709", "bt709"), ("bt709", "bt709", "bt709")),
        (("bt470bg", "bt470bg", "bt470bg"), ("bt470bg", "bt470bg", "bt470bg")),
        (("smpte170m", "bt709", "iec61966-2-1"), ("smpte170m", "bt709", "iec61966-2-1")),
        (("gbr", "bt709", "iec61966-2-1"), ("bt709", "bt709", "iec61966-2-1")),
        (("bt2020nc", "bt2020", "bt2020-10"), ("bt709", "bt709", "bt709")),
        (("bt709", "smpte432", "iec61966-2-1"), ("bt709", "bt709", "iec61966-2-1")),
        (("bt2020nc", "bt2020", "smpte2084"), ("bt709", "bt709", "bt709")),
        (("bt709", "bt709", "linear"), ("bt709", "bt709", "bt709")),
    ],
)
def test_what_renditions_state(colour: tuple[str, str, str], stated: tuple[str, str, str]) -> None:
    source = Colour(range="pc", matrix=colour[0], primaries=colour[1], transfer=colour[2])
    assert (rendered(source).matrix, rendered(source).primaries, rendered(source).transfer) == stated
    assert rendition_tags(source)[1]["range"] == "tv"


@pytest.mark.parametrize(("matrix", "pixels", "name"), [("ycgco", "yuv420p", "bt709"), ("gbr", "gbrp", "gbr")])
def test_what_is_converted_has_a_name_that_the_scaler_takes_until_then(matrix: str, pixels: str, name: str) -> None:
    colour = read_colour(stream(matrix, pix_fmt=pixels, color_range="pc"))
    pretext = {"range": "pc", "colorspace": name, "color_primaries": "bt709", "color_trc": "bt709"}
    assert named(colour) == [("setparams", pretext)]


@pytest.mark.parametrize("unusable", ["reserved", "smpte428", "vlog"])
def test_what_the_scaler_refuses_of_ordinary_video_has_another_name(unusable: str) -> None:
    colour = read_colour(stream("bt709", "reserved", unusable))
    assert named(colour) == [("setparams", {"color_primaries": "bt709", "color_trc": "bt709"})]
    assert to_rendered(colour) == []


def test_a_conversion_is_told_all_of_what_it_converts() -> None:
    """Without a word of the frames': zscale fails on what they leave out."""
    filters = to_rendered(Colour(range="pc", matrix="ycgco", primaries="bt709", transfer="bt709"))
    assert filters[0] == (
        "setparams",
        {"range": "pc", "colorspace": "ycgco", "color_primaries": "bt709", "color_trc": "bt709"},
    )
    assert filters[1] == (
        "zscale",
        {"matrix": "bt709", "primaries": "bt709", "transfer": "bt709", "range": "limited"},
    )


@pytest.mark.parametrize(("hdr", "transfer"), [(True, "smpte2084"), (False, "bt709")])
def test_a_probe_that_was_kept_before_colours_were(hdr: bool, transfer: str) -> None:
    kept = video().model_dump(mode="json", exclude={"colour"}) | {"hdr": hdr}
    assert VideoInfo.model_validate(kept).colour.transfer == transfer


def test_a_kept_probe_keeps_its_colour() -> None:
    bt601 = {"matrix": "smpte170m", "primaries": "smpte170m", "transfer": "smpte170m"}
    known = video(colour=Colour(**bt601, told=("matrix",)))
    assert VideoInfo.model_validate_json(known.model_dump_json()) == known
