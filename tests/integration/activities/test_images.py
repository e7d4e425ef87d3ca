"""Images that are sent in place of a film: animated ones and stills are encoded, what can't be is named."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from gilfoyle.errors import UnsupportedMedia
from tests.heif import tiled
from tests.integration.activities.pipeline import Pipeline, packets, streams
from tests.integration.activities.test_odd_sources import decoded
from tests.sources import FFMPEG, numbered_frames, run

GIF, APNG, WEBP = ("gif", []), ("apng", ["-plays", "0"]), ("webp", ["-lossless", "1", "-loop", "0"])


def animated(path: Path, form: tuple[str, list[str]], count: int, rate: str = "10", filters: str = "null") -> Path:
    """Frames with their numbers, `rate` a second."""
    name, options = form
    run(
        FFMPEG, "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "320x180", "-r", rate, "-i", "pipe:0",
        "-vf", filters, "-fps_mode", "passthrough", *options, "-f", name, str(path), feed=numbered_frames(count),
    )  # fmt: skip
    return path


def drawn(path: Path, source: str, *options: str) -> Path:
    run(FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", source, *options, "-frames:v", "1", str(path))
    return path


def length(pipeline: Pipeline) -> Fraction:
    return packets(pipeline.playlist(pipeline.video[-1]))[-1][1]


@pytest.mark.parametrize("form", [GIF, APNG, WEBP], ids=["gif", "apng", "webp"])
@pytest.mark.parametrize(("count", "rate"), [(10, "10"), (60, "20"), (75, "25"), (2, "1")])
async def test_an_animated_image_is_a_film(
    form: tuple[str, list[str]], count: int, rate: str, pipeline: Pipeline, tmp_path: Path
) -> None:
    """It loops for ever; as a film it is shown once."""
    packaged = await pipeline.process(animated(tmp_path / "moving", form, count, rate))
    assert packaged.playable and pipeline.audio == []
    assert pipeline.numbers() == {name: list(range(count)) for name in pipeline.video}
    assert length(pipeline) == Fraction(count) / Fraction(rate)


@pytest.mark.parametrize("form", [GIF, APNG, WEBP], ids=["gif", "apng", "webp"])
async def test_each_frame_for_as_long_as_it_says(
    form: tuple[str, list[str]], pipeline: Pipeline, tmp_path: Path
) -> None:
    """Half a second, a tenth, a tenth, a second … and at the end what the last one has."""
    stamps = "if(eq(N\\,0)\\,0\\,if(eq(N\\,1)\\,5\\,if(eq(N\\,2)\\,6\\,if(eq(N\\,3)\\,7\\,17))))"
    source = animated(tmp_path / "moving", form, 5, "10", f"settb=1/10,setpts={stamps}")
    await pipeline.process(source)
    shown = pipeline.numbers()["90p"]
    rate = len(shown) / length(pipeline)
    at = [shown[int(tenth * rate / 10)] for tenth in range(17)]
    assert at == [*[0] * 5, 1, 2, *[3] * 10]
    assert shown[-1] == 4 and set(shown) == set(range(5))


async def test_the_last_frame_of_a_gif_is_held(pipeline: Pipeline, tmp_path: Path) -> None:
    """Three seconds at the end, as comics have it."""
    data = bytearray(animated(tmp_path / "moving.gif", GIF, 5).read_bytes())
    at = data.rindex(b"\x21\xf9\x04")
    struct.pack_into("<H", data, at + 4, 300)
    source = tmp_path / "held.gif"
    source.write_bytes(data)
    await pipeline.process(source)
    assert length(pipeline) == Fraction(34, 10)
    shown = pipeline.numbers()["90p"]
    assert shown[0] == 0 and shown[-1] == 4 and shown.count(4) == len(shown) * 30 // 34


STILLS: dict[str, list[str]] = {
    "photo.jpg": [], "scan.png": [], "deep.png": ["-pix_fmt", "rgb48be"], "flat.png": ["-pix_fmt", "monob"],
    "photo.webp": [], "old.bmp": [], "print.tiff": [], "one.gif": [], "one.apng": ["-f", "apng"],
    "photo.avif": ["-c:v", "libaom-av1", "-cpu-used", "8", "-f", "avif"],
}  # fmt: skip


@pytest.mark.parametrize("name", STILLS)
async def test_a_still_is_shown_for_a_few_seconds(name: str, lowest: Pipeline, tmp_path: Path) -> None:
    packaged = await lowest.process(drawn(tmp_path / name, "color=0x2060c0:size=320x180", *STILLS[name]))
    assert packaged.playable and length(lowest) == 5
    (stream,) = streams(lowest.playlist("90p"))
    assert (stream["width"], stream["height"]) == (160, 90)
    if name != "flat.png":
        assert decoded(lowest.playlist("90p"), 160, 90).mean(axis=(0, 1, 2)) == pytest.approx([0x20, 0x60, 0xC0], abs=8)


async def test_a_photo_is_upright(lowest: Pipeline, tmp_path: Path) -> None:
    """Telephones write how they were held into the EXIF data."""
    data = drawn(tmp_path / "photo.jpg", "color=red:size=320x180").read_bytes()
    tiff = b"MM\0*\0\0\0\x08" + b"\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0) + bytes(4)
    exif = b"Exif\0\0" + tiff
    source = tmp_path / "turned.jpg"
    source.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    await lowest.process(source)
    (stream,) = streams(lowest.playlist("90p"))
    assert (stream["width"], stream["height"]) == (90, 160)


async def test_a_photo_in_tiles(lowest: Pipeline, tmp_path: Path) -> None:
    await lowest.process(tiled(tmp_path / "photo.avif", ["red", "0x2060c0"], (160, 180)))
    assert length(lowest) == 5 and len(packets(lowest.playlist("90p"))) == 25
    left, right = decoded(lowest.playlist("90p"), 160, 90)[-1].reshape(90, 2, 80, 3).mean(axis=(0, 2))
    assert left == pytest.approx([255, 0, 0], abs=8)
    assert right == pytest.approx([0x20, 0x60, 0xC0], abs=8)


async def test_a_photo_with_a_map_of_its_highlights(lowest: Pipeline, tmp_path: Path) -> None:
    """Telephones write a second, smaller JPEG behind the first."""
    source = tmp_path / "photo.jpg"
    parts = [drawn(tmp_path / f"{size}.jpg", f"color={colour}:size={size}") for size, colour in
             (("320x180", "0x2060c0"), ("80x45", "gray"))]  # fmt: skip
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    await lowest.process(source)
    assert length(lowest) == 5
    shown = decoded(lowest.playlist("90p"), 160, 90)
    assert shown.mean(axis=(0, 1, 2)) == pytest.approx([0x20, 0x60, 0xC0], abs=8)


@pytest.mark.parametrize("name", ["clear.png", "clear.gif", "clear.webp", "clear.apng", "clear.tiff"])
async def test_what_is_transparent_is_on_white(name: str, lowest: Pipeline, tmp_path: Path) -> None:
    """Black that can't be seen at all, and red that is seen to a half (GIF knows no halves)."""
    half = 128 if name != "clear.gif" else 255
    clear = (
        f"color=black:size=320x180:duration=0.04,format=rgba,geq=r='255*gte(X\\,160)':g=0:b=0:a='{half}*gte(X\\,160)'"
    )
    if name == "clear.gif":
        clear += ",split[a][b];[a]palettegen[p];[b][p]paletteuse"
    options = ["-f", "apng"] if name == "clear.apng" else ["-lossless", "1"] if name == "clear.webp" else []
    await lowest.process(drawn(tmp_path / name, clear, *options))
    frame = decoded(lowest.playlist("90p"), 160, 90)[0]
    assert frame[:, :70].mean(axis=(0, 1)) == pytest.approx([255] * 3, abs=6)
    assert frame[:, 90:].mean(axis=(0, 1)) == pytest.approx([255, 255 - half, 255 - half], abs=8)


