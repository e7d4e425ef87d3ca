"""The blocking file calls of the filesystem backend; they run in its threads."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path

from gilfoyle.storage.base import CHUNK_BYTES

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.EROFS: "the disk is read-only",
    errno.EISDIR: "a folder is in its place",
    errno.ENOTDIR: "a file is where a folder should be",
    errno.EMFILE: "too many files are open",
    errno.EIO: "the disk fails",
}

# As many as POSIX's writev takes at least on Linux and macOS (IOV_MAX).
_MOST_PIECES = 1024
COPY_BYTES = 64 << 20
"""How much is copied by one call: whoever is cancelled waits for no more."""
MOUNTS = Path("/proc/self/mounts")
"""What is mounted where, on Linux."""
# Of file systems on a network, the names there begin so. FUSE: sshfs, s3fs, GlusterFS and others of that kind.
_REMOTE = ("nfs", "ceph", "cifs", "smb", "fuse", "gluster", "lustre", "9p", "afs", "gpfs", "beegfs", "virtiofs")


def explain(error: OSError) -> str:
    """Why a file call failed, in words."""
    return _REASONS.get(error.errno or 0) or error.strerror or str(error)


def has_link(root: Path, key: str) -> bool:
    """Whether a symbolic link is on the way from `root` to what lies there under `key`."""
    path = str(root)
    for element in key.split("/"):
        path = f"{path}/{element}"
        try:
            if stat.S_ISLNK(os.lstat(path).st_mode):
                return True
        except OSError:  # there is no more of it
            return False
    return False


def is_remote(path: Path) -> bool:
    """Whether a file system on a network is mounted there, as far as Linux tells: elsewhere, none is."""
    try:
        mounts = [line.split() for line in MOUNTS.read_text("utf-8", "replace").splitlines()]
    except OSError:
        return False
    kinds = {point.replace("\\040", " "): kind for _source, point, kind, *_ in mounts}
    place = path.resolve()
    found = next((kinds[str(folder)] for folder in (place, *place.parents) if str(folder) in kinds), "")
    return found.startswith(_REMOTE)


class TempFile:
    """A file that is written under a name of its own and then moved to where it belongs, or discarded."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self._file = os.open(self._path, flags, 0o644)
        except FileNotFoundError:
            self._path.parent.mkdir(exist_ok=True)
            self._file = os.open(self._path, flags, 0o644)

    def append(self, *pieces: bytes) -> None:
        """All of them, one after another, by as few calls as the system needs."""
        rest = [memoryview(piece) for piece in pieces if piece]
        while rest:
            written = os.writev(self._file, rest[:_MOST_PIECES])
            done = 0
            while done < len(rest) and written >= len(rest[done]):
                written -= len(rest[done])
                done += 1
            del rest[:done]
            if rest:
                rest[0] = rest[0][written:]

    def copy(self, start: int, path: Path) -> int:
        """Append some of another file, from byte `start` on; returns how much, 0 at its end. Raises OSError."""
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(source).st_mode):
                raise IsADirectoryError(path)
            if hasattr(os, "copy_file_range"):  # macOS has none
                with suppress(OSError):  # some file systems have none, or fail: then as below, which says why
                    os.lseek(source, start, os.SEEK_SET)
                    return os.copy_file_range(source, self._file, COPY_BYTES)
            piece = os.pread(source, CHUNK_BYTES, start)
            self.append(piece)
            return len(piece)
        finally:
            os.close(source)

    def sync(self) -> None:
        """Bring the content to the disk before any name points at it."""
        os.fsync(self._file)

    def hold(self, data: bytes) -> None:
        """The whole file in one go, on the disk when this returns."""
        self.open()
        self.append(data)
        self.sync()

    def move_to(self, target: Path, root: Path) -> os.stat_result:
        """Give the file its name, replacing what has it. `root` must exist; folders below it are made."""
        for attempt in range(10):
            try:
                make_folders(target.parent, root)
                self._path.replace(target)
                break
            except FileNotFoundError:  # the folder was removed in between, by delete_prefix
                if attempt == 9:
                    raise
        sync_folder(target.parent)
        return os.fstat(self._file)  # of this very file, even if another has replaced it already

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def discard(self) -> None:
        """Close the file and remove it, unless it has been moved."""
        self.close()
        with suppress(OSError):
            self._path.unlink()


