"""A folder as one file that unpacks itself once: the launcher, the folder as an archive, and where in the file that is.

The same folder gives the same bytes: names are sorted, and owners, times and modes are not those of the machine.
"""

from __future__ import annotations

import hashlib
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

LAUNCHER = Path(__file__).with_name("launcher.c")
TRAILER_BYTES = 256
"""As in launcher.c."""
WINDOW_LOG = 27
"""How far back a repetition may lie: 128 MiB. launcher.c takes no more."""
LEVEL = 19
BORN = 1577836800
"""The time of all that is packed, in seconds since the epoch: 2020-01-01."""


class BuildError(Exception):
    """It can't be built here; the message says what is missing."""


@dataclass(frozen=True)
class Packed:
    """What was packed. Sizes in bytes."""

    id: str
    """Of the contents: the same for the same bytes."""
    packed: int
    unpacked: int
    entries: int


def write(folder: Path, version: str, to: Path, *, level: int = LEVEL) -> Packed:
    """Write the file `to`, which unpacks `folder` and runs `bin/python3 -m gilfoyle` in it. Raises BuildError."""
    to.parent.mkdir(parents=True, exist_ok=True)
    compile_launcher(to)
    at = to.stat().st_size
    unpacked = entries = 0
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, window_log=WINDOW_LOG, enable_ldm=level > 9, threads=2, write_checksum=True
    )
    with to.open("ab") as file:
        with (
            zstandard.ZstdCompressor(compression_params=parameters).stream_writer(file, closefd=False) as stream,
            tarfile.open(fileobj=stream, mode="w|", format=tarfile.USTAR_FORMAT) as archive,
        ):
            for info, path in _entries(folder):
                if info.isreg():
                    with path.open("rb") as source:
                        archive.addfile(info, source)
                else:
                    archive.addfile(info)
                unpacked += info.size
                entries += 1
        packed = file.tell() - at
    digest = _digest(to, at)
    trailer = f"gilfoyle-one-file 1 {version} {digest} {at} {packed} {unpacked} {entries}\n".encode()
    with to.open("ab") as file:
        file.write(trailer.ljust(TRAILER_BYTES, b"\n"))
    to.chmod(0o755)
    return Packed(digest, packed, unpacked, entries)


def compile_launcher(to: Path) -> None:
    """Compile launcher.c, linked statically. Raises BuildError without a C compiler or zstd's static library."""
    command = ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-static", "-s", "-Wl,--build-id=none"]
    try:
        done = subprocess.run(
            [*command, "-o", str(to.absolute()), LAUNCHER.name, "-lzstd"],
            cwd=LAUNCHER.parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise BuildError(f"There is no C compiler ({error.filename}). {_REMEDY}") from error
    if done.returncode:
        raise BuildError(f"The launcher can't be compiled:\n{done.stderr.strip()}\n{_REMEDY}")


_REMEDY = "On Debian: apt-get install gcc libc6-dev libzstd-dev."


def _entries(folder: Path) -> Iterator[tuple[tarfile.TarInfo, Path]]:
    """All below the folder, sorted: each folder before what is in it."""
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if ".." in name:
            raise BuildError(f"The launcher takes no name with two dots: {name}")
        info = tarfile.TarInfo(name)
        info.mtime = BORN
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
        elif stat.S_ISDIR(found.st_mode):
            info.type, info.mode = tarfile.DIRTYPE, 0o755
        else:
            info.size = found.st_size
            info.mode = 0o755 if found.st_mode & stat.S_IXUSR else 0o644
        yield info, path


def _digest(file: Path, begin: int) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        opened.seek(begin)
        while part := opened.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()[:12]
