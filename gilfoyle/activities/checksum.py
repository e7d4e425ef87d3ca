"""Checksum: take that of a source which came by several requests. On the io queue."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import aclosing
from uuid import UUID

from pydantic import BaseModel
from temporalio import activity

from gilfoyle.catalog import Catalog
from gilfoyle.storage import Storages, keys


class ChecksumInput(BaseModel):
    """Which upload is the source of which encoding, and where it lies."""

    media_id: UUID
    encoding: int
    upload: int
    storage: str = ""


class ChecksumActivities:
    """Every activity can run twice."""

    def __init__(self, storages: Storages, catalog: Catalog) -> None:
        self._storages = storages
        self._catalog = catalog

    @activity.defn
    async def take_checksum(self, job: ChecksumInput) -> None:
        """Read the source and enter its SHA-256. Raises ObjectNotFound, StorageError."""
        storage = await self._storages.of(job.storage)
        digest = hashlib.sha256()
        async with aclosing(storage.stream(keys.source(job.media_id, job.upload))) as stream:  # type: ignore[type-var]
            async for piece in stream:
                await asyncio.to_thread(digest.update, piece)
        await self._catalog.encodings.checksum(job.media_id, job.encoding, digest.hexdigest())
