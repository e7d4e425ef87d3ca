"""What a file that can't be read as video or audio is, by its first bytes: so that whoever sent it is told."""

from __future__ import annotations

from typing import Literal, NamedTuple

HEAD_BYTES = 8192
"""How much of a file's beginning tells."""


class Kind(NamedTuple):
    """`name` is for a sentence: `a ZIP archive`."""

    name: str
    sort: Literal["image", "encrypted", "other"]


# By what begins the file; the longest first where one begins like another.
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", Kind("a PNG image", "image")),
    (b"\xff\xd8\xff", Kind("a JPEG image", "image")),
    (b"GIF8", Kind("a GIF image", "image")),
    (b"BM", Kind("a BMP image", "image")),
    (b"II*\0\x10\0\0\0CR", Kind("a camera's raw image", "image")),
    (b"II*\0", Kind("a TIFF image", "image")),
    (b"MM\0*", Kind("a TIFF image", "image")),
    (b"II\x2b\0", Kind("a TIFF image", "image")),
    (b"8BPS", Kind("a Photoshop image", "image")),
    (b"\0\0\0\x0cJXL ", Kind("a JPEG XL image", "image")),
    (b"\xff\x0a", Kind("a JPEG XL image", "image")),
    (b"\0\0\0\x0cjP  ", Kind("a JPEG 2000 image", "image")),
    (b"\xff\x4f\xff\x51", Kind("a JPEG 2000 image", "image")),
    (b"v/1\x01", Kind("an OpenEXR image", "image")),
    (b"qoif", Kind("a QOI image", "image")),
    (b"\0\0\x01\0", Kind("an icon", "image")),
    (b"icns", Kind("an icon", "image")),
    (b"DDS ", Kind("a DirectDraw image", "image")),
    (b"\x0a\x05\x01", Kind("a PCX image", "image")),
    (b"\x01\xda", Kind("an SGI image", "image")),
    (b"SIMPLE  =", Kind("a FITS image", "image")),
    (b"FUJIFILMCCD-RAW", Kind("a camera's raw image", "image")),
    *((b"P%d%c" % (form, space), Kind("a PNM image", "image")) for form in range(1, 8) for space in b" \n\r\t"),
    (b"%PDF-", Kind("a PDF document", "other")),
    (b"PK\x03\x04", Kind("a ZIP archive or an office document", "other")),
    (b"Rar!", Kind("a RAR archive", "other")),
    (b"7z\xbc\xaf\x27\x1c", Kind("a 7-Zip archive", "other")),
    (b"\x1f\x8b", Kind("a gzip archive", "other")),
    (b"\xd0\xcf\x11\xe0", Kind("an office document", "other")),
    (b"MZ", Kind("a program", "other")),
    (b"\x7fELF", Kind("a program", "other")),
    (b"#EXTM3U", Kind("a playlist, which only names other files", "other")),
    (b"MThd", Kind("a MIDI file, which holds notes and no sound", "other")),
)
# ISO base media's brands (ISO/IEC 23008-12, AVIF).
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), Kind("a HEIC image", "image")),
    **dict.fromkeys((b"avif", b"avis"), Kind("an AVIF image", "image")),
    b"crx ": Kind("a camera's raw image", "image"),
    **dict.fromkeys((b"mif1", b"msf1", b"mif2"), Kind("a HEIF image", "image")),
    b"aax ": Kind("an Audible audio book", "encrypted"),
    b"aaxc": Kind("an Audible audio book", "encrypted"),
}
# How files of video and audio begin.
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"sidx")
_MEDIA = (
    b"\x1aE\xdf\xa3", b"RIFF", b"RF64", b"OggS", b"fLaC", b"ID3", b"FLV\1", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    b"FORM", b".RMF", b"caff", b"wvpk", b"MAC ", b"TTA1", b"#!AMR", b"DSD ", b"FRM8", b"\0\0\1\xba", b"\0\0\1\xb3",
    b"\6\x0e\x2b\x34\2\5\1\1",
)  # fmt: skip
_TS = ((0, 188), (4, 192))  # where a transport stream's first packet begins, and how far packets are apart
_AUDIBLE = b"\x57\x90\x75\x36"
_UNIT, _PACKET = 6144, 192  # bytes
_ANIMATED = 0x02  # among VP8X's flags


def recognise(head: bytes) -> Kind | None:
    """What a file is that begins so; None if that can't be told."""
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12])
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        animated = head[12:16] == b"VP8X" and bool(head[20:21]) and head[20] & _ANIMATED
        return Kind("an animated WebP image" if animated else "a WebP image", "image")
    if head[4:8] == _AUDIBLE:
        return Kind("an Audible audio book", "encrypted")
    if _is_aacs(head):
        return Kind("a Blu-ray disc's stream", "encrypted")
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return _animated_png(head) if kind.name == "a PNG image" else kind
    return _text(head)


def is_media(head: bytes) -> bool:
    """Whether a file begins like one of video or audio, however little of it can be read."""
    packets = any(all(head[at : at + 1] == b"G" for at in range(first, first + 4 * size, size)) for first, size in _TS)
    return packets or head[4:8] in _BOXES or head.startswith(_MEDIA)


def is_text(head: bytes) -> bool:
    """Whether a file that begins so is written in letters: a playlist, a script, subtitles."""
    return not any(byte < 0x20 and byte not in b"\t\n\r\f\x1b" for byte in head)


def _is_aacs(head: bytes) -> bool:
    """A Blu-ray disc's stream: of each unit of 32 packets only 16 bytes are clear, and say so (AACS, 3.10.1)."""
    units = [head[at : at + 5] for at in (0, _UNIT)]
    return head[_PACKET + 4 :][:1] != b"G" and all(unit[4:] == b"G" and unit[0] >> 6 == 3 for unit in units)


def _animated_png(head: bytes) -> Kind:
    """`acTL` comes before the first data of the image (PNG 3, 11.3.6)."""
    animated = b"acTL" in head.partition(b"IDAT")[0]
    return Kind("an animated PNG image" if animated else "a PNG image", "image")


def _text(head: bytes) -> Kind | None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:2000].lower()
    if start.startswith((b"<svg", b"<?xml")) and b"<svg" in start:
        return Kind("an SVG drawing", "image")
    if start.startswith((b"<!doctype html", b"<html")):
        return Kind("a web page", "other")
    return None
