"""Before an upload is refused and deleted: did ffprobe read what the storage holds?"""

from __future__ import annotations

import logging

import httpx

from gilfoyle.errors import StorageError
from gilfoyle.media.reading import is_remote
from gilfoyle.storage import Storage

# It would log every URL, with its signature.
logging.getLogger("httpx").setLevel(logging.WARNING)

_HEAD_BYTES = 1 << 16
_TIMEOUT_S = 30.0


async def confirm(storage: Storage, key: str, place: str) -> None:
    """Compare the beginning and the size of what `place` gives, if it is a URL, with the object.

    Raises StorageError if they differ, or if the URL can't be read: a gateway's own page, sent with status 200, must
    not condemn an upload.
    """
    if not is_remote(place):
        return
    size = (await storage.stat(key)).size
    head = b"".join([piece async for piece in storage.stream(key, 0, min(size, _HEAD_BYTES))])
    try:
        found = await _head(place, len(head))
    except httpx.HTTPError as error:
        # Not chained: httpx names the URL.
        raise StorageError(f"The source can't be read: {type(error).__name__}.", code="source_unreadable") from None
    if found != (head, size):
        raise StorageError(
            "The source can't be read: its URL gives something else than the storage holds.", code="source_unreadable"
        )


async def _head(url: str, wanted: int) -> tuple[bytes, int | None]:
    """The first `wanted` bytes, and the size of the whole."""
    # As ffmpeg does it: redirects are followed, certificates not verified. What comes is compared anyway.
    async with httpx.AsyncClient(follow_redirects=True, timeout=_TIMEOUT_S, verify=False) as client:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes=0-{wanted - 1}"} if wanted else {})
        async with client.stream("GET", url, headers=headers) as answer:
            if answer.status_code not in (200, 206):
                raise httpx.ReadError(f"status {answer.status_code}")
            body = b""
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) >= wanted:
                    break
            total = answer.headers.get("content-range", "").rpartition("/")[2] or answer.headers.get("content-length")
            return body[:wanted], int(total) if total and total.isdigit() else None
