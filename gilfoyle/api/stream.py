"""Playing: playlists, segments and pictures of a media, by range and with what caches need."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from gilfoyle.api.errors import problem
from gilfoyle.api.playback import Playing
from gilfoyle.api.ranges import accepts_gzip, byte_range, if_none_match, if_range, range_of_any_size
from gilfoyle.api.services import Injected
from gilfoyle.errors import InvalidRequest, NotFound, ObjectNotFound, RangeNotSatisfiable
from gilfoyle.media import hls
from gilfoyle.storage import ObjectInfo, Opens, Storage, keys
from gilfoyle.storage.base import check_key
from gilfoyle.storage.content import PLAYLIST_TYPE, cache_control, media_type

router = APIRouter(prefix="/stream", tags=["playback"])

_CONTENT = {"content": {PLAYLIST_TYPE: {"example": "#EXTM3U\n#EXT-X-VERSION:7\n"}}, "description": "the object"}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: _CONTENT,
    206: {"description": "the range of it that was asked for"},
    304: {"description": "the client has it already"},
}
_MASTER = "master.m3u8"


@router.head("/{playback_id}/master.m3u8", include_in_schema=False)
@router.get(
    "/{playback_id}/master.m3u8",
    operation_id="streamMaster",
    summary="Play: the multivariant playlist of the version of now",
    response_class=Response,
    responses=_RESPONSES,
)
async def master(playback_id: str, request: Request, services: Injected) -> Response:
    """425 before there is anything to play; 409 if there never will be. What it names lies below the version."""
    playing = await services.playbacks.of(playback_id)
    storage = await services.storages.of(playing.storage)
    content = await storage.read(keys.master_playlist(playing.media_id, playing.encoding))
    return await _playlist(hls.below(content.decode(), str(playing.encoding)).encode(), request)


@router.head("/{playback_id}/{version}/{path:path}", include_in_schema=False)
@router.get(
    "/{playback_id}/{version}/{path:path}",
    operation_id="streamObject",
    summary="Play: master.m3u8 of a version, and all below it",
    response_class=Response,
    responses=_RESPONSES,
)
async def stream(
    playback_id: str,
    version: Annotated[int, Path(ge=1, le=2**31 - 1)],
    path: str,
    request: Request,
    services: Injected,
) -> Response:
    """A segment at an address never changes: what replaces it has another version."""
    playing = await services.playbacks.of(playback_id)
    try:
        key = check_key(f"{keys.encoding_prefix(playing.media_id, version)}/{path}")
        storage = await services.storages.of(playing.storage)
        if path.endswith(".m3u8"):
            content = await storage.read(key)
            last = path != _MASTER and (playing.complete or version < playing.encoding)
            return await _playlist(content, request, "public, max-age=60" if last else "no-cache")
        url = await storage.player_url(key)
        if url is not None:
            return RedirectResponse(url, 307, {"Cache-Control": "no-store"})
        return await _file(storage, key, playing, request)
    except (InvalidRequest, ObjectNotFound) as error:
        raise NotFound("There is nothing under this path of the media.") from error


async def _playlist(content: bytes, request: Request, cache: str = "no-cache") -> Response:
    """Always from here, never by a redirect: what it names is relative to this address."""
    etag = hashlib.sha256(content).hexdigest()[:32]
    headers = {"Vary": "Accept-Encoding"}
    if "range" not in request.headers and accepts_gzip(request.headers.get("accept-encoding")):
        content = await asyncio.to_thread(gzip.compress, content, 6, mtime=0)
        etag += "-gzip"
        headers["Content-Encoding"] = "gzip"

    async def piece(start: int, end: int) -> AsyncIterator[bytes]:
        yield content[start:end]

    headers |= _headers(PLAYLIST_TYPE, etag, cache)
    return _answer(request, headers, len(content), piece)


async def _file(storage: Storage, key: str, playing: Playing, request: Request) -> Response:
    found, opened = await _look_up(storage, key, request)

    async def pieces(start: int, end: int) -> AsyncIterator[bytes]:
        async with aclosing(opened or storage.stream(key, start, end)) as stream:  # type: ignore[type-var]
            async for piece in stream:
                yield piece

    cache = cache_control(key) or ("public, max-age=60" if playing.complete else "no-cache")
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
