"""Events, deliveries and uploads that ended longer ago than they are kept for. On the pipeline queue."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity

from gilfoyle.catalog import Catalog


class EventActivities:
    """Can run twice."""

    def __init__(self, catalog: Catalog, keep_days: int, uploads_keep_days: int) -> None:
        self._catalog = catalog
        self._keep = timedelta(days=keep_days)
        self._uploads_keep = timedelta(days=uploads_keep_days)

    @activity.defn
    async def forget_events(self) -> int:
        """Remove old events, deliveries, and uploads that have ended; returns how many there were."""
        events = await self._catalog.events.forget(self._keep)
        deliveries = await self._catalog.deliveries.forget(self._keep)
        return events + deliveries + await self._catalog.upload_sessions.forget(self._uploads_keep)
