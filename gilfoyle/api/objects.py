"""What HTTP wants of an object that is served: conditions, ranges, and headers for caches and browsers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import BinaryIO

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from gilfoyle.api.cycle import SEND_FILE
from gilfoyle.api.errors import problem
from gilfoyle.api.ranges import byte_range, if_none_match, if_range, range_of_any_size
from gilfoyle.errors import RangeNotSatisfiable
from gilfoyle.storage import ObjectInfo, Opens, OpensFiles, Storage
from gilfoyle.storage.base import CHUNK_BYTES


def object_headers(kind: str, etag: str, cache: str) -> dict[str, str]:
    """`kind`: its media type. `etag`: without quotes. `cache`: of Cache-Control."""
    return {
        "Content-Type": kind,
        "ETag": f'"{etag}"',
        "Cache-Control": cache,
        "Accept-Ranges": "bytes",
    }


def answer(request: Request, headers: dict[str, str], content: bytes) -> Response:
    """304, 416, 206 or 200."""
    without, start, end = _part(request, headers, len(content))
    return without or Response(content[start:end], _status(headers), headers)


def answer_file(request: Request, headers: dict[str, str], size: int, file: BinaryIO) -> Response:
    """As `answer`, of an open file, which is closed when it is sent."""
    without, start, end = _part(request, headers, size)
    if without is not None:
        file.close()
        return without
    return FileAnswer(file, start, end - start, _status(headers), headers)


async def answer_stored(
    request: Request, storage: Storage, key: str, headers_of: Callable[[ObjectInfo], dict[str, str]]
) -> Response:
    """As `answer`, of an object in the storage: by the kernel, if it is a file. Raises ObjectNotFound, StorageError."""
    if isinstance(storage, OpensFiles) and (known := storage.open_file(key)):
        found, file = known
        return answer_file(request, headers_of(found), found.size, file)
    found, opened = await _look_up(storage, key, request)
    headers = headers_of(found)
    without, start, end = _part(request, headers, found.size)
    if without is not None:
        return without
    pieces = opened or storage.stream(key, start, end)
    # Before the status is told: an object that was removed since it was looked up is a 404, not a broken answer.
    first = await anext(pieces, b"")
    return StreamingResponse(_rest(first, pieces), _status(headers), headers)


async def _rest(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """All pieces, of which the first was taken."""
    async with aclosing(pieces):  # type: ignore[type-var]
        yield first
        async for piece in pieces:
            yield piece


async def _look_up(storage: Storage, key: str, request: Request) -> tuple[ObjectInfo, AsyncIterator[bytes] | None]:
    """What the object is; and its bytes, if the storage can give both at once and the client will want them."""
    conditional = any(name in request.headers for name in ("if-none-match", "if-range"))
    wanted = None if conditional else range_of_any_size(request.headers.get("range"))
    if request.method == "GET" and wanted and isinstance(storage, Opens):
        return await storage.open(key, *wanted)
    return await storage.stat(key), None


class FileAnswer(Response):
    """Part of a file: sent by the kernel where the connection can (api/cycle.py), else in pieces."""

    def __init__(self, file: BinaryIO, offset: int, count: int, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(None, status, headers)
        self._file, self._offset, self._count = file, offset, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file as file:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if self._count and SEND_FILE in scope.get("extensions", {}):
                await send({"type": SEND_FILE, "file": file, "offset": self._offset, "count": self._count})
                return
            end = self._offset + self._count
            for start in range(self._offset, end, CHUNK_BYTES):
                piece = await asyncio.to_thread(os.pread, file.fileno(), min(CHUNK_BYTES, end - start), start)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _part(request: Request, headers: dict[str, str], size: int) -> tuple[Response | None, int, int]:
    """An answer without content, if that is all; else the `[start, end)` to send, told in `headers`.

    The order is that of RFC 9110, 13.2.2.
    """
    asked, etag = request.headers, headers["ETag"]
    if if_none_match(asked.get("if-none-match"), etag):
        kept = {name: value for name, value in headers.items() if not name.startswith("Content-")}
        return Response(status_code=304, headers=kept), 0, 0
    wanted = None
    if request.method == "GET" and if_range(asked.get("if-range"), etag):
        try:
            wanted = byte_range(asked.get("range"), size)
        except RangeNotSatisfiable as error:
            return problem(error, {"Content-Range": f"bytes */{size}"}), 0, 0
    start, end = wanted or (0, size)
    headers["Content-Length"] = str(end - start)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return (Response(status_code=200, headers=headers) if request.method == "HEAD" else None), start, end


def _status(headers: Mapping[str, str]) -> int:
    return 206 if "Content-Range" in headers else 200
