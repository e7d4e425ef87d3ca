"""Every rendition states its colour, and with what it states every one shows the source's: ΔE ≤ 2 on a chart."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from gilfoyle.errors import UnsupportedMedia
from gilfoyle.media.boxes import box, children
from gilfoyle.media.colour import named, read_colour, rendition_scale, rendition_tags, to_rendered
from tests.colours import Colours, as_gray, coloured, convert, difference, make_chart, shown, tone_mapped
from tests.integration.activities.colour_kinds import (
    BT601,
    BT709,
    HD,
    HDR,
    HLG,
    KINDS,
    NOTHING,
    PQ,
    RARE,
    RARE_HDR,
    X264,
    X265,
    Description,
    Kind,
    make,
    names,
    tags,
)
from tests.integration.activities.pipeline import SMALL, Pipeline, streams
from tests.sources import FFMPEG, FFPROBE, run

LARGEST = 2.0
"""ΔE: what is seen only side by side."""
RUNGS = [rung.model_copy(update={"crf": 4.0, "max_kbps": 50_000}) for rung in SMALL.video]


@pytest.fixture
def fine(tmp_path: Path) -> Pipeline:
    """Three rungs that lose next to nothing, so that only what is converted shows."""
    return Pipeline(tmp_path, SMALL.model_copy(update={"video": RUNGS}))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_a_kind_of_colour(kind: Kind, fine: Pipeline, tmp_path: Path) -> None:
    source = make(tmp_path / kind.name, kind)
    await fine.process(source)
    assert_shows(fine, kind.stated, shown(source, kind.size, names(*kind.coded, kind.range)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", RARE.values(), ids=RARE)
async def test_a_rare_kind_of_colour(kind: Kind, fine: Pipeline, tmp_path: Path) -> None:
    await test_a_kind_of_colour(kind, fine, tmp_path)


@pytest.mark.parametrize("kind", HDR.values(), ids=HDR)
async def test_hdr(kind: Kind, fine: Pipeline, tmp_path: Path) -> None:
    source = make(tmp_path / kind.name, kind)
    await fine.process(source)
    assert fine.info.video and fine.info.video.colour.hdr
    assert_shows(fine, kind.stated, tone_mapped(source, kind.size, names(*kind.coded, kind.range)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", RARE_HDR.values(), ids=RARE_HDR)
async def test_rare_hdr(kind: Kind, fine: Pipeline, tmp_path: Path) -> None:
    await test_hdr(kind, fine, tmp_path)


@pytest.mark.parametrize(
    ("pixels", "values", "options"),
    [
        ("gray", "limited", X265),
        ("gray", "full", ("-c:v", "ffv1")),
        ("gray10le", "limited", X265),
        ("gray", "limited", ("-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-crf", "4")),
    ],
)
async def test_gray(pixels: str, values: str, options: tuple[str, ...], fine: Pipeline, tmp_path: Path) -> None:
    """H.265 and AV1 have it in either range."""
    said = names("bt709", "bt709", "bt709", values)
    brightness = f"{convert(names('gbr', 'bt709', 'bt709', 'full'), said)},format=yuv444p,extractplanes=y"
    source = make_chart(
        tmp_path / "gray.mkv", f"{brightness},{tags(BT709, values)},format={pixels},{tags(BT709, values)}", *options
    )
    await fine.process(source)
    assert_shows(fine, BT709, as_gray(source, (384, 256), pixels, values))


@pytest.mark.slow
@pytest.mark.parametrize("matrix", [3, 0, 11, 255])
@pytest.mark.parametrize(("codec", "options"), [("h264", X264), ("hevc", X265)])
async def test_a_matrix_that_does_not_exist(
    matrix: int, codec: str, options: tuple[str, ...], fine: Pipeline, tmp_path: Path
) -> None:
    """Reserved, RGB of halved chroma, one of which nothing is made, none at all: HD is BT.709 all the same."""
    bits = f"{codec}_metadata=matrix_coefficients={matrix}:colour_primaries=3:transfer_characteristics=3"
    kind = Kind(BT709, NOTHING, BT709, size=HD)
    source = make(tmp_path / "source.ts", Kind(BT709, NOTHING, BT709, options=(*options, "-bsf:v", bits), size=HD))
    await fine.process(source)
    assert_shows(fine, BT709, shown(source, kind.size, names(*BT709, "limited")))


@pytest.mark.parametrize(
    ("first", "second", "stated", "largest"),
    [
        ((BT601, NOTHING), (BT601, BT601), BT601, 0.5),
        ((BT709, NOTHING), (BT709, BT709), BT709, 0.5),
        # The scaler converts a matrix in eight bits; taken for the other one it would be off by 9.
        ((("smpte170m", *BT709[1:]),) * 2, (BT709, BT709), ("smpte170m", *BT709[1:]), 3.5),
        ((BT709, BT709), (("smpte170m", *BT709[1:]),) * 2, BT709, 3.5),
    ],
)
async def test_a_description_that_changes_midway(
    first: tuple[Description, Description],
    second: tuple[Description, Description],
    stated: Description,
    largest: float,
    fine: Pipeline,
    tmp_path: Path,
) -> None:
    """As at a programme's end. All of it states one colour, and shows its own."""
    size = HD if first == (BT709, NOTHING) else (384, 256)
    parts = []
    for number, (coded, said) in enumerate((first, second)):
        clock = ("-muxdelay", "0", "-output_ts_offset", str(1.04 * number))
        kind = Kind(coded, said, stated, options=(*X264, *clock), size=size)
        parts.append(make(tmp_path / f"{number}.ts", kind, frames=25))
    source = tmp_path / "source.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    await fine.process(source)
    for part, (coded, _), frame in zip(parts, (first, second), (5, 40), strict=True):
        assert_shows(fine, stated, shown(part, size, names(*coded, "limited")), frame=frame, largest=largest)


