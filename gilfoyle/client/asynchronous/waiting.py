"""What waits, in asyncio; `gilfoyle.client.synchronous.waiting` is written by hand."""

from __future__ import annotations

import asyncio
from typing import BinaryIO


async def sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def write(file: BinaryIO, data: bytes) -> None:
    """To a file, which may lie on a slow disk."""
    await asyncio.to_thread(file.write, data)


async def read(file: BinaryIO, size: int) -> bytes:
    """The next bytes of a file, which may lie on a slow disk."""
    return await asyncio.to_thread(file.read, size)
