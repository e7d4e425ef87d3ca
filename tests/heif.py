"""A photo cut into tiles, as telephones write it (ISO/IEC 23008-12): ffmpeg makes none."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from gilfoyle.media.boxes import box, find, full_box
from tests.sources import FFMPEG, run


def tiled(path: Path, colours: Sequence[str], tile: tuple[int, int]) -> Path:
    """An AVIF of tiles of that size side by side, one of each colour."""
    made = [_tile(path.with_name(f"tile{index}.avif"), colour, tile) for index, colour in enumerate(colours)]
    width, height = tile[0] * len(colours), tile[1]
    items = [data for _, data in made]
    items.append(struct.pack(">BBBBHH", 0, 0, 0, len(colours) - 1, width, height))  # the grid comes last
    kind = box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf")
    places = [0] * len(items)
    for _ in range(2):  # where the items lie is known when the boxes before them are
        meta = _meta(
            made[0][0], tile, (width, height), [(at, len(item)) for at, item in zip(places, items, strict=True)]
        )
        begin = len(kind) + len(meta) + 8
        places = [begin + sum(map(len, items[:index])) for index in range(len(items))]
    path.write_bytes(kind + meta + box(b"mdat", *items))
    return path


def _tile(path: Path, colour: str, size: tuple[int, int]) -> tuple[bytes, bytes]:
    """The configuration box and the data of an image in one piece."""
    source = f"color={colour}:size={size[0]}x{size[1]}"
    coder = ["-c:v", "libaom-av1", "-cpu-used", "8", "-still-picture", "1", "-f", "avif"]
    run(FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", source, "-frames:v", "1", *coder, str(path))
    data = path.read_bytes()
    at = data.index(b"av1C") - 4
    payload = find(data, b"mdat")
    assert payload
    return data[at : at + int.from_bytes(data[at : at + 4], "big")], data[payload[0] : payload[1]]


def _meta(
    configuration: bytes, tile: tuple[int, int], whole: tuple[int, int], places: Sequence[tuple[int, int]]
) -> bytes:
    grid = len(places)  # items are numbered from 1
    numbers = range(1, grid + 1)
    sizes = [full_box(b"ispe", 0, 0, struct.pack(">II", *size)) for size in (tile, whole)]
    uses = [struct.pack(">HBBB", item, 2, 1, 0x83) for item in numbers[:-1]]
    uses.append(struct.pack(">HBB", grid, 1, 2))
    kinds = [b"av01"] * (grid - 1) + [b"grid"]
    return full_box(
        b"meta", 0, 0,
        full_box(b"hdlr", 0, 0, bytes(4), b"pict", bytes(13)),
        full_box(b"pitm", 0, 0, struct.pack(">H", grid)),
        full_box(
            b"iloc", 0, 0, b"\x44\0", struct.pack(">H", grid),
            *(struct.pack(">HHHII", item, 0, 1, *place) for item, place in zip(numbers, places, strict=True)),
        ),
        full_box(
            b"iinf", 0, 0, struct.pack(">H", grid),
            *(full_box(b"infe", 2, 0, struct.pack(">HH", item, 0), kind, b"\0")
              for item, kind in zip(numbers, kinds, strict=True)),
        ),
        full_box(b"iref", 0, 0, box(b"dimg", struct.pack(f">HH{grid - 1}H", grid, grid - 1, *numbers[:-1]))),
        box(b"iprp", box(b"ipco", *sizes, configuration),
            full_box(b"ipma", 0, 0, struct.pack(">I", grid), *uses)),
    )  # fmt: skip
