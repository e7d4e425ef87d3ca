"""The account that PostgreSQL runs under when Gilfoyle is run by root, which PostgreSQL refuses to serve."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from gilfoyle.errors import StartupError

NAME = "embedded_postgres"
_OTHERS_S = 10.0


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


def is_open(path: Path) -> bool:
    """Whether any user gets to `path`: each folder above it lets others through."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def _create() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
    deadline = time.monotonic() + _OTHERS_S
    while True:
        try:
            made = subprocess.run(command, check=False, capture_output=True, text=True)
            return pwd.getpwnam(NAME)
        except OSError as error:
            reason = str(error)
        except KeyError:
            reason = made.stderr.strip()
        # Another `up`, or whoever else adds a user, holds the lock of the system's list.
        if time.monotonic() > deadline or "lock" not in reason:
            raise StartupError(
                f"PostgreSQL does not run as root, and the user {NAME} for it can't be made: {reason}. "
                "Run `gilfoyle up` as an ordinary user."
            )
        time.sleep(0.1)
