"""Waiting until a server answers over HTTP."""

from __future__ import annotations

import asyncio

import httpx

_POLL_S = 0.1


async def wait_for_ok(url: str) -> None:
    """Ask until the answer is 2xx, for as long as that takes."""
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        while True:
            try:
                if (await client.get(url)).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(_POLL_S)
