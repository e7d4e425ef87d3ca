"""Requests to an S3 service: blocking calls in threads, repeated for as long as patience lasts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from gilfoyle.config import S3Settings
from gilfoyle.storage.patience import Patience
from gilfoyle.storage.s3.client import make_client
from gilfoyle.storage.s3.errors import FAULTS, passing, service, translate
from gilfoyle.tasks import settle

log = logging.getLogger(__name__)

# A task that is cancelled need not wait for what only reads: nothing depends on how it ends.
_READS = {"head_object", "list_objects_v2", "list_multipart_uploads", "list_parts"}
FIRST_PAUSE_S = 0.2

T = TypeVar("T")


class Requests:
    """The bucket of the settings, asked by at most `connections` threads at a time."""

    def __init__(self, settings: S3Settings) -> None:
        """Raises ConfigError."""
        self.settings = settings
        self.client = make_client(settings)
        self._pool = ThreadPoolExecutor(settings.connections, thread_name_prefix="s3")
        self._failing = False

    async def ask(self, doing: str, operation: str, *, patience_s: float | None = None, **arguments: Any) -> Any:
        """Call the client's `operation` on the bucket, and return its answer. See `call`."""
        method = getattr(self.client, operation)
        call = partial(method, Bucket=self.settings.bucket, **arguments)
        return await self.call(doing, call, patience_s, reads=operation in _READS)

    async def call(
        self, doing: str, call: Callable[[], T], patience_s: float | None = None, *, reads: bool = False
    ) -> T:
        """Run a blocking, repeatable call, again and again while it fails for a reason that passes.

        A cancelled task waits for a call that has begun, so that all of it is done or nothing; not if it only
        `reads`. Raises StorageError or ObjectNotFound; `doing` begins the sentence, such as `m/source can't be read`.
        """
        patience = Patience(self.settings.patience_s if patience_s is None else patience_s, FIRST_PAUSE_S)
        while True:
            try:
                answer = await self._run(call, reads)
            except FAULTS as error:
                fault = translate(error, doing, self.settings)
                pause = patience.pause() if passing(error) else None
                if pause is None:
                    raise fault from error
                if not self._failing:
                    self._failing = True
                    log.warning("%s Trying again for up to %g s.", fault, self.settings.patience_s)
                await asyncio.sleep(pause)
            else:
                if self._failing:
                    self._failing = False
                    log.warning("%s answers again.", service(self.settings))
                return answer

    def close(self) -> None:
        """Let go of threads and connections; a request in flight ends by itself, `timeout_s` later at most."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.client.close()

    async def _run(self, call: Callable[[], T], reads: bool) -> T:
        submitted = self._pool.submit(call)
        future = asyncio.wrap_future(submitted)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not reads and not submitted.cancel():
                await settle(future)
            raise


def bare_etag(answer: Mapping[str, Any]) -> str:
    """The entity tag of an answer, without quotes; empty if there is none."""
    return str(answer.get("ETag", "")).removeprefix("W/").strip('"')
