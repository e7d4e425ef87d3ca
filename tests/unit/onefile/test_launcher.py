"""The head of the one file: it unpacks once and whole, whatever happens meanwhile, and runs what it unpacked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from onefile import pack
from tests.processes import program

pytestmark = pytest.mark.skipif(
    not shutil.which("cc") or not [*Path("/usr").glob("lib/*/libzstd.a")],
    reason="the launcher is compiled: apt-get install gcc libc6-dev libzstd-dev",
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts and becomes another user")

# What is run in the place of Python. It tells how, and stays for as long as the test wants.
PYTHON = """#!/bin/sh
echo "ran $*"
env | grep ^PYTHON | sort
[ "$3" = wait ] && { echo waiting; read line; }
[ "$3" = umask ] && umask
[ "$3" = fail ] && exit 7
exit 0
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


def make_tree(folder: Path, said: str = "", **files: bytes) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python3.11").write_text(PYTHON.replace("ran", f"{said}ran"))
    (folder / "bin" / "python3.11").chmod(0o755)
    (folder / "bin" / "python3").symlink_to("python3.11")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    """A folder with files of two versions, and one that takes a while to unpack."""
    with tempfile.TemporaryDirectory(prefix="gft-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        deep = make_tree(folder / "first", empty=b"", data=os.urandom(100_000))
        below = deep / "lib" / ("long" * 30) / "more"
        below.mkdir(parents=True)
        for number in range(40):
            (below / f"{number}.py").write_text(f"{number}\n" * number)
        pack.write(deep, "0.1.0", folder / "one", level=1)
        pack.write(make_tree(folder / "second", "second "), "0.2.0", folder / "two", level=1)
        large = make_tree(folder / "large", **{f"part{n}": os.urandom(20_000_000) for n in range(6)})
        pack.write(large, "0.3.0", folder / "large-one", level=1)
        yield folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def run(built: Path, cache: Path) -> Run:
    """Runs a file of `built`, with that cache and what else its environment should have."""

    def start(name: str, *arguments: str, user: int | None = None, umask: int = -1, **environment: str) -> Any:
        variables = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(cache)} | environment
        return subprocess.run(
            [built / name, *arguments],
            env={name: value for name, value in variables.items() if value},
            user=user,
            umask=umask,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return start


def versions(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "gilfoyle").iterdir() if not path.name.startswith("."))


def test_it_unpacks_once_and_runs_what_was_packed(run: Run, built: Path, cache: Path) -> None:
    first = run("one", "list", "--json", "a b")
    assert first.returncode == 0 and first.stdout.startswith("ran -m gilfoyle list --json a b\n")
    assert re.fullmatch(r"Unpacking Gilfoyle 0\.1\.0 into \S+, once: 0 MB\. .*\n", first.stderr)
    (name,) = versions(cache)
    made = cache / "gilfoyle" / name
    assert not subprocess.run(["diff", "-r", "--no-dereference", built / "first", made], check=False).returncode
    assert (made / "bin" / "python3").is_symlink() and os.access(made / "bin" / "python3.11", os.X_OK)
    assert not os.access(made / "data", os.X_OK)

    second = run("one", "fail")
    assert (second.returncode, second.stderr) == (7, "")
    assert sorted(path.name for path in (cache / "gilfoyle").iterdir()) == [".lock", name]


def test_what_the_user_has_for_his_own_python_is_not_for_ours(run: Run) -> None:
    said = run("one", PYTHONPATH="/tmp", PYTHONHOME="/nowhere", PYTHONSTARTUP="x", PYTHON="y").stdout
    assert said.splitlines()[1:] == ["PYTHONNOUSERSITE=1", "PYTHONSAFEPATH=1"]


