"""Uploads: orders for browsers, and files of this machine, sent by tus so that they go on where they broke off."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit
from uuid import UUID

from gilfoyle.client.answers import raise_for
from gilfoyle.client.asynchronous.connection import UPLOAD_TIMEOUT, Connection, element
from gilfoyle.client.asynchronous.waiting import read, sleep
from gilfoyle.client.models import Parts, PartUrl, Upload
from gilfoyle.errors import Conflict, GilfoyleError, Gone, InvalidRequest, Unavailable

READ_BYTES = 1 << 18
PATIENCE_S = 120.0
"""How long an upload that breaks off, and gets no byte further, is tried again (seconds)."""
_PAUSE_S = 1.0
_CANCELS, _CANCEL_PAUSE_S = 10, 0.3
_GONE = (404, 410)
_TUS = {"Tus-Resumable": "1.0.0"}
# The request that broke off still holds the upload, or the line was too slow for the server: both pass.
_PASSING = {"conflict", "wrong_offset", "locked", "upload_stalled"}


class AsyncUploads:
    """`client.uploads`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, **fields: Any) -> Upload:
        """Order an upload: its `url` is for one file, and needs no key. `fields`: `media`, `media_id`, `ttl_s` …"""
        return Upload.model_validate(await self._connection.data("POST", "/v1/uploads", json=fields))

    async def get(self, upload_id: str) -> Upload:
        """Raises NotFound."""
        return Upload.model_validate(await self._connection.data("GET", f"/v1/uploads/{element(upload_id)}"))

    async def all(self, status: str | None = None) -> AsyncIterator[Upload]:
        """All of that status, the newest first."""
        offset = 0
        while True:
            params = {"status": status, "limit": 100, "offset": offset}
            found = await self._connection.data("GET", "/v1/uploads", params=params)
            for each in found:
                yield Upload.model_validate(each)
            offset += len(found)
            if not found:
                return

    async def cancel(self, upload_id: str) -> None:
        """End it, and remove what has arrived."""
        await self._connection.data("DELETE", f"/v1/uploads/{element(upload_id)}")

    async def begin_parts(self, upload_id: str, length: int | None = None, **fields: str) -> Parts:
        """Begin to send a file straight to the bucket, or go on: which parts there are, and which have arrived.

        `fields`: `file_name`, `media_type`. Raises Conflict (`no_direct_parts`) where the storage is not S3.
        """
        sent = {name: value for name, value in (("length", length), *fields.items()) if value is not None}
        path = f"/v1/uploads/{element(upload_id)}/parts"
        return Parts.model_validate(await self._connection.data("POST", path, json=sent))

    async def parts(self, upload_id: str) -> Parts:
        """Which parts have arrived, by the bucket's own word."""
        return Parts.model_validate(await self._connection.data("GET", f"/v1/uploads/{element(upload_id)}/parts"))

    async def part_urls(self, upload_id: str, first: int, last: int, ttl_s: int | None = None) -> list[PartUrl]:
        """URLs to which these parts are sent by PUT, at most 500 at once; valid for `ttl_s`."""
        path = f"/v1/uploads/{element(upload_id)}/parts/urls"
        found = await self._connection.data("POST", path, json={"first": first, "last": last, "ttl_s": ttl_s})
        return [PartUrl.model_validate(each) for each in found]

    async def complete_parts(self, upload_id: str) -> Upload:
        """All parts were sent: have the file accepted. Raises Conflict (`parts_missing`) otherwise."""
        path = f"/v1/uploads/{element(upload_id)}/parts/complete"
        return Upload.model_validate(await self._connection.data("POST", path))

    async def send(
        self,
        path: Path,
        *,
        media_id: UUID | str | None = None,
        at: Callable[[int], None] = lambda _: None,
        paused: Callable[[int | None], None] = lambda _: None,
        **fields: Any,
    ) -> Upload:
        """Send a file, which becomes a new media, or the file of one that awaits it.

        `at` is told how many bytes were sent; `paused` that the upload broke off (None), and at which byte it goes on.
        `fields`: as of `create`. Raises what the server refuses it for, Unavailable if it gets nowhere for PATIENCE_S,
        and InvalidRequest (`checksum_mismatch`) if something else arrived than was read. Whatever stops it for good,
        Ctrl-C too, leaves nothing of it behind.
        """
        size = path.stat().st_size
        if not size:
            raise InvalidRequest(f"{path} is empty.")
        becomes = {"media_id": str(media_id)} if media_id is not None else {"media": {"title": path.name}}
        upload = await self.create(**{**becomes, "length": size, "file_name": path.name, **fields})
        try:
            with path.open("rb") as file:
                sending = _Sending(self._connection, upload, file, size, at, paused)
                await sending.run()
        except BaseException:
            await self._give_up(upload.id)
            raise
        upload = await self.get(upload.id)
        await self._compare(upload, sending.sha256, new=media_id is None)
        return upload

    async def _give_up(self, upload_id: str) -> None:
        """Best effort: the error or the Ctrl-C that led here is what the caller is told."""
        for _ in range(_CANCELS):
            try:
                await self.cancel(upload_id)
            except Conflict:
                await sleep(_CANCEL_PAUSE_S)  # the server has yet to notice that the request broke off
            except GilfoyleError:
                return
            else:
                return

    async def _compare(self, upload: Upload, sha256: str | None, *, new: bool) -> None:
        """Raises InvalidRequest if the server has another checksum, as far as it knows it; a new media goes then."""
        if upload.media_id is None or sha256 is None:
            return
        path = f"/v1/medias/{upload.media_id}"
        media = await self._connection.data("GET", path)
        if (media["replacement"] or media)["source_sha256"] in (None, sha256):
            return
        if new:
            await self._connection.data("DELETE", path)
        raise InvalidRequest(
            "What arrived is not the file: it changed while it was being sent, or was damaged on its way. "
            "Send it again.",
            code="checksum_mismatch",
        )


