"""The embedded PostgreSQL, for real."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from gilfoyle.embedded.folder import DataFolder
from gilfoyle.embedded.postgres import Postgres, clear_stale
from gilfoyle.embedded.process import ChildSpec
from gilfoyle.embedded.supervisor import Supervisor
from gilfoyle.errors import StartupError
from tests.integration.embedded.supervision import processes_of, supervising
from tests.processes import program


async def start(folder: DataFolder, supervisor: Supervisor) -> Postgres:
    postgres = Postgres(folder, os.environ)
    await postgres.prepare()
    await supervisor.start(postgres.spec())
    return postgres


async def query(url: str, statement: str) -> object:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(statement.encode())
        row = await cursor.fetchone() if cursor.description else None
        return row and row[0]


async def test_what_was_stored_survives_a_restart(folder: DataFolder) -> None:
    async with supervising(folder) as (supervisor, _):
        postgres = await start(folder, supervisor)
        await query(postgres.url, "CREATE TABLE kept AS SELECT 'über' AS word")
    assert processes_of(folder) == []
    async with supervising(folder) as (supervisor, said):
        postgres = await start(folder, supervisor)
        assert await query(postgres.url, "SELECT word FROM kept") == "über"
        assert await query(postgres.url, "SHOW server_encoding") == "UTF8"
        assert await query(postgres.url, "SHOW fsync") == "on"
    assert said == []


async def test_the_url_suits_sqlalchemy_too(folder: DataFolder) -> None:
    async with supervising(folder) as (supervisor, _):
        postgres = await start(folder, supervisor)
        engine = create_async_engine(postgres.url.replace("postgresql://", "postgresql+psycopg://"))
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT current_database()"))).scalar() == "gilfoyle"
        await engine.dispose()


async def test_only_a_socket_that_others_cannot_reach(folder: DataFolder) -> None:
    async with supervising(folder) as (supervisor, _):
        postgres = await start(folder, supervisor)
        assert await query(postgres.url, "SHOW listen_addresses") == ""
        assert stat.S_IMODE(folder.socket.stat().st_mode) == 0o700


async def test_a_crash_is_recovered_from_and_told(folder: DataFolder) -> None:
    async with supervising(folder) as (supervisor, said):
        postgres = await start(folder, supervisor)
        await query(postgres.url, "CREATE TABLE kept AS SELECT 1 AS one")
        os.kill(postmaster(folder), signal.SIGKILL)
        sentence = await said.holds("PostgreSQL was killed by SIGKILL")
        assert str(folder.logs / "postgres.log") in sentence
        await asyncio.wait_for(answered(postgres.url), 20)
        assert await query(postgres.url, "SELECT one FROM kept") == 1


async def test_a_server_left_by_a_killed_up_is_stopped_first(folder: DataFolder) -> None:
    left = Postgres(folder, os.environ)
    await left.prepare()
    spec = left.spec()
    with run(spec, folder.root / "left.log") as process:
        assert spec.answers
        await spec.answers()
        async with supervising(folder) as (supervisor, _):
            postgres = await start(folder, supervisor)
            assert postmaster(folder) != process.pid
            assert await query(postgres.url, "SELECT 1") == 1
        process.wait(5)
    assert "database system is shut down" in (folder.root / "left.log").read_text()


def test_a_number_that_another_process_has_by_now_is_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "postmaster.pid"
    file.write_text(f"{os.getpid()}\n{tmp_path}\n")
    clear_stale(tmp_path)
    assert not file.exists()


async def test_a_killed_first_start_is_begun_again(folder: DataFolder) -> None:
    (folder.root / "postgres.new").mkdir()
    (folder.root / "postgres.new" / "half").touch()
    async with supervising(folder) as (supervisor, _):
        postgres = await start(folder, supervisor)
        assert await query(postgres.url, "SELECT 1") == 1
    assert not (folder.root / "postgres.new").exists()


async def test_a_first_start_may_be_cancelled(folder: DataFolder) -> None:
    preparing = asyncio.create_task(Postgres(folder, os.environ).prepare())
    await asyncio.sleep(0.3)
    preparing.cancel()
    await asyncio.gather(preparing, return_exceptions=True)
    assert processes_of(folder) == []
    assert not folder.postgres.exists()


async def test_a_long_path_gets_its_socket_elsewhere(folder: DataFolder) -> None:
    deep = DataFolder(folder.root / ("d" * 60) / ("e" * 60))
    deep.make()
    postgres = Postgres(deep, os.environ)
    try:
        async with supervising(deep) as (supervisor, _):
            await postgres.prepare()
            await supervisor.start(postgres.spec())
            assert await query(postgres.url, "SELECT 1") == 1
            assert stat.S_IMODE(postgres.socket.stat().st_mode) == 0o700
    finally:
        postgres.discard()
    assert not postgres.socket.exists()


async def test_a_folder_of_another_user_is_a_sentence(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.postgres.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(StartupError, match="belongs to another user"):
        await Postgres(folder, os.environ).prepare()


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
