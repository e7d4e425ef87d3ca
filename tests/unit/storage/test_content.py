from __future__ import annotations

import pytest

from gilfoyle.storage.content import cache_control, media_type

IMMUTABLE = "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("key", "kind", "cache"),
    [
        ("m/1/master.m3u8", "application/vnd.apple.mpegurl", "no-cache"),
        ("m/1/720p/index.m3u8", "application/vnd.apple.mpegurl", "no-cache"),
        ("m/1/720p/init.mp4", "video/mp4", IMMUTABLE),
        ("m/1/720p/00000.m4s", "video/iso.segment", IMMUTABLE),
        ("m/1/audio-en/init.mp4", "audio/mp4", IMMUTABLE),
        ("m/1/audio/00000.m4s", "audio/mp4", IMMUTABLE),
        ("m/1/poster.jpg", "image/jpeg", None),
        ("m/source", "application/octet-stream", None),
        ("audio/page.html", "application/octet-stream", None),
        ("source", "application/octet-stream", None),
    ],
)
def test_an_object_is_what_its_name_says(key: str, kind: str, cache: str | None) -> None:
    assert media_type(key) == kind
    assert cache_control(key) == cache
