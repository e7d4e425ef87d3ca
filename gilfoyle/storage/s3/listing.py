"""What lies in the bucket below a folder: pages of listings, and removing all of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from gilfoyle.errors import ObjectNotFound
from gilfoyle.storage.s3.errors import passing
from gilfoyle.storage.s3.requests import Requests

_DELETE_AT_ONCE = 1000
"""As many keys as S3 takes in one DeleteObjects."""
_STALE_LISTINGS = 3
"""How often what is gone may still be listed, as a service does whose listings lag behind."""


async def objects(requests: Requests, doing: str, prefix: str) -> list[dict[str, Any]]:
    """Every object whose name starts with `prefix`, in the service's order."""
    found: list[dict[str, Any]] = []
    async for page in _pages(requests, doing, "list_objects_v2", Prefix=prefix):
        found.extend(page.get("Contents", ()))
    return found


async def folders(requests: Requests, doing: str, prefix: str) -> list[str]:
    """The prefixes that end with the next slash after `prefix`, in the service's order."""
    found: list[str] = []
    async for page in _pages(requests, doing, "list_objects_v2", Prefix=prefix, Delimiter="/"):
        found.extend(entry["Prefix"] for entry in page.get("CommonPrefixes", ()))
    return found


async def uploads(requests: Requests, doing: str, prefix: str) -> AsyncIterator[dict[str, Any]]:
    """Every multipart upload to a name that starts with `prefix` and has not ended."""
    # Not by Prefix: MinIO then lists only uploads to that very name (minio/minio#20989).
    async for page in _pages(requests, doing, "list_multipart_uploads"):
        for upload in page.get("Uploads", ()):
            if upload["Key"].startswith(prefix):
                yield upload


async def parts(requests: Requests, doing: str, name: str, upload: str) -> list[dict[str, Any]]:
    """The parts that a multipart upload has, in their order. Raises StorageError, also if it has ended.

    Of a number that was sent twice, the later one: S3 has no other, but SeaweedFS lists both.
    """
    found: dict[int, dict[str, Any]] = {}
    async for page in _pages(requests, doing, "list_parts", Key=name, UploadId=upload):
        for part in page.get("Parts", ()):
            before = found.get(part["PartNumber"])
            if before is None or part["LastModified"] >= before["LastModified"]:
                found[part["PartNumber"]] = part
    return [found[number] for number in sorted(found)]


async def _pages(requests: Requests, doing: str, operation: str, **asked: Any) -> AsyncIterator[dict[str, Any]]:
    page: dict[str, Any] = {"IsTruncated": True}
    while page.get("IsTruncated"):
        page = await requests.ask(doing, operation, **asked)
        yield page
        after = {
            "ContinuationToken": page.get("NextContinuationToken"),
            "KeyMarker": page.get("NextKeyMarker"),
            "UploadIdMarker": page.get("NextUploadIdMarker"),
            "PartNumberMarker": page.get("NextPartNumberMarker"),
        }
        if not any(after.values()):
            return
        asked |= {name: value for name, value in after.items() if value}


class Removal:
    """Removes many objects: by DeleteObjects, or one by one where the service has no such thing."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._in_bulk = True

    async def below(self, doing: str, prefix: str) -> int:
        """Remove every object whose name starts with the folder `prefix`, which ends with a slash.

        Also what appears meanwhile. Returns how many there were.
        """
        gone: set[tuple[object, ...]] = set()
        stale = 0
        while True:
            found = await objects(self._requests, doing, prefix)
            versions = {(entry["Key"], entry.get("ETag"), entry["LastModified"]) for entry in found}
            stale += versions <= gone
            if not versions and not gone:
                await self._remove(doing, [prefix])  # which may be there, and empty
            if not versions or stale > _STALE_LISTINGS:
                return len(gone)
            names = [str(name) for name, *_ in versions]
            await self._remove(doing, names)
            await self._remove(doing, _folders_of(names, prefix), together=False)
            gone |= versions

    async def _remove(self, doing: str, names: list[str], *, together: bool = True) -> None:
        for first in range(0, len(names), _DELETE_AT_ONCE):
            batch = names[first : first + _DELETE_AT_ONCE]
            if not self._in_bulk or not await self._requests.call(doing, partial(self._bulk, batch)):
                await self._one_by_one(doing, batch, together)
                self._in_bulk = False

    async def _one_by_one(self, doing: str, names: list[str], together: bool) -> None:
        limit = asyncio.Semaphore(self._requests.settings.connections if together else 1)

        async def remove(name: str) -> None:
            async with limit:
                with suppress(ObjectNotFound):
                    await self._requests.ask(doing, "delete_object", Key=name)

        await asyncio.gather(*(remove(name) for name in names))

    def _bulk(self, names: Iterable[str]) -> bool:
        """False if the service refuses it: it may have no DeleteObjects, or not like its checksum.

        Older MinIO and Ceph want Content-MD5, which botocore no longer sends. Any other fault shows up again when
        objects are removed one by one.
        """
        what = {"Objects": [{"Key": name} for name in names], "Quiet": True}
        try:
            answer = self._requests.client.delete_objects(Bucket=self._requests.settings.bucket, Delete=what)
        except ClientError as error:
            if passing(error):
                raise
            return False
        for failure in answer.get("Errors", ()):
            if failure.get("Code") != "NoSuchKey":
                raise ClientError({"Error": failure, "ResponseMetadata": answer["ResponseMetadata"]}, "DeleteObjects")
        return True


def _folders_of(names: Iterable[str], prefix: str) -> list[str]:
    """The folders of objects below `prefix`, and itself, the deepest first; each with its slash.

    S3 has no folders, and does not mind being asked to remove one. SeaweedFS has, and keeps and lists them empty.
    """
    found = {prefix}
    for name in names:
        folder = name.rpartition("/")[0]
        while len(folder) > len(prefix):
            found.add(f"{folder}/")
            folder = folder.rpartition("/")[0]
    return sorted(found, key=lambda folder: -folder.count("/"))
