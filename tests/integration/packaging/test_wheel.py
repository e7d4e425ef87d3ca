"""The wheel and the sdist: the same bytes from the same source, everything that it needs in them, and it runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from onefile.__main__ import make_clip
from onefile.smoke import smoke
from onefile.tree import EXTRAS
from tests.e2e.gilfoyle_server import up

ROOT = Path(__file__).parents[3]
PACKAGE = "gilfoyle_media-"


def build(source: Path, to: Path) -> dict[str, bytes]:
    """What `make wheel` builds, by its names."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(to)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {file.name: file.read_bytes() for file in sorted(to.iterdir())}


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def copy(to: Path, mode: int, time_s: int) -> Path:
    """The source as somebody else has it: at another place, with other times and modes."""
    for name in tracked():
        file = to / name
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, file)
        file.chmod(mode)
        os.utime(file, (time_s, time_s))
    return to


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gfw-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def built(folder: Path) -> dict[str, bytes]:
    return build(copy(folder / "one", 0o644, 1_700_000_000), folder / "dist")


@pytest.fixture(scope="module")
def wheel(folder: Path, built: dict[str, bytes]) -> Path:
    return next((folder / "dist").glob("*.whl"))


def test_the_same_source_gives_the_same_bytes(built: dict[str, bytes], folder: Path) -> None:
    again = build(copy(folder / "another" / "place", 0o600, 1_800_000_000), folder / "dist-2")
    assert [*again] == [*built] and len(built) == 2
    assert again == built


def test_everything_is_in_the_wheel_and_nothing_else(wheel: Path) -> None:
    ours = {name for name in tracked() if name.startswith("gilfoyle/")}
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name for name in names if not name.startswith(PACKAGE)} == ours
    assert {"gilfoyle/api/static/watch.html", "gilfoyle/py.typed"} < ours
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_sdist_gives_the_same_wheel(built: dict[str, bytes], folder: Path) -> None:
    (name,) = (name for name in built if name.endswith(".tar.gz"))
    shutil.unpack_archive(folder / "dist" / name, folder / "sdist")
    again = build(folder / "sdist" / name.removesuffix(".tar.gz"), folder / "dist-3")
    assert again == built


def test_what_was_installed_runs(wheel: Path, folder: Path) -> None:
    """Migrations, pages and what they load come from the wheel; only what it depends on is that of the tests."""
    there = folder / "installed"
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", str(there)]
    subprocess.run([sys.executable, *install, str(wheel)], check=True)
    alone = {"PYTHONPATH": str(there), "PYTHONSAFEPATH": "1"}
    where = [sys.executable, "-c", "import gilfoyle; print(gilfoyle.__file__)"]
    found = subprocess.run(where, env=os.environ | alone, cwd=folder, capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()) == there / "gilfoyle" / "__init__.py"
    with up(folder, **alone) as server:
        for page, holds in {
            "/": "<html",
            "/static/hls.min.js": "Hls",
            "/docs": "swagger",
            "/v1/medias": "data",
        }.items():
            answer = server.http.get(page)
            assert answer.status_code == 200 and holds in answer.text, page


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_fresh_environment_has_all_it_needs(wheel: Path, folder: Path) -> None:
    """As pipx and uvx install it: every command, an upload, and its stream."""
    place = folder / "environment"
    venv.create(place, with_pip=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", str(ROOT / "constraints.txt")]
    subprocess.run([place / "bin" / "python", *install, f"{wheel}[{EXTRAS}]"], check=True)
    make_clip(folder / "clip.mp4")
    figures = smoke(place / "bin" / "gilfoyle", folder / "clip.mp4")
    assert figures["first segment played"] < 60
