"""The parts, each by itself, against servers that a config names: how a cluster runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
import yaml

from tests.clips import clip
from tests.conftest import free_port
from tests.e2e.gilfoyle_server import Server, is_ready, wait_for

ROOT = Path(__file__).parents[2]


@contextmanager
def _process(*command: str, config: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {"GILFOYLE_CONFIG": str(config)}
    with subprocess.Popen([sys.executable, *command], env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(20) == 0


def test_an_api_and_two_workers_make_a_stream(server: Server, tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "config.yaml"
    settings = {
        "server": {"port": port},
        "database": {"url": server.addresses["database_url"]},
        # Task queues of its own: the workers of the server that lends its databases must not do the work.
        "temporal": {"address": server.addresses["temporal_address"], "queue_prefix": "alone"},
        "storage": {"filesystem": {"path": str(tmp_path / "media")}},
    }
    config.write_text(yaml.safe_dump(settings))
    worker = str(ROOT / "worker.py")
    with ExitStack() as parts:
        parts.enter_context(_process("-m", "gilfoyle", "api", config=config))
        parts.enter_context(_process(worker, "--queue", "pipeline", "--queue", "io", config=config))
        parts.enter_context(_process(worker, "--queue", "transcode", config=config))
        http = parts.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30))
        wait_for(lambda: is_ready(http))
        alone = Server(psutil.Process(), {**server.addresses, "api": str(http.base_url)}, http)
        media = alone.stream(clip("bikes.mp4"))
        assert http.get(media["stream_url"]).status_code == 200
        assert (tmp_path / "media" / media["id"]).is_dir()
        assert not server.objects(media["id"]).exists()
        assert http.delete(f"/medias/{media['id']}").status_code == 204
