"""The embedded PostgreSQL, for real."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from gilfoyle.embedded import programs
from gilfoyle.embedded.folder import DataFolder
from gilfoyle.embedded.postgres import Postgres, clear_stale
from gilfoyle.embedded.process import ChildSpec
from gilfoyle.embedded.supervisor import Supervisor
from gilfoyle.errors import StartupError
from tests.integration.embedded.supervision import processes_of, supervising
from tests.processes import program

Embedded = Callable[[DataFolder], Postgres]


@pytest.fixture
def embedded() -> Iterator[Embedded]:
    """Makes a PostgreSQL of a folder; what it has outside of that is removed after the test."""
    made: list[Postgres] = []

    def make(folder: DataFolder) -> Postgres:
        made.append(Postgres(folder, os.environ))
        return made[-1]

    yield make
    for each in made:
        each.discard()


async def start(postgres: Postgres, supervisor: Supervisor) -> Postgres:
    await postgres.prepare()
    await supervisor.start(postgres.spec())
    return postgres


async def query(url: str, statement: str) -> object:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(statement.encode())
        row = await cursor.fetchone() if cursor.description else None
        return row and row[0]


async def test_what_was_stored_survives_a_restart(folder: DataFolder, embedded: Embedded) -> None:
    async with supervising(folder) as (supervisor, _):
        postgres = await start(embedded(folder), supervisor)
        await query(postgres.url, "CREATE TABLE kept AS SELECT 'über' AS word")
    assert processes_of(folder) == []
    async with supervising(folder) as (supervisor, said):
        postgres = await start(embedded(folder), supervisor)
        assert await query(postgres.url, "SELECT word FROM kept") == "über"
        assert await query(postgres.url, "SHOW server_encoding") == "UTF8"
        assert await query(postgres.url, "SHOW fsync") == "on"
    assert said == []


async def test_the_url_suits_sqlalchemy_too(folder: DataFolder, embedded: Embedded) -> None:
    async with supervising(folder) as (supervisor, _):
        postgres = await start(embedded(folder), supervisor)
        engine = create_async_engine(postgres.url.replace("postgresql://", "postgresql+psycopg://"))
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT current_database()"))).scalar() == "gilfoyle"
        await engine.dispose()


async def test_only_a_socket_that_others_cannot_reach(folder: DataFolder, embedded: Embedded) -> None:
    async with supervising(folder) as (supervisor, _):
        postgres = await start(embedded(folder), supervisor)
        assert await query(postgres.url, "SHOW listen_addresses") == ""
        assert stat.S_IMODE(folder.socket.stat().st_mode) == 0o700


async def test_a_crash_is_recovered_from_and_told(folder: DataFolder, embedded: Embedded) -> None:
    async with supervising(folder) as (supervisor, said):
        postgres = await start(embedded(folder), supervisor)
        await query(postgres.url, "CREATE TABLE kept AS SELECT 1 AS one")
        os.kill(postmaster(folder), signal.SIGKILL)
        sentence = await said.holds("PostgreSQL was killed by SIGKILL")
        assert str(folder.logs / "postgres.log") in sentence
        await asyncio.wait_for(answered(postgres.url), 20)
        assert await query(postgres.url, "SELECT one FROM kept") == 1


async def test_a_server_left_by_a_killed_up_is_stopped_first(folder: DataFolder, embedded: Embedded) -> None:
    left = embedded(folder)
    await left.prepare()
    spec = left.spec()
    with run(spec, folder.root / "left.log") as process:
        assert spec.answers
        await spec.answers()
        async with supervising(folder) as (supervisor, _):
            postgres = await start(embedded(folder), supervisor)
            assert postmaster(folder) != process.pid
            assert await query(postgres.url, "SELECT 1") == 1
        process.wait(5)
    assert "database system is shut down" in (folder.root / "left.log").read_text()


def test_a_number_that_another_process_has_by_now_is_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "postmaster.pid"
    file.write_text(f"{os.getpid()}\n{tmp_path}\n")
    clear_stale(tmp_path)
    assert not file.exists()


async def test_a_killed_first_start_is_begun_again(folder: DataFolder, embedded: Embedded) -> None:
    (folder.root / "postgres.new").mkdir()
    (folder.root / "postgres.new" / "half").touch()
    async with supervising(folder) as (supervisor, _):
        postgres = await start(embedded(folder), supervisor)
        assert await query(postgres.url, "SELECT 1") == 1
    assert not (folder.root / "postgres.new").exists()


async def test_a_first_start_may_be_cancelled(folder: DataFolder, embedded: Embedded) -> None:
    preparing = asyncio.create_task(embedded(folder).prepare())
    await asyncio.sleep(0.3)
    preparing.cancel()
    await asyncio.gather(preparing, return_exceptions=True)
    assert processes_of(folder) == []
    assert not folder.postgres.exists()


async def test_a_long_path_gets_its_socket_elsewhere(folder: DataFolder, embedded: Embedded) -> None:
    deep = DataFolder(folder.root / ("d" * 60) / ("e" * 60))
    deep.make()
    postgres = embedded(deep)
    try:
        async with supervising(deep) as (supervisor, _):
            await postgres.prepare()
            await supervisor.start(postgres.spec())
            assert await query(postgres.url, "SELECT 1") == 1
            assert stat.S_IMODE(postgres.socket.stat().st_mode) == 0o700
    finally:
        postgres.discard()
    assert not postgres.socket.exists()


async def test_a_folder_of_another_user_is_a_sentence(
    folder: DataFolder, embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.postgres.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(StartupError, match="belongs to another user"):
        await embedded(folder).prepare()


@contextmanager
def run(spec: ChildSpec, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a child without a supervisor."""
    options = {"env": spec.environment, "user": spec.user, "group": spec.group, "cwd": spec.folder}
    with log.open("wb") as stderr, program(spec.command, stderr=stderr, **options) as process:
        yield process


