"""Finding what no media owns in one backend, and removing it after a second check."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from gilfoyle.catalog import Catalog, Owner
from gilfoyle.errors import InvalidRequest, ObjectNotFound, StorageError, Unavailable
from gilfoyle.storage import Resumable, Storage, keys
from gilfoyle.storage.base import Unfinished
from gilfoyle.storage.removal import remove
from gilfoyle.sweep import rules as orphans
from gilfoyle.sweep.rules import Orphan
from gilfoyle.temporal.messages import move_id

T = TypeVar("T")

# Rows that are asked for at a time.
_BATCH = 500
# What can't be read or removed is passed over so often; then it is the backend that fails.
_FAULTS = 3


@dataclass
class Survey:
    """What was found in a backend."""

    medias: int = 0
    foreign: int = 0
    orphans: list[Orphan] = field(default_factory=list)
    unfinished: list[Unfinished] = field(default_factory=list)


class Backend:
    """One backend. Everything raises Unavailable without the catalog, and StorageError if the backend fails."""

    def __init__(
        self,
        name: str,
        storage: Storage,
        catalog: Catalog,
        older_than_s: float,
        moving: Callable[[], Awaitable[bool]],
    ) -> None:
        self._name, self._storage, self._catalog = name, storage, catalog
        self._older_than_s = older_than_s
        self._moving = moving
        self.faults: list[str] = []
        """Why something was skipped."""

    async def survey(self) -> Survey:
        """Check every media's folder and every unfinished write."""
        found = Survey()
        moving = await self._moving()
        async for batch in _batches(self._folders(found)):
            owners = await self._catalog.owners.of(batch)
            for media_id in batch:
                with self._passing_over():
                    found.orphans += await self._orphans(media_id, owners.get(media_id), moving)
        found.unfinished = [write async for write in self._dead(moving)]
        return found

    async def remove(self, orphan: Orphan) -> Orphan | None:
        """Remove an orphan if it still is one; returns it as found then, or None."""
        with self._passing_over():
            # The row is held, so that it does not find an owner while it goes.
            async with self._catalog.owners.held(orphan.media_id) as owner:
                found = await self._orphans(orphan.media_id, owner, await self._moving())
                same = next((each for each in found if (each.key, each.reason) == (orphan.key, orphan.reason)), None)
                if same:
                    await self._remove(same)
                return same
        return None

    async def _remove(self, orphan: Orphan) -> None:
        if orphan.upload is not None:
            await self._storage.delete(orphan.key)
        else:
            await remove(self._storage, self._catalog, orphan.media_id, orphan.encoding)

    async def abandon(self, write: Unfinished) -> bool:
        """Remove an unfinished write; False if that fails, or if it goes on by now."""
        with self._passing_over():
            media_id = orphans.media_of(write.key.partition("/")[0])
            if media_id is None:
                await self._storage.abandon(write)
                return True
            # The row is held, so that no upload goes on with it while it goes.
            async with self._catalog.owners.held(media_id) as owner:
                if (owner and owner.uploading) or await self._grew(write):
                    return False
                await self._storage.abandon(write)
                return True
        return False

    async def _grew(self, write: Unfinished) -> bool:
        """Whether an upload has continued it, and broken off again, since it was checked."""
        if isinstance(self._storage, Resumable) and write.size is not None:
            with suppress(ObjectNotFound):
                return await self._storage.arrived(write.key) != write.size
        return False

    async def _folders(self, found: Survey) -> AsyncIterator[UUID]:
        """The medias that have folders here; counts them, and the folders that are not ours."""
        async for name in self._storage.folders():
            media_id = orphans.media_of(name)
            if media_id is None:
                found.foreign += 1
            else:
                found.medias += 1
                yield media_id

    async def _orphans(self, media_id: UUID, owner: Owner | None, moving: bool) -> list[Orphan]:
        """The orphans in a media's folder. Lists the folder only if there may be any."""
        claim = orphans.claim(owner, self._name, self._older_than_s, moving=moving)
        if claim is None:
            return []
        parts: list[int | None] = [None]
        folders: list[str] = []
        if not claim.source:
            folders = [name async for name in self._storage.folders(keys.media_prefix(media_id))]
            parts = [*orphans.claimed_encodings(claim, folders)]
        found = []
        for encoding in parts:
            folder = keys.media_prefix(media_id) if encoding is None else keys.encoding_prefix(media_id, encoding)
            items = [item async for item in self._storage.list(folder)]
            if claim.reason == "abandoned_upload" and any(keys.comes_before_upload(item.key) for item in items):
                continue  # it waits for its film
            content = orphans.content(items, time.time())
            if orphans.is_old(claim, content, self._older_than_s):
                found.append(Orphan(media_id, encoding, claim.reason, content))
        if owner and claim.kept and str(claim.kept) in folders:
            found += [each async for each in self._sources(media_id, owner, claim)]
        return found

    async def _sources(self, media_id: UUID, owner: Owner, claim: orphans.Claim) -> AsyncIterator[Orphan]:
        for upload in orphans.claimed_sources(owner):
            with suppress(ObjectNotFound):
                content = orphans.content([await self._storage.stat(keys.source(media_id, upload))], time.time())
                if orphans.is_old(claim, content, self._older_than_s):
                    yield Orphan(media_id, None, claim.reason, content, upload)

    async def _dead(self, moving: bool) -> AsyncIterator[Unfinished]:
        busy = moving or await self._catalog.owners.uploading(self._name)
        async for writes in _batches(self._storage.unfinished()):
            ids = [orphans.media_of(write.key.partition("/")[0]) for write in writes]
            owners = await self._catalog.owners.of([media_id for media_id in ids if media_id])
            for write, media_id in zip(writes, ids, strict=True):
                owner = owners.get(media_id) if media_id else None
                if orphans.is_dead(write, owner, self._name, self._older_than_s, time.time(), busy=busy):
                    yield write

    @contextmanager
    def _passing_over(self) -> Iterator[None]:
        """Note a failure of the storage and go on, a few times: one unreadable folder must not stop the sweep."""
        try:
            yield
        except InvalidRequest as error:  # somebody put a file of an odd name there
            self.faults = [*self.faults, error.message][:_FAULTS]
        except StorageError as error:
            if len(self.faults) >= _FAULTS:
                raise
            self.faults.append(error.message)


async def _batches(items: AsyncIterator[T]) -> AsyncIterator[list[T]]:
    """Batches of at most _BATCH: one query of the catalog for each."""
    batch: list[T] = []
    async for item in items:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def move_runs(client: Client, queue_prefix: str) -> bool:
    """Whether medias are moving between backends at this moment. Raises Unavailable without Temporal."""
    try:
        found = await client.get_workflow_handle(move_id(queue_prefix)).describe()
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return False
        raise Unavailable("Temporal can't be reached.") from error
    return found.status == WorkflowExecutionStatus.RUNNING
