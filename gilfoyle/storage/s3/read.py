"""Reading an object from S3 by ranges.

Each range is one request, repeated as a whole if its body breaks. No connection is held while the reader is slow,
and one that leaves early leaves little unread.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from gilfoyle.errors import StorageError
from gilfoyle.storage.base import CHUNK_BYTES, ObjectInfo
from gilfoyle.storage.s3.errors import code_of
from gilfoyle.storage.s3.requests import Requests, bare_etag
from gilfoyle.tasks import settle

RANGE_BYTES = 8 << 20
"""Segments fit, so that one request does for each: four seconds at 16 Mbit/s."""
AHEAD = 3
"""How many ranges are asked for before the reader wants them; so much of an object is in memory."""


@dataclass(frozen=True)
class _Range:
    pieces: list[bytes]
    total: int
    """Size of the whole object."""
    etag: str
    modified: float


async def read_ranges(requests: Requests, key: str, name: str, start: int, end: int | None) -> AsyncIterator[bytes]:
    """Bytes `[start, end)` of the object, nothing past its end; `start < end`.

    Raises ObjectNotFound at the first piece, and StorageError if the object is replaced meanwhile.
    """
    _info, pieces = await open_ranges(requests, key, name, start, end)
    async with aclosing(pieces) as reading:  # type: ignore[type-var]
        async for piece in reading:
            yield piece


async def open_ranges(
    requests: Requests, key: str, name: str, start: int, end: int | None
) -> tuple[ObjectInfo | None, AsyncIterator[bytes]]:
    """As `read_ranges`, with what the object is: None if the range lies past its end."""
    doing = f"The object {key} can't be read"

    async def fetch(position: int, stop: int, etag: str = "") -> _Range:
        return await requests.call(doing, partial(_fetch, requests, name, position, stop, etag), reads=True)

    stop = start + RANGE_BYTES if end is None else min(end, start + RANGE_BYTES)
    first = await fetch(start, stop)
    end = first.total if end is None else min(end, first.total)
    info = ObjectInfo(key, first.total, first.etag, first.modified) if first.pieces else None
    return info, _pieces(first, range(stop, end, RANGE_BYTES), end, fetch)


async def _pieces(
    first: _Range, starts: range, end: int, fetch: Callable[[int, int, str], Awaitable[_Range]]
) -> AsyncIterator[bytes]:
    """The first range, and those that begin at `starts`, asked for ahead of the reader."""
    further = iter(starts)
    coming: deque[asyncio.Future[_Range]] = deque()

    def ask(most: int) -> None:
        while len(coming) < most and (position := next(further, None)) is not None:
            stop = min(end, position + RANGE_BYTES)
            coming.append(asyncio.ensure_future(fetch(position, stop, first.etag)))

    try:
        ask(1)
        for piece in first.pieces:
            yield piece
        while coming:
            ask(AHEAD)
            found = await coming[0]
            coming.popleft()
            ask(AHEAD)
            for piece in found.pieces:
                yield piece
    finally:
        for task in coming:
            task.cancel()
        for task in coming:
            await settle(task)


async def read_whole(requests: Requests, key: str, name: str) -> bytes:
    """The object, by one request. Raises ObjectNotFound."""

    def fetch() -> bytes:
        answer = requests.client.get_object(Bucket=requests.settings.bucket, Key=name)
        with closing(answer["Body"]) as body:
            return bytes(body.read())

    return await requests.call(f"The object {key} can't be read", fetch, reads=True)


def _fetch(requests: Requests, name: str, start: int, stop: int, etag: str) -> _Range:
    """One range, in a thread; no pieces if `start` lies past the end."""
    asked = {"Range": f"bytes={start}-{stop - 1}"} | ({"IfMatch": f'"{etag}"'} if etag else {})
    try:
        answer = requests.client.get_object(Bucket=requests.settings.bucket, Key=name, **asked)
    except ClientError as error:
        if code_of(error) in {"InvalidRange", "416"}:
            return _Range([], 0, "", 0)
        raise
    with closing(answer["Body"]) as body:
        total = _total(answer, start, stop)
        pieces = list(iter(partial(body.read, CHUNK_BYTES), b""))
        modified = answer["LastModified"].timestamp() if "LastModified" in answer else 0
        return _Range(pieces, total, bare_etag(answer), modified)


def _total(answer: Any, start: int, stop: int) -> int:
    """The object's size. Raises StorageError if the answer is not the range that was asked for."""
    if "ContentRange" in answer:
        return int(answer["ContentRange"].rpartition("/")[2])
    size = int(answer["ContentLength"])
    if start > 0 or size > stop:
        raise StorageError("The S3 service, or a proxy before it, ignores ranges: Gilfoyle can't work with it.")
    return size
