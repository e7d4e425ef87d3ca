"""Writing an object to S3: by one request if it fits into a part, else by a multipart upload."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from gilfoyle.errors import StorageError
from gilfoyle.storage.base import ObjectInfo
from gilfoyle.storage.s3.errors import code_of
from gilfoyle.storage.s3.memory import Claim, Memory, Rate
from gilfoyle.storage.s3.requests import Requests, bare_etag
from gilfoyle.tasks import settle, stop

MOST_PARTS = 10_000
"""S3's limit on the parts of an object; 5 GiB is its limit on a part, 5 TiB on an object (Amazon S3 User Guide,
"Amazon S3 multipart upload limits")."""
LEAST_PART_BYTES = 5 << 20
"""Of all parts but the last."""
MOST_PART_BYTES = 5 << 30

# R2 wants all parts but the last of one size: so it is, up to 101 GiB with the default part of 16 MiB, and up to 31 GiB
# with the smallest. From there on parts double often enough for 10,000 of them, from 5 MiB on, to hold 5 TiB.
_EQUAL_PARTS = 6_500
_DOUBLE_EVERY = 300

_BLOCKS_IN_MEMORY = 4
_MIB = 1 << 20


def part_bytes(number: int, first: int) -> int:
    """The size of part `number` (1, 2, …) of an object whose first part has `first` bytes."""
    doublings = max(0, (number - _EQUAL_PARTS - 1) // _DOUBLE_EVERY + 1)
    return min(first << doublings, max(first, MOST_PART_BYTES))


def even_part_bytes(size: int, least: int) -> int:
    """The size of all parts of an object of `size` bytes, of whole MiB: `least`, unless there would be too many."""
    fewest = -(-size // MOST_PARTS)
    return max(least, LEAST_PART_BYTES, -(-fewest // _MIB) * _MIB)


def parts_in_flight(size: int, first: int) -> int:
    """How many parts of `size` may be on their way while the next is filled: four of the first size, all in all."""
    return max(1, _BLOCKS_IN_MEMORY * first // size - 1)


@dataclass(frozen=True)
class Part:
    claim: Claim
    """To be released when the data is not needed any more."""
    data: bytearray = field(default_factory=bytearray)


async def cut(
    data: AsyncIterator[bytes], first: int, memory: Memory, before: int = 0
) -> AsyncIterator[tuple[Part, bool]]:
    """The data in parts, each with whether it is the last. The object has parts `before`; its first has `first` bytes.

    The last one may be shorter, and is empty if there is no data at all. Takes no more than the memory has room for;
    if that is short from the beginning, the smallest parts do, so that more uploads go on at a time.
    """
    rate, number = Rate(), before + 1
    part = Part(memory.claim(part_bytes(number, first), rate))
    try:
        async for piece in _timed(data, rate):
            if number == 1 and memory.short and len(part.data) <= LEAST_PART_BYTES < first:
                first = LEAST_PART_BYTES
                part.claim.shrink(first)
            rest = memoryview(piece)
            while rest:
                room = part_bytes(number, first) - len(part.data)
                if room == 0:
                    yield part, False
                    number += 1
                    part = Part(memory.claim(part_bytes(number, first), rate))
                    continue
                await part.claim.take(min(room, len(rest)))
                part.data.extend(rest[:room])
                rest = rest[room:]
    except BaseException:
        part.claim.release()
        raise
    yield part, True


async def _timed(data: AsyncIterator[bytes], rate: Rate) -> AsyncIterator[bytes]:
    begin = time.monotonic()
    async for piece in data:
        rate.note(len(piece), time.monotonic() - begin)
        yield piece
        begin = time.monotonic()


UPLOAD_GONE = {"NoSuchUpload", "NoSuchKey", "404"}
"""Error codes of a multipart upload that has ended."""
_ABORT_PATIENCE_S = 5.0
"""An upload that can't be aborted is left to the sweep; whoever waits for the failure should not wait long."""