async def test_the_bit_stream_and_the_container_say_it(fine: Pipeline, tmp_path: Path) -> None:
    await fine.process(make(tmp_path / "source.mkv", Kind(BT601, NOTHING, BT601)))
    for name in fine.video:
        init = (fine.folder / name / "init.mp4").read_bytes()
        at = init.index(b"colrnclx") + 8
        assert struct.unpack_from(">3HB", init, at) == (6, 6, 6, 0)  # of ITU-T H.273; limited range
        bare = tmp_path / f"{name}.h264"
        run(FFMPEG, "-v", "error", "-i", str(fine.playlist(name)), "-c", "copy", "-f", "h264", str(bare))
        (stream,) = streams(bare)
        fields = ("color_range", "color_space", "color_primaries", "color_transfer")
        assert [stream[field] for field in fields] == ["tv", *BT601]


async def test_what_hdr_was_mastered_for_is_not_said_of_sdr(fine: Pipeline, tmp_path: Path) -> None:
    mastered = "hdr10=1:max-cll=1000,400:master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)"
    options = (*X265[:-1], f"{X265[-1]}:{mastered}L(10000000,1)", "-tag:v", "hvc1")
    source = make(tmp_path / "source.mp4", Kind(PQ, PQ, BT709, "yuv420p10le", options=options))
    assert "Mastering display metadata" in side_data(source)
    await fine.process(source)
    for name in fine.video:
        assert not {kind for kind in side_data(fine.playlist(name)) if "display" in kind or "light" in kind}
        init = (fine.folder / name / "init.mp4").read_bytes()
        assert not [name for name in (b"mdcv", b"clli") if name in init]


@pytest.mark.parametrize(("compatibility", "coded"), [(1, PQ), (4, HLG)])
async def test_dolby_vision_plays_by_its_base_layer(
    compatibility: int, coded: Description, fine: Pipeline, tmp_path: Path
) -> None:
    """Its record says what the base layer is, even if nothing else does."""
    source = dolby_vision(tmp_path, coded, 8, compatibility)
    await fine.process(source)
    assert_shows(fine, BT709, tone_mapped(source, (384, 256), names(*coded, "limited")))


@pytest.mark.parametrize(("profile", "compatibility"), [(5, 0), (10, 0)])
async def test_dolby_vision_without_a_base_layer_is_refused(
    profile: int, compatibility: int, fine: Pipeline, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedMedia, match=f"Dolby Vision of profile {profile}") as refused:
        await fine.probe(dolby_vision(tmp_path, PQ, profile, compatibility))
    assert refused.value.reason == "dolby_vision"


MATRICES = [
    "bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "ycgco", "bt2020nc", "bt2020c", "chroma-derived-nc",
    "chroma-derived-c", "ictcp", "gbr",
]  # fmt: skip
PRIMARIES = [
    "bt709", "bt470bg", "smpte170m", "smpte240m", "bt2020", "smpte431", "smpte432", "ebu3213", "film", "unknown"
]  # fmt: skip
TRANSFERS = [
    "bt709", "bt470m", "bt470bg", "smpte170m", "smpte240m", "linear", "log100", "log316", "iec61966-2-4",
    "iec61966-2-1", "bt2020-10", "bt2020-12", "smpte2084", "arib-std-b67", "smpte428", "reserved", "unknown",
]  # fmt: skip