class GrowingFile(TempFile):
    """One that stays when it is closed, to be opened again. While it is open, nobody else has it open."""

    def open(self) -> None:
        """Raises FileNotFoundError if there is none, BlockingIOError if another process or task has it open."""
        self._open(0)

    def open_empty(self) -> None:
        """Open it without content, made if there is none. Raises BlockingIOError."""
        self._path.parent.mkdir(exist_ok=True)
        self._open(os.O_CREAT)
        os.ftruncate(self._file, 0)

    def size(self) -> int:
        """In bytes."""
        return os.fstat(self._file).st_size

    def _open(self, more_flags: int) -> None:
        """Until the file that is locked is the one that has the name: it may have been moved or removed between."""
        while True:
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | more_flags, 0o644)
            try:
                lock(self._file)
                if os.fstat(self._file).st_ino == self._inode():
                    return
            except BaseException:
                self.close()
                raise
            self.close()

    def _inode(self) -> int:
        with suppress(FileNotFoundError):
            return self._path.stat().st_ino
        return -1


class Reader:
    """Bytes `[start, end)` of a file, read in order; `end` None: to its end."""

    def __init__(self, start: int, end: int | None) -> None:
        self._position, self._wanted = start, end
        self._end = start
        self._file = -1

    def open(self, path: Path) -> bytes:
        """Open the file and return the first piece, empty if there is none. Raises OSError if it is no file."""
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        found = os.fstat(self._file)
        if not stat.S_ISREG(found.st_mode):
            raise IsADirectoryError(path)
        self._end = found.st_size if self._wanted is None else min(self._wanted, found.st_size)
        if hasattr(os, "posix_fadvise"):  # macOS has none. Linux then reads twice as far ahead.
            os.posix_fadvise(self._file, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        return self.next()

    @property
    def more(self) -> bool:
        """Whether another piece follows."""
        return self._position < self._end

    def next(self) -> bytes:
        """The next piece, of at most CHUNK_BYTES; empty after the last."""
        wanted = max(0, min(CHUNK_BYTES, self._end - self._position))
        piece = os.pread(self._file, wanted, self._position)
        self._position += len(piece)
        if not piece:
            self._end = self._position  # whatever became of the file: this is its end
        return piece

    def close(self) -> None:
        """Doesn't block: there is nothing to flush."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def lock(file: int) -> None:
    """Hold an open file until it is closed, also against other machines of an NFS. Raises BlockingIOError.

    Where the file system has no locks (ENOLCK, EOPNOTSUPP), whoever calls must know by other means that it is alone.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            raise


def make_folders(folder: Path, root: Path) -> None:
    """Make `folder` and those between it and `root`, durably.

    Never `root` itself: where a disk is not mounted, nothing must be written to the disk below.
    """
    if folder == root or folder.is_dir():
        return
    make_folders(folder.parent, root)
    with suppress(FileExistsError):
        folder.mkdir()
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk. Ignores a folder that was removed in between."""
    with suppress(FileNotFoundError):
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def remove_tree(folder: Path) -> int:
    """Remove a folder and all below it; returns how many files that were. Links are removed, not followed.

    A folder into which something is written at the same time stays.
    """
    count = 0
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return 0
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            count += remove_tree(folder / entry.name)
        else:
            with suppress(FileNotFoundError):
                (folder / entry.name).unlink()
                count += 1
    with suppress(OSError):
        folder.rmdir()
    return count
