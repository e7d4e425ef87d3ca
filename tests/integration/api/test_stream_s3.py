"""Playing through the API what lies in a bucket: what each request of a player costs there, and where it leads."""

from __future__ import annotations

import time
from typing import Any

import httpx
import jwt
import pytest

from gilfoyle.api.app import create_app
from gilfoyle.api.key_pairs import make
from gilfoyle.catalog import Catalog, Policy, SigningKey
from gilfoyle.catalog.signing import Algorithm
from gilfoyle.config import S3Settings, Settings, StorageSettings
from gilfoyle.storage import keys
from gilfoyle.storage.s3.backend import S3Storage
from tests.integration.api.conftest import address, processing

SEGMENT = bytes(range(256)) * 12_000  # as large as one of 1080p


@pytest.mark.parametrize(
    ("method", "headers", "status", "content", "operations"),
    [
        ("GET", {}, 200, SEGMENT, ["GetObject"]),
        ("GET", {"Range": "bytes=5-9"}, 206, SEGMENT[5:10], ["GetObject"]),
        ("GET", {"Range": "bytes=5-"}, 206, SEGMENT[5:], ["GetObject"]),
        ("GET", {"Range": "bytes=0-99999999"}, 206, SEGMENT, ["GetObject"]),
        ("GET", {"Range": "bytes=-5"}, 206, SEGMENT[-5:], ["HeadObject", "GetObject"]),
        ("GET", {"Range": "bytes=9-5"}, 200, SEGMENT, ["GetObject"]),
        ("GET", {"Range": "bytes=0-4", "If-Range": '"other"'}, 200, SEGMENT, ["HeadObject", "GetObject"]),
        ("GET", {"If-None-Match": "*"}, 304, b"", ["HeadObject"]),
        ("HEAD", {}, 200, b"", ["HeadObject"]),
        ("GET", {"Range": "bytes=99999999-"}, 416, None, ["GetObject", "HeadObject"]),
    ],
)
async def test_a_segment_costs_one_request(
    settings: Settings,
    catalog: Catalog,
    s3_settings: S3Settings,
    method: str,
    headers: dict[str, str],
    status: int,
    content: bytes | None,
    operations: list[str],
) -> None:
    app = create_app(settings.model_copy(update={"storage": StorageSettings(driver="s3", s3=s3_settings)}))
    async with app.router.lifespan_context(app):
        storage = await app.state.services.storages.open()
        assert isinstance(storage, S3Storage)
        media = await processing(catalog, storage="s3")
        await storage.write(f"{keys.encoding_prefix(media.id, 1)}/720p/00000.m4s", SEGMENT)
        await catalog.encodings.progress(media.id, 1, [], playable=True, progress=0.25)
        asked: list[str] = []

        def note(model: Any, **_: object) -> None:
            asked.append(model.name)

        storage._requests.client.meta.events.register("before-call.s3", note)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.request(method, f"{await address(catalog, media.id)}/720p/00000.m4s", headers=headers)
            assert (answer.status_code, asked) == (status, operations)
            assert content is None or answer.content == content
            del asked[:]
            assert (await client.get(f"{await address(catalog, media.id)}/720p/00001.m4s")).status_code == 404
            assert asked == ["GetObject"]


async def test_what_is_signed_is_never_redirected(
    settings: Settings, catalog: Catalog, s3_settings: S3Settings
) -> None:
    """A presigned address would play for an hour, without a token and after the key was revoked."""
    s3 = s3_settings.model_copy(update={"serve": "redirect"})
    app = create_app(settings.model_copy(update={"storage": StorageSettings(driver="s3", s3=s3)}))
    key = SigningKey(project="default", name="test", algorithm=Algorithm.HS256, secret=make(Algorithm.HS256).secret)
    async with app.router.lifespan_context(app):
        media = await processing(catalog, storage="s3")
        storage = await app.state.services.storages.open()
        await storage.write(f"{keys.encoding_prefix(media.id, 1)}/720p/00000.m4s", SEGMENT)
        await catalog.encodings.progress(media.id, 1, [], playable=True, progress=0.25)
        await catalog.signing_keys.create(key)
        signed = await catalog.playback.add(media.id, Policy.SIGNED)
        claims = {"sub": signed, "exp": int(time.time()) + 60}
        token = jwt.encode(claims, key.secret or "", "HS256", {"kid": key.id})
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            public = await client.get(f"{await address(catalog, media.id)}/720p/00000.m4s")
            assert (public.status_code, "X-Amz-Signature" in public.headers["Location"]) == (307, True)
            answer = await client.get(f"/stream/{signed}/1/~{token}/720p/00000.m4s")
            assert (answer.status_code, answer.content) == (200, SEGMENT)
            assert (await client.get(f"/stream/{signed}/1/720p/00000.m4s")).status_code == 403
