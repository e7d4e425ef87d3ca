"""Objects in a bucket of S3, or of a service that speaks its protocol."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any

from gilfoyle.config import S3Settings
from gilfoyle.errors import InvalidRequest, ObjectNotFound, StorageError
from gilfoyle.storage.base import ObjectInfo, SentParts, Unfinished, check_key
from gilfoyle.storage.content import cache_control, media_type
from gilfoyle.storage.s3 import listing
from gilfoyle.storage.s3.client import make_client
from gilfoyle.storage.s3.errors import code_of
from gilfoyle.storage.s3.growing import BESIDE, Growing, unfinished
from gilfoyle.storage.s3.joining import Joining
from gilfoyle.storage.s3.memory import Memory
from gilfoyle.storage.s3.once import TRIAL, OnceWriter
from gilfoyle.storage.s3.read import open_ranges, read_ranges, read_whole
from gilfoyle.storage.s3.requests import Requests, bare_etag
from gilfoyle.storage.s3.upload import Upload, abort_upload


class S3Storage:
    """The `Storage`, `Resumable`, `SignsParts`, `Concatenates`, `WritesNew` and `Opens` protocols on a bucket.

    A request that fails for a reason that may pass is repeated for `patience_s`, then StorageError says why. What
    won't pass – a wrong key, no such bucket – is said at once.
    """

    def __init__(self, settings: S3Settings) -> None:
        """Blocks for a moment, and asks nothing of the service. Raises ConfigError if the settings are not enough."""
        self._settings = settings
        self._root = f"{settings.prefix}/" if settings.prefix else ""
        self._requests = Requests(settings)
        self._once = OnceWriter(self._requests, self._name(TRIAL), self._options(TRIAL))
        self._memory = Memory(settings.upload_memory_mb << 20, settings.part_mb << 20)
        self._removal = listing.Removal(self._requests)
        self._outside = make_client(settings, settings.player_endpoint) if settings.player_endpoint else self._client
        self._players = self._outside if settings.serve == "redirect" and not settings.public_url else None

    async def write(self, key: str, data: bytes | AsyncIterator[bytes]) -> ObjectInfo:
        """See Storage.write. In parts if it is more than `part_mb`, of which it holds four in memory at most."""
        upload = Upload(self._requests, check_key(key), self._name(key), self._options(key))
        first_part = self._settings.part_mb << 20
        if isinstance(data, bytes):
            return await (
                upload.put(data) if len(data) <= first_part else upload.send(_once(data), first_part, self._memory)
            )
        return await upload.send(data, first_part, self._memory)

    async def write_new(self, key: str, data: bytes) -> bool:
        """See WritesNew.write_new. Always by one request, of at most 5 GiB, where the service can do that."""
        doing = f"The object {check_key(key)} can't be written"
        if await self._once.honoured():
            return await self._once.put(doing, self._name(key), data, self._options(key))
        try:
            await self._requests.ask(doing, "head_object", Key=self._name(key))
        except ObjectNotFound:  # or no such bucket, which the write will say
            await self.write(key, data)
            return True
        return False

    async def read(self, key: str) -> bytes:
        return await read_whole(self._requests, check_key(key), self._name(key))

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        check_key(key)
        if end is not None and end <= start:
            await self.stat(key)
            return
        reading = read_ranges(self._requests, key, self._name(key), start, end)
        async with aclosing(reading) as ranges:  # type: ignore[type-var]
            async for piece in ranges:
                yield piece

    async def open(self, key: str, start: int = 0, end: int | None = None) -> tuple[ObjectInfo, AsyncIterator[bytes]]:
        """See Opens.open. One request, and more ahead of the reader if it is more than 8 MiB."""
        if end is not None and end <= start:
            return await self.stat(key), _nothing()
        info, pieces = await open_ranges(self._requests, check_key(key), self._name(key), start, end)
        return info or await self.stat(key), pieces

    async def stat(self, key: str) -> ObjectInfo:
        doing = f"The object {check_key(key)} can't be looked up"
        try:
            found = await self._requests.ask(doing, "head_object", Key=self._name(key))
        except ObjectNotFound:
            # HEAD says 404 and no more: of a missing bucket too, which must not pass for a missing object.
            await self._requests.ask(doing, "list_objects_v2", MaxKeys=1, Prefix=self._name(key))
            raise
        return ObjectInfo(key, found["ContentLength"], bare_etag(found), found["LastModified"].timestamp())

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        name = f"{self._name(check_key(prefix))}/"
        found = await listing.objects(self._requests, f"The folder {prefix} can't be listed", name)
        for entry in sorted(found, key=lambda entry: str(entry["Key"])):  # some services have an order of their own
            if not entry["Key"].endswith("/"):  # what consoles make to show an empty folder
                key = entry["Key"][len(self._root) :]
                yield ObjectInfo(key, entry["Size"], bare_etag(entry), entry["LastModified"].timestamp())

    async def folders(self, prefix: str = "") -> AsyncIterator[str]:
        name = f"{self._name(check_key(prefix))}/" if prefix else self._root
        for path in sorted(await listing.folders(self._requests, f"The folder {prefix} can't be listed", name)):
            yield path[len(name) : -1]

    async def delete(self, key: str) -> None:
        with suppress(ObjectNotFound):
            await self._requests.ask(
                f"The object {check_key(key)} can't be removed", "delete_object", Key=self._name(key)
            )

    async def delete_prefix(self, prefix: str) -> int:
        name = f"{self._name(check_key(prefix))}/"
        return await self._removal.below(f"The folder {prefix} can't be removed", name)

    async def unfinished(self) -> AsyncIterator[Unfinished]:
        """What grows, and multipart uploads below the prefix; none of those from a service that can't list them."""
        growing = set()
        async for write, upload_id in unfinished(self._requests, self._root):
            growing.add(upload_id)
            yield write
        try:
            async for upload in listing.uploads(self._requests, "Unfinished uploads can't be listed", self._root):
                key = upload["Key"][len(self._root) :]
                if _is_key(key) and upload["UploadId"] not in growing:  # else it is none of ours
                    yield Unfinished(upload["UploadId"], key, None, upload["Initiated"].timestamp())
        except StorageError as error:
            if code_of(error.__cause__) not in {"NotImplemented", "MethodNotAllowed"}:
                raise

    async def abandon(self, write: Unfinished) -> None:
        if write.id.startswith(BESIDE):
            await self.abort(write.key)
        else:
            doing = f"The upload of {check_key(write.key)} can't be aborted"
            await abort_upload(self._requests, doing, self._name(write.key), write.id)

    async def begin(self, key: str) -> None:
        """See Resumable.begin."""
        await self._growing(key).begin()

    async def arrived(self, key: str) -> int:
        """See Resumable.arrived."""
        return (await self._growing(key).arrived()).size

    async def append(self, key: str, offset: int, data: AsyncIterator[bytes]) -> int:
        """See Resumable.append. An append that breaks off loses at most the parts that it had in memory."""
        return await self._growing(key).append(offset, data, self._settings.part_mb << 20, self._memory)

    async def finish(self, key: str) -> ObjectInfo:
        """See Resumable.finish."""
        return await self._growing(key).finish()

    async def abort(self, key: str) -> None:
        """See Resumable.abort."""
        await self._growing(key).abort()

    async def begin_parts(self, key: str, size: int) -> SentParts:
        """See SignsParts.begin_parts. All parts but the last have one size, as R2 wants it."""
        return await self._growing(key).begin_parts(size, self._settings.part_mb << 20)

    async def parts(self, key: str) -> SentParts:
        """See SignsParts.parts."""
        return (await self._growing(key).sent_parts())[0]

    async def part_urls(self, key: str, sizes: Mapping[int, int], seconds: int) -> builtins.list[str]:
        """See SignsParts.part_urls. The length is signed, too: S3 refuses a body of another."""
        _sent, upload = await self._growing(key).sent_parts()
        target = {"Bucket": self._settings.bucket, "Key": self._name(key), "UploadId": upload}

        def sign() -> builtins.list[str]:
            each = [{**target, "PartNumber": number, "ContentLength": size} for number, size in sizes.items()]
            return [str(self._outside.generate_presigned_url("upload_part", params, seconds)) for params in each]

        return await asyncio.to_thread(sign)

    async def concatenate(self, key: str, parts: Sequence[str]) -> ObjectInfo:
        """See Concatenates.concatenate."""
        names = [(self._name(part), (await self.stat(part)).size) for part in parts]
        joining = Joining(self._requests, check_key(key), self._name(key), self._options(key))
        return await joining.run(names, self._settings.part_mb << 20, self._memory)

    async def player_url(self, key: str) -> str | None:
        """By `serve`: None, or a URL below `public_url`, or a presigned one. Asks nothing of the service."""
        check_key(key)
        if self._settings.serve == "redirect" and self._settings.public_url:
            return f"{self._settings.public_url}/{key}"
        return await self._presign(self._players, key, self._settings.presign_s) if self._players else None

    async def download_url(self, key: str, disposition: str, media_type: str) -> str | None:
        """See Presigns.download_url. Never below `public_url`: what lies there has no end."""
        if not self._players:
            return None
        how = {"ResponseContentDisposition": disposition, "ResponseContentType": media_type}
        return await self._presign(self._players, check_key(key), self._settings.presign_s, **how)

    async def close(self) -> None:
        await asyncio.to_thread(self._requests.close)

    @property
    def _client(self) -> Any:
        return self._requests.client

    def _growing(self, key: str) -> Growing:
        return Growing(self._requests, check_key(key), self._root, self._options(key))

    def _name(self, key: str) -> str:
        """What the object is called in the bucket."""
        return self._root + key

    def _options(self, key: str) -> dict[str, str]:
        options = {
            "ContentType": media_type(key),
            "CacheControl": cache_control(key) or "",
            "ServerSideEncryption": self._settings.sse,
            "SSEKMSKeyId": self._settings.sse_kms_key_id,
        }
        return {name: value for name, value in options.items() if value}

    async def _presign(self, client: Any, key: str, seconds: int, **how: str) -> str:
        """In a thread: the credentials of a role may have to be renewed first."""
        params = {"Bucket": self._settings.bucket, "Key": self._name(key), **how}
        return str(await asyncio.to_thread(client.generate_presigned_url, "get_object", params, seconds))


def _is_key(text: str) -> bool:
    try:
        check_key(text)
    except InvalidRequest:
        return False
    return True


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
