"""What a file is that is no media, by its first bytes; and what is then said of it."""

from __future__ import annotations

import pytest

from gilfoyle.errors import UnsupportedMedia
from gilfoyle.media.kinds import recognise
from gilfoyle.media.refusals import named

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + bytes(17)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"", None),
        (b"just a line of text", None),
        (bytes(4096), None),
        (b"\0\0\0\x20ftypisom", None),
        (b"\0\0\0\x20ftypheic", "a HEIC image"),
        (b"\0\0\0\x20ftypavif", "an AVIF image"),
        (b"\0\0\0\x20ftypaax ", "an Audible audio book"),
        (b"\0\x12\x34\x56\x57\x90\x75\x36", "an Audible audio book"),
        (PNG + b"\0\0\0\x04IDAT", "a PNG image"),
        (PNG + b"\0\0\0\x08acTL" + bytes(12) + b"\0\0\0\x04IDAT", "an animated PNG image"),
        (b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\0", "a WebP image"),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0", "a WebP image"),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x12\0\0\0", "an animated WebP image"),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"\xff\xd8\xff\xe0", "a JPEG image"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<svg width="1">', "an SVG drawing"),
        (b'<?xml version="1.0"?><MPD>', None),
        (b"\n<!DOCTYPE html><title>404</title>", "a web page"),
        (b"\xc0\0\0\0G" + bytes(6139) + b"\xc0\0\0\0G", "a Blu-ray disc's stream"),
        (b"\0\0\0\0G" + bytes(6139) + b"\0\0\0\0G", None),
        (b"P6\n320 180\n255\n", "a PNM image"),
        (b"P6Q", None),
        (b"II*\0\x10\0\0\0CR\x02", "a camera's raw image"),
        (b"II*\0\x08\0\0\0", "a TIFF image"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive or an office document"),
    ],
)
def test_what_it_is(head: bytes, name: str | None) -> None:
    kind = recognise(head)
    assert (kind and kind.name) == name


@pytest.mark.parametrize(
    ("reason", "head", "code", "text"),
    [
        ("not_media", PNG, "still_image", "This is a PNG image"),
        ("no_frames", PNG, "still_image", "This is a PNG image"),
        ("not_media", b"%PDF-1.7", "not_media", "This is a PDF document"),
        ("not_media", b"\0\0\0\x20ftypaaxc", "protected", "encrypted"),
        ("not_media", b"no idea", "not_media", "As it was"),
        ("not_media", b"\0\0\0\x20ftypisom\0\0", "damaged", "damaged"),
        ("not_media", b"\x1aE\xdf\xa3\1", "damaged", "damaged"),
        ("not_media", (b"G\1\0\x10" + bytes(184)) * 5, "damaged", "damaged"),
        ("not_media", (bytes(4) + b"G\1\0\x10" + bytes(184)) * 5, "damaged", "damaged"),
        ("no_streams", b"\x1aE\xdf\xa3\1", "no_streams", "As it was"),
        ("not_media", b"G" + bytes(900), "not_media", "As it was"),
        ("not_media", b"\0\1 no idea", "not_media", "As it was"),
        # What has a better reason keeps it.
        ("truncated", PNG, "truncated", "As it was"),
        ("frame_too_large", PNG, "frame_too_large", "As it was"),
    ],
)
def test_a_refusal_is_named(reason: str, head: bytes, code: str, text: str) -> None:
    found = named(UnsupportedMedia("As it was.", code=reason, log="of ffprobe"), head)
    assert found.reason == code and text in found.message
    assert found.log == "of ffprobe"


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"FWS\x0a\0\0\0", "unsupported_format"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nHello\n", "not_media"),
        (b"#EXTM3U\nfilm.ts\n", "not_media"),
        (b"MThd\0\0", "not_media"),
    ],
)
def test_what_ffmpeg_knows_and_may_not_open(head: bytes, code: str) -> None:
    """It may well be a film, so it is not said to be none; but scripts and subtitles are not."""
    log = "[in#0 @ 0x5587] Format not on whitelist 'mov,matroska'"
    assert named(UnsupportedMedia("As it was.", code="not_media", log=log), head).reason == code
