"""The examples that the API's description shows."""

from __future__ import annotations

from typing import Any

from gilfoyle.media.agreement.report import EXAMPLE

CREATE: dict[str, Any] = {
    "title": "Big Buck Bunny",
    "description": "A large and lovable rabbit.",
    "external_id": "film-1024",
    "metadata": {"season": 1, "owner": {"team": "animation"}},
    "tags": ["open", "short"],
    "expires_at": "2030-01-31T12:00:00Z",
    "encoding": {"max_height": 1080, "codecs": ["h264", "av1"]},
}
INPUT: dict[str, Any] = {"url": "https://files.example.org/bunny.mp4?signature=3f2a", "start": 12.5, "end": 42}
CREATE_BY_IMPORT: dict[str, Any] = {"title": "Big Buck Bunny", "input": [INPUT]}
INPUT_SHOWN: dict[str, Any] = {
    "url": "https://files.example.org/bunny.mp4",
    "status": "Importing",
    "received_bytes": 52_428_800,
    "total_bytes": 276_134_947,
    "error": None,
}
EDIT: dict[str, Any] = {"title": "Big Buck Bunny (2008)", "metadata": {"season": None}, "expires_at": None}
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
ATTACHMENT: dict[str, Any] = {
    "name": "licence.pdf",
    "media_type": "application/pdf",
    "bytes": 48_213,
    "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "url": "https://media.example.org/v1/medias/0b1f2a52-6c4e-4b53-9a0e-3f0a5f6c7d11/attachments/licence.pdf",
    "created_at": "2025-03-01T12:05:00Z",
}
KEY_CREATE: dict[str, Any] = {"name": "back end", "scope": "write", "project": "shop"}
KEY_EDIT: dict[str, Any] = {"expires_at": "2035-01-01T00:00:00Z"}
KEY: dict[str, Any] = {
    "id": "5d0a0a3f-6b9f-4c62-9d6c-5f9a3c1e7a11",
    "name": "back end",
    "prefix": "gf_k3Jq8ZwT",
    "scope": "write",
    "project": "shop",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": "2025-03-01T12:04:00Z",
    "created_at": "2025-03-01T12:00:00Z",
}
KEY_MADE: dict[str, Any] = {**KEY, "last_used_at": None, "secret": "gf_k3Jq8ZwTUo0mUqB6yyqJ8dG1hX5oQnVwT2sYbE4rLcA"}
PROJECT_CREATE: dict[str, Any] = {"id": "shop", "name": "The shop"}
PROJECT_EDIT: dict[str, Any] = {"name": "The old shop"}
PROJECT: dict[str, Any] = {**PROJECT_CREATE, "created_at": "2025-03-01T12:00:00Z"}
SIGNING_KEY_CREATE: dict[str, Any] = {"algorithm": "EdDSA", "name": "shop, 2025"}
SIGNING_KEY: dict[str, Any] = {
    "id": "k3Jq8ZwTUo0mUqB6",
    "name": "shop, 2025",
    "algorithm": "EdDSA",
    "project": "default",
    "public_key": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    "-----END PUBLIC KEY-----\n",
    "revoked_at": None,
    "created_at": "2025-03-01T12:00:00Z",
}
SIGNING_KEY_MADE: dict[str, Any] = {
    **SIGNING_KEY,
    "secret": None,
    "private_key": "-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----\n",
}
PLAYBACK_CREATE: dict[str, Any] = {"policy": "signed"}
PLAYBACK: dict[str, Any] = {"id": "q3PYsnAcBrUJ1L2WJrEI9g", "policy": "public"}
COLOUR: dict[str, Any] = {
    "primaries": "bt709",
    "transfer": "bt709",
    "matrix": "bt709",
    "range": "tv",
    "hdr": None,
}
PROBED_VIDEO: dict[str, Any] = {
    "codec": "h264",
    "width": 1920,
    "height": 1080,
    "frame_rate": 29.97003,
    "variable_frame_rate": False,
    "interlaced": False,
    "rotation": 0,
    "pixel_format": "yuv420p",
    "bit_depth": 8,
    "colour": COLOUR,
}
PROBED_AUDIO: dict[str, Any] = {
    "codec": "aac",
    "sample_rate": 48_000,
    "channels": 2,
    "layout": "stereo",
    "language": "en",
    "title": None,
    "role": "main",
    "default": True,
}
PROBED_TEXT: dict[str, Any] = {
    "codec": "mov_text",
    "language": "de",
    "title": "Deutsch",
    "role": "subtitle",
    "default": False,
}
PROBE: dict[str, Any] = {
    "container": "mov",
    "duration_s": 596.5,
    "bit_rate": 3_703_400,
    "video": PROBED_VIDEO,
    "audio": [PROBED_AUDIO],
    "text": [PROBED_TEXT],
}
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
REPLACEMENT: dict[str, Any] = {
    "version": 2,
    "status": "Processing",
    "progress": 0.7,
    "file_name": "bunny-4k.mp4",
    "source_bytes": 633_066_222,
    "source_sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    "error": None,
}
REPLACEMENT_CREATE: dict[str, Any] = {"video": [{"height": 1080, "max_kbps": 4000}, {"height": 540, "max_kbps": 1200}]}
SOURCE_LINK_CREATE: dict[str, Any] = {"ttl_s": 3600}
SOURCE_LINK: dict[str, Any] = {
    "url": "https://media.example.org/v1/medias/0b1f2a52-6c4e-4b53-9a0e-3f0a5f6c7d11/source"
    "?token=1740834000.vQ3PYsnAcBrUJ1L2WJrEI9gq3PYsnAcBrUJ1L2WJrEI",
    "expires_at": "2025-03-01T13:00:00Z",
}
MEDIA: dict[str, Any] = {
    "id": "0b1f2a52-6c4e-4b53-9a0e-3f0a5f6c7d11",
    "project": "default",
    **CREATE,
    "kind": "video",
    "status": "Processing",
    "version": 1,
    "replacement": None,
    "playable": True,
    "progress": 0.4,
    "duration_s": 596.5,
    "file_name": "bunny.mp4",
    "source_bytes": 276_134_947,
    "source_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "source_deleted_at": None,
    "storage": "filesystem",
    "cid": None,
    "probe": PROBE,
    "input": [],
    "error": None,
    "warnings": [],
    "stream_url": "https://media.example.org/stream/q3PYsnAcBrUJ1L2WJrEI9g/master.m3u8",
    "watch_url": "https://media.example.org/watch/q3PYsnAcBrUJ1L2WJrEI9g",
    "playback_ids": ["q3PYsnAcBrUJ1L2WJrEI9g"],
    "playback": [PLAYBACK],
    "created_at": "2025-03-01T12:00:00Z",
    "updated_at": "2025-03-01T12:01:30Z",
    "tracks": [TRACK],
    "renditions": [RENDITION],
}
MEDIA_LISTED = {name: MEDIA[name] for name in MEDIA if name not in {"probe", "warnings", "tracks", "renditions"}}
EVENT: dict[str, Any] = {
    "id": 1042,
    "type": "media.ready",
    "project": "default",
    "media_id": "0b1f2a52-6c4e-4b53-9a0e-3f0a5f6c7d11",
    "data": {"status": "Ready", "playable": True, "progress": 1.0, "version": 1, "external_id": "lesson-7"},
    "created_at": "2025-03-01T12:03:00Z",
}
UPLOAD_CREATE: dict[str, Any] = {
    "media": CREATE,
    "max_bytes": 5_000_000_000,
    "max_duration_s": 3600,
    "cors_origin": "https://app.example.org",
    "ttl_s": 7200,
}
UPLOAD: dict[str, Any] = {
    "id": "hIv2bXpe0bq5cN0zK2n5Ng",
    "status": "waiting",
    "url": "https://media.example.org/v1/uploads/hIv2bXpe0bq5cN0zK2n5Ng?token=upload_Yb0T4mVQ2J9nXc1rZ8sWk5dLhQeU7aFg",
    "token": "upload_Yb0T4mVQ2J9nXc1rZ8sWk5dLhQeU7aFg",
    "project": "default",
    "media_id": None,
    "replace": False,
    "partial": False,
    "kind": None,
    "length": None,
    "file_name": None,
    "media_type": None,
    "max_bytes": 5_000_000_000,
    "max_duration_s": 3600.0,
    "cors_origin": "https://app.example.org",
    "expires_at": "2025-03-01T14:00:00Z",
    "error": None,
    "created_at": "2025-03-01T12:00:00Z",
    "updated_at": "2025-03-01T12:00:00Z",
}
PARTS_CREATE: dict[str, Any] = {"length": 73_400_320, "file_name": "holiday.mp4", "media_type": "video/mp4"}
PARTS: dict[str, Any] = {
    "length": 73_400_320,
    "part_bytes": 16_777_216,
    "count": 5,
    "arrived": [{"number": 1, "bytes": 16_777_216}],
    "expires_at": "2025-03-01T14:00:00Z",
}
PART_URLS_CREATE: dict[str, Any] = {"first": 2, "last": 5}
PART_URL: dict[str, Any] = {
    "number": 2,
    "bytes": 16_777_216,
    "url": "https://s3.example.org/media/0b1f2a52-6c4e-4b53-9a0e-3f0a5f6c7d11/source?partNumber=2&uploadId=…&X-Amz-Signature=…",
    "expires_at": "2025-03-01T13:00:00Z",
}
WEBHOOK_CREATE: dict[str, Any] = {
    "url": "https://example.org/hooks/gilfoyle",
    "types": ["media.ready", "media.errored"],
    "description": "tells the editors",
}
WEBHOOK: dict[str, Any] = {
    "id": "5f0c9a3e-7a51-4c53-8a55-6a9a4b8d0f11",
    "project": "default",
    **WEBHOOK_CREATE,
    "enabled": True,
    "disabled_reason": None,
    "created_at": "2025-03-01T11:00:00Z",
    "updated_at": "2025-03-01T11:00:00Z",
}
WEBHOOK_MADE: dict[str, Any] = {**WEBHOOK, "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfFh1fDJlA="}
DELIVERY: dict[str, Any] = {
    "id": 77,
    "message_id": "event-1042",
    "event": EVENT,
    "status": "Waiting",
    "attempts": 1,
    "created_at": "2025-03-01T12:03:00Z",
    "tried_at": "2025-03-01T12:03:00Z",
    "next_try_at": "2025-03-01T12:03:05Z",
    "duration_s": 0.031,
    "answer": {"status": 503, "body": "upstream is away"},
    "error": "It answered 503.",
}
DELETED: dict[str, Any] = {"count": 12, "more": False, "dry_run": True}
VERIFICATION: dict[str, Any] = {"status": "Done", "agreement": EXAMPLE, "error": None}
HEALTH: dict[str, Any] = {"database": "ok", "temporal": "ok", "storage": "ok"}


def envelope(data: Any) -> dict[str, Any]:
    return {"code": "ok", "data": data, "metadata": {}}


def page(item: Any) -> dict[str, Any]:
    return {"code": "ok", "data": [item], "metadata": {"limit": 50, "offset": 0, "next_cursor": None}}
