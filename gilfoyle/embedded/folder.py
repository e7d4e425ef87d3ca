"""The data folder: what lies where in it, and the lock that gives it to one `gilfoyle up` at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gilfoyle.errors import StartupError


class DataFolder:
    """Everything that `gilfoyle up` keeps. Absolute paths; the folders exist once `make` was called.

    Raises StartupError for a path below the home of a user who has none.
    """

    def __init__(self, root: Path) -> None:
        try:
            self.root = root.expanduser().absolute()
        except RuntimeError as error:
            raise StartupError(
                f"The data folder {root} can't be found: there is no home folder. Choose another with --data."
            ) from error
        self.media = self.root / "media"
        self.logs = self.root / "logs"
        self.postgres = self.root / "postgres"
        self.socket = self.root / "socket"
        self.temporal = self.root / "temporal.db"
        self.run = self.root / "run.json"
        self.lock = self.root / "lock"

    def make(self) -> None:
        """Create the folder. Raises StartupError where that is not possible."""
        try:
            for folder in (self.root, self.media, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartupError(
                f"The data folder {self.root} can't be made: {error.strerror} ({error.filename}). "
                "Choose another with --data."
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder. Raises StartupError where another `up` does; a holder that dies lets go."""
        try:
            # Never truncated before the lock is held: until then the number in it is another's.
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StartupError(f"The data folder {self.root} can't be written to: {error.strerror}.") from error
        with os.fdopen(descriptor, "r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StartupError(
                    f"Gilfoyle is already running with the data folder {self.root} "
                    f"(process {file.read().strip()}). Stop it first, or choose another folder with --data."
                ) from error
            file.truncate()
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield
