"""API and workers on machines that share no disk: a bucket lies between them, and nothing stays on theirs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import free_port
from tests.e2e.gilfoyle_server import Server, is_ready, wait_for
from tests.e2e.stores import objects, s3_variables
from tests.processes import program
from tests.seaweed import Seaweed
from tests.sources import numbered

ROOT = Path(__file__).parents[2]


class Host:
    """A machine with an empty disk: all that a process may take for its own is a folder of this one."""

    def __init__(self, disk: Path) -> None:
        self._disk = disk
        for name in ("work", "home", "tmp"):
            (disk / name).mkdir(parents=True)

    @contextmanager
    def runs(self, *command: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process of this machine, until the end of the block."""
        home, tmp = str(self._disk / "home"), str(self._disk / "tmp")
        own = {"HOME": home, "XDG_CACHE_HOME": home, "TMPDIR": tmp, "PYTHONDONTWRITEBYTECODE": "1"}
        environment = os.environ | own | settings
        with program(
            [sys.executable, *command], cwd=self._disk / "work", env=environment, stderr=subprocess.DEVNULL
        ) as process:
            try:
                yield process
            finally:
                process.terminate()
                assert process.wait(20) == 0

    def files(self) -> list[Path]:
        return [path for path in self._disk.rglob("*") if not path.is_dir()]


@pytest.mark.slow
def test_a_media_becomes_ready_and_leaves_no_file(server: Server, s3_service: Seaweed, tmp_path: Path) -> None:
    port = free_port()
    settings = s3_variables(s3_service, "hosts") | {
        "GILFOYLE_SERVER__PORT": str(port),
        "GILFOYLE_DATABASE__URL": server.addresses["database_url"],
        "GILFOYLE_TEMPORAL__ADDRESS": server.addresses["temporal_address"],
        "GILFOYLE_TEMPORAL__QUEUE_PREFIX": "hosts",
    }
    front, back = Host(tmp_path / "front"), Host(tmp_path / "back")
    film = numbered(tmp_path / "film.mp4", "30", 30 * 20, size=(640, 360))
    with ExitStack() as parts:
        parts.enter_context(front.runs("-m", "gilfoyle", "api", **settings))
        worker = str(ROOT / "worker.py")
        parts.enter_context(back.runs(worker, "--queue", "pipeline", "--queue", "io", **settings))
        parts.enter_context(back.runs(worker, "--queue", "transcode", **settings))
        http = parts.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30))
        wait_for(lambda: is_ready(http))
        there = Server(psutil.Process(), {**server.addresses, "api": str(http.base_url)}, http)
        media = there.stream(film)
        assert http.get(media["stream_url"]).status_code == 200
        assert f"{media['id']}/source" in objects(s3_service, "hosts")
        assert front.files() == back.files() == []
        assert http.delete(f"/v1/medias/{media['id']}").status_code == 204
    assert front.files() == back.files() == []
    assert objects(s3_service, "hosts") == []