def test_starts_at_once_wait_for_the_one_that_unpacks(built: Path, cache: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(cache)}
    options: dict[str, Any] = {"env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    starts = [subprocess.Popen([built / "large-one", "up"], **options) for _ in range(4)]
    ended = [(each.communicate(timeout=60), each.returncode) for each in starts]
    assert [code for _, code in ended] == [0] * 4
    assert all(out.startswith("ran -m gilfoyle up\n") for (out, _), _ in ended)
    assert sum("Unpacking" in err for (_, err), _ in ended) == 1
    assert sum("waiting for it" in err for (_, err), _ in ended) == 3


def test_a_start_that_was_killed_leaves_nothing_that_is_run(run: Run, built: Path, cache: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(cache)}
    draft = cache / "gilfoyle" / ".new"
    with program([built / "large-one"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        while not (draft / "part0").exists():
            assert first.poll() is None
            time.sleep(0.001)
        first.kill()
    assert draft.exists() and versions(cache) == []
    again = run("large-one")
    assert again.returncode == 0 and "Unpacking" in again.stderr
    assert not draft.exists() and len(versions(cache)) == 1


def test_another_version_lies_beside_one_that_runs(run: Run, built: Path, cache: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(cache)}
    with program([built / "one", "wait"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        while b"waiting" not in first.stdout.readline():
            assert first.poll() is None
        second = run("two")
        assert second.stdout.startswith("second ran") and "Removed" not in second.stderr
        assert len(versions(cache)) == 2 and first.poll() is None
        first.communicate(b"\n")
    # Now nobody runs either: the next version that comes takes their place.
    third = run("large-one")
    assert third.stderr.count("which nobody runs") == 2
    assert [name.partition("-")[0] for name in versions(cache)] == ["0.3.0"]
    # And going back is as good as going on.
    assert run("one").stdout.startswith("ran")


def test_a_file_that_is_not_whole_says_so(run: Run, built: Path, cache: Path) -> None:
    whole = (built / "one").read_bytes()
    for name, data in {
        "short": whole[:-1000],
        "empty-end": whole + b"\0",
        "flipped": whole[:-2000] + bytes([whole[-2000] ^ 1]) + whole[-1999:],
    }.items():
        (built / name).write_bytes(data)
        (built / name).chmod(0o755)
        done = run(name)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.endswith("This file of Gilfoyle is not whole: download it again.\n"), name
        assert not (cache / "gilfoyle").exists() or versions(cache) == []
        assert not (cache / "gilfoyle" / ".new").exists()


@pytest.fixture
def mounted(cache: Path) -> Iterator[Callable[[str], None]]:
    """Mounts a file system of the memory at the cache, with options."""
    cache.mkdir()
    yield lambda options: subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", cache], check=True) and None
    subprocess.run(["umount", cache], check=True)


@as_root
@pytest.mark.parametrize("options", ["size=64k", "nr_inodes=20"])  # known beforehand, and found out midway
def test_a_full_disk_is_told_and_left_as_it_was(
    run: Run, cache: Path, mounted: Callable[[str], None], options: str
) -> None:
    mounted(options)
    done = run("one")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"There is no room in {cache}/gilfoyle: Gilfoyle unpacks itself there once, 0 MB." in done.stderr
    assert versions(cache) == [] and not (cache / "gilfoyle" / ".new").exists()


@as_root
def test_where_nothing_can_be_run_it_says_so(run: Run, cache: Path, mounted: Callable[[str], None]) -> None:
    mounted("noexec")
    done = run("one")
    assert done.returncode == 1 and f"Nothing can be run in {cache}/gilfoyle: is it mounted noexec?" in done.stderr


def test_a_folder_of_others_is_not_trusted(run: Run, cache: Path) -> None:
    (cache / "gilfoyle").mkdir(parents=True)
    (cache / "gilfoyle").chmod(0o777)
    done = run("one")
    assert done.returncode == 1 and "is not this user's alone" in done.stderr


def test_a_folder_that_cant_be_made_is_named(run: Run, cache: Path) -> None:
    cache.write_text("a file")
    done = run("one")
    assert done.returncode == 1
    assert f"can't unpack itself into {cache}/gilfoyle: Not a directory. Name a folder" in done.stderr


@as_root
def test_a_user_without_a_home_has_a_folder_of_his_own(run: Run, tmp_path: Path) -> None:
    user = 61234
    place = Path(f"/var/tmp/gilfoyle-{user}")
    shutil.rmtree(place, ignore_errors=True)
    try:
        for home in ("", "/nowhere", "/"):
            done = run("one", user=user, XDG_CACHE_HOME="", HOME=home)
            assert done.returncode == 0, done.stderr
        assert place.stat().st_uid == user and place.stat().st_mode & 0o777 == 0o700
        shutil.rmtree(place)
        # Somebody else was there first.
        place.mkdir(mode=0o777)
        os.chown(place, user + 1, -1)
        place.chmod(0o777)
        assert "is not this user's alone" in run("one", user=user, XDG_CACHE_HOME="").stderr
    finally:
        shutil.rmtree(place, ignore_errors=True)


@as_root
def test_what_root_has_unpacked_others_may_run(run: Run, built: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="gft-") as name:
        Path(name).chmod(0o755)
        # Also if root's files are for root alone otherwise, as what it runs will have it.
        first = run("one", "umask", XDG_CACHE_HOME=name, umask=0o077)
        assert "0077" in first.stdout.splitlines()
        others = run("one", user=61234, XDG_CACHE_HOME=name)
        assert (others.returncode, others.stderr) == (0, "")
        assert "can't unpack itself" in run("two", user=61234, XDG_CACHE_HOME=name).stderr


def test_the_same_folder_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(built / "first", copy, symlinks=True, copy_function=shutil.copy)
    copy.joinpath("data").chmod(0o600)
    pack.write(copy, "0.1.0", tmp_path / "again", level=1)
    assert (tmp_path / "again").read_bytes() == (built / "one").read_bytes()
