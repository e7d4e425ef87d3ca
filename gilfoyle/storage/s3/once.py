"""Writing what is not there yet by one request: `If-None-Match: *` (RFC 9110, 13.1.2), where the service honours it.

Some services refuse it, and some pass over it and replace what is there. So it is tried once for each process, on an
object of its own that stays in the bucket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from gilfoyle.storage.s3.errors import code_of
from gilfoyle.storage.s3.requests import Requests

TRIAL = "gilfoyle-writes-once"
"""The trial's object, below the prefix. No key of a media begins so."""
_IS_THERE = {"PreconditionFailed", "412"}
_REFUSED = {"NotImplemented", "501", "InvalidArgument", "InvalidRequest", "400", "MethodNotAllowed", "405"}


class OnceWriter:
    """`trial` is the name of the trial's object, `options` those of put_object for it."""

    def __init__(self, requests: Requests, trial: str, options: Mapping[str, Any]) -> None:
        self._requests = requests
        self._trial, self._options = trial, options
        self._honoured: bool | None = None
        self._trying = asyncio.Lock()

    async def honoured(self) -> bool:
        """Whether the service leaves alone what is there. Raises StorageError if it can't be asked."""
        async with self._trying:
            if self._honoured is None:
                self._honoured = await self._try()
            return self._honoured

    async def put(self, doing: str, name: str, data: bytes, options: Mapping[str, Any]) -> bool:
        """Whether it was stored; False if there was something. Only where that is honoured."""
        return await self._put(doing, name, data, options) is True

    async def _try(self) -> bool:
        doing = "It can't be tried whether the service writes only what is not there"
        stored = await self._put(doing, self._trial, b"", self._options)
        if stored:  # it is there now, and must stay as it is
            stored = await self._put(doing, self._trial, b"", self._options)
        return stored is False

    async def _put(self, doing: str, name: str, data: bytes, options: Mapping[str, Any]) -> bool | None:
        """None if the service refuses the condition."""

        def put() -> bool | None:
            try:
                self._requests.client.put_object(
                    Bucket=self._requests.settings.bucket, Key=name, Body=data, IfNoneMatch="*", **options
                )
            except ClientError as error:
                if code_of(error) in _IS_THERE:
                    return False
                if self._honoured is None and code_of(error) in _REFUSED:
                    return None
                raise
            return True

        return await self._requests.call(doing, put)
