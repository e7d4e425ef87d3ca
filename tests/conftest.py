"""The real servers that tests use, one of each for the whole run: PostgreSQL, Temporal, SeaweedFS and Kubo."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import httpx
import httpx2
import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from gilfoyle.catalog import Catalog, Database
from gilfoyle.catalog.migrate import upgrade
from gilfoyle.config import S3Settings
from gilfoyle.embedded import temporal
from gilfoyle.embedded.folder import DataFolder
from gilfoyle.embedded.postgres import Postgres
from gilfoyle.embedded.process import ChildSpec
from tests import processes
from tests.kubo_node import KuboNode, kubo_node
from tests.seaweed import Seaweed, seaweed

START_S = 60
_TABLES = [table.name for table in SQLModel.metadata.sorted_tables if table.name != "project"]
# TRUNCATE makes twenty new files, which takes 40 ms; to delete some rows takes 2, until tables are full of them.
_EMPTY = f"""DO $$ BEGIN
  IF (SELECT sum(pg_relation_size(relid)) FROM pg_stat_user_tables) > {1 << 20} THEN
    TRUNCATE {", ".join(f'"{name}"' for name in _TABLES)} CASCADE;
  ELSE
    {" ".join(f'DELETE FROM "{name}";' for name in reversed(_TABLES))}
  END IF;
  DELETE FROM project WHERE id <> 'default';
END $$"""
_SAID_BYTES = 8_000
_said: dict[Path, int] = {}
"""The log of each server that runs, and how long it was when the test began, in bytes."""


_FOLDERS = ("e2e", "integration", "unit")
_EVERY = 6


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the end-to-end files, which need much of the machine, among those that need little, the quick ones last.

    So few of them run at a time, and no process is left alone with a long one at the end.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    heavy, middling, light = ([path for path in files if folder in path.parts] for folder in _FOLDERS)
    order = []
    for at, path in enumerate(middling):
        order += [heavy.pop(0)] if heavy and at % _EVERY == 0 else []
        order.append(path)
    order += [*heavy, *light, *(path for path in files if not {*_FOLDERS} & {*path.parts})]
    items[:] = [item for path in order for item in files[path]]


def pytest_collection_finish() -> None:
    """What has been imported stays."""
    _collect()
    for transports in (httpx._transports.default, httpx2._transports.default):
        # Each client would read the system's certificates, in 36 ms.
        transports.create_ssl_context = functools.cache(transports.create_ssl_context)  # type: ignore[attr-defined]


def _collect() -> None:
    """Between tests; nobody need look through what is left for garbage again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows what the servers have said meanwhile."""
    report = yield
    if report.failed:
        for log, begin in _said.items():
            with suppress(OSError):
                said = log.read_bytes()[begin:][-_SAID_BYTES:].decode(errors="replace")
                report.sections += [(f"{log.name} since the test began", said)] if said else []
    return report


@pytest.fixture(autouse=True)
def owned() -> Iterator[None]:
    """A test that leaves a program running or a file open fails itself, and not whoever comes next."""
    _said.update({log: log.stat().st_size for log in _said if log.exists()})
    running, opened = set(processes.children().values()), processes.descriptors()
    yield
    if processes.descriptors() - opened:
        _collect()  # What nobody can close any more complains now.
    left = processes.kill_others(running)
    assert not left, f"it left running: {left}"


@pytest.fixture(scope="session")
def data_folder() -> Iterator[DataFolder]:
    """A short path of its own: PostgreSQL's socket must have one, and its account must reach it."""
    with tempfile.TemporaryDirectory(prefix="gft-", ignore_cleanup_errors=True) as root:
        Path(root).chmod(0o755)
        folder = DataFolder(Path(root))
        folder.make()
        yield folder


@pytest.fixture(scope="session")
async def postgres_url(data_folder: DataFolder) -> AsyncIterator[str]:
    """A real PostgreSQL with an empty database, for the whole run."""
    server = Postgres(data_folder, os.environ)
    try:
        await server.prepare()
        spec = server.spec()
        with running(spec, data_folder, "-c", "fsync=off"):
            assert spec.answers is not None
            await asyncio.wait_for(spec.answers(), START_S)
            yield server.url
    finally:
        server.discard()


@pytest.fixture(scope="session")
async def temporal_address(data_folder: DataFolder) -> AsyncIterator[str]:
    """A real Temporal dev server, host:port, for the whole run."""
    port = free_port()
    spec = temporal.spec(data_folder, port=port, ui_port=free_port(), namespace="default", environment=os.environ)
    with running(spec, data_folder):
        assert spec.answers is not None
        await asyncio.wait_for(spec.answers(), START_S)
        yield f"{temporal.HOST}:{port}"


@pytest.fixture(scope="session")
def s3_service() -> Iterator[Seaweed]:
    """A real S3 service, SeaweedFS, for the whole run."""
    with seaweed() as service:
        yield service


@pytest.fixture
def s3_settings(s3_service: Seaweed) -> S3Settings:
    """Settings for it, with an empty prefix of its own for each test."""
    return S3Settings(
        bucket=s3_service.bucket,
        prefix=f"tests/{uuid4().hex}",
        endpoint=s3_service.endpoint,
        access_key_id=s3_service.access_key,
        secret_access_key=s3_service.secret_key,
        part_mb=5,
    )


@pytest.fixture(scope="session")
def kubo() -> Iterator[KuboNode]:
    """A real IPFS node, Kubo, for the whole run: use a folder of your own. Skips where there is none."""
    with kubo_node() as node:
        yield node


@pytest.fixture(scope="session")
async def database_url(postgres_url: str) -> str:
    """A database with the catalog's tables."""
    await asyncio.to_thread(upgrade, postgres_url)
    return postgres_url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The catalog's database, emptied."""
    database = Database(database_url, pool_size=5)
    async with database.session() as session:
        await session.execute(text(_EMPTY))
    yield database
    await database.close()


@pytest.fixture
def catalog(database: Database) -> Catalog:
    return Catalog(database)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def running(spec: ChildSpec, folder: DataFolder, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server as `gilfoyle up` would, until the end of the block."""
    said = folder.logs / f"{spec.name}.log"
    _said[said] = 0
    with said.open("wb") as log:
        process = subprocess.Popen(
            [*spec.command, *options],
            env=dict(spec.environment),
            cwd=spec.folder,
            user=spec.user,
            group=spec.group,
            extra_groups=[] if spec.user is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.send_signal(spec.stop_signals[0])
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            del _said[said]
