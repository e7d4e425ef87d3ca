"""The bucket's bare tool: boto3's own transfers, as its documentation shows them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from bench.storage.side import IN_FLIGHT
from gilfoyle.config import S3Settings

T = TypeVar("T")


class Boto:
    """`upload_fileobj` and `download_fileobj` with their default TransferConfig; segments from eight threads."""

    def __init__(self, settings: S3Settings) -> None:
        self._bucket, self._prefix = settings.bucket, "bare"
        self._names: list[str] = []
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=settings.endpoint,
            region_name=settings.region or "us-east-1",
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=settings.secret_access_key.get_secret_value(),
            config=Config(s3={"addressing_style": "path"}),
        )
        self._client.put_object(Bucket=self._bucket, Key=f"{self._prefix}/warm-up", Body=b"x")
        self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}/warm-up")["Body"].read()

    def put_object(self, source: Path) -> None:
        self._put("source", source)

    def get_object(self) -> int:
        return self._get("source")

    def put_segments(self, folder: Path) -> None:
        files = sorted(folder.iterdir())
        self._names = [file.name for file in files]
        _in_flight(lambda file: self._put(file.name, file), files)

    def get_segments(self) -> int:
        return sum(_in_flight(self._get, self._names))

    def close(self) -> None:
        self._client.close()

    def _put(self, name: str, source: Path) -> None:
        with source.open("rb") as file:
            self._client.upload_fileobj(file, self._bucket, f"{self._prefix}/{name}")

    def _get(self, name: str) -> int:
        # Not an object of Python's: the kernel throws away faster.
        with Path(os.devnull).open("wb", buffering=0) as nowhere:
            self._client.download_fileobj(self._bucket, f"{self._prefix}/{name}", nowhere)
        return 0


def _in_flight(call: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        return [*pool.map(call, items)]
