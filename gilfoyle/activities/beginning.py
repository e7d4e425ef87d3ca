"""Some bytes of a source, for what ffprobe doesn't tell."""

from __future__ import annotations

from gilfoyle.storage import Storage


async def beginning(storage: Storage, key: str, size: int) -> bytes:
    """The first `size` bytes of an object, or all if there are fewer."""
    whole = (await storage.stat(key)).size
    return b"".join([piece async for piece in storage.stream(key, 0, min(size, whole))])
