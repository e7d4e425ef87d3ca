"""Beginning the deliveries that wait: as soon as an event was written, and when it is time to try again.

The catalog says of each webhook when it is due (`Webhook.due_at`), and gives it to one of those who ask. So nothing is
forgotten while Temporal is away, or if it loses what it knew. Any number of processes may do this at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gilfoyle.api.feed import Feed
from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import Catalog
from gilfoyle.errors import GilfoyleError, Unavailable
from gilfoyle.tasks import stop

EVERY_S = 2.0
_LAST_LOOK_S = 2.0
_AT_ONCE = 20
log = logging.getLogger(__name__)


@asynccontextmanager
async def delivering(catalog: Catalog, pipeline: Pipeline, feed: Feed) -> AsyncIterator[None]:
    """Begin what is due, until the end of the block. The feed must have been closed by then."""
    task = asyncio.create_task(_keep_delivering(catalog, pipeline, feed))
    try:
        yield
    finally:
        feed.close()
        # A connection that is cancelled while it is made stays open.
        await asyncio.wait([task], timeout=_LAST_LOOK_S)
        await stop([task])


async def _keep_delivering(catalog: Catalog, pipeline: Pipeline, feed: Feed) -> None:
    said = ""
    while not feed.closed:
        seen = feed.newest
        try:
            while await deliver(catalog, pipeline) == _AT_ONCE:
                pass
            said = ""
        except GilfoyleError as error:
            if error.message != said:  # an outage is told once
                log.warning("webhooks wait: %s", error.message)
            said = error.message
        except Exception:
            log.exception("looking for webhooks that are due")
        await feed.wait(seen, EVERY_S)


async def deliver(catalog: Catalog, pipeline: Pipeline) -> int:
    """Begin some of what is due; returns how many webhooks that were. Raises Unavailable, and then all is due again."""
    due = await catalog.webhooks.due(_AT_ONCE)
    try:
        for webhook_id in due:
            await pipeline.start_delivering(webhook_id)
    except Unavailable:
        await catalog.webhooks.due_again(due)
        raise
    return len(due)
