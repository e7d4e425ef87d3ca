"""`python -m bench storage` as a whole, on little data, with the real servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bench.servers import kubo, seaweed
from bench.storage import job
from bench.storage.data import make_object
from bench.storage.side import Job, Who
from gilfoyle.config import FilesystemSettings, StorageSettings
from gilfoyle.errors import StorageError
from tests.processes import program

ROOT = Path(__file__).parents[3]
LINE = [sys.executable, "-m", "bench", "storage", "--size-mb", "2", "--segments", "10", "--json"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the benchmark puts everything: a short path, as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="gft-") as name:
        yield Path(name)


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder)}


def assert_nothing_left(folder: Path) -> None:
    """No file, and no process that works there."""
    assert [*folder.iterdir()] == []
    for process in psutil.process_iter(["cmdline", "environ"]):
        assert str(folder) not in " ".join(process.info["cmdline"] or []), process
        assert str(folder) not in (process.info["environ"] or {}).values(), process


@pytest.mark.slow
def test_every_backend_that_is_here_is_measured(folder: Path) -> None:
    done = subprocess.run(LINE, cwd=ROOT, env=environment(folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    here = ["filesystem", *(["s3"] if seaweed.binary() else []), *(["ipfs"] if kubo.binary() else [])]
    # Real seconds of a busy machine: only what can't be otherwise.
    for name in here:
        for figure in ("put_ratio", "get_ratio", "put_segments_ratio", "get_segments_ratio"):
            assert found[f"{name}_{figure}"] > 0
    assert found["filesystem_get_cached_ratio"] > 0
    assert set(found["missing"]) == {"filesystem", "s3", "ipfs"} - set(here)
    assert 10 < found["peak_rss_mb_16mib"] < 500
    assert 10 < found["peak_rss_mb_1gib"] < 500
    assert_nothing_left(folder)


@pytest.mark.skipif(seaweed.binary() is None, reason="there is no SeaweedFS")
def test_a_benchmark_that_is_killed_stops_its_servers(folder: Path) -> None:
    with program(LINE, cwd=ROOT, env=environment(folder), stdout=subprocess.DEVNULL) as bench:
        while bench.poll() is None and not [*folder.glob("gfs-*/log")]:
            time.sleep(0.001)
        bench.terminate()
        bench.wait(60)
    assert bench.returncode == 128 + signal.SIGTERM
    assert_nothing_left(folder)


@pytest.mark.parametrize(
    ("who", "why"), [("ours", "can't be made: a file is where a folder should be"), ("bare", "Not a directory")]
)
def test_a_job_that_fails_is_a_sentence(who: Who, why: str, tmp_path: Path) -> None:
    make_object(tmp_path / "source", 10)
    (tmp_path / "store").write_bytes(b"a file where a folder should be")
    settings = StorageSettings(filesystem=FilesystemSettings(path=tmp_path / "store"))
    with pytest.raises(StorageError, match=rf"^The job {who}, filesystem, object failed: .*{why}$"):
        job.run(Job(who, "object", settings, tmp_path / "source", 10))


def test_no_room_is_a_sentence() -> None:
    line = [sys.executable, "-m", "bench", "storage", "--size-mb", "1000000000"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("This takes 3460303.1 GB of disk, and ")
