"""Starting workflows that were promised: of uploads and retries whose server died right after it had accepted them."""

from __future__ import annotations

import asyncio
import logging

from gilfoyle.api.pipeline import Pipeline
from gilfoyle.catalog import Catalog
from gilfoyle.errors import GilfoyleError

EVERY_S = 60.0
log = logging.getLogger(__name__)


async def recover(catalog: Catalog, pipeline: Pipeline, older_than_s: float) -> int:
    """Start the workflow of each accepted upload or retry that the pipeline is silent about; returns how many.

    Most of them only wait for a worker; starting a workflow that exists changes nothing.
    """
    waiting, retried = await catalog.unstarted(older_than_s), await catalog.retried(older_than_s)
    for media in waiting:
        await pipeline.start_processing(media)
    for media in retried:
        await pipeline.start_retrying(media)
    return len(waiting) + len(retried)


async def keep_recovering(catalog: Catalog, pipeline: Pipeline, every_s: float = EVERY_S) -> None:
    """At the start, of whatever age, and then once a minute, until it is cancelled."""
    older_than_s = 0.0
    while True:
        try:
            await recover(catalog, pipeline, older_than_s)
        except GilfoyleError as error:
            log.info("looking for forgotten uploads: %s", error.message)
        older_than_s = every_s
        await asyncio.sleep(every_s)