@pytest.mark.parametrize("matrix", MATRICES)
def test_ffmpeg_can_convert_whatever_is_said(matrix: str) -> None:
    """Each matrix with all primaries and transfers, in one run."""
    pixels = "gbrp" if matrix == "gbr" else "yuv420p"
    graphs, maps = [], []
    for number, (red, curve) in enumerate((red, curve) for red in PRIMARIES for curve in TRANSFERS):
        said = {"color_space": matrix, "color_primaries": red, "color_transfer": curve, "color_range": "tv"}
        colour = read_colour(said | {"pix_fmt": pixels, "width": 64, "height": 36})
        filters = [
            *named(colour),
            ("scale", {"w": 48, "h": 28}),
            *to_rendered(colour),
            ("scale", {"w": 32, "h": 18} | rendition_scale(colour)),
            ("format", {"pix_fmts": "yuv420p"}),
            rendition_tags(colour),
        ]
        curve = "3" if curve == "reserved" else curve
        said_so = f"setparams=colorspace={matrix}:color_primaries={red}:color_trc={curve}:range=tv"
        chain = ",".join(f"{name}=" + ":".join(f"{key}={value}" for key, value in use.items()) for name, use in filters)
        graphs.append(f"testsrc2=s=64x36:d=0.04,format={pixels},{said_so},{chain}[o{number}]")
        maps += ["-map", f"[o{number}]"]
    run(FFMPEG, "-v", "error", "-nostdin", "-filter_complex", ";".join(graphs), *maps, "-f", "null", "-")


def dolby_vision(folder: Path, coded: Description, profile: int, compatibility: int) -> Path:
    """An MP4 with a configuration record, whose bit stream says nothing of itself."""
    kind = Kind(coded, NOTHING, BT709, "yuv420p10le", options=(*X265, "-tag:v", "hvc1"))
    plain = make(folder / "plain.mp4", kind).read_bytes()
    # Version 1.0, level 1, with a reference and a base layer; the box has another name from profile 8 on.
    record = struct.pack(">BBHB", 1, 0, profile << 9 | 1 << 3 | 0b101, compatibility << 4).ljust(24, b"\0")
    source = folder / "dolby.mp4"
    source.write_bytes(in_sample_entry(plain, box(b"dvvC" if profile > 7 else b"dvcC", record)))
    return source


def in_sample_entry(data: bytes, new: bytes) -> bytes:
    """`data`, whose `moov` comes last, with a box more at the end of the first sample entry."""
    start, end = 0, len(data)
    headers = []
    for wanted in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        start, end = next((begin, stop) for kind, begin, stop in children(data[:end], start) if kind == wanted)
        headers.append(start - 8)
    entry = start + 8  # after version, flags and the number of entries
    at = entry + int(struct.unpack_from(">I", data, entry)[0])
    out = bytearray(data[:at] + new + data[at:])
    for header in (*headers, entry):
        struct.pack_into(">I", out, header, struct.unpack_from(">I", out, header)[0] + len(new))
    return bytes(out)


def side_data(file: Path) -> set[str]:
    """The kinds of what lies beside a file's streams and its first frame."""
    out = run(
        FFPROBE, "-v", "error", "-show_streams", "-show_frames", "-read_intervals", "%+#1", "-of", "json", str(file)
    )
    found: dict[str, list[dict[str, Any]]] = json.loads(out)
    beside = [data for item in [*found["streams"], *found["frames"]] for data in item.get("side_data_list", [])]
    return {str(data["side_data_type"]) for data in beside}


def assert_shows(
    pipeline: Pipeline, stated: Description, reference: Colours, *, frame: int = 0, largest: float = LARGEST
) -> None:
    """All three renditions state that colour and show the reference with it."""
    found = {}
    for name in pipeline.video:
        (stream,) = streams(pipeline.playlist(name))
        assert (stream["color_range"], stream["pix_fmt"]) == ("tv", "yuv420p")
        assert (stream["color_space"], stream["color_primaries"], stream["color_transfer"]) == stated
        size = stream["width"], stream["height"]
        found[name] = difference(shown(pipeline.playlist(name), size, coloured(stream), frame=frame), reference)
    assert len(found) == 3 and max(found.values()) <= largest, found
