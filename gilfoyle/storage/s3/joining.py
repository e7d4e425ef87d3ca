"""One object made of others, which the service copies by itself (UploadPartCopy).

It is cut into parts of one size, as R2 wants them. A part that lies within one of the others is copied. One in which
two of them meet is read and sent: so it does not matter how small they are, though S3 wants 5 MiB of each part.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from gilfoyle.errors import StorageError
from gilfoyle.storage.base import ObjectInfo
from gilfoyle.storage.s3.errors import code_of
from gilfoyle.storage.s3.memory import Memory, Rate
from gilfoyle.storage.s3.upload import LEAST_PART_BYTES, Upload, even_part_bytes
from gilfoyle.tasks import settle

# Some services copy objects, but not into parts.
_NO_COPIES = {"NotImplemented", "501", "MethodNotAllowed", "405"}
# A copy holds a thread for as long as the service takes, and nothing else here.
_COPIES_AT_ONCE = 4


@dataclass(frozen=True)
class Cut:
    """Bytes `[start, end)` of the object `name`, which has `size`."""

    name: str
    size: int
    start: int
    end: int

    @property
    def can_be_copied(self) -> bool:
        """S3 copies a range only of what is larger than 5 MiB (Amazon S3 API Reference, UploadPartCopy)."""
        return self.size > LEAST_PART_BYTES


def cuts(objects: Sequence[tuple[str, int]], part: int) -> Iterator[list[Cut]]:
    """What each part of `part` bytes consists of; the last one may be smaller. `objects`: names, and their sizes."""
    waiting, room = list[Cut](), part
    for name, size in objects:
        position = 0
        while position < size:
            end = min(size, position + room)
            waiting.append(Cut(name, size, position, end))
            room -= end - position
            position = end
            if not room:
                yield waiting
                waiting, room = [], part
    if waiting:
        yield waiting


class Joining(Upload):
    """One such object."""

    async def run(self, objects: Sequence[tuple[str, int]], least: int, memory: Memory) -> ObjectInfo:
        """Make it of the objects, in parts of `least` bytes, or more if there would be too many."""
        size = sum(size for _name, size in objects)
        part = even_part_bytes(size, least)
        if size <= part:
            return await self._put_all([cut for each in cuts(objects, part) for cut in each], size, memory)
        sending: list[asyncio.Task[None]] = []
        limit = asyncio.Semaphore(_COPIES_AT_ONCE)

        async def one(number: int, pieces: list[Cut]) -> None:
            async with limit:
                await self._make_part(number, pieces, memory)

        await self._begin()
        self._size = size
        try:
            sending += [
                asyncio.create_task(one(number, pieces)) for number, pieces in enumerate(cuts(objects, part), 1)
            ]
            await asyncio.gather(*sending)
            return self._info(await self._complete(), size)
        except BaseException:
            await settle(asyncio.create_task(self._undo(set(sending))))
            raise

    async def _make_part(self, number: int, pieces: list[Cut], memory: Memory) -> None:
        (first, *others) = pieces
        if not others and first.can_be_copied and await self._copied(number, first):
            return
        size = sum(piece.end - piece.start for piece in pieces)
        claim = memory.claim(size, Rate())
        try:
            await claim.take(size)
            await self._send_data(number, await self._read(pieces))
        finally:
            claim.release()

    async def _copied(self, number: int, cut: Cut) -> bool:
        """False if the service has no such thing."""
        source = {"Bucket": self._target["Bucket"], "Key": cut.name}
        asked: dict[str, Any] = {"CopySource": source, "CopySourceRange": f"bytes={cut.start}-{cut.end - 1}"}
        try:
            answer = await self._requests.ask(
                self._doing,
                "upload_part_copy",
                Key=self._target["Key"],
                UploadId=self._id,
                PartNumber=number,
                **asked,
            )
        except StorageError as error:
            if code_of(error.__cause__) in _NO_COPIES:
                return False
            raise
        self._tags[number] = answer["CopyPartResult"]["ETag"]
        return True

    async def _put_all(self, pieces: list[Cut], size: int, memory: Memory) -> ObjectInfo:
        claim = memory.claim(size, Rate())
        try:
            await claim.take(size)
            return await self.put(await self._read(pieces))
        finally:
            claim.release()

    async def _read(self, pieces: list[Cut]) -> bytes:
        return b"".join([await self._range(piece) for piece in pieces])

    async def _range(self, cut: Cut) -> bytes:
        def fetch() -> bytes:
            answer = self._client.get_object(
                Bucket=self._target["Bucket"], Key=cut.name, Range=f"bytes={cut.start}-{cut.end - 1}"
            )
            with closing(answer["Body"]) as body:
                return bytes(body.read())

        data = await self._requests.call(self._doing, fetch, reads=True)
        if len(data) != cut.end - cut.start:
            raise StorageError(f"{self._doing}: a part of what it is made of has changed.")
        return data
