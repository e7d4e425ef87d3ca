"""Some bytes of a source, for what ffprobe doesn't tell."""

from __future__ import annotations

from gilfoyle.storage import Storage


async def beginning(storage: Storage, key: str, size: int) -> bytes:
    """The first `size` bytes of an object, or all if there are fewer."""
    return await _range(storage, key, 0, min(size, (await storage.stat(key)).size))


async def samples(storage: Storage, key: str, size: int) -> list[bytes]:
    """`size` bytes each of an object's beginning, middle and end; all of it, if it is not larger than the three."""
    whole = (await storage.stat(key)).size
    if whole <= 3 * size:
        return [await _range(storage, key, 0, whole)]
    return [await _range(storage, key, start, start + size) for start in (0, (whole - size) // 2, whole - size)]


async def _range(storage: Storage, key: str, start: int, end: int) -> bytes:
    return b"".join([piece async for piece in storage.stream(key, start, end)])