async def test_an_animated_avif_moves(lowest: Pipeline, tmp_path: Path) -> None:
    """Its first stream is a still that stands for it."""
    source = tmp_path / "moving.avif"
    run(
        FFMPEG, "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "320x180", "-r", "10", "-i", "pipe:0",
        "-vf", "format=yuv420p", "-c:v", "libaom-av1", "-cpu-used", "8", "-f", "avif", str(source),
        feed=numbered_frames(10),
    )  # fmt: skip
    await lowest.process(source)
    assert lowest.numbers() == {"90p": list(range(10))}


def broken(name: str) -> Callable[[Path], bytes]:
    """The beginning of such an image, and nothing that could be decoded."""
    return lambda folder: drawn(folder / name, "color=red:size=320x180").read_bytes()[:30] + bytes(3000)


def animated_webp(folder: Path) -> bytes:
    return animated(folder / "moving.webp", WEBP, 3).read_bytes()[:44] + bytes(3000)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        pytest.param(broken("a.png"), "a PNG image", id="png"),
        pytest.param(animated_webp, "an animated WebP image", id="webp"),
        pytest.param(lambda _: b"8BPS\0\1" + bytes(3000), "a Photoshop image", id="psd"),
        pytest.param(lambda _: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing", id="svg"),
        pytest.param(lambda _: b"\0\0\0\x0cJXL \x0d\x0a\x87\x0a" + bytes(3000), "a JPEG XL image", id="jxl"),
    ],
)
async def test_an_image_that_cant_be_decoded_is_named(
    make: Callable[[Path], bytes], name: str, lowest: Pipeline, tmp_path: Path
) -> None:
    source = tmp_path / "upload"
    source.write_bytes(make(tmp_path))
    with pytest.raises(UnsupportedMedia, match=name) as refused:
        await asyncio.wait_for(lowest.probe(source), 20)
    assert refused.value.reason == "still_image"


async def test_an_image_that_is_too_large(lowest: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMedia, match="8400×40") as refused:
        await lowest.probe(drawn(tmp_path / "wide.png", "color=red:size=8400x40"))
    assert refused.value.reason == "frame_too_large"
