"""The account that PostgreSQL runs under when Gilfoyle is run by root, which PostgreSQL refuses to serve."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gilfoyle.errors import StartupError

NAME = "embedded_postgres"


@dataclass(frozen=True)
class Account:
    """A system user without a password, a shell or a home."""

    uid: int
    gid: int


def unprivileged() -> Account | None:
    """The account to use, made where it is missing; None for an ordinary user, who needs no other."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        entry = _create()
    return Account(entry.pw_uid, entry.pw_gid)


def own(folder: Path, account: Account) -> None:
    """Give a folder and all that is in it to the account, if it is not the owner yet."""
    if folder.stat().st_uid == account.uid:
        return
    for below, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(below, name), account.uid, account.gid, follow_symlinks=False)
    os.chown(folder, account.uid, account.gid)  # Last: it marks the whole as done.


def let_through(path: Path, account: Account) -> None:
    """Let the account reach `path`: the search bit, and nothing else, on parent folders that lack it."""
    for parent in path.resolve().parents:
        state = parent.stat()
        if state.st_uid != account.uid and not state.st_mode & stat.S_IXOTH:
            parent.chmod(stat.S_IMODE(state.st_mode) | stat.S_IXOTH)


def let_read(folder: Path) -> None:
    """Let others read and run what is in `folder` as its owner may: an umask of 077 would forbid it."""
    for below, _, files in os.walk(folder):
        for path in (Path(below), *(Path(below, name) for name in files)):
            mode = stat.S_IMODE(path.stat().st_mode)
            wanted = mode | (mode & stat.S_IRWXU & ~stat.S_IWUSR) >> 6
            if wanted != mode:
                path.chmod(wanted)


def _create() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
        return pwd.getpwnam(NAME)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        raise StartupError(
            f"PostgreSQL does not run as root, and the user {NAME} for it can't be made. "
            "Run `gilfoyle up` as an ordinary user."
        ) from error
