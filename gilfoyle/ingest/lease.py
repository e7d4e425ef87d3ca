"""The lease that an upload holds while its bytes arrive."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from uuid import UUID

from gilfoyle.catalog import Catalog
from gilfoyle.errors import Conflict, GilfoyleError, NotFound, Unavailable

LEASE_S = 30.0
RENEW_S = 10.0
log = logging.getLogger(__name__)


class UploadLease:
    """Renewed in the background while bytes arrive. An upload that stalls loses it after `LEASE_S`."""

    def __init__(self, catalog: Catalog, media_id: UUID, until: datetime, seconds: float, taken: float) -> None:
        """`taken`: by the monotonic clock, no later than the lease was asked for."""
        self._catalog = catalog
        self._media_id = media_id
        self._seconds = seconds
        self._touched = True
        self._lost: GilfoyleError | None = None
        self._finishing = False
        self._renewed = taken
        self.until = until
        self.lock = asyncio.Lock()
        """Held while it is renewed: under it, `until` is what the catalog has."""

    def touch(self) -> None:
        """Say that bytes arrived. Raises Conflict or NotFound if the lease is lost: there is no use in going on."""
        self._touched = True
        if self._lost is not None:
            raise self._lost

    async def hold(self) -> None:
        """As `touch`, before something is written that can't be undone: nobody else has the lease at this moment.

        By the passing of time alone, which the clocks of all machines agree about. Raises Unavailable too.
        """
        self.touch()
        if time.monotonic() - self._renewed > self._seconds / 2:
            await self._renew()

    async def finish(self) -> None:
        """Say that all bytes arrived; bringing them to the disk may take long. Raises Conflict or NotFound."""
        self._finishing = True
        await self._renew()

    async def _renew(self) -> None:
        async with self.lock:
            asked = time.monotonic()
            self.until = await self._catalog.uploads.renew(self._media_id, self._seconds, self.until)
            self._renewed = asked

    async def keep(self, every_s: float) -> None:
        """Renew for as long as bytes arrive. Runs until it is cancelled or the lease is lost."""
        while self._lost is None:
            await asyncio.sleep(every_s)
            if not self._touched and not self._finishing:
                continue
            self._touched = False
            try:
                await self._renew()
            except (Conflict, NotFound) as error:
                self._lost = error
            except Unavailable:
                log.warning("the lease of media %s could not be renewed; trying again", self._media_id)
                self._touched = True


@asynccontextmanager
async def upload_lease(
    catalog: Catalog, media_id: UUID, storage: str, seconds: float = LEASE_S, every_s: float = RENEW_S
) -> AsyncIterator[UploadLease]:
    """Hold the media's lease, for an upload into `storage`, until the end of the block. Raises NotFound, Conflict."""
    taken = time.monotonic()
    lease = UploadLease(catalog, media_id, await catalog.uploads.lease(media_id, seconds, storage), seconds, taken)
    keeping = asyncio.create_task(lease.keep(every_s))
    try:
        yield lease
    finally:
        async with lease.lock:
            keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        with suppress(Unavailable):  # then it ends by itself
            await catalog.uploads.release(media_id, lease.until)