class _Sending:
    """One file on its way, by as many requests as it takes."""

    def __init__(
        self,
        connection: Connection,
        upload: Upload,
        file: BinaryIO,
        size: int,
        at: Callable[[int], None],
        paused: Callable[[int | None], None],
    ) -> None:
        place = urlsplit(upload.url)
        self._connection = connection
        self._path = f"/v1/uploads/{element(upload.id)}?{place.query}"
        self._file, self._size, self._at, self._paused = file, size, at, paused
        self._stuck_since: float | None = None
        self._most = 0
        """The most that the server had when it was asked."""
        self._digest, self._hashed = hashlib.sha256(), 0

    @property
    def sha256(self) -> str | None:
        """Of the whole file; None if it was not read to its end."""
        return self._digest.hexdigest() if self._hashed == self._size else None

    async def run(self) -> None:
        """Until the server has it all."""
        offset = 0
        while offset < self._size:
            try:
                offset = await self._send(offset)
            except GilfoyleError as error:
                if not error.retryable and error.reason not in _PASSING:
                    raise
                offset = await self._arrived(error)
            self._at(offset)

    async def _send(self, offset: int) -> int:
        headers = {
            **_TUS,
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(self._size - offset),
        }
        content = self._rest(offset)
        how: dict[str, Any] = {"content": content, "headers": headers, "timeout": UPLOAD_TIMEOUT}
        answer = await self._connection.answer("PATCH", self._path, **how)
        raise_for(answer)
        return int(answer.headers["Upload-Offset"])

    async def _rest(self, offset: int) -> AsyncIterator[bytes]:
        """What the file grew by meanwhile is not sent."""
        self._file.seek(offset)
        while offset < self._size:
            data = await read(self._file, min(READ_BYTES, self._size - offset))
            if not data:
                raise InvalidRequest("The file became shorter while it was being sent. Send it again.")
            self._digest.update(data[max(self._hashed - offset, 0) :])
            offset += len(data)
            self._hashed = max(self._hashed, offset)
            yield data
            self._at(offset)

    async def _arrived(self, broken: GilfoyleError) -> int:
        """How much the server has, once it answers. Raises `broken` if nothing was gained for too long."""
        if self._stuck_since is None:
            self._stuck_since = time.monotonic()
            if not isinstance(broken, Conflict):  # that one is about the break before
                self._paused(None)
        while time.monotonic() - self._stuck_since < PATIENCE_S:
            await sleep(_PAUSE_S)
            try:
                answer = await self._connection.answer("HEAD", self._path, headers=_TUS)
            except Unavailable as error:
                broken = error
                continue
            if "Upload-Offset" in answer.headers:
                offset = int(answer.headers["Upload-Offset"])
                if offset > self._most:
                    self._most, self._stuck_since = offset, None
                    self._paused(offset)
                return offset
            if answer.status_code in _GONE:
                raise Gone("The upload was ended meanwhile, or its media deleted.")
        raise broken