def postmaster(folder: DataFolder) -> int:
    return int((folder.postgres / "postmaster.pid").read_text().split()[0])


async def answered(url: str) -> None:
    while True:
        try:
            await query(url, "SELECT 1")
        except psycopg.OperationalError:
            await asyncio.sleep(0.05)
        else:
            return


@pytest.fixture
def closed(folder: DataFolder) -> Iterator[DataFolder]:
    """Below a folder that is closed to others, as /root is."""
    folder.root.chmod(0o700)
    below = DataFolder(folder.root / "below")
    below.make()
    yield below
    assert stat.S_IMODE(folder.root.stat().st_mode) == 0o700


async def test_below_a_closed_folder_whose_mode_stays(
    closed: DataFolder, embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = programs.copy(programs.find(), closed.root / "site-packages")
    monkeypatch.setattr(programs, "find", lambda: copies)
    async with supervising(closed) as (supervisor, said):
        postgres = await start(embedded(closed), supervisor)
        await query(postgres.url, "CREATE TABLE kept AS SELECT 1 AS one")
        os.kill(postmaster(closed), signal.SIGKILL)
        await said.holds("PostgreSQL was killed by SIGKILL")
        await asyncio.wait_for(answered(postgres.url), 20)
        assert await query(postgres.url, "SELECT one FROM kept") == 1
    assert processes_of(closed) == []
    postgres.discard()
    assert os.geteuid() != 0 or not postgres.socket.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
async def test_where_no_folder_can_be_entered_it_is_a_sentence(
    closed: DataFolder, embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(closed.root))
    with pytest.raises(
        StartupError, match=r"its user embedded_postgres can enter neither .* with --data, or with TMPDIR"
    ):
        embedded(closed)
    assert sorted(path.name for path in closed.root.iterdir()) == ["logs", "media"]


def failing(folder: Path, times: int) -> Path:
    """Programs whose initdb gives up so many times, and then works."""
    copies = programs.copy(programs.find(), folder)
    (copies / "initdb").rename(copies / "the-initdb")
    tried = copies / "tried"
    tried.mkdir()
    tried.chmod(0o777)
    script = f'''#!/bin/sh
        touch "{tried}/$$"
        [ $(ls "{tried}" | wc -l) -gt {times} ] && exec "{copies}/the-initdb" "$@"
        echo Aborted
        exit 134
    '''
    (copies / "initdb").write_text(script)
    (copies / "initdb").chmod(0o755)
    return copies


async def test_an_initdb_that_gives_up_once_is_tried_again(
    folder: DataFolder, embedded: Embedded, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    copies = failing(folder.root / "programs", 1)
    monkeypatch.setattr(programs, "find", lambda: copies)
    async with supervising(folder) as (supervisor, _):
        postgres = await start(embedded(folder), supervisor)
        assert await query(postgres.url, "SELECT 1") == 1
    assert 'initdb.log ends with "Aborted". It is tried once more.' in caplog.text
    assert (folder.logs / "initdb.log").read_text().startswith("initdb ended with 134:\nAborted\n")


async def test_an_initdb_that_gives_up_twice_ends_the_start(
    folder: DataFolder, embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = failing(folder.root / "programs", 2)
    monkeypatch.setattr(programs, "find", lambda: copies)
    with pytest.raises(StartupError, match=r'initdb failed; its log .*initdb\.log ends with "Aborted"\.$'):
        await embedded(folder).prepare()
    assert not folder.postgres.exists()