class Upload:
    """One write. `name` is the object's name in the bucket, `options` those of put_object for it."""

    def __init__(self, requests: Requests, key: str, name: str, options: Mapping[str, str]) -> None:
        self._requests = requests
        self._client = requests.client
        self._target = {"Bucket": requests.settings.bucket, "Key": name}
        self._options = options
        self._key = key
        self._doing = f"The object {key} can't be written"
        self._id: str | None = None
        self._tags: dict[int, str] = {}
        self._parts = 0
        self._size = 0

    async def put(self, data: bytes | bytearray) -> ObjectInfo:
        """Write it by one request."""
        call = partial(self._client.put_object, **self._target, **self._options, Body=data)
        answer = await self._requests.call(self._doing, call)
        return self._info(answer, len(data))

    async def send(self, data: AsyncIterator[bytes], first_part: int, memory: Memory) -> ObjectInfo:
        """Write what the iterator gives, in parts of `first_part` bytes if it is more, as there is memory for it."""
        sending: set[asyncio.Task[None]] = set()
        held: set[Claim] = set()
        try:
            last = await self._send_all_but_last(data, first_part, memory, sending, held)
            if self._parts == 0:
                return await self.put(last.data)
            self._start(last, sending)
            await _until_at_most(0, sending)
            return self._info(await self._complete(), self._size)
        except BaseException:
            await settle(asyncio.create_task(self._undo(sending)))
            raise
        finally:
            for claim in held:
                claim.release()

    async def _send_all_but_last(
        self,
        data: AsyncIterator[bytes],
        first_part: int,
        memory: Memory,
        sending: set[asyncio.Task[None]],
        held: set[Claim],
    ) -> Part:
        """Send what the iterator gives in whole parts; returns the last, which may be shorter, and is not sent.

        Parts that are still on their way stand in `sending`, and what must be released in the end in `held`.
        """
        async with aclosing(cut(data, first_part, memory, self._parts)) as parts:  # type: ignore[type-var]
            async for part, last in parts:
                held.add(part.claim)
                if last:
                    return part
                await self._prepare()
                size = len(part.data)
                self._start(part, sending)
                del part
                await _until_at_most(parts_in_flight(size, first_part), sending)
        raise AssertionError("there is always a last part")

    def _start(self, part: Part, sending: set[asyncio.Task[None]]) -> None:
        self._parts += 1
        self._size += len(part.data)
        sending.add(asyncio.create_task(self._send_part(self._parts, part)))

    async def _prepare(self) -> None:
        """Before a part is sent."""
        if self._id is None:
            await self._begin()

    async def _begin(self) -> None:
        def begin() -> None:  # keeps the id even if the task has been cancelled meanwhile
            self._id = self._client.create_multipart_upload(**self._target, **self._options)["UploadId"]

        await self._requests.call(self._doing, begin)

    async def _send_part(self, number: int, part: Part) -> None:
        await self._send_data(number, part.data)
        part.claim.release()

    async def _send_data(self, number: int, data: bytes | bytearray) -> None:
        call = partial(self._client.upload_part, **self._target, UploadId=self._id, PartNumber=number, Body=data)
        self._tags[number] = (await self._requests.call(self._doing, call))["ETag"]

    async def _complete(self) -> Any:
        parts = [{"PartNumber": number, "ETag": tag} for number, tag in sorted(self._tags.items())]
        again = False

        def complete() -> Any:
            nonlocal again
            try:
                return self._client.complete_multipart_upload(
                    **self._target, UploadId=self._id, MultipartUpload={"Parts": parts}
                )
            except ClientError as error:
                done = self._done_already() if again and code_of(error) == "NoSuchUpload" else None
                if done is None:
                    raise
                return done
            finally:
                again = True

        return await self._requests.call(self._doing, complete)

    def _done_already(self) -> Any:
        """The answer of HEAD if an earlier request to complete was carried out, though its answer was lost."""
        try:
            found = self._client.head_object(**self._target)
        except ClientError:
            return None
        return found if found["ContentLength"] == self._size else None

    async def _undo(self, sending: set[asyncio.Task[None]]) -> None:
        await stop(list(sending))
        if self._id is not None:
            call = partial(self._client.abort_multipart_upload, **self._target, UploadId=self._id)
            with suppress(StorageError):
                await self._requests.call(self._doing, call, _ABORT_PATIENCE_S)

    def _info(self, answer: Any, size: int) -> ObjectInfo:
        return ObjectInfo(self._key, size, bare_etag(answer), time.time())


async def abort_upload(requests: Requests, doing: str, name: str, upload: str) -> None:
    """Drop a multipart upload. No error if it has ended."""
    try:
        await requests.ask(doing, "abort_multipart_upload", Key=name, UploadId=upload)
    except StorageError as error:
        if code_of(error.__cause__) not in UPLOAD_GONE:
            raise


async def _until_at_most(count: int, sending: set[asyncio.Task[None]]) -> None:
    """Wait until no more than `count` parts are on their way. Raises what made one fail."""
    while len(sending) > count:
        done, _ = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
        sending -= done
        for failure in [task.exception() for task in done]:
            if failure is not None:
                raise failure
