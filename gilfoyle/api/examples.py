"""The examples that the API's description shows."""

from __future__ import annotations

from typing import Any

from gilfoyle.media.agreement.report import EXAMPLE

CREATE: dict[str, Any] = {"title": "Big Buck Bunny", "description": "A large and lovable rabbit."}
EDIT: dict[str, Any] = {"title": "Big Buck Bunny (2008)"}
FAULT: dict[str, Any] = {"code": "no_streams", "message": "The file has no video or audio that can be decoded."}
WARNING: dict[str, Any] = {
    "code": "rendition_failed",
    "message": "The rendition 1080p could not be encoded and is left out. It took longer than it may.",
}
TRACK: dict[str, Any] = {
    "name": "audio-2",
    "kind": "audio",
    "language": "de",
    "label": "Deutsch",
    "role": "main",
    "default": False,
}
WATCHED: dict[str, Any] = {
    "title": "Big Buck Bunny",
    "status": "Processing",
    "playable": True,
    "progress": 0.4,
    "message": None,
}
PLAYBACK: dict[str, Any] = {"id": "q3PYsnAcBrUJ1L2WJrEI9g"}
RENDITION: dict[str, Any] = {
    "name": "720p",
    "kind": "video",
    "track": "video",
    "status": "Encoding",
    "width": 1280,
    "height": 720,
    "frame_rate": 30.0,
    "channels": None,
    "codecs": "avc1.64001f",
    "segments": 150,
    "stored_segments": 60,
    "stored_bytes": 48_211_004,
    "progress": 0.4,
    "bandwidth": 2_911_320,
    "average_bandwidth": 2_140_055,
    "error": None,
}
MEDIA: dict[str, Any] = {
    "id": "0b1f2a52-6c4e-4b53-9a0e-3f0a5f6c7d11",
    **CREATE,
    "kind": "video",
    "status": "Processing",
    "playable": True,
    "progress": 0.4,
    "duration_s": 596.5,
    "file_name": "bunny.mp4",
    "source_bytes": 276_134_947,
    "source_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "storage": "filesystem",
    "cid": None,
    "probe": {"container": "mov,mp4,m4a,3gp,3g2,mj2"},
    "error": None,
    "warnings": [],
    "stream_url": "https://media.example.org/stream/q3PYsnAcBrUJ1L2WJrEI9g/master.m3u8",
    "watch_url": "https://media.example.org/watch/q3PYsnAcBrUJ1L2WJrEI9g",
    "playback_ids": ["q3PYsnAcBrUJ1L2WJrEI9g"],
    "created_at": "2025-03-01T12:00:00Z",
    "updated_at": "2025-03-01T12:01:30Z",
    "tracks": [TRACK],
    "renditions": [RENDITION],
}
VERIFICATION: dict[str, Any] = {"status": "Done", "agreement": EXAMPLE, "error": None}
HEALTH: dict[str, Any] = {"database": "ok", "temporal": "ok", "storage": "ok"}


def envelope(data: Any) -> dict[str, Any]:
    return {"code": "ok", "data": data, "metadata": {}}


def page(item: Any) -> dict[str, Any]:
    return {"code": "ok", "data": [item], "metadata": {"total": 1, "offset": 0, "limit": 50}}
