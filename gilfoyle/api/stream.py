"""Playing: playlists, segments and images of a media, by range and with what caches need."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse

from gilfoyle.api.objects import answer, answer_stored, object_headers
from gilfoyle.api.playback import Playing
from gilfoyle.api.ranges import accepts_gzip
from gilfoyle.api.services import Injected, Services, Token
from gilfoyle.errors import InvalidRequest, NotFound, ObjectNotFound
from gilfoyle.media import hls
from gilfoyle.storage import Storage, keys
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
TOKEN_MARK = "~"
"""An element of the path that begins so is a token; no object's name does."""
OBJECT_PATH = "/stream/{playback_id}/{version}/{path:path}"
"""The route of an object, as metrics name it."""


@router.head("/{playback_id}/master.m3u8", include_in_schema=False)
@router.get(
    "/{playback_id}/master.m3u8",
    operation_id="streamMaster",
    summary="Play: the multivariant playlist of the version of now",
    response_class=Response,
    responses=_RESPONSES,
)
async def master(playback_id: str, request: Request, services: Injected, token: Token = "") -> Response:
    """425 before there is anything to play; 409 if there never will be. What it names lies below the version.

    Of a signed id, `token` leads to the version's own below that token (307): so does all that it names.
    """
    viewer = services.viewer(request, token)
    playing = await services.playbacks.of(playback_id, viewer)
    if playing.signed:
        return RedirectResponse(f"{playing.encoding}/{TOKEN_MARK}{token}/{_MASTER}", 307, {"Cache-Control": "no-store"})
    try:
        content = await _master_of(playing, services)
    except ObjectNotFound:  # what is cached was replaced, and removed
        playing = await services.playbacks.of(playback_id, viewer, playing.encoding + 1)
        content = await _master_of(playing, services)
    return await _playlist(hls.below(content.decode(), str(playing.encoding)).encode(), request)


async def _master_of(playing: Playing, services: Services) -> bytes:
    storage = await services.storages.of(playing.storage)
    return await storage.read(keys.master_playlist(playing.media_id, playing.encoding))


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
    """A segment at an address never changes: what replaces it has another version.

    Of a signed id, `path` begins with the token: `~TOKEN/720p/00000.m4s`.
    """
    return await serve(services, playback_id, version, path, request)


async def serve(services: Services, playback_id: str, version: int, path: str, request: Request) -> Response:
    """An object of a version. Raises NotFound, and what `Playbacks.of` raises."""
    token = ""
    if path.startswith(TOKEN_MARK):
        token, _, path = path.removeprefix(TOKEN_MARK).partition("/")
    playing = await services.playbacks.of(playback_id, services.viewer(request, token), version)
    try:
        if version > playing.encoding:  # it is made, and not to be seen before it takes the place of the one of now
            raise NotFound("There is nothing under this path of the media.")
        key = check_key(f"{keys.encoding_prefix(playing.media_id, version)}/{path}")
        storage = await services.storages.of(playing.storage)
        if path.endswith(".m3u8"):
            content = await storage.read(key)
            last = path != _MASTER and (playing.complete or version < playing.encoding)
            return await _playlist(content, request, _cached(playing, "public, max-age=60" if last else "no-cache"))
        # An address of the storage's own would play on without a token, and after the key was revoked.
        url = None if playing.signed else await storage.player_url(key)
        if url is not None:
            return RedirectResponse(url, 307, {"Cache-Control": "no-store"})
        return await _file(storage, key, playing, request)
    except (InvalidRequest, ObjectNotFound) as error:
        raise NotFound("There is nothing under this path of the media.") from error


def _cached(playing: Playing, directives: str) -> str:
    """What caches may do. Those that many share would give out what is signed without asking for the token."""
    return f"private, {directives.removeprefix('public, ')}" if playing.signed else directives


async def _playlist(content: bytes, request: Request, cache: str = "no-cache") -> Response:
    """Always from here, never by a redirect: what it names is relative to this address."""
    etag = hashlib.sha256(content).hexdigest()[:32]
    headers = {"Vary": "Accept-Encoding"}
    if "range" not in request.headers and accepts_gzip(request.headers.get("accept-encoding")):
        content = await asyncio.to_thread(gzip.compress, content, 6, mtime=0)
        etag += "-gzip"
        headers["Content-Encoding"] = "gzip"
    headers |= object_headers(PLAYLIST_TYPE, etag, cache)
    return answer(request, headers, content)


async def _file(storage: Storage, key: str, playing: Playing, request: Request) -> Response:
    cache = _cached(playing, cache_control(key) or ("public, max-age=60" if playing.complete else "no-cache"))
    return await answer_stored(request, storage, key, lambda found: object_headers(media_type(key), found.etag, cache))
