"""The embedded PostgreSQL: its own data folder, a Unix socket that only this user can reach, no TCP port."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from gilfoyle.embedded import account as accounts
from gilfoyle.embedded import leftovers, programs
from gilfoyle.embedded.account import Account
from gilfoyle.embedded.folder import DataFolder
from gilfoyle.embedded.initdb import NAME, InitDb, place
from gilfoyle.embedded.process import ChildSpec
from gilfoyle.errors import StartupError

# sockaddr_un holds 104 bytes on macOS and 108 on Linux, and `/.s.PGSQL.5432` has to fit in.
_SOCKET_DIR_BYTES = 100 - len("/.s.PGSQL.5432")
_POLL_S = 0.05


class Postgres:
    """One PostgreSQL of a data folder. `prepare` it, then run `spec`, then connect to `url`."""

    def __init__(self, folder: DataFolder, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._programs = programs.find()
        self._account: Account | None = None
        self._aside: Path | None = None
        # PGDATA, PGPORT, … of the user's own PostgreSQL would be obeyed. The other two hold secrets of ours, and root's
        # PostgreSQL runs as another user.
        others = ("PG", "GILFOYLE_", "AWS_")
        self._environment = {name: value for name, value in environment.items() if not name.startswith(others)}
        elsewhere = len(os.fsencode(folder.socket)) > _SOCKET_DIR_BYTES or not self._enters(folder.socket)
        self.socket = (self._make_aside() if elsewhere else folder.root) / "socket"

    @property
    def url(self) -> str:
        """For psycopg as it is, and for SQLAlchemy once its scheme is `postgresql+psycopg`."""
        return _url(str(self.socket))

    async def prepare(self) -> None:
        """Stop a server that an earlier run left, make the database if there is none. Raises StartupError.

        Folders above the data's are left as they are, whoever may enter them.
        """
        await asyncio.to_thread(self._prepare_folders)
        if not self._folder.postgres.exists():
            log = self._folder.logs / "initdb.log"
            await InitDb(self._programs, self._account, self._environment, log).make(self._folder.postgres)

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
            command=[str(self._programs / "postgres"), "-D", place(data, self._account), "-k", str(self.socket)]
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
        """Remove what lies outside the data folder."""
        if self._aside:
            shutil.rmtree(self._aside, ignore_errors=True)

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
            if not programs.run_for_all(self._programs):
                self._programs = programs.copy(self._programs, self._make_aside())
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

    def _enters(self, place: Path) -> bool:
        """Whether PostgreSQL's user gets to `place`: the user's own, or any where root has made an account for it."""
        return os.geteuid() != 0 or accounts.is_open(place)

    def _make_aside(self) -> Path:
        """A folder among the system's temporary ones, which any user may enter. Raises StartupError."""
        if self._aside is None:
            self._aside = Path(tempfile.mkdtemp(prefix="gilfoyle-"))
            self._aside.chmod(0o711)
            if not self._enters(self._aside / "socket"):
                self.discard()
                raise StartupError(
                    f"PostgreSQL does not run as root, and its user {accounts.NAME} can enter neither "
                    f"{self._folder.root} nor {self._aside.parent}. Name a folder that others may enter with --data, "
                    "or with TMPDIR."
                )
        return self._aside


def running_url(folder: DataFolder) -> str | None:
    """The `url` of the server that runs on that folder; None if none does."""
    try:
        lines = (folder.postgres / "postmaster.pid").read_text().splitlines()
        pid, socket = int(lines[0]), lines[4]  # PostgreSQL's miscadmin.h: LOCK_FILE_LINE_SOCKET_DIR is 5
    except (OSError, ValueError, IndexError):
        return None
    return _url(socket) if _serves(pid, folder.postgres) else None


def _url(socket: str) -> str:
    return f"postgresql://{NAME}@/{NAME}?host={quote(socket)}"


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
