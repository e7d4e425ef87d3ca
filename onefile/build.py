"""Building the one file of this machine's processor."""

from __future__ import annotations

import platform
import re
import subprocess
import tempfile
from pathlib import Path

from onefile import pack, tree
from onefile.pack import BuildError

MOST_BYTES = 220_000_000
"""What a download may have: a quarter of an hour at 2 Mbit/s."""
_GLIBC = re.compile(rb"GLIBC_2\.(\d+)")


def build(wheel: Path, to: Path, *, quick: bool = False) -> Path:
    """Build it from the wheel, in the folder `to`; returns the file. Takes minutes. Raises BuildError.

    `quick`: for a trial, half as large again.
    """
    if platform.system() != "Linux":
        raise BuildError("The one file is for Linux, and is built there.")
    version = wheel.name.split("-")[1]
    file = to / f"gilfoyle-linux-{platform.machine()}"
    # Known to be possible before the minutes that all else takes.
    to.mkdir(parents=True, exist_ok=True)
    pack.compile_launcher(file)
    with tempfile.TemporaryDirectory(prefix="gilfoyle-onefile-") as folder:
        made = Path(folder, "tree")
        print(f"Installing {wheel.name} with everything that it runs.")
        tree.make(made, wheel)
        needs = _oldest_glibc(made)
        print(f"Packing {sum(each.lstat().st_size for each in made.rglob('*')) / 1e6:.0f} MB.")
        packed = pack.write(made, version, file, level=3 if quick else pack.LEVEL)
    size = file.stat().st_size
    print(f"{file}: {size / 1e6:.0f} MB, {packed.unpacked / 1e6:.0f} unpacked in {packed.entries} files and folders.")
    print(f"It runs where GNU's C library is 2.{needs} or newer. Contents: {packed.id}.")
    if size > MOST_BYTES and not quick:
        raise BuildError(f"It must not have more than {MOST_BYTES / 1e6:.0f} MB.")
    return file


def _oldest_glibc(made: Path) -> int:
    """The minor version of GNU's C library that all of it needs, by the symbols that its programs ask for."""
    newest = 0
    for program in tree.programs(made):
        said = subprocess.run(["objdump", "-T", str(program)], capture_output=True, check=False).stdout
        newest = max([newest, *map(int, _GLIBC.findall(said))])
    return newest
