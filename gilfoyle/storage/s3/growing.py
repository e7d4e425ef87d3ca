"""An object that grows in S3: an open multipart upload, and beside it an object with what is too little for a part.

S3 takes parts of 5 MiB and more, so what an append leaves over waits in the object beside, as in tusd's S3 store. The
metadata of that object name the multipart upload, and how many parts come before what it holds.

Parts that others send, by signed URLs, are parts of such an upload, too: it is open from the beginning, and the
metadata say which size they have.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gilfoyle.errors import ObjectNotFound, StorageError
from gilfoyle.storage.base import ObjectInfo, SentParts, Unfinished, check_offset, not_begun
from gilfoyle.storage.s3 import listing
from gilfoyle.storage.s3.errors import code_of
from gilfoyle.storage.s3.memory import Claim, Memory
from gilfoyle.storage.s3.read import read_whole
from gilfoyle.storage.s3.requests import Requests, bare_etag
from gilfoyle.storage.s3.upload import UPLOAD_GONE, Upload, abort_upload, even_part_bytes
from gilfoyle.tasks import finished, settle, stop

BESIDE = "gilfoyle-growing,"
"""How the name of the object beside begins, below the prefix; the key follows, with commas for slashes: no folder."""


@dataclass(frozen=True)
class Arrived:
    """What there is of an object that grows."""

    upload: str
    """The id of the multipart upload; empty if no part was sent."""
    parts: list[dict[str, Any]]
    """As they are listed, from the first on without a gap."""
    rest: int
    """How many bytes of the object beside follow them."""
    modified: float

    @property
    def size(self) -> int:
        return sum(int(part["Size"]) for part in self.parts) + self.rest


class Growing(Upload):
    """One such object. `root` is what precedes keys in the bucket, `options` those of put_object for it.

    While an append sends parts, the object beside is marked as open: then all parts count that there are. What it holds
    has become a part as soon as there is a further one. Unless it is open, only the parts count that it names: behind
    them others may lie, of an append that broke off.
    """

    def __init__(self, requests: Requests, key: str, root: str, options: Mapping[str, str]) -> None:
        super().__init__(requests, key, root + key, options)
        self._name = root + key
        self._beside = f"{root}{BESIDE}{key.replace('/', ',')}"
        self._rest = b""
        self._first_part = 0
        self._open = False
        self._direct = 0

    async def begin(self) -> None:
        """See Resumable.begin."""
        await self.abort()
        await self._save(b"", open_=False)

    async def begin_parts(self, size: int, least: int) -> SentParts:
        """See SignsParts.begin_parts. Parts have `least` bytes, or more if there would be too many of them."""
        await self.abort()
        self._direct = even_part_bytes(size, least)
        await self._prepare()
        return SentParts(self._direct, {}, time.time())

    async def sent_parts(self) -> tuple[SentParts, str]:
        """See SignsParts.parts. Also the id of the multipart upload."""
        beside = await self._look_beside()
        metadata = beside["Metadata"]
        if "direct" not in metadata:
            raise not_begun(self._key)
        parts = await self._all_parts(metadata["upload"])
        modified = max([beside["LastModified"], *(part["LastModified"] for part in parts)]).timestamp()
        sizes = {part["PartNumber"]: part["Size"] for part in parts}
        return SentParts(int(metadata["direct"]), sizes, modified), metadata["upload"]

    async def arrived(self) -> Arrived:
        """Raises ObjectNotFound."""
        beside = await self._look_beside()
        metadata = beside["Metadata"]
        upload, count = metadata.get("upload", ""), int(metadata["parts"])
        parts = await self._stored_parts(upload) if upload else []
        if metadata["open"] == "no":
            parts = parts[:count]
        if len(parts) < count:
            raise not_begun(self._key)
        rest = beside["ContentLength"] if len(parts) == count else 0
        return Arrived(upload, parts, rest, beside["LastModified"].timestamp())

    async def append(self, offset: int, data: AsyncIterator[bytes], part_bytes: int, memory: Memory) -> int:
        """See Resumable.append. In parts of `part_bytes`, unless there are some of another size; each is kept."""
        check_offset(self._key, offset, await self._load())
        sending: set[asyncio.Task[None]] = set()
        held: set[Claim] = set()
        first = self._first_part or part_bytes
        try:
            last = await self._send_all_but_last(_after(self._rest, data), first, memory, sending, held)
            await asyncio.gather(*sending)
            await self._save(bytes(last.data), open_=False)
            return self._size + len(last.data)
        except Exception:  # what was cut is kept
            await settle(asyncio.gather(*sending, return_exceptions=True))
            raise
        except asyncio.CancelledError:
            await settle(asyncio.create_task(stop(list(sending))))
            raise
        finally:
            for claim in held:
                claim.release()

    async def finish(self) -> ObjectInfo:
        """See Resumable.finish. What remains beside, if this process dies, is found by `unfinished`."""
        await self._load()
        if self._parts == 0:
            info = await self.put(self._rest)
            await self._abort_upload(self._id or "")
        else:
            if self._rest:
                self._size += len(self._rest)
                await self._send_data(self._parts + 1, self._rest)
            self._tags = {number: tag for number, tag in self._tags.items() if number <= self._parts + bool(self._rest)}
            await self._complete()
            info = await self._stored()
        await self._drop_beside()
        return info

    async def abort(self) -> None:
        """See Resumable.abort. What is beside goes last: as long as it is there, all is found."""
        with suppress(ObjectNotFound):
            beside = await self._look_beside()
            await self._abort_upload(beside["Metadata"].get("upload", ""))
            await self._drop_beside()

    async def _stored(self) -> ObjectInfo:
        """What has become of the parts, by the service's own word: others may have sent them."""
        found = await self._requests.ask(self._doing, "head_object", Key=self._name)
        if found["ContentLength"] != self._size:
            raise StorageError(
                f"{self._doing}: its parts have {self._size} bytes, and it has {found['ContentLength']}."
            )
        return ObjectInfo(self._key, self._size, bare_etag(found), found["LastModified"].timestamp())

    async def _look_beside(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = await self._requests.ask(self._doing, "head_object", Key=self._beside)
        except ObjectNotFound as error:
            raise not_begun(self._key) from error
        return found

    async def _drop_beside(self) -> None:
        with suppress(ObjectNotFound):
            await self._requests.ask(self._doing, "delete_object", Key=self._beside)

    async def _abort_upload(self, upload: str) -> None:
        if upload:
            await abort_upload(self._requests, self._doing, self._name, upload)

    async def _stored_parts(self, upload: str) -> list[dict[str, Any]]:
        """Without a gap: of parts that were under way together, an earlier one may have been lost."""
        found = await self._all_parts(upload)
        return [part for number, part in enumerate(found, 1) if part["PartNumber"] == number]

    async def _all_parts(self, upload: str) -> list[dict[str, Any]]:
        """Raises ObjectNotFound if the upload has ended."""
        try:
            return await listing.parts(self._requests, self._doing, self._name, upload)
        except StorageError as error:
            if code_of(error.__cause__) in UPLOAD_GONE:
                raise not_begun(self._key) from error
            raise

    async def _load(self) -> int:
        """Go on from what has arrived; returns how much that is. Raises ObjectNotFound."""
        found = await self.arrived()
        self._id = found.upload or None
        self._tags = {part["PartNumber"]: part["ETag"] for part in found.parts}
        self._parts, self._size = len(found.parts), found.size - found.rest
        self._first_part = found.parts[0]["Size"] if found.parts else 0
        self._rest = await read_whole(self._requests, self._key, self._beside) if found.rest else b""
        return found.size

    async def _prepare(self) -> None:
        """To its end, also if it is cancelled: an upload that nobody knows would lie there until a sweep."""
        await finished(asyncio.ensure_future(self._begin_upload()))

    async def _begin_upload(self) -> None:
        await super()._prepare()
        if not self._open:
            self._open = True
            await self._save(self._rest, open_=True)

    async def _save(self, rest: bytes, *, open_: bool) -> None:
        """Write the object beside: what follows the parts."""
        metadata = {"parts": str(self._parts), "open": "yes" if open_ else "no"}
        if self._id is not None:
            metadata["upload"] = self._id
        if self._direct:
            metadata["direct"] = str(self._direct)
        asked: dict[str, Any] = {"Key": self._beside, "Body": rest, "Metadata": metadata, **self._options}
        await self._requests.ask(self._doing, "put_object", **asked)


async def unfinished(requests: Requests, root: str) -> AsyncIterator[tuple[Unfinished, str]]:
    """What grows below a prefix, each with the id of its multipart upload; it is as old as its last append."""
    doing = "What grows can't be listed"
    for entry in await listing.objects(requests, doing, root + BESIDE):
        name = entry["Key"][len(root) :]
        key = name.removeprefix(BESIDE).replace(",", "/")
        size, upload = 0, ""
        growing = Growing(requests, key, root, {})
        with suppress(ObjectNotFound):  # it has ended since, or its upload is gone
            beside = await growing._look_beside()
            upload = beside["Metadata"].get("upload", "")
            size = (await growing.arrived()).size
        yield Unfinished(name, key, size, entry["LastModified"].timestamp()), upload


async def _after(rest: bytes, data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if rest:
        yield rest
    async for piece in data:
        yield piece
