"""Playing: playlists, segments and pictures of a media, by range and with what caches need."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from gilfoyle.api.errors import problem
from gilfoyle.api.playback import Playback
from gilfoyle.api.ranges import accepts_gzip, byte_range, if_none_match, if_range, range_of_any_size
from gilfoyle.api.services import Injected
from gilfoyle.errors import InvalidRequest, NotFound, ObjectNotFound, RangeNotSatisfiable
from gilfoyle.storage import ObjectInfo, Opens, Storage, keys
from gilfoyle.storage.base import check_key
from gilfoyle.storage.content import PLAYLIST_TYPE, cache_control, media_type

router = APIRouter(prefix="/medias", tags=["playback"])

_CONTENT = {"content": {PLAYLIST_TYPE: {"example": "#EXTM3U\n#EXT-X-VERSION:7\n"}}, "description": "the object"}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _CONTENT,
    206: {"description": "the range of it that was asked for"},
    304: {"description": "the client has it already"},
}


@router.head("/{media_id}/stream/{path:path}", include_in_schema=False)
@router.get(
    "/{media_id}/stream/{path:path}",
    operation_id="streamMedia",
    summary="Play: master.m3u8 and all below it",
    response_class=Response,
    responses=_RESPONSES,
)
async def stream(media_id: UUID, path: str, request: Request, services: Injected) -> Response:
    """425 before there is anything to play; 409 if there never will be."""
    playback = await services.playbacks.of(media_id)
    try:
        key = check_key(f"{keys.encoding_prefix(media_id, playback.encoding)}/{path}")
        storage = await services.storages.of(playback.storage)
        if path.endswith(".m3u8"):
            return await _playlist(storage, key, playback, request)
        url = await storage.player_url(key)
        if url is not None:
            return RedirectResponse(url, 307, {"Cache-Control": "no-store"})
        return await _file(storage, key, playback, request)
    except (InvalidRequest, ObjectNotFound) as error:
        raise NotFound("There is nothing under this path of the media.") from error


async def _playlist(storage: Storage, key: str, playback: Playback, request: Request) -> Response:
    """Always from here, never by a redirect: what it names is relative to this address."""
    content = await storage.read(key)
    etag = hashlib.sha256(content).hexdigest()[:32]
    headers = {"Vary": "Accept-Encoding"}
    if "range" not in request.headers and accepts_gzip(request.headers.get("accept-encoding")):
        content = await asyncio.to_thread(gzip.compress, content, 6, mtime=0)
        etag += "-gzip"
        headers["Content-Encoding"] = "gzip"

    async def piece(start: int, end: int) -> AsyncIterator[bytes]:
        yield content[start:end]

    headers |= _headers(PLAYLIST_TYPE, etag, "public, max-age=60" if playback.complete else "no-cache")
    return _answer(request, headers, len(content), piece)


async def _file(storage: Storage, key: str, playback: Playback, request: Request) -> Response:
    found, opened = await _look_up(storage, key, request)

    async def pieces(start: int, end: int) -> AsyncIterator[bytes]:
        async with aclosing(opened or storage.stream(key, start, end)) as stream:  # type: ignore[type-var]
            async for piece in stream:
                yield piece

    cache = cache_control(key) or ("public, max-age=60" if playback.complete else "no-cache")
    return _answer(request, _headers(media_type(key), found.etag, cache), found.size, pieces)


async def _look_up(storage: Storage, key: str, request: Request) -> tuple[ObjectInfo, AsyncIterator[bytes] | None]:
    """What the object is; and its bytes, if the storage can give both at once and the client will want them."""
    conditional = any(name in request.headers for name in ("if-none-match", "if-range"))
    wanted = None if conditional else range_of_any_size(request.headers.get("range"))
    if request.method == "GET" and wanted and isinstance(storage, Opens):
        return await storage.open(key, *wanted)
    return await storage.stat(key), None


def _headers(kind: str, etag: str, cache: str) -> dict[str, str]:
    return {
        "Content-Type": kind,
        "ETag": f'"{etag}"',
        "Cache-Control": cache,
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
    }


def _answer(request: Request, headers: dict[str, str], size: int, pieces: Any) -> Response:
    """304, 416, 206 or 200, in the order of RFC 9110, 13.2.2. `pieces(start, end)` gives the bytes."""
    asked, etag = request.headers, headers["ETag"]
    if if_none_match(asked.get("if-none-match"), etag):
        return Response(status_code=304, headers={n: v for n, v in headers.items() if not n.startswith("Content-")})
    wanted = None
    if request.method == "GET" and if_range(asked.get("if-range"), etag):
        try:
            wanted = byte_range(asked.get("range"), size)
        except RangeNotSatisfiable as error:
            return problem(error, {"Content-Range": f"bytes */{size}"})
    start, end = wanted or (0, size)
    headers["Content-Length"] = str(end - start)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    if request.method == "HEAD":
        return Response(status_code=200, headers=headers)
    return StreamingResponse(pieces(start, end), 206 if wanted else 200, headers)
